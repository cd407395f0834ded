"""Logs of which a line alone does not tell a test and its status, by swebench's names (5.0.2)."""

import re
import xml.etree.ElementTree as ElementTree
from collections import deque

Statuses = dict[str, str]
_MAVEN_TEST = re.compile(r".*-Dtest=(\S+)")
_MAVEN_ENDS = {"BUILD SUCCESS": "PASSED", "BUILD FAILURE": "FAILED"}
_GRADLE = ("PASSED", "FAILED")
_PHP_TEST = re.compile(r"\s*([✔✘↩])\s*(.*)")
_PHP = {"✔": "PASSED", "✘": "FAILED", "↩": "SKIPPED"}
_GOOGLE = re.compile(r"\[\s*(OK|FAILED)\s*\]\s")
_CUCUMBER = re.compile(r" (?:\.+(F)|\.\.+)")
_KARMA = re.compile(r"(\s*)([✔✖])\s(.*)")


def parse_maven(log: str) -> Statuses:
    """One ``mvn`` for each test, whose name is in the traced command: the n-th end of a build is of the n-th test."""
    tests: deque[str] = deque()
    early: deque[str] = deque()
    found: Statuses = {}
    for raw in log.split("\n"):
        line = raw.strip()
        if named := _MAVEN_TEST.match(line):
            tests.append(named[1])
        for end, status in _MAVEN_ENDS.items():
            if line.endswith(end):
                if tests:
                    found[tests.popleft()] = status
                else:
                    early.append(status)
    found.update(zip(tests, early, strict=False))
    return found


def parse_gradle(log: str) -> Statuses:
    """``CLASS > TEST STATUS``; other output may stand between a test and its status, on lines of their own."""
    found: Statuses = {}
    waiting = None
    for raw in log.split("\n"):
        line = raw.strip()
        words = line.split()
        if line.endswith(_GRADLE) and len(line) > 8 and line[-7].isspace() and line[0] != ">":
            found[line[:-7]] = line[-6:]
            waiting = None
        elif len(words) == 3 and words[1] == ">" and line[0] != ">":
            waiting = line
        elif waiting is not None and line in _GRADLE:
            found[waiting] = line
            waiting = None
    return found


def parse_phpunit(log: str) -> Statuses:
    """``phpunit --testdox``: a line for the class, ``NAME (NAMESPACE)``, and one for each test below it."""
    found: Statuses = {}
    suite = None
    for line in log.split("\n"):
        bracket = line.rfind(" (", 0, len(line) - 2)
        if line.endswith(")") and bracket > 1 and (line[0].isalnum() or line[0] == "_"):
            suite = line[:bracket]
        elif match := _PHP_TEST.match(line):
            found[f"{suite} > {match[2]}"] = _PHP[match[1]]
    return found


def parse_googletest(log: str) -> Statuses:
    """``[       OK ] SUITE.TEST (0 ms)``."""
    found: Statuses = {}
    for raw in log.split("\n"):
        line = raw.strip()
        if not line.endswith(")"):
            continue
        marks = list(_GOOGLE.finditer(line))
        for mark in reversed(marks):
            bracket = max(line.rfind(f"{space}(", mark.end()) for space in {c for c in line if c.isspace()})
            if bracket >= 0:
                found[line[mark.end() : bracket]] = "PASSED" if mark[1] == "OK" else "FAILED"
                break
    return found


def parse_doctest(log: str) -> Statuses:
    """``doctest -s -r=xml``: a subcase passes if all of its expressions do. Broken XML states nothing."""
    start = log.find("<doctest")
    end = log.find("</doctest>", start)
    found: Statuses = {}
    if start < 0 or end < 0:
        return found
    try:
        root = ElementTree.fromstring(log[start : end + len("</doctest>")])
    except ElementTree.ParseError:
        return found
    for case in root.findall(".//TestCase"):
        for sub in case.findall(".//SubCase"):
            good = all(one.get("success") == "true" for one in sub.findall(".//Expression"))
            found[f"{case.get('name')} > {sub.get('name')}"] = "PASSED" if good else "FAILED"
    return found


def parse_minitest(log: str) -> Statuses:
    """``CLASS#TEST. = 0.01 s = .``: the last of the three signs after the last ``=`` that has one."""
    found: Statuses = {}
    for raw in log.split("\n"):
        line = raw.strip()
        sign = max(line.rfind(one) for one in ".FE")
        name = line.rfind(". ", 0, max(line.rfind("=", 0, max(sign, 0)), 0))
        if name > 0:
            found[line[:name]] = "PASSED" if line[sign] == "." else "FAILED"
    return found


def parse_cucumber(log: str) -> Statuses:
    """``cucumber --format progress``: ``NAME ....F``."""
    found: Statuses = {}
    for raw in log.split("\n"):
        line = raw.strip()
        signs = list(_CUCUMBER.finditer(line))
        if signs:
            found[line[: signs[-1].start()]] = "FAILED" if signs[-1][1] else "PASSED"
    return found


def parse_rspec(log: str) -> Statuses:
    """``NAME - passed`` and ``NAME - failed``, as made of RSpec's JSON."""
    found: Statuses = {}
    for raw in log.split("\n"):
        line = raw.strip()
        passed, failed = line.rfind(" - passed"), line.rfind(" - failed")
        if max(passed, failed) > 0:
            found[line[: max(passed, failed)]] = "PASSED" if passed > failed else "FAILED"
    return found


def parse_karma(log: str) -> Statuses:
    """Karma's tree of suites, by indentation, from the start of the browser to the summary."""
    found: Statuses = {}
    suites: list[str] = []
    indent, started = -1, False
    for line in log.split("\n"):
        if line.startswith("SUMMARY:"):
            break
        if "Starting browser" in line:
            started = True
            continue
        if not started:
            continue
        if match := _KARMA.match(line):
            found[" > ".join([*suites, match[3]])] = "PASSED" if match[2] == "✔" else "FAILED"
            continue
        text = line.lstrip()
        here = len(line) - len(text) - 1
        if here > 0 and here > indent:
            suites.append(text)
            indent = here
        elif 0 < here < indent:
            indent = here
            del suites[-1:]
    return found
