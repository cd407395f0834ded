"""The workers of a pool: lent to one caller at a time, started when needed, replaced when they died."""

import contextlib
import os
import threading
from collections.abc import Iterator

from forge_envs.core.errors import ConfigError, SandboxError
from forge_envs.sandbox.base import Tier
from forge_envs.sandbox.judge import leftovers
from forge_envs.sandbox.judge.types import JudgeSpec
from forge_envs.sandbox.judge.worker import TierRefused, Worker, WorkerDied

TIERS: dict[str, tuple[Tier, ...]] = {
    "auto": ("A", "B"),
    "namespaces": ("A",),
    "landlock": ("B",),
    "none": ("C",),
}


class Crew:
    """Up to `spec.workers` workers. Safe for many threads."""

    def __init__(self, spec: JudgeSpec):
        if spec.isolation not in TIERS:
            raise ConfigError(f"JudgeSpec.isolation is one of {', '.join(TIERS)}, not {spec.isolation!r}")
        size = len(os.sched_getaffinity(0)) if spec.workers is None else spec.workers
        if size < 1 or spec.attempts < 1:
            raise ConfigError("JudgeSpec.workers and JudgeSpec.attempts have to be at least 1")
        self.spec = spec
        self._free = threading.Condition()
        self._slots = list(range(size))
        self._idle: list[tuple[int, Worker]] = []
        self._busy: list[Worker] = []
        self._tiers = TIERS[spec.isolation]
        self._owner = os.getpid()
        self._closed = False

    @contextlib.contextmanager
    def worker(self) -> Iterator[Worker]:
        """Borrow a worker, waiting for one if need be. A body that raises `WorkerDied` has it ended for good.

        Raises:
            SandboxError: The pool is closed, or the machine allows no worker.
        """
        slot, worker = self._take()
        alive = False
        try:
            if worker is None:
                worker = self._start(slot)
            with self._free:
                self._busy.append(worker)
                self.check_open()  # it may have been closed while the worker started
            yield worker
            alive = True
        except WorkerDied:
            raise
        except BaseException:  # the caller's own error, the worker is well
            alive = worker is not None
            raise
        finally:
            self._give_back(slot, worker, alive)

    def close(self) -> None:
        """End every worker. Twice is fine."""
        if self._owner != os.getpid():
            return
        with self._free:
            self._closed = True
            workers = [worker for _, worker in self._idle] + self._busy
            self._idle.clear()
            self._free.notify_all()
        for worker in workers:
            worker.end()
        for worker in workers:
            worker.close()

    def check_open(self) -> None:
        """Raise `SandboxError` if the pool was closed."""
        if self._closed:
            raise SandboxError("The worker pool is closed.")

    def _take(self) -> tuple[int, Worker | None]:
        if self._owner != os.getpid():
            self._forget_parent()
        with self._free:
            while not self._closed and not self._idle and not self._slots:
                self._free.wait()
            self.check_open()
            if self._idle:
                return self._idle.pop()
            return self._slots.pop(0), None

    def _give_back(self, slot: int, worker: Worker | None, alive: bool) -> None:
        with self._free:
            if worker in self._busy:
                self._busy.remove(worker)
            if worker is not None and alive and not self._closed:
                self._idle.append((slot, worker))
                worker = None
            else:
                self._slots.append(slot)
            self._free.notify()
        if worker is not None:
            worker.close()

    def _start(self, slot: int) -> Worker:
        leftovers.reclaim()
        refused = []
        for tier in self._tiers:
            try:
                worker = Worker(self.spec, tier, slot)
            except TierRefused as error:
                refused.append(f"{tier}: {error}")
                continue
            self._tiers = (tier,)
            return worker
        raise SandboxError(
            "This machine allows no isolation for judge workers (" + "; ".join(refused) + "). "
            'JudgeSpec(isolation="none") runs without it.'
        )

    def _forget_parent(self) -> None:
        """In a forked child: the parent's workers are not ours."""
        self._free = threading.Condition()
        for worker in [worker for _, worker in self._idle] + self._busy:
            worker.close()
        self._slots += [slot for slot, _ in self._idle]
        self._idle.clear()
        self._busy.clear()
        self._owner = os.getpid()
