"""Logs of the other JavaScript repositories of SWE-bench Multimodal, after swebench 5.0.2.

The names are those of ``swebench/harness/log_parsers/javascript.py``.
"""

import json
import re
from collections.abc import Callable

from forge_envs.swe.logs.javascript_failures import ANSI, FAILURES

Statuses = dict[str, str]
Suites = list[tuple[str, int]]
_SHORT_TIME = re.compile(r"\(\d+ms\)")
_JEST_TIMES = tuple(re.compile(rf"\s\([\d.]+{unit}\)") for unit in ("ms", r"\ss", "s"))
_GROMMET_TIME = re.compile(r"\s\([\d.]+\s?(?:ms|s)\)$")
_MOCHA_TIME = re.compile(r"\s\(\d+m+s\)")
_NUMBERED = re.compile(r"\d+\)")
_TITLE = re.compile(r'"fullTitle":\s"(.*)",\n')
_PRISM = "./node_modules/.bin/mocha tests/run.js --reporter json"
_NEXT_SUITE = re.compile(r"Running:.*\)\n{3}\s{2}(.*)\n")
_QUARTO_FILES = (re.compile(r"/tmp/\w+\.qmd"), re.compile(r"/tmp/\w+/"))


def _nest(suites: Suites, line: str) -> None:
    """An indented line names a suite, inside those that are indented less."""
    indent = len(line) - len(line.lstrip())
    if indent > 0:
        while suites and suites[-1][1] >= indent:
            suites.pop()
        suites.append((line.strip(), indent))


def _full(suites: Suites, test: str) -> str:
    return " - ".join([*(name for name, _ in suites), test])


def parse_jest_files(log: str) -> Statuses:
    """``PASS FILE (1.2 s)`` and ``FAIL FILE``, of Jest without ``--verbose``."""
    found: Statuses = {}
    for line in log.split("\n"):
        match = re.match(r"(PASS|FAIL)\s(.*)", line)
        if match:
            name = match[2]
            for time in _JEST_TIMES:
                if times := list(time.finditer(name)):
                    name = name[: times[-1].start()]
                    break
            found[name] = f"{match[1]}ED"
    return found


def parse_grommet(log: str) -> Statuses:
    """As `parse_jest_files`, the time at the end of the line; a file that both failed and passed has passed."""
    found: Statuses = {}
    for word in ("FAIL", "PASS"):
        for name in re.findall(rf"^{word}\s(.*)", log, re.MULTILINE):
            found[_GROMMET_TIME.sub("", name.strip())] = f"{word}ED"
    return found


def parse_highlightjs(log: str) -> Statuses:
    """Mocha's tree up to its summary; the nearest indented line is the suite."""
    found: Statuses = {}
    suite: list[str] = []
    for line in re.split(r"\n[ \t]*\d+ passing", log, maxsplit=1)[0].split("\n"):
        text = line.strip()
        sign = text[:1] if text[:1] in ("✓", "✔") else ")" if _NUMBERED.match(text) else ""
        if sign:
            name = _SHORT_TIME.sub("", line.split(sign, 1)[1]).strip()
            found[".".join([*suite, name])] = "FAILED" if sign == ")" else "PASSED"
        elif line.startswith("  "):
            suite = [text]
    return found


def parse_calypso(log: str) -> Statuses:
    """Jest's tree, from each traced command of Jest to its summary or its first failure's text."""
    found: Statuses = {}
    suites: Suites = []
    for run in log.split(" ./node_modules/.bin/jest ")[1:]:
        for line in run.split("\n"):
            text = line.strip()
            if line.startswith(("Test Suites", "  ● ")):
                break
            if text.startswith(("✓", "✕")):
                timed = r"\(\d+ms\)$" if _SHORT_TIME.search(line) else ""
                match = re.match(rf"\s+[✓✕]\s(.*){timed}", line)
                if match:
                    name = " - ".join([" - ".join(suite for suite, _ in suites), match[1]]).strip()
                    found[name] = "PASSED" if text[0] == "✓" else "FAILED"
            else:
                _nest(suites, line)
    return found


def parse_next_karma(log: str) -> Statuses:
    """Karma's tree in each traced run under ``xvfb-run``."""
    log = re.sub(r"AssertionError:\s+#[\s\S]*?\n\n", "", ANSI.sub("", log))
    found: Statuses = {}
    suites: Suites = []
    for run in log.split(" xvfb-run ")[1:]:
        for line in run.split("Starting browser Chrome")[-1].split("\n"):
            if line.startswith("TOTAL"):
                break
            if line.strip().startswith(("ERROR", "LOG", "WARN", "Check", "in")):
                continue
            sign = "✗" if "✗" in line else "✓" if "✓" in line else ""
            if sign:
                found[_full(suites, line.partition(sign)[2].lstrip())] = "FAILED" if sign == "✗" else "PASSED"
            else:
                _nest(suites, line)
    return found


def parse_next_cypress(log: str) -> Statuses:
    """Cypress: ``Running: FILE``, the suite, and its tests."""
    found: Statuses = {}
    suites = list(_NEXT_SUITE.finditer(log))
    for number, suite in enumerate(suites):
        end = suites[number + 1].start() if number + 1 < len(suites) else len(log)
        text = log[suite.end() : end]
        for status, pattern in (("FAILED", r"^\s{4}\d+\)\s(.*)"), ("PASSED", r"^\s{4}✓\s(.*)\(")):
            for name in re.findall(pattern, text, re.MULTILINE):
                found[f"{suite[1]}: {name.strip()}"] = status
    return found


def parse_lighthouse_mocha(log: str) -> Statuses:
    """Mocha's tree for each ``running N test files``."""
    found: Statuses = {}
    for run in re.split(r"running\s\d+\stest\sfiles", log)[1:]:
        suites: Suites = []
        for line in re.split(r"\d+\spassing", run, maxsplit=1)[0].strip().split("\n"):
            match = re.match(r"(✔|\d+\))\s(.*)", line.strip())
            if match:
                times = list(_MOCHA_TIME.finditer(match[2]))
                name = match[2][: times[-1].start()] if times else match[2]
                found[_full(suites, name)] = "PASSED" if match[1] == "✔" else "FAILED"
            else:
                _nest(suites, line)
    return found


def parse_lighthouse_json(log: str) -> Statuses:
    """Mocha's JSON, after each traced command, read as text."""
    found: Statuses = {}
    for run in log.split("./node_modules/.bin/mocha --reporter json")[1:]:
        for kind, end, status in (("passes", "]", "PASSED"), ("failures", "],", "FAILED")):
            text = run.split(f'"{kind}": [')[-1].rsplit(end, 1)[0]
            found.update(dict.fromkeys(_TITLE.findall(text), status))
    return found


def parse_prismjs(log: str) -> Statuses:
    """Mocha's JSON, after each traced command; one that is broken states nothing."""
    found: Statuses = {}
    for run in log.split(_PRISM)[1:]:
        try:
            held = json.loads("{" + run.split("{", 1)[-1].rsplit("}", 1)[0] + "}")
            stated = [(str(test["fullTitle"]), "FAILED") for test in held["failures"]]
            stated += [(str(test["fullTitle"]), "PASSED") for test in held["passes"]]
        except (ValueError, KeyError, TypeError, RecursionError):
            continue
        found.update(stated)
    return found


def parse_quarto_cli(log: str) -> Statuses:
    """Deno's ``[smoke] NAME ... ok``, coloured; names of temporary files become numbers."""
    found: Statuses = {}
    numbers: dict[str, int] = {}
    for line in log.split("\n"):
        if "ERRORS" in line or "failures:" in line:
            break
        if "[smoke]" not in line and "[unit]" not in line:
            continue
        for pattern in _QUARTO_FILES:
            if file := pattern.search(line):
                line = pattern.sub(f"/tmp/{numbers.setdefault(file[0], len(numbers))}", line)
        steps = all(word in line for word in ("passed", "failed", "steps"))
        if line.startswith("test result:") or steps or "34mINFO" in line:
            continue
        name = line.split("...")[0].strip()
        if "32mok" in line:
            found[name] = "PASSED"
        elif "31mFAILED" in line or name not in found:
            found[name] = "FAILED"
    return found


def next_parser(version: str) -> Callable[[str], Statuses]:
    """Of alibaba-fusion/next."""
    return parse_next_cypress if version == "1.27" else parse_next_karma


def lighthouse_parser(version: str) -> Callable[[str], Statuses]:
    """Of GoogleChrome/lighthouse."""
    if version in ("9.5", "10.0", "10.2"):
        return parse_lighthouse_mocha
    return parse_jest_files if re.match(r"(?:[3-9]|\d\d+)(?:\.|$)", version) else parse_lighthouse_json


PARSERS: dict[str, Callable[[str], Statuses]] = {
    **FAILURES,
    "parse_log_calypso": parse_calypso,
    "parse_log_carbon": parse_jest_files,
    "parse_log_grommet": parse_grommet,
    "parse_log_highlightjs": parse_highlightjs,
    "parse_log_prismjs": parse_prismjs,
    "parse_log_quarto_cli": parse_quarto_cli,
    "parse_log_react_pdf": parse_jest_files,
}
