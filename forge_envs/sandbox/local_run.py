"""One command in a local sandbox, seen from the host: descriptors, limits, what was used, how it ended."""

import contextlib
import fcntl
import json
import math
import os
import select
import socket
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from forge_envs.core.errors import SandboxError
from forge_envs.sandbox.base import Ended, ExecResult, Limits, Tier
from forge_envs.sandbox.factory import ask
from forge_envs.sandbox.keeper import wire
from forge_envs.sandbox.linux import cgroups
from forge_envs.sandbox.pump import pump

MIB = 2**20
ANSWER_S = 20.0
_CPUS = os.cpu_count() or 1
_PIPE_BYTES = 65536
_MEMFD_FLAGS = os.MFD_CLOEXEC | os.MFD_ALLOW_SEALING
_SEALS = fcntl.F_SEAL_SEAL | fcntl.F_SEAL_SHRINK | fcntl.F_SEAL_GROW | fcntl.F_SEAL_WRITE


class Group:
    """The control group of a sandbox, made when the first command runs."""

    def __init__(self, name: str):
        self._name = name
        self._group: cgroups.Cgroup | None = None

    def prepare(self, limits: Limits) -> cgroups.Cgroup | None:
        """The group with these limits and fresh counters; None where groups can't be made.

        Raises:
            SandboxError: It broke.
        """
        if not cgroups.hierarchies():
            return None
        try:
            if self._group is None:
                self._group = cgroups.Cgroup(self._name)
            memory = None if limits.memory_mb is None else limits.memory_mb * MIB
            self._group.limit(memory=memory, processes=limits.processes)
            self._group.reset()
        except OSError as error:
            raise SandboxError(f"The sandbox's control group failed: {error}.") from error
        return self._group

    def close(self) -> None:
        """Remove the group. Twice is fine."""
        if self._group:
            self._group.close()


def kernel_limits(limits: Limits, group: cgroups.Cgroup | None, *, shared_user: bool) -> dict[str, Any]:
    """What the keeper needs to know of the limits.

    Args:
        limits: Of the run.
        group: Counts processes and memory, where there is one.
        shared_user: The command's user has processes outside of the sandbox, which the kernel's limit counts too.
    """
    values = {
        "RLIMIT_CORE": 0,
        "RLIMIT_FSIZE": limits.file_mb * MIB,
        "RLIMIT_NOFILE": 4096,
        "RLIMIT_MEMLOCK": 65536,
        "RLIMIT_MSGQUEUE": 0,
    }
    if limits.cpu_s is not None:
        # A backstop: counted in ticks, which run ahead of the time used on a crowded machine.
        values["RLIMIT_CPU"] = math.ceil(2 * limits.cpu_s) + 2
    if limits.memory_mb is not None and group is None:  # loose: what counts is the memory that was touched
        values["RLIMIT_AS"] = 2 * limits.memory_mb * MIB + 1536 * MIB
    if group is None or not shared_user:
        values["RLIMIT_NPROC"] = limits.processes + 2
    return {
        "limits": values,
        "own_processes": shared_user and group is None,
        "meter": group is None or math.isnan(group.cpu_s()),
    }


def execute(
    sock: socket.socket,
    request: dict[str, Any],
    *,
    stdin: bytes,
    limits: Limits,
    group: cgroups.Cgroup | None,
    merge: bool,
    tier: Tier,
) -> ExecResult:
    """Have the keeper run a command, read what it writes, stop it at its limits.

    Raises:
        SandboxError: The keeper died, or the command could not be isolated.
    """
    report = _Report()
    with contextlib.ExitStack() as mine, contextlib.ExitStack() as theirs:
        stdout, stdout_end = _pipe(mine, theirs)
        stderr, stderr_end = (stdout, stdout_end) if merge else _pipe(mine, theirs)
        status, status_end = _pipe(mine, theirs)
        leash_end, leash = _pipe(theirs, mine)
        passed = [_stdin(stdin, theirs), stdout_end, stderr_end, status_end, leash_end]
        for fd in group.entrances() if group else ():
            theirs.callback(os.close, fd)
            passed.append(fd)
        sock.settimeout(ANSWER_S)
        try:
            wire.send(sock, request, passed)
        except OSError as error:
            raise SandboxError(f"The sandbox's process is gone: {error}.") from error
        theirs.close()
        output = pump(
            [stdout] if merge else [stdout, stderr],
            {status: report.read},
            most=limits.output_bytes,
            wall_s=limits.wall_s,
            check=_checker(limits, group, report),
            stop=lambda: _pull(leash),
        )
    try:
        ask(sock, None)
    except OSError as error:
        raise SandboxError(f"The command could not be started: {error}.") from error
    if report.error:
        raise SandboxError(f"The command could not be isolated: {report.error}.")
    if not report.done and output.ended is None:
        raise SandboxError("The sandbox's runner was killed.")
    ended, cpu_s, peak = _judge(output.ended, limits, group, report)
    code = signal = None
    if ended is None and report.status is not None:
        if os.WIFSIGNALED(report.status):
            signal = os.WTERMSIG(report.status)
        else:
            code = os.WEXITSTATUS(report.status)
    return ExecResult(
        stdout=bytes(output.streams[stdout]),
        stderr=b"" if merge else bytes(output.streams[stderr]),
        exit_code=code,
        signal=signal,
        ended=ended or ("signaled" if code is None else "exited"),
        cpu_s=cpu_s,
        wall_s=output.wall_s,
        memory_mb=peak / MIB,
        tier=tier,
    )


@dataclass
class _Report:
    """What the runner says while and after a command runs, one JSON object per line."""

    cpu_s: float = 0.0
    memory: int = 0
    peak: int = 0
    status: int | None = None
    done: bool = False
    error: str = ""
    _text: bytes = b""

    def read(self, data: bytes) -> None:
        *lines, self._text = (self._text + data).split(b"\n")
        for line in lines:
            said = json.loads(line)
            self.error = self.error or said.get("error", "")
            self.cpu_s = max(self.cpu_s, said.get("cpu_s", 0.0))
            self.memory = said.get("memory", self.memory)
            self.peak = max(self.peak, self.memory, said.get("peak", 0))
            if "status" in said:
                self.done, self.status = True, said["status"]


def _judge(
    ended: Ended | None, limits: Limits, group: cgroups.Cgroup | None, report: _Report
) -> tuple[Ended | None, float, int]:
    """The limit that was hit, if any; CPU seconds; peak in bytes."""
    cpu_s, peak = report.cpu_s, report.peak
    if group:
        usage = group.usage()
        cpu_s, peak = max(cpu_s, 0.0 if math.isnan(usage.cpu_s) else usage.cpu_s), usage.peak
        if usage.oom_kills and ended is None:
            ended = "memory_limit"
    if ended is None and limits.cpu_s is not None and cpu_s > limits.cpu_s:
        ended = "cpu_limit"
    return ended, cpu_s, peak


def _checker(limits: Limits, group: cgroups.Cgroup | None, report: _Report) -> Callable[[], tuple[Ended | None, float]]:
    """Asks for CPU time, and for memory where no control group watches it, the more often the closer to the limit."""
    counted = group if group is not None and not math.isnan(group.cpu_s()) else None

    def check() -> tuple[Ended | None, float]:
        if group is None and limits.memory_mb is not None and report.memory > limits.memory_mb * MIB:
            return "memory_limit", 1.0
        if limits.cpu_s is None:
            return None, 0.1
        used = report.cpu_s if counted is None else counted.cpu_s()
        if used > limits.cpu_s:
            return "cpu_limit", 1.0
        return None, min(max((limits.cpu_s - used) / _CPUS, 0.005), 0.1)

    return check


def _pipe(reading: contextlib.ExitStack, writing: contextlib.ExitStack) -> tuple[int, int]:
    reader, writer = os.pipe()
    reading.callback(os.close, reader)
    writing.callback(os.close, writer)
    return reader, writer


def _stdin(content: bytes, owner: contextlib.ExitStack) -> int:
    """A descriptor to read the content from: a filled pipe, or where it does not fit a sealed file in memory."""
    if not content:
        fd = os.open(os.devnull, os.O_RDONLY | os.O_CLOEXEC)
        owner.callback(os.close, fd)
        return fd
    if len(content) <= _PIPE_BYTES:
        with contextlib.ExitStack() as unused:
            reader, writer = _pipe(owner, unused)
            os.set_blocking(writer, False)
            with contextlib.suppress(BlockingIOError):
                if os.write(writer, content) == len(content):
                    return reader
    memory = os.memfd_create("stdin", _MEMFD_FLAGS)
    try:
        view = memoryview(content)
        while view:
            view = view[os.write(memory, view) :]
        fcntl.fcntl(memory, fcntl.F_ADD_SEALS, _SEALS)
        fd = os.open(f"/proc/self/fd/{memory}", os.O_RDONLY | os.O_CLOEXEC)  # its own offset, and no right to write
    finally:
        os.close(memory)
    owner.callback(os.close, fd)
    return fd


def _pull(leash: int) -> None:
    with contextlib.suppress(OSError):
        os.write(leash, b"x")


def alive(sock: socket.socket) -> bool:
    """Whether the keeper is there: it says nothing unasked, so anything to read is its end."""
    poll = select.poll()
    poll.register(sock, select.POLLIN | select.POLLRDHUP)
    return not poll.poll(0)
