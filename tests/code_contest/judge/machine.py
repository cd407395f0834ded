"""What there is on the machine because of this process: counted before and after."""

import os
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from forge_envs.sandbox.linux.cgroups import hierarchies

PLACES = ("/tmp", "/var/tmp", "/dev/shm", "/etc", "/", "/usr/lib", "/usr/lib/python3", os.path.dirname(os.__file__))
MARK = "forge-attack"
"""What the hostile programs name the files that they try to leave."""

KEYS = (str(0x464F5247), str(0x464F5248))
"""System V keys that the hostile programs use."""
OTHERS = ("docker", "containerd")
"""Mounts that come and go by others on the machine."""


@dataclass(frozen=True)
class Census:
    """A count of what a run could leave.

    Args:
        processes: Descendants of this process, zombies too.
        descriptors: Open ones of this process.
        mounts: Lines of this process' mount table, without those of `OTHERS`.
        files: In the places that everybody can write to, by name.
        cgroups: Control groups that this process made.
        ipc: System V objects with one of `KEYS`.
    """

    processes: int
    descriptors: int
    mounts: int
    files: frozenset[str]
    cgroups: int
    ipc: int

    def more_than(self, before: "Census") -> dict[str, object]:
        """What there is now that was not, by field."""
        now, then = vars(self), vars(before)
        return {key: (then[key], now[key]) for key in now if not now[key] <= then[key]}  # <= is subset for files


def descendants(of: int | None = None) -> set[int]:
    """Processes that this one started, directly or not."""
    children: dict[int, list[int]] = {}
    for entry in Path("/proc").glob("[0-9]*"):
        try:
            parent = int((entry / "stat").read_text().rpartition(")")[2].split()[1])
        except OSError:
            continue
        children.setdefault(parent, []).append(int(entry.name))
    found: set[int] = set()
    waiting = [of or os.getpid()]
    while waiting:
        new = children.get(waiting.pop(), [])
        found.update(new)
        waiting += new
    return found


def pid_namespaces(processes: Iterable[int]) -> set[str]:
    """The PID namespaces of these processes, without this process' own."""
    found = set()
    for pid in processes:
        try:
            found.add(os.readlink(f"/proc/{pid}/ns/pid"))
        except OSError:
            continue
    return found - {os.readlink("/proc/self/ns/pid")}


def living(namespaces: set[str]) -> set[int]:
    """Processes, whoever their parent is, in one of these PID namespaces."""
    everybody = (int(name) for name in os.listdir("/proc") if name.isdigit())
    return {pid for pid in everybody if pid_namespaces([pid]) & namespaces}


def census() -> Census:
    """Count now."""
    return Census(
        processes=len(descendants()),
        descriptors=len(os.listdir("/proc/self/fd")),
        mounts=sum(1 for line in _lines("/proc/self/mountinfo") if not any(word in line for word in OTHERS)),
        files=frozenset(f"{place}/{name}" for place in PLACES for name in _names(place) if MARK in name),
        cgroups=sum(1 for top in _cgroup_folders() for _ in top.glob(f"forge-{os.getpid()}-*")),
        ipc=sum(line.split()[0] in KEYS for kind in ("shm", "sem", "msg") for line in _lines(f"/proc/sysvipc/{kind}")),
    )


def _lines(path: str) -> list[str]:
    return Path(path).read_text().splitlines()


def _names(place: str) -> list[str]:
    try:
        return os.listdir(place)
    except OSError:
        return []


def _cgroup_folders() -> list[Path]:
    where = hierarchies()
    return [where.unified] if where.unified else [folder for _, folder in where.split]
