"""Runs inside of the sandbox, in a fork of `driver.py`: one session of pytest, and what is learned from it.

It imports nothing of Forge. The repository's code runs in the same process, so that all of this is its word only.
"""

import builtins
import os
import sys
import threading
from importlib.machinery import PathFinder
from typing import Any

# Functions look built-in names up here, where a test that replaces `builtins.len` does not.
globals()["__builtins__"] = dict(vars(builtins))

LONG = 4000
"""Characters kept of a message."""


class Recorder:
    """A plugin of pytest: the outcome of each test, and for failures what a person would see of them."""

    def __init__(self, wanted: set[str] | None, covers: "Coverage | None"):
        self.wanted, self.covers, self.subtests = wanted, covers, subtest_reports()
        self.outcomes: dict[str, str] = {}
        self.seconds: dict[str, float] = {}
        self.failures: dict[str, dict[str, Any]] = {}
        self.uncollected: list[str] = []

    def pytest_collection_modifyitems(self, config: Any, items: list[Any]) -> None:
        if self.wanted is not None:
            dropped = [item for item in items if item.nodeid not in self.wanted]
            items[:] = [item for item in items if item.nodeid in self.wanted]
            if dropped:
                config.hook.pytest_deselected(items=dropped)

    def pytest_collectreport(self, report: Any) -> None:
        if report.failed:
            self.uncollected.append(str(report.nodeid))

    def pytest_runtest_logstart(self, nodeid: str) -> None:
        if self.covers is not None:
            self.covers.begin(nodeid)

    def pytest_runtest_logfinish(self, nodeid: str) -> None:
        if self.covers is not None:
            self.covers.end()

    def pytest_runtest_logreport(self, report: Any) -> None:
        test, now, subtest = report.nodeid, "PASSED", isinstance(report, self.subtests)
        self.seconds[test] = self.seconds.get(test, 0.0) + report.duration
        if subtest and not report.failed:
            return
        if report.failed:
            now = "FAILED" if report.when == "call" else "ERROR"
            failure = self.failures.setdefault(test, {})
            failure.setdefault("text", told(lambda: report.longreprtext)[-LONG:])
        elif report.skipped:
            now = "XFAIL" if hasattr(report, "wasxfail") else "SKIPPED"
        elif hasattr(report, "wasxfail"):
            now = "XPASS"
        elif report.when != "call":
            return
        if self.outcomes.get(test) not in ("FAILED", "ERROR"):
            self.outcomes[test] = now

    def pytest_exception_interact(self, node: Any, call: Any) -> None:
        test = str(getattr(node, "nodeid", ""))
        failure = self.failures.setdefault(test, {})
        if call.excinfo is None or "type" in failure:
            return
        path = os.path.realpath(str(getattr(node, "path", "")))
        frames = [(os.path.realpath(str(entry.path)), entry.lineno + 1) for entry in call.excinfo.traceback]
        failure["type"] = call.excinfo.type.__name__
        failure["message"] = told(lambda: call.excinfo.value)[:LONG]
        inner = [line for where, line in frames if where == path]
        failure["line"] = inner[-1] if inner else 0
        spec = getattr(node, "callspec", None)
        if spec is not None:
            failure["params"] = {name: told(lambda v=value: repr(v))[:300] for name, value in spec.params.items()}


def told(text: Any) -> str:
    """The text of an object of the repository, which may be unable to say what it is."""
    try:
        return str(text())
    except Exception:
        return ""


def subtest_reports() -> tuple[type, ...]:
    """The classes of reports of subtests, by where they are defined."""
    places = (("_pytest.subtests", "SubtestReport"), ("pytest_subtests.plugin", "SubTestReport"))
    found = (getattr(sys.modules.get(module), name, None) for module, name in places)
    return tuple(one for one in found if isinstance(one, type))


class Coverage:
    """Which tests run which lines of the repository, by tracing."""

    def __init__(self, root: str):
        self.root = root + os.sep
        self.known: dict[str, str | None] = {}
        self.lines: dict[str, dict[int, list[int]]] = {}
        self.tests: list[str] = []
        self.hit: dict[str, set[int]] = {}
        self.whole: dict[Any, frozenset[int]] = {}

    def begin(self, test: str) -> None:
        self.tests.append(test)
        self.hit = {}
        threading.settrace(self.enter)
        sys.settrace(self.enter)

    def end(self) -> None:
        sys.settrace(None)
        threading.settrace(None)
        number = len(self.tests) - 1
        for path, lines in self.hit.items():
            of_file = self.lines.setdefault(path, {})
            for line in lines:
                of_file.setdefault(line, []).append(number)
        self.hit = {}

    def enter(self, frame: Any, event: str, argument: Any) -> Any:
        name = frame.f_code.co_filename
        if name not in self.known:
            path = os.path.realpath(name)
            self.known[name] = path[len(self.root) :] if path.startswith(self.root) else None
        inside = self.known[name]
        if inside is None:
            return None
        lines = self.hit.setdefault(inside, set())
        code = frame.f_code
        if code not in self.whole:
            self.whole[code] = frozenset(line for _, _, line in code.co_lines() if line is not None)
        if self.whole[code] <= lines:  # this test has run all of it: nothing to learn
            return None
        lines.add(frame.f_lineno)

        def step(frame: Any, event: str, argument: Any) -> Any:
            if event == "line":
                lines.add(frame.f_lineno)
            return step

        return step


def run_pytest(run: dict[str, Any]) -> dict[str, Any]:
    """One session of pytest in this process."""
    import pytest

    wanted = run.get("tests")
    covers = Coverage(os.path.realpath(os.getcwd())) if run.get("cover") else None
    recorder = Recorder(None if wanted is None else set(wanted), covers)
    before = set(sys.modules)
    arguments = ["-p", "no:cacheprovider", "-q", *(["-x"] if run.get("stop") else []), *run["arguments"]]
    elsewhere = installed(run["products"])
    code = pytest.main(arguments, plugins=[recorder])
    found: dict[str, Any] = {
        "code": int(code),
        "outcomes": recorder.outcomes,
        "uncollected": recorder.uncollected,
        "failures": {test: recorder.failures.get(test, {}) for test in list(recorder.failures)[: run.get("detail", 0)]},
    }
    if covers is not None:
        found["cover"] = {"tests": covers.tests, "lines": covers.lines}
        found["modules"] = sorted((set(sys.modules) - before) & set(sys.stdlib_module_names))
        found["elsewhere"] = imported(run["products"], elsewhere)
    if run.get("cover") is not None:
        found["seconds"] = recorder.seconds
    return found


def imported(names: list[str], elsewhere: dict[str, str]) -> dict[str, str]:
    """Of the repository's own names, those in use which are `elsewhere`, or were imported from there."""
    root = os.path.join(os.path.realpath(os.getcwd()), "")
    found: dict[str, str] = {}
    for name in names:
        file = getattr(sys.modules.get(name), "__file__", None)
        if name.partition(".")[0] in sys.stdlib_module_names or name not in sys.modules:
            continue
        if isinstance(file, str) and not os.path.realpath(file).startswith(root):
            found[name] = file
        elif name in elsewhere:
            found[name] = elsewhere[name]
    return found


def installed(names: list[str]) -> dict[str, str]:
    """Which of the repository's own packages and modules the interpreter also has outside of it, and where."""
    root = os.path.join(os.path.realpath(os.getcwd()), "")

    def outside(path: Any) -> list[str]:
        return [str(one) for one in path if one and not os.path.join(os.path.realpath(one), "").startswith(root)]

    found: dict[str, str] = {}
    for name in names:
        parts, path, spec = name.split("."), outside(sys.path), None
        if parts[0] in sys.stdlib_module_names:
            continue
        for number in range(len(parts)):
            spec = PathFinder.find_spec(".".join(parts[: number + 1]), path)
            if spec is None:
                break
            path = outside(spec.submodule_search_locations or ())
        if spec is not None and spec.origin is not None:
            found[name] = spec.origin
    return found
