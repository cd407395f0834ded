"""Entering a user namespace, as root (with a user of its own) or as an ordinary user (who stays the same outside)."""

import os
import signal

from . import syscalls

INSIDE = 1000
"""User and group inside a sandbox."""

_FULL = 2**31
_FIRST = 0x20000000
_SLOTS = 256


def outside_user(owner: int, slot: int) -> int:
    """The user outside that stands for a sandbox.

    Args:
        owner: Process id of the host process.
        slot: Number of the sandbox in that process.

    Returns:
        As root a user that nobody else has (as far as the ids of an enclosing namespace go); else the own one.
    """
    me = os.geteuid()
    if me != 0:
        return me
    with open("/proc/self/uid_map") as file:
        largest = max((int(a), int(n)) for a, _, n in (line.split() for line in file) if int(a) == 0)[1]
    if largest >= _FULL:
        return _FIRST + (owner % 2**22) * _SLOTS + slot % _SLOTS
    if largest >= 65534:
        return 20000 + (owner * _SLOTS + slot) % 40000
    return me


def enter(flags: int, outside: int, *, dumpable: bool = False) -> None:
    """Move into a new user namespace and further ones, owned by it, as its user `INSIDE` with every capability in it.

    Args:
        flags: CLONE_NEW* of the further namespaces.
        outside: From `outside_user`.
        dumpable: Stay so; needed to enter another one from there.

    Raises:
        OSError: The machine refuses.
    """
    privileged = os.geteuid() == 0
    if privileged:
        _enter_as_root(flags, outside)
    else:
        group = os.getegid()
        syscalls.unshare(syscalls.CLONE_NEWUSER | flags)
        _write_maps("self", os.geteuid() if outside < 0 else outside, group)
    syscalls.set_dumpable(dumpable)


def enter_nested() -> None:
    """Move from the namespace of `enter` into one below it: limits on processes count for it alone, and what it
    may do to mounts, processes and networks made outside of it is nothing."""
    syscalls.set_dumpable(True)
    syscalls.unshare(syscalls.CLONE_NEWUSER | syscalls.CLONE_NEWCGROUP)
    _write_maps("self", INSIDE, INSIDE)


def mapping(owner: int, group: int, user: int) -> int:
    """A descriptor of a user namespace that maps one user and group, for `syscalls.idmapped_tree`. As root only.

    Args:
        owner: User on disk.
        group: Group on disk.
        user: The user, and group, that it is shown as.
    """
    ready, done = os.pipe()
    child = os.fork()
    if child == 0:
        try:
            syscalls.unshare(syscalls.CLONE_NEWUSER)
            os.write(done, b"1")
            signal.pause()
        finally:
            os._exit(1)
    try:
        os.close(done)
        if not os.read(ready, 1):
            raise OSError("no user namespace for an id-mapped mount")
        _write(f"/proc/{child}/uid_map", f"{owner} {user} 1")
        _write(f"/proc/{child}/gid_map", f"{group} {user} 1")
        return os.open(f"/proc/{child}/ns/user", os.O_RDONLY | os.O_CLOEXEC)
    finally:
        os.close(ready)
        os.kill(child, signal.SIGKILL)
        os.waitpid(child, 0)


def _enter_as_root(flags: int, outside: int) -> None:
    """Only a process outside with CAP_SETUID may map a user other than the own one: a short-lived child does it."""
    me, (ready, go) = os.getpid(), os.pipe()
    helper = os.fork()
    if helper == 0:
        code = 1
        try:
            os.close(go)
            if os.read(ready, 1):
                _write_maps(str(me), outside, outside, groups=True)
                code = 0
        finally:
            os._exit(code)
    try:
        os.close(ready)
        syscalls.unshare(syscalls.CLONE_NEWUSER | flags)
        os.write(go, b"1")
    finally:
        os.close(go)
        _, status = os.waitpid(helper, 0)
    if status != 0:
        raise PermissionError(f"user namespace: the machine refused to map user {outside}")
    os.setgroups([])
    os.setresgid(INSIDE, INSIDE, INSIDE)
    os.setresuid(INSIDE, INSIDE, INSIDE)


def _write_maps(process: str, user: int, group: int, *, groups: bool = False) -> None:
    if not groups:
        _write(f"/proc/{process}/setgroups", "deny")
    _write(f"/proc/{process}/uid_map", f"{INSIDE} {user} 1")
    _write(f"/proc/{process}/gid_map", f"{INSIDE} {group} 1")


def _write(path: str, text: str) -> None:
    fd = os.open(path, os.O_WRONLY | os.O_CLOEXEC)
    try:
        os.write(fd, text.encode())
    finally:
        os.close(fd)
