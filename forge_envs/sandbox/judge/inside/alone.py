"""A seccomp filter for machines without pid namespaces: a run can signal, limit and watch itself only."""

import errno
import functools
import struct

from forge_envs.sandbox.judge.inside.confine import Filter
from forge_envs.sandbox.linux import syscalls

_LD, _JEQ, _RET = 0x20, 0x15, 0x06
_ALLOW, _ERRNO = 0x7FFF0000, 0x00050000
_REFUSE = _ERRNO | errno.EPERM

# (x86_64, aarch64), from unistd_64.h and asm-generic
_TARGET_FIRST = {  # the first argument is a process or thread
    "kill": (62, 129),
    "tkill": (200, 130),
    "tgkill": (234, 131),
    "rt_sigqueueinfo": (129, 138),
    "rt_tgsigqueueinfo": (297, 240),
    "prlimit64": (302, 261),
    "sched_setaffinity": (203, 122),
    "sched_setscheduler": (144, 119),
    "sched_setparam": (142, 118),
    "sched_setattr": (314, 274),
    "setpgid": (109, 154),
}
_REFUSED = {
    "pidfd_open": (434, 434),
    "pidfd_send_signal": (424, 424),
    "setpriority": (141, 140),
    "ioprio_set": (251, 30),
    "setsid": (112, 157),
}
_PRCTL, _FCNTL, _IOCTL = (157, 167), (72, 25), (16, 29)
_PR_SET_PDEATHSIG, _F_SETOWN, _F_SETOWN_EX = 1, 8, 15
_FIOSETOWN, _SIOCSPGRP = 0x8901, 0x8902
_OWN = 0xFFFFFFFE
"""Stands for the process id until it is known."""


def filter_for(pid: int) -> Filter:
    """The filter of one process."""
    return Filter(_template().replace(struct.pack("=I", _OWN), struct.pack("=I", pid)))


@functools.cache
def _template() -> bytes:
    column = 0 if syscalls.machine() == "x86_64" else 1
    steps: list[tuple[int, int, int, int]] = [(_LD, 0, 0, 0)]
    for numbers in _TARGET_FIRST.values():
        check = [(_LD, 0, 0, 16), (_JEQ, 2, 0, _OWN), (_JEQ, 1, 0, 0), (_RET, 0, 0, _REFUSE), (_RET, 0, 0, _ALLOW)]
        steps += [(_JEQ, 0, len(check), numbers[column]), *check]
    for numbers in _REFUSED.values():
        steps += [(_JEQ, 0, 1, numbers[column]), (_RET, 0, 0, _REFUSE)]
    by_value = (
        (_PRCTL, 16, (_PR_SET_PDEATHSIG,)),
        (_FCNTL, 24, (_F_SETOWN, _F_SETOWN_EX)),
        (_IOCTL, 24, (_FIOSETOWN, _SIOCSPGRP)),
    )
    for numbers, offset, values in by_value:
        check = [(_LD, 0, 0, offset)]
        for value in values:
            check += [(_JEQ, 0, 1, value), (_RET, 0, 0, _REFUSE)]
        steps += [(_JEQ, 0, len(check) + 1, numbers[column]), *check, (_RET, 0, 0, _ALLOW)]
    steps.append((_RET, 0, 0, _ALLOW))
    return b"".join(struct.pack("=HBBI", *step) for step in steps)
