"""Seccomp filters, assembled here: a list of refused system calls for each profile, and checks of arguments."""

import ctypes
import errno
import functools
import socket
import struct
import termios
from typing import Literal

from . import syscalls
from .seccomp_tables import NOT_IMPLEMENTED, NUMBERS, PRETENDED, PRETENDED_TO_JUDGED, REFUSED, REFUSED_TO_JUDGED

_LD, _JEQ, _JGE, _JSET, _AND, _RET = 0x20, 0x15, 0x35, 0x45, 0x54, 0x06
_ALLOW, _KILL, _ERRNO = 0x7FFF0000, 0x80000000, 0x00050000
_ARCHES = {"x86_64": 0xC000003E, "aarch64": 0xC00000B7}
_OFFSET_NUMBER, _OFFSET_ARCH = 0, 4
_X32 = 0x40000000
_KIND_OF_SOCKET = 0xF  # the rest of a type are flags
CLONE_THREAD = 0x00010000
CLONE_NAMESPACES = 0x7E020000  # user, pid, net, ipc, uts, cgroup, mount; a time namespace needs clone3
_PR_SET_DUMPABLE, _PR_SET_SECCOMP, _MODE_FILTER = 4, 22, 2

Instruction = tuple[int, int, int, int]
"""Code, jump if true, jump if false, constant."""


@functools.cache
def program(profile: Literal["judge", "workspace"], *, network: bool = True, machine: str = "") -> bytes:
    """The filter of a profile.

    Args:
        profile: `judge` refuses new processes, every socket but a pair, shared memory, priorities; threads work.
            `workspace` refuses new namespaces and every address family but unix, internet and route netlink.
        network: False refuses every socket but a pair to a `workspace` too, for where it has no network namespace;
            Landlock does not keep a program from the unix sockets of the host's services.
        machine: Architecture; this machine's by default.

    Returns:
        `struct sock_filter` after `struct sock_filter`.
    """
    arch = machine or syscalls.machine()
    column = list(_ARCHES).index(arch)
    steps: list[Instruction] = [
        (_LD, 0, 0, _OFFSET_ARCH),
        (_JEQ, 1, 0, _ARCHES[arch]),
        (_RET, 0, 0, _KILL),
        (_LD, 0, 0, _OFFSET_NUMBER),
    ]
    if arch == "x86_64":
        steps += [(_JGE, 0, 1, _X32), _fail(errno.ENOSYS)]

    def add(name: str, *block: Instruction) -> None:
        number = NUMBERS[name][column]
        if number is not None:
            steps.extend([(_JEQ, 0, len(block), number), *block])

    for name in REFUSED:
        add(name, _fail(errno.EPERM))
    for name in NOT_IMPLEMENTED:
        add(name, _fail(errno.ENOSYS))
    for name in PRETENDED:
        add(name, _fail(0))
    ioctls = (termios.TIOCSTI, 0x541C)  # TIOCLINUX: both type into the terminal of somebody else
    add("ioctl", _argument(1), *_one_of(ioctls, _fail(errno.EPERM)), (_RET, 0, 0, _ALLOW))
    add("personality", _argument(0), *_one_of((0, 0xFFFFFFFF), (_RET, 0, 0, _ALLOW)), _fail(errno.EPERM))
    if profile == "judge":
        for name in ("fork", "vfork"):
            add(name, _fail(errno.EPERM))
        thread_only = (_JSET, 1, 0, CLONE_THREAD)
        add("clone", _argument(0), thread_only, _fail(errno.EPERM), (_RET, 0, 0, _ALLOW))
        add("socket", _fail(errno.EACCES))
        for name in PRETENDED_TO_JUDGED:
            add(name, _fail(0))
        for name in REFUSED_TO_JUDGED:
            add(name, _fail(errno.EPERM))
        visible = _one_of((_PR_SET_DUMPABLE,), _fail(0))  # else how long it waits for a core can't be read
        add("prctl", _argument(0), *visible, (_RET, 0, 0, _ALLOW))
        families: tuple[int, ...] = ()
    else:
        add("clone", _argument(0), (_JSET, 0, 1, CLONE_NAMESPACES), _fail(errno.EPERM), (_RET, 0, 0, _ALLOW))
        families = (socket.AF_UNIX, socket.AF_INET, socket.AF_INET6) if network else ()
        netlink: list[Instruction] = []
        if network:  # its route protocol, which lists interfaces
            netlink = [(_JEQ, 0, 3, 16), _argument(2), (_JEQ, 0, 1, 0), (_RET, 0, 0, _ALLOW)]
        allowed = _one_of(families, (_RET, 0, 0, _ALLOW))
        add("socket", _argument(0), *allowed, *netlink, _fail(errno.EAFNOSUPPORT))
    pair: list[Instruction] = [(_JEQ, 1, 0, socket.AF_UNIX), _fail(errno.EAFNOSUPPORT)]
    if profile == "judge" or not network:  # one of datagrams could send to sockets of the host that have a path
        kinds = (socket.SOCK_STREAM, socket.SOCK_SEQPACKET)
        pair += [_argument(1), (_AND, 0, 0, _KIND_OF_SOCKET), *_one_of(kinds, (_RET, 0, 0, _ALLOW))]
        pair += [_fail(errno.EPROTONOSUPPORT)]
    else:
        pair += [(_RET, 0, 0, _ALLOW)]
    add("socketpair", _argument(0), *pair)
    steps.append((_RET, 0, 0, _ALLOW))
    return b"".join(struct.pack("=HBBI", *step) for step in steps)


def install(filter_: bytes) -> None:
    """Put a filter on this thread and everything that it starts; `syscalls.no_new_privileges` comes first.

    Raises:
        OSError: The kernel has no seccomp, or refuses.
    """
    instructions = ctypes.create_string_buffer(filter_, len(filter_))
    header = ctypes.create_string_buffer(
        struct.pack("@HP", len(filter_) // 8, ctypes.addressof(instructions)), struct.calcsize("@HP")
    )
    libc = ctypes.CDLL(None, use_errno=True)
    arguments = [ctypes.c_ulong(_MODE_FILTER), ctypes.cast(header, ctypes.c_void_p), ctypes.c_ulong(0)]
    if libc.prctl(ctypes.c_int(_PR_SET_SECCOMP), *arguments, ctypes.c_ulong(0)) != 0:
        raise OSError(ctypes.get_errno(), "seccomp filter refused")


def _argument(index: int) -> Instruction:
    """Load the lower half of an argument: flags, families and requests are 32 bits wide."""
    return (_LD, 0, 0, 16 + 8 * index)


def _fail(code: int) -> Instruction:
    return (_RET, 0, 0, _ERRNO | code)


def _one_of(values: tuple[int, ...], then: Instruction) -> list[Instruction]:
    """`then` when the loaded value is one of these, else on to what follows."""
    return [part for value in values for part in ((_JEQ, 0, 1, value), then)]
