"""What a host process that was killed may have left: control groups and folders, removed at the next start."""

import functools
import os
import shutil
import tempfile
from pathlib import Path

from forge_envs.sandbox.linux import cgroups

PREFIX = "forge-judge-"


def folder() -> str:
    """A new folder for a worker, named after this process."""
    return tempfile.mkdtemp(prefix=f"{PREFIX}{os.getpid()}-{_started(os.getpid())}-")


@functools.cache
def reclaim() -> None:
    """Remove what dead processes left. Once per process."""
    cgroups.reclaim()
    for path in Path(tempfile.gettempdir()).glob(f"{PREFIX}*"):
        pid, started, *_ = [*path.name.removeprefix(PREFIX).split("-"), ""]
        if pid.isdigit() and _started(int(pid)) != started:
            shutil.rmtree(path, ignore_errors=True)


def _started(pid: int) -> str:
    """Start time of a process, in ticks: with the id it names a process once and for all."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[19]
    except OSError:
        return ""
