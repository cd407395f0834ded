"""An environment in a thread of its own, called from an event loop."""

import asyncio
import queue
import threading
from collections.abc import Callable
from typing import Any, TypeVar

from forge_envs.core.errors import SandboxError

T = TypeVar("T")


class EnvThread:
    """One environment in one daemon thread: a call that never returns can't keep the process alive.

    Args:
        make_env: Makes the environment, at the first call and in the thread.
    """

    def __init__(self, make_env: Callable[[], Any]):
        self._make, self.env, self.stuck = make_env, None, False  # type: Callable[[], Any], Any, bool
        self.mode = ""  # the environment's own reward mode; a reset with another one changes the environment's
        self._calls: queue.SimpleQueue[Any] = queue.SimpleQueue()
        self._thread = threading.Thread(target=self._loop, name="forge-env", daemon=True)
        self._thread.start()

    async def call(self, function: Callable[[Any], T], timeout: float) -> T:
        """Run a function of the environment in its thread.

        Raises:
            SandboxError: It did not return in time; the environment is given up.
        """
        loop = asyncio.get_running_loop()
        future: asyncio.Future[tuple[Any, BaseException | None]] = loop.create_future()
        self._calls.put((function, loop, future))
        done: Any = ()
        try:
            done, _ = await asyncio.wait([future], timeout=timeout)
        finally:
            self.stuck = not done  # also if the run is cancelled: then nobody waits for the call
        if not done:
            raise SandboxError(f"The environment did not return within {timeout:g} s.")
        result, error = future.result()
        if error is None:
            return result
        if isinstance(error, Exception):
            raise error
        raise RuntimeError(f"The environment raised {type(error).__name__}: {error}") from error

    def stop(self) -> None:
        """Have the environment closed and the thread end, once the call that it is in returns."""
        self._calls.put(None)

    def join(self, timeout: float) -> None:
        """Wait until the environment is closed; not for one that is stuck."""
        if not self.stuck:
            self._thread.join(max(timeout, 0.0))

    def _loop(self) -> None:
        while (item := self._calls.get()) is not None:
            function, loop, future = item
            try:
                if self.env is None:
                    self.env = self._make()
                    self.mode = self.env.unwrapped.mode
                result, error = function(self.env), None
            except BaseException as raised:  # an environment that calls sys.exit ends its episode, not its thread
                result, error = None, raised
            try:
                loop.call_soon_threadsafe(_settle, future, (result, error))
            except RuntimeError:  # the loop has ended: nobody waits for this call any more
                break
        if self.env is not None:
            self.env.close()


def _settle(future: Any, result: Any) -> None:
    if not future.done():
        future.set_result(result)
