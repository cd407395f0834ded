"""Lets forked children start with the interpreter's code in place.

A fork does not copy the page tables of a file that was only read; the child takes a fault for every few pages that it
executes. A mapping with a page of its own is copied as it stands. So one byte of each large one is written over with
itself: the child saves some forty faults, which are a tenth of a run.
"""

import ctypes
import os

_READ, _WRITE, _EXECUTE = 1, 2, 4
_LIBRARIES = ("libpython", "python3", "libc.so", "libc-", "ld-linux", "libm.so", "_ctypes", "libffi")


def keep_in_forks() -> None:
    """Do it for the interpreter and the C library. Where a policy refuses writable code, nothing changes."""
    libc = ctypes.CDLL(None)
    libc.mprotect.argtypes = [ctypes.c_size_t, ctypes.c_size_t, ctypes.c_int]
    with open("/proc/self/maps") as file:
        lines = file.read().splitlines()
    for line in lines:
        fields = line.split(maxsplit=5)
        if len(fields) < 6 or fields[1] not in ("r-xp", "r--p") or not _wanted(fields[5]):
            continue
        start, end = (int(number, 16) for number in fields[0].split("-"))
        rights = _READ | (_EXECUTE if "x" in fields[1] else 0)
        if libc.mprotect(start, end - start, rights | _WRITE) == 0:
            ctypes.memmove(start, start, 1)
            libc.mprotect(start, end - start, rights)


def _wanted(path: str) -> bool:
    return os.path.basename(path).startswith(_LIBRARIES)
