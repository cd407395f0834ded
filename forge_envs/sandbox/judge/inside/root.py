"""The file system that a worker of tier A shows: system folders, the interpreter, packages, read-only."""

import os
import tempfile
from typing import Any

from forge_envs.sandbox.linux import rootfs, syscalls

_STAGES = ("/mnt", "/srv", "/media", "/tmp", "/var/tmp", "/home")


def build(config: dict[str, Any]) -> str:
    """Build the tree in this mount namespace, but for /proc; gives the folder that is to be the root.

    Args:
        config: `roots`: host folders shown where they are. `packages`: folders shown by name below
            `packages_folder`. `hidden`: folders that stay empty wherever they are seen. `box`: an empty folder.
    """
    stage = _stage([*config["roots"], *config["packages"].values()])
    syscalls.mount("root", stage, "tmpfs", syscalls.MS_NOSUID | syscalls.MS_NODEV, "size=16m,mode=755")
    rootfs.make_skeleton(stage)
    rootfs.mount_system(stage)
    rootfs.mount_devices(stage, terminals=False)
    for folder in config["roots"]:
        _show(folder, stage + folder)
    packages = stage + config["packages_folder"]
    os.makedirs(packages, exist_ok=True)
    for name, folder in config["packages"].items():
        _show(folder, f"{packages}/{name}")
    for folder in config["hidden"]:
        if os.path.isdir(stage + folder):
            syscalls.mount("hidden", stage + folder, "tmpfs", syscalls.MS_RDONLY, "size=4k,mode=755")
    os.makedirs(f"{stage}{config['box']}", exist_ok=True)
    flags = syscalls.MS_REMOUNT | syscalls.MS_BIND | syscalls.MS_RDONLY | syscalls.MS_NOSUID | syscalls.MS_NODEV
    syscalls.mount(None, stage, None, flags)
    return stage


def _stage(sources: list[str]) -> str:
    """A folder that exists and hides none of the sources."""
    for folder in (*_STAGES, tempfile.gettempdir()):
        if os.path.isdir(folder) and not any(f"{source}/".startswith(f"{folder}/") for source in sources):
            return folder
    raise OSError(f"no folder to build a root on: tried {', '.join(_STAGES)}")


def _show(source: str, target: str) -> None:
    if os.path.isdir(source):
        os.makedirs(target, exist_ok=True)
    else:
        os.makedirs(os.path.dirname(target), exist_ok=True)
        open(target, "w").close()
    syscalls.bind(source, target, read_only=True)
