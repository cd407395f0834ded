"""What a host process that was killed may have left: control groups and folders, removed at the next start.

Processes of several pid namespaces can share a machine's groups and its temporary folder, and none can tell whether an
owner in another namespace runs. So each namespace reclaims its own.
"""

import functools
import os
import shutil
import tempfile
from pathlib import Path

from forge_envs.sandbox.linux import cgroups

PREFIX = "forge-judge-"

JUDGE = "judge-"
"""Part of the name of a worker's control group, before the number of its pid namespace."""


def folder() -> str:
    """A new folder for a worker, named after this process."""
    return tempfile.mkdtemp(prefix=f"{PREFIX}{_namespace()}-{os.getpid()}-{_started(os.getpid())}-")


def group_name() -> str:
    """What the control group of a worker is called, after its owner."""
    return f"{JUDGE}{_namespace()}"


@functools.cache
def reclaim() -> None:
    """Remove what dead processes left. Once per process."""
    for group in cgroups.abandoned(cgroups.hierarchies()) if cgroups.hierarchies() else ():
        if group.name.endswith(f"-{group_name()}"):
            cgroups.remove(group)
    own = f"{PREFIX}{_namespace()}-"
    for path in Path(tempfile.gettempdir()).glob(f"{own}*"):
        pid, started, *_ = [*path.name.removeprefix(own).split("-"), ""]
        if pid.isdigit() and _started(int(pid)) != started:
            shutil.rmtree(path, ignore_errors=True)


def _namespace() -> int:
    return os.stat("/proc/self/ns/pid").st_ino


def _started(pid: int) -> str:
    """Start time of a process, in ticks: with the id it names a process once and for all."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[19]
    except OSError:
        return ""
