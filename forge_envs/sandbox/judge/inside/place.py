"""What a program needs to know of its worker. Plain classes here and beside: each module loaded costs every fork."""

import mmap
import os
from collections.abc import Callable

from forge_envs.sandbox.judge.inside.confine import Filter
from forge_envs.sandbox.judge.inside.memory import MemoryFiles

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
        self.own_page()

    def own_page(self) -> None:
        """Take a page of one's own, shared with each run until foreign code starts.

        Its first byte says that the run was confined; else the trouble stands behind it.
        """
        if self.memory:
            self.memory.forked()
        self.page = mmap.mmap(-1, mmap.PAGESIZE)
