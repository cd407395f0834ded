"""What a host process that was killed may have left: folders of workers, removed at the next start."""

import functools
import os
import shutil
import stat
import tempfile
from pathlib import Path

from forge_envs.sandbox.linux import cgroups, owners

PREFIX = "forge-judge-"


def folder() -> str:
    """A new folder for a worker, named after this process, where a run with a user of its own can get to it."""
    return tempfile.mkdtemp(prefix=f"{PREFIX}{owners.tag()}-", dir=_place())


def _place() -> str:
    """The folder for temporary files; for root, whose runs are other users, one that all may enter."""
    chosen = tempfile.gettempdir()
    if os.geteuid() != 0:
        return chosen
    for place in (chosen, "/tmp", "/var/tmp"):
        path = Path(place).resolve()
        if path.is_dir() and all(one.stat().st_mode & stat.S_IXOTH for one in (path, *path.parents)):
            return place
    return chosen


@functools.cache
def reclaim() -> None:
    """Remove what dead processes left. Once per process."""
    if cgroups.hierarchies():
        cgroups.reclaim()
    for place in {tempfile.gettempdir(), _place()}:
        for path in Path(place).glob(f"{PREFIX}*"):
            if owners.gone(path.name.removeprefix(PREFIX)):
                shutil.rmtree(path, ignore_errors=True)
