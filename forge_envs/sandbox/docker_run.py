"""A command in a container: what it uses is watched through the container's supervisor."""

import os
import time
from collections.abc import Callable, Mapping
from typing import Any

from forge_envs.core.errors import SandboxError
from forge_envs.sandbox.base import Ended, ExecResult, Limits
from forge_envs.sandbox.docker_exec import STDERR, STDOUT, Demux, converse
from forge_envs.sandbox.docker_supervisor import Hijacked, Supervisor, Usage

MIB = 2**20
CHECK_S = 0.1


def run_in_container(
    api: Any,
    container: str,
    supervisor: Supervisor,
    argv: list[str],
    *,
    stdin: bytes,
    limits: Limits,
    env: Mapping[str, str],
) -> ExecResult:
    """Execute, watch, and end what is left.

    Raises:
        SandboxError: The container or the connection to it is lost.
    """
    variables = [f"{name}={value}" for name, value in env.items()]
    made = api.exec_create(container, argv, stdin=True, environment=variables)["Id"]
    meter = _Meter(supervisor, lambda: bool(api.exec_inspect(made)["Running"]), limits)
    demux = Demux(limits.output_bytes)
    start = time.monotonic()
    connection = Hijacked(api, "/exec/{0}/start", made, data={"Tty": False, "Detach": False})
    try:
        demux.feed(connection.early)
        ended = converse(
            connection.sock, stdin, demux, wall_s=limits.wall_s, check=meter.check, stop=supervisor.end_all
        )
    finally:
        connection.close()
    wall_s = time.monotonic() - start
    left = meter.finish()
    code = api.exec_inspect(made)["ExitCode"]
    ended = ended or left
    # The engine reports a signal as 128 and its number, as a shell does.
    signal = code - 128 if code is not None and 128 < code <= 192 and ended is None else None
    return ExecResult(
        stdout=bytes(demux.streams[STDOUT]),
        stderr=bytes(demux.streams[STDERR]),
        exit_code=code if ended is None and signal is None else None,
        signal=signal,
        ended=ended or ("exited" if signal is None else "signaled"),
        cpu_s=meter.cpu_s,
        wall_s=wall_s,
        memory_mb=meter.peak / MIB,
        tier="A",
    )


class _Meter:
    """What one command uses, asked of the container's supervisor."""

    def __init__(self, supervisor: Supervisor, running: Callable[[], bool], limits: Limits):
        self._supervisor, self._running, self._limits = supervisor, running, limits
        self._before = supervisor.usage()
        self.cpu_s, self.peak = 0.0, 0
        self._oom = False

    def look(self) -> Usage:
        """Ask once."""
        now = self._supervisor.usage()
        self.cpu_s = max(self.cpu_s, now.cpu_s - self._before.cpu_s)
        # The peak counts from the container's start: it is this command's if it rose.
        self.peak = max(self.peak, now.memory, now.peak if now.peak > self._before.peak else 0)
        self._oom = now.oom_kills > self._before.oom_kills
        return now

    def check(self) -> tuple[Ended | None, float]:
        """For `converse`. A command whose output stays open after its end left something running: that is ended."""
        if not self._running():
            self._supervisor.end_all()
            return None, CHECK_S
        self.look()
        limit = self._limits.cpu_s
        if limit is None:
            return None, CHECK_S
        if self.cpu_s > limit:
            return "cpu_limit", CHECK_S
        return None, min(max((limit - self.cpu_s) / (os.cpu_count() or 1), 0.02), CHECK_S)

    def finish(self) -> Ended | None:
        """End what the command left running; the limit that ended the command although nobody stopped it."""
        if self.look().processes > 0 and self._supervisor.end_all().processes > 0:
            raise SandboxError("Processes in the container can't be ended.")
        if self._oom:
            return "memory_limit"
        return "cpu_limit" if self._limits.cpu_s is not None and self.cpu_s > self._limits.cpu_s else None
