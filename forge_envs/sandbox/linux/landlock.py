"""Landlock: a process restricts itself to the paths it was given. Works without privileges and inside containers."""

import ctypes
import errno
import functools
import os
import stat
import struct
from collections.abc import Iterable

from . import syscalls

# linux/landlock.h. Bits 0 to 12 came with ABI 1, then refer (2), truncate (3), ioctl on devices (5).
_EXECUTE, _WRITE_FILE, _READ_FILE, _READ_DIR = 1 << 0, 1 << 1, 1 << 2, 1 << 3
_REFER, _TRUNCATE, _IOCTL_DEV = 1 << 13, 1 << 14, 1 << 15
_ABI_1 = (1 << 13) - 1
_ON_FILES = _EXECUTE | _WRITE_FILE | _READ_FILE | _TRUNCATE | _IOCTL_DEV
_TCP_BIND_AND_CONNECT = 0b11  # ABI 4
_ABSTRACT_SOCKETS_AND_SIGNALS = 0b11  # ABI 6
_CREATE_RULESET_VERSION = 1
_RULE_PATH_BENEATH = 1


@functools.cache
def abi() -> int:
    """The version of Landlock that this kernel speaks; 0 where there is none."""
    try:
        return syscalls.syscall("landlock_create_ruleset", None, 0, _CREATE_RULESET_VERSION)
    except OSError as error:
        if error.errno in (errno.ENOSYS, errno.EOPNOTSUPP, errno.EPERM):
            return 0
        raise


def restrict(*, read: Iterable[str], write: Iterable[str], scope_signals: bool = True) -> None:
    """Give up every path but these, TCP, and signals and abstract sockets of processes outside.

    Paths that do not exist are skipped. What an older ABI can't refuse stays allowed: truncation before 3, TCP
    before 4, signals before 6.

    Args:
        read: Files and folders that can be read, listed and executed.
        write: Files and folders with every right.
        scope_signals: Refuse signals to processes outside (ABI 6).

    Raises:
        OSError: The kernel has no Landlock, or refuses.
    """
    version = abi()
    files = _ABI_1
    for since, right in ((2, _REFER), (3, _TRUNCATE), (5, _IOCTL_DEV)):
        files |= right if version >= since else 0
    network = _TCP_BIND_AND_CONNECT if version >= 4 else 0
    scoped = _ABSTRACT_SOCKETS_AND_SIGNALS if version >= 6 and scope_signals else 0
    size = 24 if version >= 6 else 16 if version >= 4 else 8
    attributes = ctypes.create_string_buffer(struct.pack("=QQQ", files, network, scoped), 24)
    ruleset = syscalls.syscall("landlock_create_ruleset", attributes, size, 0, what="Landlock")
    try:
        for path in read:
            _allow(ruleset, path, (_EXECUTE | _READ_FILE | _READ_DIR) & files)
        for path in write:
            _allow(ruleset, path, files)
        syscalls.syscall("landlock_restrict_self", ruleset, 0, what="Landlock")
    finally:
        os.close(ruleset)


def _allow(ruleset: int, path: str, rights: int) -> None:
    try:
        fd = os.open(path, os.O_PATH | os.O_CLOEXEC)
    except (FileNotFoundError, NotADirectoryError, PermissionError):
        return
    try:
        if not stat.S_ISDIR(os.fstat(fd).st_mode):
            rights &= _ON_FILES
        rule = ctypes.create_string_buffer(struct.pack("=Qi", rights, fd), 12)
        syscalls.syscall("landlock_add_rule", ruleset, _RULE_PATH_BENEATH, rule, 0, what=f"Landlock rule for {path}")
    finally:
        os.close(fd)
