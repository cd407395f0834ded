"""Logs of Python's test runners, with the ids and statuses of ``swebench/harness/log_parsers/python.py`` (5.0.2).

Product code writes into these logs, so no expression here backtracks over more than a word.
"""

import re
from bisect import bisect_left
from collections.abc import Callable

Statuses = dict[str, str]
STATUSES = ("FAILED", "PASSED", "SKIPPED", "ERROR", "XFAIL")
_COUNT = re.compile(r"\[\d+\]\Z")
_CONTROLS = dict.fromkeys(range(1, 32))
_DJANGO_PASSED = (" ... ok", " ... OK", " ...  OK")
_DJANGO_VERSION = "--version is equivalent to version"
_DJANGO_MIGRATION = "Applying sites.0002_alter_domain_unique..."
_DJANGO_ENDS = ((" ... FAIL", "FAILED"), (" ... ERROR", "ERROR"))
_DJANGO_HEADS = (("FAIL:", "FAILED"), ("ERROR:", "ERROR"))
_SYMPY_ENDS = ((" E", "ERROR"), (" F", "FAILED"), (" ok", "PASSED"))


def reported(log: str) -> list[tuple[str, str]]:
    """Every (test, status) that a line of pytest's summary states, in order; a test may occur more than once."""
    found = []
    for line in log.split("\n"):
        if line.startswith(STATUSES):
            words = (line.replace(" - ", " ") if line.startswith("FAILED") else line).split()
            if len(words) > 1 and not _is_count(words[0], words[1]):
                found.append((words[1], words[0]))
    return found


def parse_pytest(log: str) -> Statuses:
    """The status of each test of a ``pytest -rA`` log; ids end at the first space, the last line wins."""
    return dict(reported(log))


def parse_pytest_options(log: str) -> Statuses:
    """As `parse_pytest`, but a parameter that is an absolute path is cut to its last part."""
    return {_short_option(test): status for test, status in reported(log)}


def parse_pytest_v2(log: str) -> Statuses:
    """As `parse_pytest`, for coloured logs, for ids with spaces, and for lines that end with the status."""
    found: Statuses = {}
    for raw in log.split("\n"):
        line = re.sub(r"\[(\d+)m", "", raw).translate(_CONTROLS)
        if line.startswith(STATUSES):
            words = (line.split(" - ", 1)[0] if line.startswith("FAILED") else line).split()
            if len(words) > 1 and not _is_count(words[0], words[1]):
                found[" ".join(words[1:])] = words[0]
        elif line.endswith(STATUSES) and len(words := line.split()) > 1:
            found[" ".join(words[:-1])] = words[-1]
    return found


def parse_matplotlib(log: str) -> Statuses:
    """As `parse_pytest`; the names of mouse buttons, which differ between versions of Python, become their numbers."""
    return parse_pytest(log.replace("MouseButton.LEFT", "1").replace("MouseButton.RIGHT", "3"))


def parse_seaborn(log: str) -> Statuses:
    """Lines of ``pytest -v`` and ``-rA``: passed and failed tests only."""
    found: Statuses = {}
    for line in log.split("\n"):
        words = line.split()
        if len(words) < 2:
            continue
        if line.startswith("FAILED"):
            found[words[1]] = "FAILED"
        elif " PASSED " in line:
            if words[1] == "PASSED":
                found[words[0]] = "PASSED"
        elif line.startswith("PASSED"):
            found[words[1]] = "PASSED"
    return found


def parse_sympy(log: str) -> Statuses:
    """SymPy's ``bin/test --verbose``: a line for each test by its bare name, a header with the file for a failure."""
    found: Statuses = {}
    for line in log.split("\n"):
        first, last = line.find(" "), line.rfind(" ")
        if 0 <= first < line.find(".py:", first + 1, last):  # ____ sympy/core/tests/test_x.py:test_y ____
            found[line[first + 1 : last]] = "FAILED"
    for raw in log.split("\n"):
        line = raw.strip()
        if line.startswith("test_"):
            for end, status in _SYMPY_ENDS:
                if line.endswith(end):
                    found[line.split()[0]] = status
    return found


def parse_django(log: str) -> Statuses:
    """Django's ``runtests.py --verbosity 2``: ``NAME ... STATUS`` lines, of which output of the product may get in."""
    found: Statuses = {}
    running = None
    for raw in log.split("\n"):
        line = raw.strip()
        if _DJANGO_VERSION in line:
            found[_DJANGO_VERSION] = "PASSED"
        if " ... " in line:
            running = line.split(" ... ", 1)[0]
        for end in _DJANGO_PASSED:
            if line.endswith(end):
                if line.startswith(_DJANGO_MIGRATION + "test_no_migrations"):
                    line = line.removeprefix(_DJANGO_MIGRATION).strip()
                found[line.removesuffix(end)] = "PASSED"
                break
        if " ... skipped" in line:
            found[line.split(" ... skipped", 1)[0]] = "SKIPPED"
        for (end, status), (head, _) in zip(_DJANGO_ENDS, _DJANGO_HEADS, strict=True):
            if line.endswith(end):
                found[line.split(end, 1)[0]] = status
            if line.startswith(head) and len(words := line.split()) > 1:
                found[words[1]] = status
        if line.startswith("ok") and running is not None:
            found[running] = "PASSED"
    found.update(dict.fromkeys(_django_interrupted(log), "PASSED"))
    return found


def _django_interrupted(log: str) -> list[str]:
    """Tests whose ``ok`` stands alone on a line, below one of three messages that Django prints in between."""

    silenced = [match.end() for match in re.finditer(r" silenced\)\.\nok$", log, re.MULTILINE)]

    def installed(at: int) -> int:
        number = bisect_left(silenced, at + len(" silenced).\nok"))
        return silenced[number] if number < len(silenced) else -1

    def server(at: int) -> int:
        end = log.find("\n", at)
        return ok_below(end) if end > at and log[end - 1] == "/" else -1

    def ok_below(at: int) -> int:
        return at + 3 if log.startswith("\nok", at) and log[at + 3 : at + 4] in ("", "\n") else -1

    return [
        *_interrupted(log, "Testing against Django installed in ", installed),
        *_interrupted(log, "Internal Server Error: /", server),
        *_interrupted(log, "System check identified no issues (0 silenced)", ok_below),
    ]


def _interrupted(log: str, message: str, end_of: Callable[[int], int]) -> list[str]:
    """Names of tests that stand before ``... MESSAGE``, where `end_of` finds an end behind the message."""
    found, done = [], 0
    at = log.find(message)
    while at >= 0:
        space = at - 5  # of " ... ", either space of which may be a line's end
        if space >= 0 and log[space].isspace() and log[space + 1 : at - 1] == "..." and log[at - 1].isspace():
            start = log.rfind("\n", 0, space) + 1
            if start >= done:
                end = end_of(at + len(message))
                if end >= 0:
                    found.append(log[start:space])
                    done = end
        at = log.find(message, max(at + 1, done))
    return found


def _is_count(status: str, name: str) -> bool:
    """``SKIPPED [2] file:line: reason`` counts tests and names none."""
    return status == "SKIPPED" and bool(_COUNT.match(name))


def _short_option(test: str) -> str:
    """``name[/a/b/c]`` as ``name[/c]``, and any text after the last bracket is left out."""
    start, end = test.find("["), test.rfind("]")
    if not 0 <= start < end:
        return test
    main, option = test[:start], test[start + 1 : end]
    if option.startswith("/") and not option.startswith("//") and "*" not in option:
        option = "/" + option.split("/")[-1]
    return f"{main}[{option}]"
