"""A warmed interpreter that forks programs."""

import contextlib
import ctypes
import gc
import importlib
import os
import select
import signal
import sys

from forge_envs.sandbox.judge.inside import confine, premap, program, rehearse, wire
from forge_envs.sandbox.judge.inside.place import Place

STANDARD = """
_sitebuiltins array atexit bisect cmath collections contextlib copy datetime decimal enum fractions functools heapq io
itertools json math numbers operator os queue random re string struct sys threading time traceback types typing
""".split()
"""What contest programs import; a module that is loaded here costs a run nothing."""

FRAMES = 8
"""Frames of ours below a program, which the recursion limit is not to count."""

THREAD_STACK = 8 * 2**20
"""Default stack of threads: what they would get under the usual limit, which is lifted here."""

_FATAL = (signal.SIGXCPU, signal.SIGSEGV, signal.SIGABRT, signal.SIGBUS)


def warm(kind: str, packages: str) -> None:
    """Load what programs of a kind need: `bare` nothing, `std` the standard library, `numpy` that too.

    Args:
        kind: One of these.
        packages: Folder of the third-party packages that programs may import.
    """
    if kind == "bare":
        return
    sys.path.append(packages)
    for name in STANDARD:
        importlib.import_module(name)
    _default_stack()
    sys.setrecursionlimit(sys.getrecursionlimit() + FRAMES)
    if hasattr(sys, "set_int_max_str_digits"):
        sys.set_int_max_str_digits(0)  # it guards servers; here CPU time is limited, and contests have long integers
    import builtins

    quitter = sys.modules["_sitebuiltins"].Quitter  # what -S leaves out
    builtins.exit, builtins.quit = quitter("exit", "Use exit()"), quitter("quit", "Use quit()")
    if kind == "numpy":
        with contextlib.suppress(ImportError):  # then importing it is the program's error
            importlib.import_module("numpy")


def _default_stack() -> None:
    libc = ctypes.CDLL(None)
    attributes = ctypes.create_string_buffer(256)
    if hasattr(libc, "pthread_setattr_default_np") and libc.pthread_attr_init(attributes) == 0:
        libc.pthread_attr_setstacksize(attributes, ctypes.c_size_t(THREAD_STACK))
        libc.pthread_setattr_default_np(attributes)


def serve(control: wire.Socket, kind: str, place: Place) -> None:
    """Fork programs until the host closes the channel."""
    for name in [name for name in sys.modules if name == "forge_envs" or name.startswith("forge_envs.")]:
        del sys.modules[name]
    with contextlib.suppress(OSError):  # no /proc, no gain
        premap.keep_in_forks()
    if kind != "bare":
        rehearse.forked(place)
        rehearse.alone()
    place.give_back(place.reserve())  # for the first program
    wire.send(control, {"warm": kind})
    running: dict[int, tuple[int, wire.Socket, str, int | None]] = {}
    poller = select.poll()
    poller.register(control, select.POLLIN)
    gc.disable()
    gc.collect()
    gc.freeze()
    while True:
        for fd, _ in poller.poll():
            if fd in running:
                poller.unregister(fd)
                pid, sock, kind_, namespace = running.pop(fd)
                _bury(fd, pid, sock, kind_)
                place.give_back(namespace)
                continue
            message = wire.receive(control)
            if message is None:
                return
            header, _, fds = message
            sock = wire.attach(fds[0])
            if "case" in header:
                program.once(sock, header, fds[1:], place)
                sock.close()
                continue
            namespace = None if header.get("forks") else place.reserve()
            place.fork_beside()
            pid = confine.fork()
            if pid == 0:
                control.close()
                for pidfd, (_, other, _, _) in running.items():
                    os.close(pidfd)
                    other.close()
                place.own(namespace)
                program.serve(sock, header, fds[1:], place)
                os._exit(0)
            for fd_ in fds[1:]:
                os.close(fd_)
            pidfd = os.pidfd_open(pid)
            running[pidfd] = (pid, sock, header["kind"], namespace)
            poller.register(pidfd, select.POLLIN)


def _bury(pidfd: int, pid: int, sock: wire.Socket, kind: str) -> None:
    """Collect a program that ended. The host sees the end of its channel only now: with a reason, if source killed it.

    After compiling a program runs nothing but its own few functions, so these signals mean that the compiler fell.
    """
    os.close(pidfd)
    number = os.WTERMSIG(status) if os.WIFSIGNALED(status := os.waitpid(pid, 0)[1]) else 0
    if kind == "python" and number in _FATAL:
        with contextlib.suppress(OSError):  # the host may not wait for it any more
            wire.send(sock, {"compile_error": f"the compiler ended by {signal.Signals(number).name}"})
    sock.close()
