"""What a program needs to know of its worker. Plain classes here and beside: each module loaded costs every fork."""

import mmap
import os
import signal
from collections.abc import Callable

from forge_envs.sandbox.judge.inside import confine
from forge_envs.sandbox.judge.inside.confine import Filter
from forge_envs.sandbox.judge.inside.memory import MemoryFiles
from forge_envs.sandbox.linux import syscalls

Job = Callable[[], None]
"""What the forked child does once confined; it does not return."""


class Place:
    """The worker's side of isolation, prepared before the first program.

    Args:
        pid_namespace: Descriptor of the worker's own, or None where there are none.
        filter: Seccomp filter of a run; None in tier C.
        process_filter: Of a command that may start processes.
        alone: Makes a filter that keeps signals to the process itself, where no namespace does.
        memory: Files of the worker's memory group, or None.
        landlock: Ruleset that refuses every write, or None.
        count_processes: RLIMIT_NPROC counts for the worker alone.
    """

    def __init__(
        self,
        *,
        pid_namespace: int | None = None,
        filter: Filter | None = None,
        process_filter: Filter | None = None,
        alone: Callable[[int], Filter] | None = None,
        memory: MemoryFiles | None = None,
        landlock: int | None = None,
        count_processes: bool = False,
    ):
        self.pid_namespace = pid_namespace
        self.filter = filter
        self.process_filter = process_filter
        self.alone = alone
        self.memory = memory
        self.landlock = landlock
        self.count_processes = count_processes
        self.nothing = os.open("/dev/null", os.O_RDWR | os.O_CLOEXEC)
        self._spare: list[int] = []
        self._firsts: dict[int, int] = {}
        self.own()

    def own(self, namespace: int | None = None) -> None:
        """In a fork: take what must not be shared with the process that it was forked from.

        That is a page which each run shares until foreign code starts: its first byte says that the run was confined;
        else the trouble stands behind it.

        Args:
            namespace: From `reserve`, for the runs.
        """
        if self.memory:
            self.memory.forked()
        self._runs = namespace
        self.page = mmap.mmap(-1, mmap.PAGESIZE)

    def reserve(self) -> int | None:
        """A pid namespace for the runs of one program, one after the other; None where there are no namespaces.

        The first process of a namespace gets no signal that it has no handler for, so a program that killed itself
        would go on. Here the first is one that only waits. The next fork of this process goes into it.
        """
        if self.pid_namespace is None or self._spare:
            return self._spare.pop() if self._spare else None
        self.fork_first()
        pid = confine.fork()
        if pid == 0:
            _wait_for_ever()
        namespace = os.open("/proc/self/ns/pid_for_children", os.O_RDONLY | os.O_CLOEXEC)
        self._firsts[namespace] = pid
        return namespace

    def give_back(self, namespace: int | None) -> None:
        """A program has ended: the next one can have its namespace. One is kept, since few programs run at once."""
        if namespace is None:
            return
        if not self._spare:
            self._spare.append(namespace)
            return
        first = self._firsts.pop(namespace)
        os.close(namespace)
        os.kill(first, signal.SIGKILL)
        os.waitpid(first, 0)

    def fork_beside(self) -> None:
        """Make the next fork of this process one in the worker's own namespace."""
        if self.pid_namespace is not None:
            syscalls.setns(self.pid_namespace, syscalls.CLONE_NEWPID)

    def fork_first(self) -> None:
        """Make the next fork of this process the first of a new namespace, which ends with it."""
        if self.pid_namespace is not None:
            self.fork_beside()
            syscalls.unshare(syscalls.CLONE_NEWPID)

    def fork_run(self) -> None:
        """Make the next fork of this process one in the namespace for runs."""
        if self.pid_namespace is not None:
            self._runs = self.reserve() if self._runs is None else self._runs
            assert self._runs is not None
            syscalls.setns(self._runs, syscalls.CLONE_NEWPID)

    def intact(self) -> bool:
        """Whether the namespace for runs still has its first process; without it the kernel kills what is in it."""
        if self._runs is None:
            return True
        try:
            child = confine.fork()
        except OSError:
            return False
        if child == 0:
            os._exit(0)
        os.waitpid(child, 0)
        return True


def _wait_for_ever() -> None:
    """Be the first process of a namespace, until its parent ends."""
    try:
        signal.signal(signal.SIGINT, signal.SIG_DFL)  # Python's handler: the one signal that would reach it
        syscalls.die_with_parent()
        syscalls.close_range(0)
        while True:
            signal.pause()
    finally:
        os._exit(1)
