"""Logs of the JavaScript repositories of SWE-bench Multimodal whose runners name failures only, after swebench 5.0.2.

Their rows have the eval type ``fail_only``. The names are those of ``swebench/harness/log_parsers/javascript.py``.
"""

import re
from collections.abc import Iterable
from itertools import pairwise

Statuses = dict[str, str]
ANSI = re.compile(r"\x1b(?:[@-Z\\-_]|\[[0-?]*[ -/]*[@-~])")
_BPMN = (
    r"2KPhantomJS\s[\d.]+\s\(Linux\s[\d.]+\)\s(.*)FAILED\n",
    r"2KPhantomJS\s[\d.]+\s\(Linux\sx86_64\)\s(.*)FAILED\n",
    r"Chrome\sHeadless\s.*\s\(Linux\sx86_64\)\s(.*)FAILED\n",
    r"HeadlessChrome\s[\d.]+\s\(Linux\s[\d.]+\)\s(.*)FAILED\n",
)
_OPENLAYERS = (
    r"Chrome\sHeadless\s[\d.]+\s\(Linux\s\S+\)\s(.*)\sFAILED\n",
    r"Chrome\s[\d.]+\s\(Linux\s\S+\)\s(.*)FAILED\n",
    r"^\s{2}\d+\)([\s\S]*?)Error:",
    r"^case\s(.*):\smismatch",
)
_CHART = re.compile(r"Chrome\s[\d.]+[^\S\r\n]\(.+?\)[^\S\r\n](.*)FAILED$", re.MULTILINE)
_NUMBERED = re.compile(r"\s{2}\d+\)")


def _failed(names: Iterable[str]) -> Statuses:
    return dict.fromkeys(names, "FAILED")


def _one_line(text: str) -> str:
    return " ".join(text.split())


def parse_bpmn_js(log: str) -> Statuses:
    """Karma with PhantomJS or Chrome: failures only."""
    return _failed(name for pattern in _BPMN for name in re.findall(pattern, log))


def parse_openlayers(log: str) -> Statuses:
    """Karma, Mocha and its own rendering tests: failures only."""
    return _failed(_one_line(name) for pattern in _OPENLAYERS for name in re.findall(pattern, log, re.MULTILINE))


def parse_chart_js(log: str) -> Statuses:
    """Karma with Chrome: failures only."""
    return _failed(_CHART.findall(ANSI.sub("", log)))


def parse_marked(log: str) -> Statuses:
    """Jasmine's numbered failures."""
    found = []
    for line in log.split("\n"):
        match = re.match(r"\d+\)\s(.*)", line)
        if match:
            found.append(match[1].strip())
    return _failed(found)


def parse_eslint(log: str) -> Statuses:
    """Mocha's numbered failures, each up to the line with its error."""
    found = []
    head = _NUMBERED.search(log)
    while head:
        place = _before_error(log, head.end())
        if place is None:
            break
        found.append(_one_line(log[head.end() : place[0]]))
        head = _NUMBERED.search(log, place[1])
    return _failed(found)


def _before_error(log: str, start: int) -> tuple[int, int] | None:
    """Where the white space before the first ``Error`` or its line begins, and where that line's last one ends."""
    at = log.find("Error", start + 1)
    while at >= 0:
        space = log.rfind("\n", start, at)
        while space > start and log[space - 1].isspace():
            space -= 1
        if space < 0:
            inside = re.compile(r"\s").search(log, start, at)
            space = inside.start() if inside else -1
        if space >= 0:
            end = log.find("\n", at)
            return space, log.rfind("Error", at, end if end >= 0 else len(log)) + len("Error")
        at = log.find("Error", at + 1)
    return None


def parse_p5js(log: str) -> Statuses:
    """Mocha's numbered failures, of which each line is indented more than the one above it."""
    log = _without_tags(_without_data(ANSI.sub("", log)))
    found = []
    for match in re.finditer(r"^\s*\d+\)(.{0,1000}?):", log, re.MULTILINE | re.DOTALL):
        lines = match[1].split("\n")
        indents = [0, *(len(line) - len(line.lstrip()) for line in lines)]
        if all(above < below for above, below in pairwise(indents)):
            found.append(":".join(line.strip() for line in lines))
    return _failed(found)


def _without_data(log: str) -> str:
    """Without objects and lists that were printed over several lines, or on one."""
    kept = []
    inside = {"}": False, "]": False}
    for line in log.split("\n"):
        text = line.rstrip()
        if text.endswith(("{", "[")):
            inside["}" if text.endswith("{") else "]"] = True
        elif inside.get(text):
            inside[text] = False
        elif not any(inside.values()) and (text[:1], text[-1:]) not in (("{", "}"), ("[", "]")):
            kept.append(line)
    return "\n".join(kept)


def _without_tags(log: str) -> str:
    """Without elements; what stays of nested ones of the same name are the outer tags."""
    element = re.compile(r"<(\w+)>[\s\S]*?</\1>")
    while match := element.search(log):
        tag = f"<{match[1]}>"
        log = log[: match.start()] + tag * (match[0].count(tag) - 1) + log[match.end() :]
    return log


FAILURES = {
    "parse_log_bpmn_js": parse_bpmn_js,
    "parse_log_chart_js": parse_chart_js,
    "parse_log_eslint": parse_eslint,
    "parse_log_marked": parse_marked,
    "parse_log_openlayers": parse_openlayers,
    "parse_log_p5js": parse_p5js,
}
"""Parsers by swebench's names."""
