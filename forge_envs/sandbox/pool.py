"""Opening sandboxes by their spec, and keeping some warm."""

import contextlib
import threading
import weakref
from collections import deque
from collections.abc import Iterator

from forge_envs.core.errors import ConfigError, SandboxError
from forge_envs.sandbox.base import Sandbox, SandboxSpec


def open_sandbox(spec: SandboxSpec) -> Sandbox:
    """Start a sandbox. Close it, or leave it to the garbage collector.

    Raises:
        ConfigError: The spec does not fit its backend.
        SandboxError: The machine can't isolate as wished; the message says what it refuses and what can be done.
    """
    if spec.backend == "local":
        from forge_envs.sandbox.local import LocalSandbox

        return LocalSandbox(spec)
    if spec.backend == "docker":
        from forge_envs.sandbox.docker import DockerSandbox

        return DockerSandbox(spec)
    raise ConfigError(f"Unknown sandbox backend {spec.backend!r}: use 'local' or 'docker'.")


class Pool:
    """Warm sandboxes of one spec, for many threads. Each is handed out once and closed when it comes back.

    Args:
        spec: What to start.
        warm: How many to keep ready; a background thread replaces those that were taken.
        boots: How many may start at the same moment.
        most: How many may be lent at once; `take` waits for one. None: no limit.
    """

    def __init__(self, spec: SandboxSpec, *, warm: int = 2, boots: int = 2, most: int | None = None):
        if warm < 0 or boots < 1 or (most is not None and most < 1):
            raise ConfigError("Pool: warm is at least 0, boots and most at least 1.")
        self.spec = spec
        self._warm = warm
        self._boots = threading.BoundedSemaphore(boots)
        self._places = None if most is None else threading.BoundedSemaphore(most)
        self._ready: deque[Sandbox] = deque()
        self._lock = threading.Lock()
        self._closed = False
        self._filler: threading.Thread | None = None
        self._finalizer = weakref.finalize(self, _close_all, self._ready)

    def __len__(self) -> int:
        """How many are ready."""
        return len(self._ready)

    def fill(self) -> None:
        """Start sandboxes until `warm` are ready. Optional: `take` starts one where none is.

        Raises:
            SandboxError: One could not be had.
        """
        while not self._closed and len(self._ready) < self._warm:
            self._keep(self._boot())

    @contextlib.contextmanager
    def take(self, timeout_s: float | None = None) -> Iterator[Sandbox]:
        """A fresh sandbox for the length of a `with` block; one that died while it waited is replaced.

        Args:
            timeout_s: Seconds to wait where `most` are lent.

        Raises:
            SandboxError: None could be had.
        """
        if self._closed:
            raise SandboxError("This pool is closed.")
        if self._places is not None and not self._places.acquire(timeout=timeout_s):
            raise SandboxError(
                f"No sandbox became free within {timeout_s:g} s: {self.spec.profile}, {self.spec.backend}."
            )
        try:
            sandbox = self._living() or self._boot()
            self._refill()
            try:
                yield sandbox
            finally:
                sandbox.close()
        finally:
            if self._places is not None:
                self._places.release()

    def close(self) -> None:
        """Close those that are ready; those that are lent close when they come back. Twice is fine."""
        with self._lock:
            self._closed = True
            filler = self._filler
        if filler is not None:
            filler.join()
        _close_all(self._ready)

    def __enter__(self) -> "Pool":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _living(self) -> Sandbox | None:
        while True:
            try:
                sandbox = self._ready.popleft()
            except IndexError:
                return None
            if sandbox.alive():
                return sandbox
            sandbox.close()

    def _boot(self) -> Sandbox:
        with self._boots:
            return open_sandbox(self.spec)

    def _keep(self, sandbox: Sandbox) -> None:
        with self._lock:
            if not self._closed:
                self._ready.append(sandbox)
                return
        sandbox.close()

    def _refill(self) -> None:
        with self._lock:
            busy = self._filler is not None and self._filler.is_alive()
            if self._closed or busy or len(self._ready) >= self._warm:
                return
            self._filler = threading.Thread(target=self._fill_quietly, name="forge-sandbox-pool", daemon=True)
            self._filler.start()

    def _fill_quietly(self) -> None:
        # The next `take` meets the same failure and raises it to somebody who can act.
        with contextlib.suppress(SandboxError):
            self.fill()


def _close_all(sandboxes: deque[Sandbox]) -> None:
    while sandboxes:
        with contextlib.suppress(IndexError):
            sandboxes.popleft().close()
