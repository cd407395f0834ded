"""Runs inside of the sandbox, by the repository's Python: forks a warmed pytest for each variant of the repository.

Reads one JSON object from standard input and writes one JSON line for each of its runs to standard output. It imports
nothing of Forge, and nothing is believed of what it prints that the grader does not confirm later.
"""

import contextlib
import importlib
import json
import os
import resource
import select
import signal
import sys
import threading
import time
from typing import Any

LONG = 4000
"""Characters kept of a message."""


class Recorder:
    """A plugin of pytest: the outcome of each test, and for failures what a person would see of them."""

    def __init__(self, wanted: set[str] | None, covers: "Coverage | None"):
        self.wanted, self.covers = wanted, covers
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
        test, now = report.nodeid, "PASSED"
        self.seconds[test] = self.seconds.get(test, 0.0) + report.duration
        if type(report).__name__ == "SubtestReport" and not report.failed:
            return
        if report.failed:
            now = "FAILED" if report.when == "call" else "ERROR"
            failure = self.failures.setdefault(test, {})
            failure.setdefault("text", str(report.longreprtext)[-LONG:])
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
        failure["message"] = str(call.excinfo.value)[:LONG]
        inner = [line for where, line in frames if where == path]
        failure["line"] = inner[-1] if inner else 0
        spec = getattr(node, "callspec", None)
        if spec is not None:
            failure["params"] = {name: repr(value)[:300] for name, value in spec.params.items()}


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
    if run.get("cover") is not None:
        found["seconds"] = recorder.seconds
    return found


def child(run: dict[str, Any], pipe: int) -> None:
    """What a fork does; never returns."""
    code = 1
    try:
        os.setsid()
        seconds = max(1, int(run["cpu_s"]) + 1)
        resource.setrlimit(resource.RLIMIT_CPU, (seconds, seconds + 1))
        null = os.open(os.devnull, os.O_RDWR)
        for number in (0, 1, 2):
            os.dup2(null, number)
        sys.dont_write_bytecode = not run.get("warm")
        answer = json.dumps(run_pytest(run)).encode()
        while answer:
            answer = answer[os.write(pipe, answer) :]
        code = 0
    finally:
        os._exit(code)


def forked(run: dict[str, Any]) -> dict[str, Any]:
    """Run in a fork, bounded in time; `ended` is exited, timeout or died."""
    receive, send = os.pipe()
    process = os.fork()
    if process == 0:
        os.close(receive)
        child(run, send)
    os.close(send)
    os.set_inheritable(receive, False)
    parts, until, ended = [], time.monotonic() + run["wall_s"], "exited"
    while True:
        left = until - time.monotonic()
        if left <= 0 or not select.select([receive], [], [], left)[0]:
            ended = "timeout"
            break
        part = os.read(receive, 1 << 16)
        if not part:
            break
        parts.append(part)
    os.close(receive)
    if ended == "timeout":
        os.kill(process, signal.SIGKILL)
    status = os.waitpid(process, 0)[1]
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(process, signal.SIGKILL)
    if ended == "exited" and os.WIFSIGNALED(status):
        ended = "timeout" if os.WTERMSIG(status) in (signal.SIGXCPU, signal.SIGKILL) else "died"
    try:
        found = json.loads(b"".join(parts)) if ended == "exited" else {}
    except ValueError:
        found, ended = {}, "died"
    return {**found, "ended": ended}


class Written:
    """Files of a run in place; leaving puts back what was there, with its times, so that bytecode fits again."""

    counter = 0

    def __init__(self, files: dict[str, str | None]):
        self.files = files
        self.before: dict[str, tuple[bytes, os.stat_result] | None] = {}

    def __enter__(self) -> None:
        for path, text in self.files.items():
            self.before[path] = None
            if os.path.exists(path):
                with open(path, "rb") as file:
                    self.before[path] = (file.read(), os.stat(path))
            if text is None:
                os.unlink(path)
                continue
            with open(path, "wb") as file:
                file.write(text.encode())
            Written.counter += 1
            os.utime(path, (1_000_000_000 + Written.counter,) * 2)

    def __exit__(self, *error: object) -> None:
        for path, before in self.before.items():
            if before is None:
                if os.path.exists(path):
                    os.unlink(path)
                continue
            with open(path, "wb") as file:
                file.write(before[0])
            os.utime(path, ns=(before[1].st_atime_ns, before[1].st_mtime_ns))


def main() -> None:
    """Serve the runs that standard input names."""
    asked = json.loads(sys.stdin.buffer.read())
    answers = os.dup(1)
    os.set_inheritable(answers, False)
    sys.path[0] = os.getcwd()
    for name in ("_pytest.unittest", "_pytest.python", "_pytest.assertion.rewrite", "pytest", *asked["modules"]):
        try:
            importlib.import_module(name)
        except ImportError:
            continue
    signal.signal(signal.SIGXCPU, signal.SIG_DFL)
    for run in asked["runs"]:
        with Written(run["files"]):
            found = forked(run)
        line = json.dumps({"id": run["id"], **found}).encode() + b"\n"
        while line:
            line = line[os.write(answers, line) :]


if __name__ == "__main__":
    main()
