"""The memory group of a worker, through files that were opened outside: a worker can't see the group file system."""

import os

FILES = {
    True: ("memory.max", "memory.stat", "memory.events"),
    False: ("memory.limit_in_bytes", "memory.stat", "memory.oom_control"),
}
"""What is opened, by whether the hierarchy is the unified one: limit, statistics, events."""

SWAP = {True: "memory.swap.max", False: "memory.memsw.limit_in_bytes"}
"""What is opened besides where the kernel counts swap."""


class MemoryFiles:
    """Limit and counters of one control group.

    The whole worker is in the group, so that a run pays nothing to enter one; its own processes are allowed for.

    Args:
        unified: Version 2.
        fds: Descriptors of `FILES`, and of `SWAP` if there is one.
    """

    def __init__(self, unified: bool, fds: list[int]):
        self._unified = unified
        self._score: int | None = None
        self.proc: int | None = None
        """Descriptor of a /proc that can be written to, where the one that runs see can't."""
        self._kills = 0
        self._limit, self._stat, self._events = fds[:3]
        self._swap = fds[3] if len(fds) > 3 else None

    def limit(self, memory: int | None) -> None:
        """Allow so many bytes besides what the worker itself holds now; None: no limit."""
        bound = (b"max" if self._unified else b"-1") if memory is None else b"%d" % (memory + self._held())
        if self._unified:
            if self._swap is not None:
                os.pwrite(self._swap, b"0", 0)
            os.pwrite(self._limit, bound, 0)
            return
        # Version 1 wants swap at least as large as memory at every moment.
        os.pwrite(self._limit if self._swap is None else self._swap, b"-1", 0)
        os.pwrite(self._limit, bound, 0)
        if self._swap is not None:
            os.pwrite(self._swap, bound, 0)

    def start(self) -> None:
        """Count kills from here."""
        self._kills = self._count_kills()

    def killed(self) -> bool:
        """Whether the kernel killed a process for lack of memory since `start`, or since this was last asked."""
        before, self._kills = self._kills, self._count_kills()
        return self._kills > before

    def _count_kills(self) -> int:
        for line in os.pread(self._events, 4096, 0).splitlines():
            if line.startswith(b"oom_kill "):
                return int(line.split()[1])
        return 0

    def weigh_next(self) -> None:
        """Make the next fork, and this process until `weigh_self`, the first choice when memory runs out."""
        if self._score is None:
            try:
                place = "/proc/self/oom_score_adj" if self.proc is None else "self/oom_score_adj"
                self._score = os.open(place, os.O_WRONLY | os.O_CLOEXEC, dir_fd=self.proc)
            except OSError:  # Landlock refuses it; then the largest process is chosen, which is the run
                self._score = -1
        if self._score >= 0:
            os.pwrite(self._score, b"1000", 0)

    def weigh_self(self) -> None:
        """Take that back for this process."""
        if self._score is not None and self._score >= 0:
            os.pwrite(self._score, b"0", 0)

    def forked(self) -> None:
        """In a fork that is to weigh its own: the file is that of one process."""
        if self._score is not None and self._score >= 0:
            os.close(self._score)
        self._score = None

    def _held(self) -> int:
        wanted = (b"anon", b"kernel", b"shmem") if self._unified else (b"total_rss", b"total_shmem")
        pairs = (line.split() for line in os.pread(self._stat, 65536, 0).splitlines())
        return sum(int(value) for key, value in pairs if key in wanted)
