"""A process of a local sandbox: pipes to it, and a leash that its runner holds."""

import contextlib
import json
import os
import select
import signal
import socket
import time
import weakref
from typing import Any

from forge_envs.core.errors import SandboxError
from forge_envs.sandbox.base import Limits
from forge_envs.sandbox.factory import ask
from forge_envs.sandbox.local_run import ANSWER_S, MIB, Group, kernel_limits
from forge_envs.sandbox.process import Ending
from forge_envs.sandbox.pump import ENDING_S

_CHUNK = 2**16


class LocalProcess:
    """See `forge_envs.sandbox.process.Process`.

    Args:
        stdin: Where to write what it reads.
        stdout: Where to read what it writes.
        status: Where its runner reports.
        leash: Closing it ends the process. All four are descriptors, and this object's from now on.
    """

    def __init__(self, stdin: int, stdout: int, status: int, leash: int):
        self._stdin, self._stdout, self._status, self._leash = stdin, stdout, status, leash
        for fd in (stdin, stdout, status):
            os.set_blocking(fd, False)
        self._finalizer = weakref.finalize(self, _close, (stdin, stdout, status, leash))
        self._open = {stdout, status}
        self._report = b""
        self._ending: Ending | None = None

    def send(self, data: bytes, *, timeout_s: float) -> None:
        """See `Process.send`."""
        until, view = time.monotonic() + timeout_s, memoryview(data)
        while view and self._ending is None and self._finalizer.alive:
            try:
                view = view[os.write(self._stdin, view) :]
            except BlockingIOError:
                if not select.select([], [self._stdin], [], max(until - time.monotonic(), 0))[1]:
                    raise TimeoutError("The process does not read.") from None
            except BrokenPipeError:
                return

    def receive(self, timeout_s: float) -> bytes | None:
        """See `Process.receive`."""
        until = time.monotonic() + timeout_s
        while self._open and self._finalizer.alive:
            poll = select.poll()
            for fd in self._open:
                poll.register(fd, select.POLLIN)
            ready = [fd for fd, _ in poll.poll(max(until - time.monotonic(), 0) * 1000)]
            if not ready:
                return b""
            if self._stdout in ready:
                data = os.read(self._stdout, _CHUNK)
                if data:
                    return data
                self._open.discard(self._stdout)
            elif self._status in ready:
                said = os.read(self._status, _CHUNK)
                self._report += said
                if not said:
                    self._open.discard(self._status)
        if self._ending is None:
            self._ending = _read_report(self._report)
        return None

    def ending(self) -> Ending | None:
        """See `Process.ending`."""
        return self._ending

    def close(self) -> None:
        """See `Process.close`.

        Raises:
            SandboxError: It can't be ended.
        """
        if not self._finalizer.alive:
            return
        with contextlib.suppress(OSError):
            os.write(self._leash, b"x")
        until = time.monotonic() + ENDING_S
        while (left := self.receive(0.1)) is not None and time.monotonic() < until:
            pass
        self._finalizer()
        self._ending = Ending("signaled", signal=signal.SIGKILL)
        if left is not None:
            raise SandboxError(f"A process did not end within {ENDING_S:g} s of being stopped.")


def start_process(sock: socket.socket, request: dict[str, Any], limits: Limits, group: Group) -> LocalProcess:
    """Have the keeper start a command.

    Args:
        sock: To the keeper.
        request: `op`, `argv`, `env`, `cwd`.
        limits: CPU seconds count for each process of it; wall time and output are the caller's to watch.
        group: Of the sandbox.

    Raises:
        SandboxError: The keeper is gone.
    """
    entered = group.prepare(limits)
    request = request | kernel_limits(limits, entered, shared_user=False) | {"meter": False}
    if entered is None and limits.memory_mb is not None:
        request["most_memory"] = limits.memory_mb * MIB
    with contextlib.ExitStack() as theirs, contextlib.ExitStack() as mine:
        stdin_end, stdin = _pipe(theirs, mine)
        stdout, stdout_end = _pipe(mine, theirs)
        status, status_end = _pipe(mine, theirs)
        leash_end, leash = _pipe(theirs, mine)
        passed = [stdin_end, stdout_end, stdout_end, status_end, leash_end]
        for fd in entered.entrances() if entered else ():
            theirs.callback(os.close, fd)
            passed.append(fd)
        sock.settimeout(ANSWER_S)
        try:
            ask(sock, request, passed)
        except OSError as error:
            raise SandboxError(f"The process could not be started: {error}.") from error
        mine.pop_all()
    return LocalProcess(stdin, stdout, status, leash)


def _pipe(reading: contextlib.ExitStack, writing: contextlib.ExitStack) -> tuple[int, int]:
    reader, writer = os.pipe()
    reading.callback(os.close, reader)
    writing.callback(os.close, writer)
    return reader, writer


def _close(fds: tuple[int, ...]) -> None:
    for fd in fds:
        os.close(fd)


def _read_report(report: bytes) -> Ending:
    lines = [json.loads(line) for line in report.split(b"\n") if line]
    error = next((line["error"] for line in lines if "error" in line), None)
    if error is not None:
        raise SandboxError(f"The process could not be isolated: {error}.")
    if not lines:  # the runner was killed with the sandbox
        return Ending("signaled")
    status = lines[-1]["status"]
    if status is None:  # ended by its runner, and nobody had asked for it
        return Ending("memory_limit")
    if os.WIFSIGNALED(status):
        return Ending("signaled", signal=os.WTERMSIG(status))
    return Ending("exited", exit_code=os.WEXITSTATUS(status))
