"""A process of a container: an exec whose streams stay open, ended through the container's supervisor."""

import contextlib
import select
import signal
import time
import weakref
from collections.abc import Mapping
from typing import Any

from forge_envs.core.errors import SandboxError
from forge_envs.sandbox.docker_exec import STDOUT, Demux
from forge_envs.sandbox.docker_supervisor import Hijacked, Supervisor
from forge_envs.sandbox.process import Ending
from forge_envs.sandbox.pump import ENDING_S

_CHUNK = 2**16
_ASK_S = 0.5  # a daemon may hold the streams open: now and then the engine is asked whether the process has ended


class DockerProcess:
    """See `forge_envs.sandbox.process.Process`.

    Args:
        api: The SDK's low-level client.
        container: Where it is to run; of all that runs there nothing outlives it.
        supervisor: Of the container.
        argv: The program; its stderr goes to its stdout.
        env: Environment variables.
    """

    def __init__(self, api: Any, container: str, supervisor: Supervisor, argv: list[str], env: Mapping[str, str]):
        self._api, self._supervisor = api, supervisor
        variables = [f"{name}={value}" for name, value in env.items()]
        self._exec = api.exec_create(container, argv, stdin=True, environment=variables)["Id"]
        self._connection = Hijacked(api, "/exec/{0}/start", self._exec, data={"Tty": False, "Detach": False})
        self._finalizer = weakref.finalize(self, self._connection.close)
        self._demux = Demux(most=2**62)
        self._demux.feed(self._connection.early)
        self._over = False
        self._ending: Ending | None = None

    def send(self, data: bytes, *, timeout_s: float) -> None:
        """See `Process.send`."""
        until, view, sock = time.monotonic() + timeout_s, memoryview(data), self._connection.sock
        while view and self._ending is None and not self._over:
            try:
                view = view[sock.send(view[:_CHUNK]) :]
            except BlockingIOError:
                if not select.select([], [sock], [], max(until - time.monotonic(), 0))[1]:
                    raise TimeoutError("The process does not read.") from None
            except OSError:
                return

    def receive(self, timeout_s: float) -> bytes | None:
        """See `Process.receive`."""
        until = time.monotonic() + timeout_s
        while True:
            held = self._demux.streams[STDOUT]
            if held:
                data = bytes(held)
                held.clear()
                return data
            if self._ending is not None:
                return None
            if self._over:
                self._ending = self._inspected()
                return None
            left = until - time.monotonic()
            poll = select.poll()
            poll.register(self._connection.sock, select.POLLIN)
            if poll.poll(max(min(left, _ASK_S), 0) * 1000):
                self._read()
            elif left <= 0:
                return b""
            elif not self._running():
                self._end_all()

    def ending(self) -> Ending | None:
        """See `Process.ending`."""
        return self._ending

    def close(self) -> None:
        """See `Process.close`.

        Raises:
            SandboxError: It can't be ended.
        """
        if self._finalizer.alive and self._ending is None:
            self._end_all()
            until = time.monotonic() + ENDING_S
            while not self._over and time.monotonic() < until:
                self.receive(0.1)
            if not self._over:
                raise SandboxError(f"A process did not end within {ENDING_S:g} s of being stopped.")
            self._ending = Ending("signaled", signal=signal.SIGKILL)
        self._finalizer()

    def _read(self) -> None:
        try:
            data = self._connection.sock.recv(_CHUNK)
        except BlockingIOError:
            return
        except OSError:
            data = b""
        self._over = not data
        self._demux.feed(data)

    def _running(self) -> bool:
        import docker
        import requests

        try:
            return bool(self._api.exec_inspect(self._exec)["Running"])
        except docker.errors.NotFound:
            return False
        except (docker.errors.DockerException, requests.exceptions.RequestException) as error:
            raise SandboxError(f"The Docker daemon can't be asked about a process: {error}") from error

    def _end_all(self) -> None:
        import docker
        import requests

        # Where the container is gone already, the stream ends too.
        with contextlib.suppress(SandboxError, docker.errors.DockerException, requests.exceptions.RequestException):
            self._supervisor.end_all()

    def _inspected(self) -> Ending:
        import docker
        import requests

        self._end_all()
        try:
            code = self._api.exec_inspect(self._exec)["ExitCode"]
        except (docker.errors.DockerException, requests.exceptions.RequestException):
            code = None
        if code is None:
            return Ending("signaled")
        return Ending("signaled", signal=code - 128) if 128 < code <= 192 else Ending("exited", exit_code=code)
