"""Runs inside of the sandbox, by the repository's Python: forks a warmed pytest for each variant of the repository.

Reads one JSON object from standard input and writes one JSON line for each of its runs to standard output. It imports
nothing of Forge, and nothing is believed of what it prints that the grader does not confirm later.

This process imports nothing of the repository and shares nothing with what it forks but a pipe for each run. A fork
can forge the result of its own run only.
"""

import builtins
import contextlib
import fcntl
import importlib
import json
import os
import resource
import select
import signal
import sys
import time
from typing import Any

# Functions look built-in names up here, where a test that replaces `builtins.len` does not.
globals()["__builtins__"] = dict(vars(builtins))
dumps, leave, write = json.dumps, os._exit, os.write

ANSWER = 32 << 20
"""Bytes of a run's answer."""

HIGH = 700
"""Where a fork has its pipe: above what programs close that close everything."""

UNCLEAN = 3
"""Exit code that asks for another driver in a fresh sandbox: what a run has changed or started is left."""

SET_DUMPABLE, SET_CHILD_SUBREAPER = 4, 36  # prctl(2)


def prctl(option: int, value: int) -> None:
    """The system call, where it can be made."""
    with contextlib.suppress(ImportError, OSError, AttributeError):
        import ctypes

        ctypes.CDLL(None).prctl(option, value, 0, 0, 0)


def child(run: dict[str, Any], pipe: int, answers: int, session: Any) -> None:
    """What a fork does; never returns."""
    code = 1
    try:
        os.close(answers)
        pipe = fcntl.fcntl(pipe, fcntl.F_DUPFD_CLOEXEC, HIGH)
        os.closerange(3, HIGH)
        os.setsid()
        prctl(SET_DUMPABLE, 1)
        seconds = max(1, int(run["cpu_s"]) + 1)
        resource.setrlimit(resource.RLIMIT_CPU, (seconds, seconds + 1))
        null = os.open(os.devnull, os.O_RDWR)
        for number in (0, 1, 2):
            os.dup2(null, number)
        os.close(null)
        sys.dont_write_bytecode = not run.get("warm")
        sys.path[:0] = [os.getcwd(), *(os.path.abspath(path) for path in run["paths"])]
        if run["paths"]:
            os.environ["PYTHONPATH"] = os.pathsep.join(run["paths"])
        importlib.invalidate_caches()
        answer = dumps(session.run_pytest(run)).encode()
        while answer:
            answer = answer[write(pipe, answer) :]
        code = 0
    finally:
        leave(code)


def forked(run: dict[str, Any], answers: int, session: Any) -> dict[str, Any]:
    """Run in a fork, bounded in time; `ended` is exited, timeout or died."""
    receive, send = os.pipe()
    process = os.fork()
    if process == 0:
        os.close(receive)
        child(run, send, answers, session)
    os.close(send)
    os.set_blocking(receive, False)
    parts, until, ended = bytearray(), time.monotonic() + run["wall_s"], "timeout"
    status, more = None, True
    while status is None and len(parts) <= ANSWER and time.monotonic() < until:
        select.select([receive] if more else [], [], [], 0.01)
        # Not until the pipe's end: what the tests have left behind may hold it open, or may have closed it.
        gone, code = os.waitpid(process, os.WNOHANG)
        status = code if gone else None
        more = taken(receive, parts)
    os.close(receive)
    for kill in (os.kill, os.killpg) if status is None else (os.killpg,):
        with contextlib.suppress(ProcessLookupError, PermissionError):
            kill(process, signal.SIGKILL)
    if len(parts) > ANSWER:
        ended = "died"
    elif status is not None:
        killed = os.WIFSIGNALED(status) and os.WTERMSIG(status) in (signal.SIGXCPU, signal.SIGKILL)
        ended = "timeout" if killed else "exited" if status == 0 else "died"
    found: Any = {}
    if ended == "exited":
        try:
            found = json.loads(bytes(parts))
        except (ValueError, RecursionError, MemoryError):
            ended = "died"
        if not isinstance(found, dict):
            found, ended = {}, "died"
    return {**found, "ended": ended}


def taken(pipe: int, parts: bytearray) -> bool:
    """Take what is in a pipe now; whether more may come."""
    while len(parts) <= ANSWER:
        try:
            part = os.read(pipe, 1 << 16)
        except BlockingIOError:
            return True
        if not part:
            return False
        parts += part
    return False


def swept() -> bool:
    """End everything that this process's forks have started; whether nothing of it is left.

    What lost its parent is a child of this process, its subreaper. A process that hides in /proc is not ended here.
    """
    for turn in range(100):
        for process in descendants():
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.kill(process, signal.SIGKILL)
        try:
            while os.waitpid(-1, os.WNOHANG)[0]:
                pass
        except ChildProcessError:
            return True
        select.select([], [], [], min(0.001 * turn, 0.02))
    return False


def descendants() -> list[int]:
    """The processes below this one, by /proc."""
    parents: dict[int, int] = {}
    for name in os.listdir("/proc"):
        if name.isdigit():
            with contextlib.suppress(OSError, ValueError, IndexError), open(f"/proc/{name}/stat", "rb") as file:
                parents[int(name)] = int(file.read().rpartition(b")")[2].split()[1])
    found: set[int] = set()
    fresh = {os.getpid()}
    while fresh:
        fresh = {process for process, parent in parents.items() if parent in fresh} - found
        found |= fresh
    return sorted(found)


class Written:
    """Files of a run in place; leaving puts back what was there, with its times, so that bytecode fits again."""

    counter = 0

    def __init__(self, files: dict[str, str | None]):
        self.files = files
        self.before: dict[str, tuple[bytes, os.stat_result] | None] = {}
        self.restored = False

    def __enter__(self) -> None:
        for path, text in self.files.items():
            self.before[path] = None
            if os.path.exists(path):
                with open(path, "rb") as file:
                    self.before[path] = (file.read(), os.stat(path))
            if text is None:
                os.unlink(path)
                continue
            os.makedirs(os.path.dirname(path) or ".", exist_ok=True)
            with open(path, "wb") as file:
                file.write(text.encode())
            Written.counter += 1
            os.utime(path, (1_000_000_000 + Written.counter,) * 2)

    def __exit__(self, *error: object) -> None:
        try:
            for path, before in self.before.items():
                if before is None:
                    if os.path.lexists(path):
                        os.unlink(path)
                    continue
                with open(path, "wb") as file:
                    file.write(before[0])
                os.utime(path, ns=(before[1].st_atime_ns, before[1].st_mtime_ns))
        except OSError:  # the tests have changed what is there
            return
        self.restored = True


def tree() -> dict[str, tuple[int, int, int]]:
    """What tells whether the repository's files are as they were; bytecode and hidden folders of tools do not count."""
    found: dict[str, tuple[int, int, int]] = {}
    for folder, below, names in os.walk("."):
        below[:] = [name for name in below if name != "__pycache__" and not name.startswith(".")]
        for name in names:
            path = os.path.join(folder, name)
            with contextlib.suppress(OSError):
                about = os.lstat(path)
                found[path] = about.st_mode, about.st_size, about.st_mtime_ns
    return found


def main() -> None:
    """Serve the runs that standard input names."""
    asked = json.loads(sys.stdin.buffer.read())
    answers = os.dup(1)
    os.dup2(os.open(os.devnull, os.O_RDWR), 1)
    prctl(SET_DUMPABLE, 0)  # or a fork could open this process's descriptors, by /proc
    prctl(SET_CHILD_SUBREAPER, 1)
    places = [place for place in (".", *asked["paths"]) if os.path.isdir(place)]
    own = {os.path.splitext(name)[0] for place in places for name in os.listdir(place)}
    session = importlib.import_module("session")
    del sys.path[0], sys.modules["session"]  # this file's folder, and a name that the repository may have
    for name in ("_pytest.unittest", "_pytest.python", "_pytest.assertion.rewrite", "pytest", *asked["modules"]):
        if name.partition(".")[0] not in own:
            with contextlib.suppress(ImportError):
                importlib.import_module(name)
    for name in ("_pytest.subtests", "pytest_subtests.plugin"):
        with contextlib.suppress(ImportError):
            importlib.import_module(name)
    signal.signal(signal.SIGXCPU, signal.SIG_DFL)
    whole = tree()
    for run in asked["runs"]:
        written = Written(run["files"])
        with written:
            found = forked({**run, "paths": asked["paths"], "products": asked["products"]}, answers, session)
            clean = swept()
        line = json.dumps({**found, "id": run["id"]}).encode() + b"\n"
        while line:
            line = line[os.write(answers, line) :]
        if not clean or not written.restored or tree() != whole:
            sys.exit(UNCLEAN)


if __name__ == "__main__":
    main()
