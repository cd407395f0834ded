"""One command in a container: what it writes is read while it runs, and the limits are watched from outside."""

import contextlib
import select
import socket
import struct
import time
from collections.abc import Callable
from dataclasses import dataclass, field

from forge_envs.core.errors import SandboxError
from forge_envs.sandbox.base import Ended
from forge_envs.sandbox.pump import ENDING_S

STDOUT, STDERR = 1, 2
_CHUNK = 2**18


@dataclass
class Demux:
    """Takes Docker's stream apart: frames of one byte stream, three zero bytes, length, payload."""

    most: int
    streams: dict[int, bytearray] = field(default_factory=lambda: {STDOUT: bytearray(), STDERR: bytearray()})
    overflowed: bool = False
    _header: bytes = b""
    _left: int = 0
    _stream: int = STDOUT

    def feed(self, data: bytes) -> None:
        """Take the next bytes, however they were cut."""
        view = memoryview(data)
        while view:
            if self._left == 0:
                need = 8 - len(self._header)
                self._header += bytes(view[:need])
                view = view[need:]
                if len(self._header) == 8:
                    self._stream, self._left = struct.unpack(">BxxxI", self._header)
                    self._header = b""
                continue
            part, view = view[: self._left], view[self._left :]
            self._left -= len(part)
            kept = self.streams.setdefault(self._stream, bytearray())
            room = self.most - len(kept)
            kept += part[:room]
            self.overflowed = self.overflowed or len(part) > room


def converse(
    sock: socket.socket,
    stdin: bytes,
    demux: Demux,
    *,
    wall_s: float,
    check: Callable[[], tuple[Ended | None, float]],
    stop: Callable[[], object],
) -> Ended | None:
    """Feed stdin and read output until the stream ends; the limit that ended it, or None.

    Raises:
        SandboxError: The connection broke, or the command did not end although it was stopped.
    """
    sock.setblocking(False)
    rest = memoryview(stdin)
    ended: Ended | None = None
    start = time.monotonic()
    deadline = start + wall_s
    ask = start + 0.02
    poll = select.poll()
    poll.register(sock, select.POLLIN | select.POLLOUT)

    def end(reason: Ended) -> None:
        nonlocal ended, deadline
        if ended is None:
            ended, deadline = reason, time.monotonic() + ENDING_S
            stop()

    writing = True
    while True:
        if writing and not rest:
            writing = False
            poll.modify(sock, select.POLLIN)
            with contextlib.suppress(OSError):  # it has read what it wanted
                sock.shutdown(socket.SHUT_WR)
        now = time.monotonic()
        if now >= deadline:
            if ended:
                raise SandboxError(f"A command did not end within {ENDING_S:g} s of being stopped ({ended}).")
            end("wall_limit")
        elif ended is None and now >= ask:
            reason, pause = check()
            ask = time.monotonic() + pause
            if reason:
                end(reason)
        until = deadline if ended else min(deadline, ask)
        for _, event in poll.poll(max(until - time.monotonic(), 0) * 1000 + 1):
            if writing and event & select.POLLOUT:
                try:
                    rest = rest[sock.send(rest[:_CHUNK]) :]
                except BlockingIOError:
                    pass
                except OSError:
                    rest = memoryview(b"")
            if event & (select.POLLIN | select.POLLHUP | select.POLLERR):
                try:
                    data = sock.recv(_CHUNK)
                except BlockingIOError:
                    continue
                except OSError as error:
                    raise SandboxError(f"The connection to the Docker daemon broke: {error}") from error
                if not data:
                    return ended
                demux.feed(data)
                if demux.overflowed:
                    end("output_limit")
