"""The local backend: sandboxes made of this machine's kernel features, held by a keeper process each."""

import contextlib
import fcntl
import itertools
import json
import math
import os
import posixpath
import select
import socket
import threading
import weakref
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from forge_envs.core.errors import ConfigError, SandboxError
from forge_envs.sandbox.base import Ended, ExecResult, Limits, Sandbox, SandboxSpec, Snapshot, Tier
from forge_envs.sandbox.factory import ask, ask_for_fds, open_keeper
from forge_envs.sandbox.keeper import wire
from forge_envs.sandbox.linux import cgroups, rootfs, userns
from forge_envs.sandbox.pump import pump
from forge_envs.sandbox.tiers import choose_tier

PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
MIB = 2**20
INODES_PER_MIB = 512
CLOSE_S = 20.0
CPUS = os.cpu_count() or 1

_numbers = itertools.count()
_MEMFD_FLAGS = os.MFD_CLOEXEC | os.MFD_ALLOW_SEALING
_SEALS = fcntl.F_SEAL_SEAL | fcntl.F_SEAL_SHRINK | fcntl.F_SEAL_GROW | fcntl.F_SEAL_WRITE


@dataclass
class _Run:
    """What the runner reports while and after a command runs."""

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
            report = json.loads(line)
            self.error = self.error or report.get("error", "")
            self.cpu_s = max(self.cpu_s, report.get("cpu_s", 0.0))
            self.memory = report.get("memory", self.memory)
            self.peak = max(self.peak, self.memory, report.get("peak", 0))
            if "status" in report:
                self.done, self.status = True, report["status"]


@dataclass
class LocalSnapshot:
    """A moment of a `LocalSandbox`'s files."""

    stacks: list[list[str]]
    name: str
    sandbox: "weakref.ReferenceType[LocalSandbox]" = field(repr=False)

    def discard(self) -> None:
        """Free the layers that nothing else uses. Twice is fine."""
        sandbox = self.sandbox()
        if sandbox is not None:
            sandbox._discard(self)


class LocalSandbox:
    """See `Sandbox`.

    Args:
        spec: What to start.
        stacks: Files of a fork: the layers of each tree.
        uses: Ids of the sandboxes that made those layers.
    """

    def __init__(self, spec: SandboxSpec, *, stacks: list[list[str]] | None = None, uses: Sequence[str] = ()):
        _check(spec)
        self.spec = spec
        self._tier = choose_tier(spec.isolation)
        number = next(_numbers)
        self._uses = [*uses, str(number)]
        self._own_user = self._tier == "B" and os.geteuid() == 0
        mounts = [(os.path.realpath(m.source), posixpath.normpath(m.target), m.mode) for m in spec.mounts]
        readable = [*rootfs.SYSTEM_FOLDERS, *(f"/etc/{name}" for name in rootfs.ETC if "*" not in name)]
        readable += [
            *(f"/dev/{name}" for name in rootfs.DEVICES),
            *(source for source, _, mode in mounts if mode == "read"),
        ]
        request = {
            "id": str(number),
            "profile": spec.profile,
            "mounts": mounts,
            "image": os.path.realpath(spec.image) if spec.image else None,
            "workdir": spec.workdir,
            "readable": readable,
            "user": userns.outside_user(os.getpid(), number) if self._own_user else None,
            "stacks": stacks,
            "uses": list(uses),
            "disk": spec.disk_mb * MIB,
            "inodes": spec.disk_mb * INODES_PER_MIB,
        }
        self._sock = open_keeper(self._tier, request)
        self._lock = threading.Lock()
        self._group = _Group(number)
        self._finalizer = weakref.finalize(self, _release, self._sock, self._group)
        self._names = itertools.count()
        self._kept: dict[str, list[list[str]]] = {}

    @property
    def tier(self) -> Tier:
        return self._tier

    def run(
        self,
        command: Sequence[str] | str,
        *,
        stdin: bytes = b"",
        limits: Limits = Limits(),  # noqa: B008 (frozen)
        cwd: str | None = None,
        env: Mapping[str, str] | None = None,
        merge_output: bool = False,
    ) -> ExecResult:
        self._alive()
        argv = [*_shell(command)] if isinstance(command, str) else [*command]
        if not argv or any("\0" in part for part in argv):
            raise ConfigError("A command needs a program, and no argument may contain a zero byte.")
        script = ""
        if isinstance(command, str) and len(argv[-1]) > MAX_ARGUMENT:
            script = f"/tmp/.forge-script-{next(self._names)}"
            self.write(script, command.encode())
            argv[-1] = f'. "$TMPDIR/{posixpath.basename(script)}"'
        group = self._group.prepare(limits)
        kernel_limits, own_processes = self._kernel_limits(limits, group)
        request = {
            "op": "run",
            "argv": argv,
            "env": {"PATH": PATH, "LANG": "C.UTF-8", **self.spec.env, **(env or {})},
            "cwd": posixpath.join(self.spec.workdir, cwd or ""),
            "limits": kernel_limits,
            "own_processes": own_processes,
            "meter": group is None or math.isnan(group.cpu_s()),
        }
        with self._lock:
            return self._execute(request, stdin, limits, group, merge_output)

    def write(self, path: str, content: bytes, *, mode: int = 0o644) -> None:
        fd = self._open({"op": "write", "path": self._inside(path), "mode": mode})
        try:
            with open(fd, "wb", buffering=0) as file:
                view = memoryview(content)
                while view:
                    view = view[file.write(view) :]
        except OSError as error:
            raise SandboxError(f"{path} can't be written in the sandbox: {error.strerror}.") from error

    def read(self, path: str, *, limit: int = 16 * MIB) -> bytes:
        fd = self._open({"op": "read", "path": self._inside(path)})
        with open(fd, "rb", buffering=0) as file:
            parts = []
            while limit > 0 and (part := file.read(min(limit, MIB))):
                parts.append(part)
                limit -= len(part)
        return b"".join(parts)

    def snapshot(self) -> Snapshot:
        if self.spec.profile != "workspace":
            raise ConfigError("Snapshots need profile='workspace'.")
        name = str(next(self._names))
        stacks = self._ask({"op": "snapshot", "name": name})["stacks"]
        self._kept[name] = stacks
        return LocalSnapshot(stacks, name, weakref.ref(self))

    def restore(self, snapshot: Snapshot) -> None:
        self._ask({"op": "restore", "name": self._named(snapshot)})

    def fork(self, snapshot: Snapshot | None = None) -> Sandbox:
        at = self.snapshot() if snapshot is None else snapshot
        try:
            return LocalSandbox(self.spec, stacks=self._kept[self._named(at)], uses=self._uses)
        finally:
            if snapshot is None:
                at.discard()

    def alive(self) -> bool:
        if not self._finalizer.alive:
            return False
        poll = select.poll()
        poll.register(self._sock, select.POLLIN | select.POLLRDHUP)
        return not poll.poll(0)  # it says nothing unasked, so anything to read is the end

    def close(self) -> None:
        self._finalizer()

    def __enter__(self) -> "LocalSandbox":
        return self

    def __exit__(self, *error: object) -> None:
        self.close()

    def _alive(self) -> None:
        if not self._finalizer.alive:
            raise SandboxError("This sandbox is closed.")

    def _ask(self, request: dict[str, Any]) -> dict[str, Any]:
        self._alive()
        with self._lock:
            self._sock.settimeout(CLOSE_S)
            try:
                return ask(self._sock, request)
            except OSError as error:
                raise SandboxError(f"The sandbox failed: {error}.") from error

    def _hear(self) -> None:
        try:
            ask(self._sock, None)
        except OSError as error:
            raise SandboxError(f"The command could not be started: {error}.") from error

    def _open(self, request: dict[str, Any]) -> int:
        self._alive()
        with self._lock:
            self._sock.settimeout(CLOSE_S)
            return ask_for_fds(self._sock, request)[1][0]

    def _named(self, snapshot: Snapshot) -> str:
        if not isinstance(snapshot, LocalSnapshot) or snapshot.sandbox() is not self or snapshot.name not in self._kept:
            raise ConfigError("This snapshot belongs to another sandbox, or was discarded.")
        return snapshot.name

    def _discard(self, snapshot: LocalSnapshot) -> None:
        if self._kept.pop(snapshot.name, None) is not None and self._finalizer.alive:
            self._ask({"op": "drop", "name": snapshot.name})

    def _inside(self, path: str) -> str:
        return posixpath.normpath(posixpath.join(self.spec.workdir, path))

    def _kernel_limits(self, limits: Limits, group: cgroups.Cgroup | None) -> tuple[dict[str, int], bool]:
        """Values of RLIMIT_*; and whether the one on processes also counts those outside of the sandbox."""
        values = {
            "RLIMIT_CORE": 0,
            "RLIMIT_FSIZE": limits.file_mb * MIB,
            "RLIMIT_NOFILE": 4096,
            "RLIMIT_MEMLOCK": 65536,
            "RLIMIT_MSGQUEUE": 0,
        }
        if limits.cpu_s is not None:
            values["RLIMIT_CPU"] = math.ceil(limits.cpu_s) + 1
        if limits.memory_mb is not None and group is None:
            values["RLIMIT_AS"] = 2 * limits.memory_mb * MIB + 1536 * MIB
        counted = self._tier != "A" and not self._own_user
        if not (counted and group is not None):
            values["RLIMIT_NPROC"] = limits.processes + 2
        return values, counted and group is None

    def _execute(
        self, request: dict[str, Any], stdin: bytes, limits: Limits, group: cgroups.Cgroup | None, merge: bool
    ) -> ExecResult:
        with contextlib.ExitStack() as mine, contextlib.ExitStack() as theirs:
            stdout = _pipe(mine, theirs)
            stderr = stdout if merge else _pipe(mine, theirs)
            status = _pipe(mine, theirs)
            leash, pulled = _pipe(theirs, mine)
            source = _stdin(stdin)
            theirs.callback(os.close, source)
            entrances = group.entrances() if group else []
            for fd in entrances:
                theirs.callback(os.close, fd)
            report, out = _Run(), [stdout[0]] if merge else [stdout[0], stderr[0]]
            self._sock.settimeout(CLOSE_S)
            try:
                passed = [source, stdout[1], stderr[1], status[1], leash, *entrances]
                wire.send(self._sock, request, passed)
            except OSError as error:
                raise SandboxError(f"The sandbox's process is gone: {error}.") from error
            theirs.close()
            output = pump(
                out,
                {status[0]: report.read},
                most=limits.output_bytes,
                wall_s=limits.wall_s,
                check=_checker(limits, group, report),
                stop=lambda: _pull(pulled),
            )
        self._hear()
        if report.error:
            raise SandboxError(f"The command could not be isolated: {report.error}")
        if not report.done and output.ended is None:
            raise SandboxError("The sandbox's runner was killed.")
        streams = [bytes(output.streams[fd]) for fd in out]
        return self._result(streams, output.ended, output.wall_s, limits, group, report)

    def _result(
        self,
        streams: list[bytes],
        ended: Ended | None,
        wall_s: float,
        limits: Limits,
        group: cgroups.Cgroup | None,
        report: _Run,
    ) -> ExecResult:
        cpu_s, peak = report.cpu_s, report.peak
        if group:
            usage = group.usage()
            cpu_s, peak = max(cpu_s, 0.0 if math.isnan(usage.cpu_s) else usage.cpu_s), usage.peak
            if usage.oom_kills and ended is None:
                ended = "memory_limit"
        if ended is None and limits.cpu_s is not None and cpu_s > limits.cpu_s:
            ended = "cpu_limit"
        code = signal = None
        if report.status is not None and ended is None:
            if os.WIFSIGNALED(report.status):
                signal = os.WTERMSIG(report.status)
            else:
                code = os.WEXITSTATUS(report.status)
        return ExecResult(
            stdout=streams[0],
            stderr=streams[1] if len(streams) > 1 else b"",
            exit_code=code,
            signal=signal,
            ended=ended or ("exited" if code is not None else "signaled"),
            cpu_s=cpu_s,
            wall_s=wall_s,
            memory_mb=peak / MIB,
            tier=self._tier,
        )


MAX_ARGUMENT = 100_000
"""Bytes of a script that goes as an argument; the kernel allows 128 KiB."""


def _check(spec: SandboxSpec) -> None:
    if spec.network:
        raise ConfigError("The local backend has no network beyond loopback: use backend='docker' for network=True.")
    if not posixpath.isabs(spec.workdir):
        raise ConfigError(f"workdir {spec.workdir!r}: give an absolute path.")
    if spec.image and not os.path.isdir(spec.image):
        raise ConfigError(f"image {spec.image!r}: the local backend takes a root folder, or None.")
    for mount in spec.mounts:
        if not os.path.exists(mount.source):
            raise ConfigError(f"Mount source {mount.source!r} does not exist.")
        if not (posixpath.isabs(mount.target) and posixpath.isabs(mount.source)) or mount.target == "/":
            raise ConfigError(f"Mount {mount.source!r} at {mount.target!r}: give absolute paths, not '/'.")


def _shell(script: str) -> list[str]:
    """Bash where there is one: decided inside, because the image may differ from the host."""
    return ["/bin/sh", "-c", 'command -v bash >/dev/null && exec bash -c "$1" bash; eval "$1"', "sh", script]


class _Group:
    """The control group of a sandbox, made when the first command runs."""

    def __init__(self, number: int):
        self._number = number
        self._group: cgroups.Cgroup | None = None

    def prepare(self, limits: Limits) -> cgroups.Cgroup | None:
        """The group with these limits and fresh counters; None where groups can't be made."""
        if not cgroups.hierarchies():
            return None
        try:
            if self._group is None:
                self._group = cgroups.Cgroup(str(self._number))
            memory = None if limits.memory_mb is None else limits.memory_mb * MIB
            self._group.limit(memory=memory, processes=limits.processes)
            self._group.reset()
        except OSError as error:
            raise SandboxError(f"The sandbox's control group failed: {error}.") from error
        return self._group

    def close(self) -> None:
        if self._group:
            self._group.close()


def _release(sock: socket.socket, group: _Group) -> None:
    """End the keeper and wait until it is gone, then remove the control group."""
    with contextlib.suppress(OSError):
        sock.shutdown(socket.SHUT_WR)
        sock.settimeout(CLOSE_S)
        while sock.recv(65536):
            pass
    sock.close()
    group.close()


def _pipe(reading: contextlib.ExitStack, writing: contextlib.ExitStack) -> tuple[int, int]:
    reader, writer = os.pipe()
    reading.callback(os.close, reader)
    writing.callback(os.close, writer)
    return reader, writer


def _stdin(content: bytes) -> int:
    """A descriptor to read the content from: a filled pipe, or where it does not fit a sealed file in memory."""
    if not content:
        return os.open(os.devnull, os.O_RDONLY | os.O_CLOEXEC)
    reader, writer = os.pipe()
    os.set_blocking(writer, False)
    with contextlib.suppress(BlockingIOError):
        if len(content) <= select.PIPE_BUF * 16 and os.write(writer, content) == len(content):
            os.close(writer)
            return reader
    os.close(reader)
    os.close(writer)
    memory = os.memfd_create("stdin", _MEMFD_FLAGS)
    try:
        view = memoryview(content)
        while view:
            view = view[os.write(memory, view) :]
        fcntl.fcntl(memory, fcntl.F_ADD_SEALS, _SEALS)
        return os.open(f"/proc/self/fd/{memory}", os.O_RDONLY | os.O_CLOEXEC)
    finally:
        os.close(memory)


def _pull(leash: int) -> None:
    with contextlib.suppress(OSError):
        os.write(leash, b"x")


def _checker(limits: Limits, group: cgroups.Cgroup | None, report: _Run) -> Callable[[], tuple[Ended | None, float]]:
    """Asks for CPU time, and for memory where no control group watches it, the more often the closer to the limit."""
    counted = group is not None and not math.isnan(group.cpu_s())

    def check() -> tuple[Ended | None, float]:
        if group is None and limits.memory_mb is not None and report.memory > limits.memory_mb * MIB:
            return "memory_limit", 1.0
        if limits.cpu_s is None:
            return None, 0.1
        used = group.cpu_s() if group is not None and counted else report.cpu_s
        if used > limits.cpu_s:
            return "cpu_limit", 1.0
        return None, min(max((limits.cpu_s - used) / CPUS, 0.005), 0.1)

    return check
