"""Judge workers that the environments of a process share: opened by the first, closed after the last."""

import os
import threading
import weakref

from forge_envs.code_contest.judge import open_pool
from forge_envs.sandbox.base import Isolation
from forge_envs.sandbox.judge import WorkerPool


class SharedPool:
    """A pool that lives as long as someone holds this object.

    Args:
        workers: How many; None is one per core.
        isolation: As `open_pool` takes it.
    """

    def __init__(self, workers: int | None, isolation: Isolation):
        self.pool = open_pool(workers=workers, isolation=isolation)
        self._closer = weakref.finalize(self, _close, self.pool, os.getpid())


def _close(pool: WorkerPool, owner: int) -> None:
    if os.getpid() == owner:  # a forked child inherits the object, but the workers are its parent's
        pool.close()


_lock = threading.Lock()
_shared: "weakref.WeakValueDictionary[tuple[object, ...], SharedPool]" = weakref.WeakValueDictionary()


def shared_pool(*, workers: int | None = None, isolation: Isolation = "auto") -> SharedPool:
    """This process's pool of that kind. Starts nothing before it is used.

    Args:
        workers: How many; None is one per core.
        isolation: As `open_pool` takes it.
    """
    key = (os.getpid(), workers, isolation)
    with _lock:
        found = _shared.get(key)
        if found is None:
            found = _shared[key] = SharedPool(workers, isolation)
        return found
