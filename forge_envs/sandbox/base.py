"""What a sandbox is: a picklable spec chooses one, `run` executes a program in it, limits decide how it ends."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Literal, Protocol, runtime_checkable

from forge_envs.core.errors import ConfigError
from forge_envs.sandbox.process import Ended, Process

Backend = Literal["local", "docker"]
Profile = Literal["judge", "workspace"]
Isolation = Literal["auto", "namespaces", "landlock", "none"]
Tier = Literal["A", "B", "C"]
"""A: namespaces, seccomp, cgroups where writable. B: Landlock, seccomp, rlimits, own uid. C: rlimits only."""


@dataclass(frozen=True)
class Mount:
    """A host folder or file that a sandbox may see.

    Args:
        source: Absolute path on the host.
        target: Absolute path inside.
        mode: `read` only, or `copy`: writable inside, with changes kept in the sandbox's own layer.
    """

    source: str
    target: str
    mode: Literal["read", "copy"] = "read"


@dataclass(frozen=True)
class Limits:
    """What one run may use. None means no limit of that kind.

    Args:
        cpu_s: CPU seconds of the whole process tree; this decides about time.
        wall_s: Seconds on the clock, a backstop against sleepers.
        memory_mb: MiB of the whole tree.
        output_bytes: Bytes kept of stdout and of stderr; a run that writes more ends as `output_limit`.
        processes: Processes and threads at once (`workspace`); a `judge` run can't start processes.
        file_mb: MiB of any one file that is written.
    """

    cpu_s: float | None = 10.0
    wall_s: float = 60.0
    memory_mb: int | None = 1024
    output_bytes: int = 16 * 2**20
    processes: int = 256
    file_mb: int = 256

    def __post_init__(self) -> None:
        wanted = {"cpu_s": self.cpu_s, "wall_s": self.wall_s, "memory_mb": self.memory_mb, "processes": self.processes}
        for name, value in wanted.items():
            if value is not None and not value > 0:
                raise ConfigError(f"Limits: {name} is {value}, give more than 0.")
        if self.output_bytes < 0 or self.file_mb < 0:
            raise ConfigError("Limits: output_bytes and file_mb are at least 0.")


def together(limits: Limits, *others: Limits) -> Limits:
    """The limits of a run with room for what else goes on in its sandbox."""
    for other in others:
        memory = None if limits.memory_mb is None or other.memory_mb is None else limits.memory_mb + other.memory_mb
        limits = replace(limits, memory_mb=memory, processes=limits.processes + other.processes)
    return limits


@dataclass(frozen=True)
class ExecResult:
    """What one run did.

    Args:
        stdout: Bytes written, at most `Limits.output_bytes`.
        stderr: Likewise.
        exit_code: None when a signal or a limit ended it.
        signal: The signal's number, or None.
        ended: Why it ended.
        cpu_s: User and system seconds of everything that it started.
        wall_s: Seconds on the clock.
        memory_mb: Peak, MiB.
        tier: How well it was isolated.
    """

    stdout: bytes
    stderr: bytes
    exit_code: int | None
    signal: int | None
    ended: Ended
    cpu_s: float
    wall_s: float
    memory_mb: float
    tier: Tier


@dataclass(frozen=True)
class SandboxSpec:
    """Which sandbox to start. Picklable; starts nothing.

    Args:
        backend: `local` (this machine's kernel) or `docker` (docker SDK, extra `docker`).
        profile: `judge` (no process creation, fresh namespaces per run) or `workspace` (a process tree, loopback,
            copy-on-write files, snapshot and fork).
        isolation: `auto` takes the best tier of A and B that the machine allows and refuses when there is none.
            `none` (tier C) has to be asked for by name.
        image: Docker image; for `local`, None (the host's system folders, read-only) or a root folder.
        mounts: Host folders that it sees.
        env: Environment variables; nothing is inherited from the host.
        network: Docker only: give it a network. Loopback always works in a `workspace`.
        workdir: Where commands start.
        disk_mb: MiB that may be written; held in memory (`local`) until the sandbox closes.
    """

    backend: Backend = "local"
    profile: Profile = "workspace"
    isolation: Isolation = "auto"
    image: str | None = None
    mounts: tuple[Mount, ...] = ()
    env: Mapping[str, str] = field(default_factory=dict)
    network: bool = False
    workdir: str = "/workspace"
    disk_mb: int = 2048


class Snapshot(Protocol):
    """The files of a sandbox at one moment; `Sandbox.restore` goes back to it, `Sandbox.fork` starts another."""

    def discard(self) -> None:
        """Free what it holds. Twice is fine."""


@runtime_checkable
class Sandbox(Protocol):
    """A place to run untrusted programs. One thread at a time; every call has a time limit.

    A program's own failure is an `ExecResult`; `SandboxError` means that the sandbox failed.
    """

    spec: SandboxSpec

    @property
    def tier(self) -> Tier:
        """How well it isolates."""

    def run(
        self,
        command: Sequence[str] | str,
        *,
        stdin: bytes = b"",
        limits: Limits = Limits(),
        cwd: str | None = None,
        env: Mapping[str, str] | None = None,
        merge_output: bool = False,
    ) -> ExecResult:
        """Run a program (a list) or a script (text, by `bash` where there is one, else `sh`) to its end.

        Everything that it started is gone when this returns.

        Args:
            command: Arguments, or a script.
            stdin: What it reads.
            limits: What it may use.
            cwd: Working directory inside; the spec's by default.
            env: Added to the spec's.
            merge_output: stderr goes into stdout, in order.
        """

    def start(
        self,
        command: Sequence[str],
        *,
        limits: Limits = Limits(),
        cwd: str | None = None,
        env: Mapping[str, str] | None = None,
    ) -> Process:
        """Start a program that goes on beside `run` and the other calls (`workspace` only).

        Args:
            command: Arguments.
            limits: CPU seconds count for each of its processes; wall time and output are the caller's to watch.
            cwd: Working directory inside; the spec's by default.
            env: Added to the spec's.
        """

    def write(self, path: str, content: bytes, *, mode: int = 0o644) -> None:
        """Write a file; folders above it are made. Symlinks inside can't lead it outside.

        `OSError` where what is in the sandbox is in the way.
        """

    def read(self, path: str, *, limit: int = 16 * 2**20) -> bytes:
        """The file's content, at most `limit` bytes. `FileNotFoundError` where there is none."""

    def snapshot(self) -> Snapshot:
        """Keep the files as they are now (`workspace` only)."""

    def restore(self, snapshot: Snapshot) -> None:
        """Go back to a snapshot of this sandbox."""

    def fork(self, snapshot: Snapshot | None = None) -> "Sandbox":
        """Another sandbox with the same files, now or at a snapshot; changes of one are not seen by the other."""

    def alive(self) -> bool:
        """Whether it still answers: not closed, and its processes were not killed."""

    def close(self) -> None:
        """Stop and remove everything. Twice is fine."""

    def __enter__(self) -> "Sandbox": ...

    def __exit__(self, *error: object) -> None: ...
