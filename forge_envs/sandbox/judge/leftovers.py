"""What a host process that was killed may have left: folders of workers, removed at the next start."""

import functools
import shutil
import tempfile
from pathlib import Path

from forge_envs.sandbox.linux import cgroups, owners

PREFIX = "forge-judge-"


def folder() -> str:
    """A new folder for a worker, named after this process."""
    return tempfile.mkdtemp(prefix=f"{PREFIX}{owners.tag()}-")


@functools.cache
def reclaim() -> None:
    """Remove what dead processes left. Once per process."""
    if cgroups.hierarchies():
        cgroups.reclaim()
    for path in Path(tempfile.gettempdir()).glob(f"{PREFIX}*"):
        if owners.gone(path.name.removeprefix(PREFIX)):
            shutil.rmtree(path, ignore_errors=True)
