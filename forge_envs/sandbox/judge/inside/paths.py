"""The file system of tier B: Landlock allows what tier A shows."""

import os
import struct
from typing import Any

from forge_envs.sandbox.judge.inside.isolate import HARMLESS
from forge_envs.sandbox.linux import landlock, rootfs, syscalls

_WRITES = 0x1FF2  # linux/landlock.h, ABI 1: write a file, remove and make of every kind
_WRITE_FILE, _TRUNCATE = 1 << 1, 1 << 14
_SIGNALS = 0b10


def restrict(config: dict[str, Any]) -> None:
    """Give this process and its children what a worker shows, and the folder for commands to write in."""
    landlock.restrict(read=_readable(config), write=(*HARMLESS, config["scratch"]))


def no_writes() -> int:
    """A ruleset without a right to write anything but harmless devices, and with none to signal (from ABI 6)."""
    version = landlock.abi()
    writes = _WRITES | (_TRUNCATE if version >= 3 else 0)
    attributes = struct.pack("=QQQ", writes, 0, _SIGNALS if version >= 6 else 0)
    size = 24 if version >= 6 else 8
    ruleset = syscalls.syscall("landlock_create_ruleset", attributes, size, 0, what="Landlock")
    for path in HARMLESS:
        fd = os.open(path, os.O_PATH | os.O_CLOEXEC)
        rule = struct.pack("=Qi", writes & (_WRITE_FILE | _TRUNCATE), fd)
        syscalls.syscall("landlock_add_rule", ruleset, 1, rule, 0, what=f"Landlock rule for {path}")
        os.close(fd)
    return ruleset


def _readable(config: dict[str, Any]) -> list[str]:
    hidden = [os.path.realpath(path) for path in config["hidden"]]
    shown = [*rootfs.SYSTEM_FOLDERS, *config["roots"], *config["packages"].values(), config["packages_folder"]]
    shown += HARMLESS
    shown += [f"/etc/{name}" for name in rootfs.ETC if "*" not in name]
    return [part for path in shown for part in _without(os.path.realpath(path), hidden)]


def _without(path: str, hidden: list[str]) -> list[str]:
    """A path, or where something below it is hidden, what is beside that."""
    if path in hidden:
        return []
    if not any(one.startswith(f"{path.rstrip('/')}/") for one in hidden):
        return [path]
    return [part for entry in os.scandir(path) for part in _without(entry.path, hidden) if not entry.is_symlink()]
