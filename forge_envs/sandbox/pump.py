"""Read what a run writes, while it runs, and decide when it has had enough."""

import os
import select
import time
from collections.abc import Callable
from dataclasses import dataclass, field

from forge_envs.core.errors import SandboxError
from forge_envs.sandbox.base import Ended

ENDING_S = 15.0
"""What a run that was told to end may take before the sandbox counts as lost."""

_CHUNK = 2**18


@dataclass
class Output:
    """What was read of each stream, and the limit that was hit."""

    streams: dict[int, bytearray] = field(default_factory=dict)
    ended: Ended | None = None
    wall_s: float = 0.0


def pump(
    streams: list[int],
    other: dict[int, Callable[[bytes], None]],
    *,
    most: int,
    wall_s: float,
    check: Callable[[], tuple[Ended | None, float]],
    stop: Callable[[], object],
) -> Output:
    """Read until every descriptor has ended.

    Args:
        streams: Output of the run; at most `most` bytes of each are kept, and more end the run.
        other: Descriptors whose bytes go to a function.
        most: Bytes.
        wall_s: Seconds until the run is stopped.
        check: Called now and then: a limit that was hit or None, and after how many seconds to ask again.
        stop: Ends the run.

    Raises:
        SandboxError: The run did not end although it was stopped.
    """
    output = Output({fd: bytearray() for fd in streams})
    poll, left = select.poll(), {*streams, *other}
    for fd in left:
        os.set_blocking(fd, False)
        poll.register(fd, select.POLLIN)
    start = time.monotonic()
    deadline, ask = start + wall_s, start

    def end(reason: Ended) -> None:
        nonlocal deadline
        if output.ended is None:
            output.ended, deadline = reason, time.monotonic() + ENDING_S
            stop()

    while left:
        now = time.monotonic()
        if output.ended is None and now >= ask:
            reason, pause = check()
            ask = now + pause
            if reason:
                end(reason)
        if now >= deadline:
            if output.ended:
                raise SandboxError(f"A run did not end within {ENDING_S:g} s of being stopped ({output.ended}).")
            end("wall_limit")
        until = deadline if output.ended else min(deadline, ask)
        for fd, _ in poll.poll(max(until - time.monotonic(), 0) * 1000 + 1):
            data = _read(fd)
            if data is None:
                continue
            if not data:
                poll.unregister(fd)
                left.discard(fd)
            elif fd in other:
                other[fd](data)
            else:
                kept = output.streams[fd]
                room = most - len(kept)
                kept += data[:room]
                if len(data) > room:
                    end("output_limit")
    output.wall_s = time.monotonic() - start
    return output


def _read(fd: int) -> bytes | None:
    try:
        return os.read(fd, _CHUNK)
    except BlockingIOError:
        return None
