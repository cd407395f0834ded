"""The last steps of a run before foreign code: descriptors, limits, no capabilities, the seccomp filter.

Everything is prepared in the zygote, because a run pays for each call.
"""

import ctypes
import os
import resource
import struct
from collections.abc import Sequence

from forge_envs.sandbox.linux import syscalls

REPORT = 255
"""Descriptor of the report file: far up, so that the program's own files get the numbers that they would get."""

EXTRA = 200
"""First descriptor of the files that a run gets besides its streams."""

BINARY = 254
"""Descriptor of a native program, closed by its start."""

DESCRIPTORS = 128
"""How many a program may have open: what waits in pipes and sockets is memory that is not seen as its own."""

_PR_SET_DUMPABLE, _PR_SET_SECCOMP, _PR_SET_PDEATHSIG, _FILTER = 4, 22, 1, 2

_libc = ctypes.CDLL(None, use_errno=True)
_prctl = _libc.prctl
_prctl.argtypes = [ctypes.c_int, ctypes.c_ulong, ctypes.c_ulong, ctypes.c_ulong, ctypes.c_ulong]
_no_capabilities = (
    ctypes.c_long(syscalls.number("capset")),
    ctypes.create_string_buffer(struct.pack("=Ii", 0x20080522, 0), 8),
    ctypes.create_string_buffer(24),
)
_fork = ctypes.PyDLL(None).fork
_fork.restype = ctypes.c_int
_fork.argtypes = []


def fork() -> int:
    """Fork without Python's hooks, which repair locks and threads that a single-threaded process does not have.

    They cost as much again as the fork. The child's `random` goes on where the parent's was, so that a program takes
    the same course in every run.
    """
    pid: int = _fork()
    if pid < 0:
        raise BlockingIOError("fork")
    return pid


class Filter:
    """A seccomp filter in the form in which the kernel takes it."""

    def __init__(self, program: bytes):
        self._code = ctypes.create_string_buffer(program, len(program))
        fields = struct.pack("@HP", len(program) // 8, ctypes.addressof(self._code))
        self._header = ctypes.create_string_buffer(fields, len(fields))
        self._address = ctypes.addressof(self._header)

    def install(self) -> None:
        """Put it on this process. `OSError` when the kernel refuses."""
        if _prctl(_PR_SET_SECCOMP, _FILTER, self._address, 0, 0) != 0:
            raise OSError(ctypes.get_errno(), "seccomp")


def arrange(streams: Sequence[int], report: int, files: Sequence[int]) -> None:
    """Put the descriptors of the next run where it will find them.

    Args:
        streams: Become 0, 1 and 2.
        report: Becomes `REPORT`.
        files: Become `EXTRA` and following.
    """
    for target, fd in enumerate(streams):
        os.dup2(fd, target)
    os.dup2(report, REPORT)
    for at, fd in enumerate(files):
        os.dup2(fd, EXTRA + at)


def release(nothing: int, fds: Sequence[int], files: Sequence[int]) -> None:
    """After the fork: only the run may hold what it was given, or whoever reads a pipe never sees its end.

    Args:
        nothing: Takes the place of the streams.
        fds: Descriptors that the run was arranged from.
        files: Those of them that became `EXTRA` and following.
    """
    for target in range(3):
        os.dup2(nothing, target)
    os.close(REPORT)
    for fd in fds:
        os.close(fd)
    for at in range(len(files)):
        os.close(EXTRA + at)


def enter(limits: Sequence[tuple[int, tuple[int, int]]], *, in_namespace: bool) -> None:
    """Turn this process, a fork of a trusted one, into a confined one, but for the seccomp filter.

    Args:
        limits: RLIMIT_ constants with soft and hard limit.
        in_namespace: In a pid namespace its own end is seen to, and capabilities keep it from the others.
    """
    os.closerange(3, EXTRA)
    for kind, values in limits:
        resource.setrlimit(kind, values)
    if _libc.syscall(*_no_capabilities) != 0:
        raise OSError(ctypes.get_errno(), "capset")
    if not in_namespace:
        _prctl(_PR_SET_PDEATHSIG, 9, 0, 0, 0)
        _prctl(_PR_SET_DUMPABLE, 1, 0, 0, 0)  # its own files in /proc are its own
