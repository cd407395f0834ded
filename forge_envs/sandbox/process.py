"""A program that goes on beside others in a sandbox, and is talked to while it runs."""

from dataclasses import dataclass
from typing import Literal, Protocol, runtime_checkable

Ended = Literal["exited", "signaled", "cpu_limit", "wall_limit", "memory_limit", "output_limit"]


@dataclass(frozen=True)
class Ending:
    """How a process ended.

    Args:
        ended: ``exited``, ``signaled`` or ``memory_limit``; ``signaled`` also where it was killed from outside.
        exit_code: None when a signal or a limit ended it.
        signal: The signal's number, or None.
    """

    ended: Ended
    exit_code: int | None = None
    signal: int | None = None


@runtime_checkable
class Process(Protocol):
    """What `start` of a sandbox gives. One thread at a time.

    It lives in a process tree of its own: when its first process ends, all that it started ends. So it does on
    `close`, when this object or the sandbox goes, and when this Python ends.
    """

    def send(self, data: bytes, *, timeout_s: float) -> None:
        """Write to its stdin; what it can't read any more because it ended is dropped.

        Raises:
            TimeoutError: It does not read.
        """

    def receive(self, timeout_s: float) -> bytes | None:
        """Bytes of its stdout and stderr, together and in order.

        Returns:
            What is there; empty where nothing came in `timeout_s` seconds; None after its end, when all is read.
        """

    def ending(self) -> Ending | None:
        """How it ended; None until `receive` gave None."""

    def close(self) -> None:
        """End it and everything that it started. Twice is fine."""
