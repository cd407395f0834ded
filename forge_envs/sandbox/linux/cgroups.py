"""Control groups, version 1 or 2, where this process may make them: memory, number of processes, CPU time."""

import contextlib
import errno
import functools
import os
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from forge_envs.sandbox.linux import owners

PREFIX = "forge-"
_UNLIMITED = 2**62


@dataclass(frozen=True)
class Hierarchies:
    """Where groups can be made: `unified` is the parent of version 2, `split` the parents of version 1."""

    unified: Path | None = None
    split: tuple[tuple[str, Path], ...] = ()

    def __bool__(self) -> bool:
        return self.unified is not None or bool(self.split)


@dataclass(frozen=True)
class Usage:
    """What the processes of a group used since it was made or reset: CPU seconds, bytes now and at the peak."""

    cpu_s: float
    memory: int
    peak: int
    oom_kills: int


@functools.cache
def hierarchies() -> Hierarchies:
    """What this process may use, found once: it makes a group and removes it. Empty where nothing is writable."""
    return find(Path("/proc/self/mountinfo").read_text(), Path("/proc/self/cgroup").read_text())


def find(mountinfo: str, own: str) -> Hierarchies:
    """Read the two files of /proc that describe control groups, and try what they name.

    Memory decides: a version without a writable memory controller is not used.
    """
    mounts: dict[str, tuple[str, Path]] = {}  # controller, or "" for version 2, to (root of the mount, mount point)
    for line in mountinfo.splitlines():
        left, _, right = line.partition(" - ")
        kind, _, options = right.split(" ", 2)
        root, point = (part.encode().decode("unicode_escape") for part in left.split()[3:5])
        if kind == "cgroup2":
            mounts[""] = (root, Path(point))
        elif kind == "cgroup":
            for option in options.split(","):
                mounts[option] = (root, Path(point))
    places: dict[str, Path] = {}
    for line in own.splitlines():
        _, controllers, path = line.split(":", 2)
        for controller in controllers.split(","):
            if controller in mounts:
                above, mounted = mounts[controller]
                inside = os.path.relpath(path, above) if path.startswith(above) else "."
                places[controller] = mounted / inside
    unified = _usable_unified(places[""]) if "" in places else None
    if unified:
        return Hierarchies(unified=unified)
    split = tuple((name, places[name]) for name in ("memory", "pids", "cpuacct") if _usable(places.get(name)))
    return Hierarchies(split=split) if "memory" in dict(split) else Hierarchies()


def _usable(parent: Path | None, controllers: tuple[str, ...] = ()) -> bool:
    if parent is None:
        return False
    probe = parent / f"{PREFIX}{owners.tag()}-probe-{time.monotonic_ns()}"
    try:
        probe.mkdir()
    except OSError:
        return False
    try:
        enabled = (probe / "cgroup.controllers").read_text().split() if controllers else []
        return set(controllers) <= set(enabled)
    except OSError:
        return False
    finally:
        with contextlib.suppress(OSError):
            probe.rmdir()


def _usable_unified(own: Path) -> Path | None:
    """The own group, where it can have children with controllers; else beside it: processes live in leaves only."""
    for parent in (own, own.parent):
        with contextlib.suppress(OSError):
            (parent / "cgroup.subtree_control").write_text("+memory +pids")
        if (parent / "cgroup.subtree_control").exists() and _usable(parent, ("memory", "pids")):
            return parent
    return None


class Cgroup:
    """One group; `close` removes it.

    Args:
        name: Part of its name, after the owner's tag.
        where: Where to make it.

    Raises:
        OSError: It can't be made.
    """

    def __init__(self, name: str, where: Hierarchies | None = None):
        self._where = hierarchies() if where is None else where
        if not self._where:
            raise OSError(errno.EROFS, "no writable control group hierarchy")
        self._unified = self._where.unified is not None
        parents = {"": self._where.unified} if self._where.unified else dict(self._where.split)
        folder = f"{PREFIX}{owners.tag()}-{name}"
        self._folders: dict[str, Path] = {}
        self._limits: tuple[int, int] | None = None
        self._base = Usage(0.0, 0, 0, 0)
        try:
            for controller, parent in parents.items():
                (parent / folder).mkdir()
                self._folders[controller] = parent / folder
        except OSError:
            self.close()
            raise

    def entrances(self) -> list[int]:
        """Descriptors, to be closed by the caller: a process that writes b"0" to each has entered the group."""
        fds: list[int] = []
        try:
            for folder in self._folders.values():
                fds.append(os.open(folder / "cgroup.procs", os.O_WRONLY | os.O_CLOEXEC))
        except OSError:
            for fd in fds:
                os.close(fd)
            raise
        return fds

    def limit(self, *, memory: int | None, processes: int | None) -> None:
        """Set limits, counted from the last `reset`; files that earlier runs left in memory do not count.

        Args:
            memory: Bytes. None: no limit.
            processes: Processes and threads at once. None: no limit.
        """
        held = _UNLIMITED if memory is None else memory + self._stat("shmem")
        wanted = (held, processes or 0)
        if wanted == self._limits:
            return
        if self._unified:
            self._write("", "memory.max", "max" if memory is None else str(held))
            self._write("", "memory.swap.max", "0", optional=True)
            self._write("", "pids.max", str(processes or "max"))
        else:
            plain, swap = "memory.limit_in_bytes", "memory.memsw.limit_in_bytes"
            bound = -1 if memory is None else held
            raising = self._limits is not None and held > self._limits[0]
            for file in (swap, plain) if raising else (plain, swap):
                self._write("memory", file, str(bound), optional=file == swap)
            if "pids" in self._folders:
                self._write("pids", "pids.max", str(processes or "max"))
        self._limits = wanted

    def reset(self) -> None:
        """Count from here: CPU time, peak and kills."""
        with contextlib.suppress(OSError):
            if self._unified:
                self._write("", "memory.peak", "0")
            else:
                self._write("memory", "memory.max_usage_in_bytes", "0")
        now = self._totals()
        self._base = Usage(now.cpu_s, self._stat("shmem"), 0, now.oom_kills)

    def usage(self) -> Usage:
        """What was used since `reset`."""
        now, base = self._totals(), self._base
        memory, peak = max(now.memory - base.memory, 0), max(now.peak - base.memory, 0)
        return Usage(now.cpu_s - base.cpu_s, memory, peak, now.oom_kills - base.oom_kills)

    def cpu_s(self) -> float:
        """CPU seconds since `reset`, the cheapest of the counters; nan where the kernel does not count them."""
        return self._cpu() - self._base.cpu_s

    def processes(self) -> list[int]:
        """Ids of the processes in the group, as this process sees them."""
        return [int(line) for line in self._read(next(iter(self._folders)), "cgroup.procs").split()]

    def close(self) -> None:
        """Kill what is left in the group and remove it. Twice is fine."""
        for controller, folder in list(self._folders.items()):
            if remove(folder):
                del self._folders[controller]

    def _totals(self) -> Usage:
        if self._unified:
            memory = int(self._read("", "memory.current"))
            peak = int(self._read("", "memory.peak") or memory)
            kills = _keyed(self._read("", "memory.events")).get("oom_kill", 0)
        else:
            memory = int(self._read("memory", "memory.usage_in_bytes"))
            peak = int(self._read("memory", "memory.max_usage_in_bytes"))
            kills = _keyed(self._read("memory", "memory.oom_control")).get("oom_kill", 0)
        return Usage(self._cpu(), memory, peak, kills)

    def _cpu(self) -> float:
        if self._unified:
            return _keyed(self._read("", "cpu.stat")).get("usage_usec", 0) / 1e6
        return int(self._read("cpuacct", "cpuacct.usage")) / 1e9 if "cpuacct" in self._folders else float("nan")

    def _stat(self, key: str) -> int:
        return _keyed(self._read("" if self._unified else "memory", "memory.stat")).get(key, 0)

    def _read(self, controller: str, file: str) -> str:
        try:
            return (self._folders[controller] / file).read_text()
        except FileNotFoundError:  # a file that older kernels lack
            return ""

    def _write(self, controller: str, file: str, value: str, *, optional: bool = False) -> None:
        try:
            (self._folders[controller] / file).write_text(value)
        except OSError as error:
            if not (optional and error.errno in (errno.ENOENT, errno.EACCES, errno.EOPNOTSUPP, errno.EINVAL)):
                raise


def _keyed(text: str) -> dict[str, int]:
    return {key: int(value) for key, value in (line.split() for line in text.splitlines())}


def remove(folder: Path, *, patience_s: float = 2.0) -> bool:
    """Kill every process of a group and remove it; True when it is gone. Processes need a moment to leave."""
    until = time.monotonic() + patience_s
    while True:
        try:
            folder.rmdir()
            return True
        except FileNotFoundError:
            return True
        except OSError:
            _kill(folder)
            if time.monotonic() > until:
                return False
            time.sleep(0.002)


def _kill(folder: Path) -> None:
    try:
        (folder / "cgroup.kill").write_text("1")
        return
    except OSError:
        pass  # version 1, or before 5.14
    with contextlib.suppress(OSError):
        for line in (folder / "cgroup.procs").read_text().split():
            if line not in ("0", str(os.getpid())):
                with contextlib.suppress(ProcessLookupError, PermissionError):
                    os.kill(int(line), 9)


def abandoned(where: Hierarchies) -> Iterator[Path]:
    """Groups whose owner no longer runs."""
    parents = [where.unified] if where.unified else [path for _, path in where.split]
    for parent in parents:
        for folder in parent.glob(f"{PREFIX}*"):
            if owners.gone(folder.name.removeprefix(PREFIX)):
                yield folder


def reclaim() -> int:
    """Remove groups that killed processes of Forge left behind; says how many."""
    return sum(remove(folder) for folder in abandoned(hierarchies()))
