"""One worker as the host sees it: its process outside, its control channel, its zygotes."""

import contextlib
import os
import shutil
import socket
import subprocess
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from forge_envs.sandbox.base import Tier
from forge_envs.sandbox.judge import leftovers, visible
from forge_envs.sandbox.judge.inside import wire
from forge_envs.sandbox.judge.types import JudgeSpec

BOX = "/box"
GRACE_S = 15.0
"""What a worker may take beyond a run's own limits before it counts as dead."""

_LAUNCH = Path(__file__).parent / "inside" / "launch.py"
_ENVIRONMENT = {
    "PATH": "/usr/local/bin:/usr/bin:/bin",
    "LANG": "C.UTF-8",
    "HOME": BOX,
    "LD_BIND_NOW": "1",  # a forked page less for every symbol that would be looked up late
    "PYTHONHASHSEED": "0",  # the same program takes the same course every time
    "OPENBLAS_NUM_THREADS": "1",
    "OMP_NUM_THREADS": "1",
    "MKL_NUM_THREADS": "1",
}


class WorkerDied(Exception):
    """The worker, or a part of it, is gone or does not answer; whatever it ran has to be repeated on another."""


class TierRefused(Exception):
    """The machine does not allow the tier; the message says why."""


class Worker:
    """A running worker. One thread at a time.

    Args:
        spec: What it shows of the machine.
        tier: How it isolates.
        slot: Its number in the pool.

    Raises:
        TierRefused: This machine does not allow the tier.
        WorkerDied: It did not start.
    """

    def __init__(self, spec: JudgeSpec, tier: Tier, slot: int):
        self.tier = tier
        self._timeout = spec.start_timeout_s
        self._zygotes: dict[str, socket.socket] = {}
        self._folders: list[str] = []
        self._scratch = None if tier == "A" else self._folder()
        self._boxes = 0
        self._owner = os.getpid()
        self._control, theirs = _pair()
        with theirs:
            self._process = subprocess.Popen(
                [visible.interpreter(), "-s", "-S", "-P", "-B", str(_LAUNCH), str(theirs.fileno())],
                pass_fds=[theirs.fileno()],
                env=_ENVIRONMENT,
                cwd="/",
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
                start_new_session=True,
            )
        seen = visible.describe(spec)
        config = {
            "tier": tier,
            "host": os.getpid(),
            "slot": slot,
            "box": BOX,
            "scratch": self._scratch,
            "group": "judge",
            "packages_folder": visible.PACKAGES if tier == "A" else self._link(seen["packages"]),
            **seen,
        }
        try:
            wire.send(self._control, config)
            answer = receive(self._control, self._timeout)[0]
            if "error" in answer:
                raise TierRefused(str(answer["error"]))
        except BaseException:
            self.close()
            raise

    @property
    def pid(self) -> int:
        """Process id of the process outside."""
        return self._process.pid

    def program(self, kind: str, header: dict[str, Any], fds: Sequence[int]) -> socket.socket:
        """Start a program in a zygote of a kind; gives the channel to it.

        Raises:
            WorkerDied: The worker is gone.
        """
        zygote = self._zygotes.get(kind) or self._start_zygote(kind)
        ours, theirs = _pair()
        try:
            with theirs:
                wire.send(zygote, header, fds=(theirs.fileno(), *fds))
        except OSError as error:
            ours.close()
            raise WorkerDied(f"the {kind} zygote is gone ({error})") from None
        return ours

    def box(self) -> str:
        """The folder of the next command, as the command sees it."""
        self._boxes += 1
        return BOX if self._scratch is None else f"{self._scratch}/{self._boxes}"

    def clear(self, box: str) -> None:
        """Remove the folder of a command that ended, where it is one of the host's."""
        if self._scratch is not None:
            shutil.rmtree(box, ignore_errors=True)

    def end(self) -> None:
        """Make it end, without waiting: whoever waits for an answer of it gets none."""
        with contextlib.suppress(OSError):
            self._control.shutdown(socket.SHUT_RDWR)

    def close(self) -> None:
        """End the worker and everything in it. Twice is fine."""
        for zygote in self._zygotes.values():
            zygote.close()
        self._zygotes.clear()
        self._control.close()
        if self._owner != os.getpid():  # inherited by a fork: not ours to end
            return
        try:
            self._process.wait(timeout=5)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        for folder in self._folders:
            shutil.rmtree(folder, ignore_errors=True)

    def _folder(self) -> str:
        self._folders.append(leftovers.folder())
        return self._folders[-1]

    def _link(self, packages: dict[str, str]) -> str:
        """A folder of links, where no mount can show packages under one roof."""
        folder = self._folder()
        for name, place in packages.items():
            os.symlink(place, f"{folder}/{name}")
        os.chmod(folder, 0o755)
        return folder

    def _start_zygote(self, kind: str) -> socket.socket:
        ours, theirs = _pair()
        try:
            with theirs:
                wire.send(self._control, {"kind": kind}, fds=[theirs.fileno()])
            receive(ours, self._timeout)
        except OSError as error:
            ours.close()
            raise WorkerDied(f"no {kind} zygote ({error})") from None
        except WorkerDied:
            ours.close()
            raise
        self._zygotes[kind] = ours
        return ours


def receive(sock: socket.socket, timeout: float) -> tuple[dict[str, Any], list[int]]:
    """The next message and the descriptors that came with it.

    Raises:
        WorkerDied: There is none in time, or none at all.
    """
    sock.settimeout(timeout)
    try:
        try:
            message = wire.receive(sock)
        except ConnectionResetError:  # told first when it ended with a request unread; its last words still wait
            message = wire.receive(sock)
    except (OSError, ValueError) as error:
        raise WorkerDied(f"no answer ({type(error).__name__})") from None
    if message is None:
        raise WorkerDied("it ended")
    return message[0], message[2]


def _pair() -> tuple[socket.socket, socket.socket]:
    return socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
