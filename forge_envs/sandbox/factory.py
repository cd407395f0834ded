"""The host's side of the factory: one per process and tier, started when first needed, gone when idle."""

import contextlib
import json
import os
import shutil
import socket
import subprocess
import tempfile
import threading
import weakref
from pathlib import Path
from typing import Any

from forge_envs.core.errors import SandboxError
from forge_envs.sandbox.base import Tier
from forge_envs.sandbox.keeper import wire
from forge_envs.sandbox.linux import cgroups, owners, userns
from forge_envs.sandbox.tiers import BOOT, INTERPRETER, machine

START_S = 60.0
FOLDER = "forge-sandbox-"

_factories: dict[Tier, "Factory"] = {}
_lock = threading.Lock()
_sockets: "weakref.WeakSet[socket.socket]" = weakref.WeakSet()


class Factory:
    """A running factory process; see `keeper/factory.py`.

    Raises:
        SandboxError: It did not start.
    """

    def __init__(self, tier: Tier):
        reclaim()
        self.tier = tier
        self.user = userns.outside_user(os.getpid(), 0)
        facts = machine() if tier != "C" else None
        self._lock = threading.Lock()
        folder = ""
        if tier != "A":
            folder = tempfile.mkdtemp(prefix=f"{FOLDER}{owners.tag()}-", dir=_places(tier)[0])
            os.chmod(folder, 0o711)
        self._sock, inside = pair()
        options = {
            "tier": tier,
            "user": self.user,
            "folder": folder,
            "proc": facts is not None and not facts.proc,
            "overlay": facts is not None and not facts.overlay,
        }
        code = "from forge_envs.sandbox.keeper import factory; factory.main(int(sys.argv[1]), sys.argv[2])"
        try:
            process = subprocess.Popen(
                [*INTERPRETER, "-c", BOOT + code, str(inside.fileno()), json.dumps(options)],
                pass_fds=[inside.fileno()],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
                cwd="/",
                env={},
                start_new_session=True,
            )
        finally:
            inside.close()
        threading.Thread(target=_reap, args=(process, folder), daemon=True, name="forge-sandbox-factory").start()
        self._sock.settimeout(START_S)
        ask(self._sock, None)

    def open(self, request: dict[str, Any], inside: socket.socket) -> None:
        """Have it fork a keeper that talks through `inside`.

        Raises:
            SandboxError: It is gone, or could not.
        """
        with self._lock:
            ask(self._sock, request, [inside.fileno()])


def _reap(process: "subprocess.Popen[bytes]", folder: str) -> None:
    process.wait()
    if folder:
        shutil.rmtree(folder, ignore_errors=True)


def open_keeper(tier: Tier, request: dict[str, Any]) -> socket.socket:
    """Start a sandbox's keeper; the socket to it. A factory that ended meanwhile is replaced once.

    Raises:
        SandboxError: It could not be had.
    """
    for attempt in (1, 2):
        with _lock:
            factory = _factories.get(tier)
            if factory is None:
                factory = _factories[tier] = Factory(tier)
        sock, inside = pair()
        try:
            factory.open(request, inside)
        except SandboxError:
            sock.close()
            with _lock:
                if _factories.get(tier) is factory:
                    del _factories[tier]
            if attempt == 2 or request["uses"]:
                raise
            continue
        finally:
            inside.close()
        sock.settimeout(START_S)
        try:
            ask(sock, None)
        except BaseException:
            sock.close()
            raise
        return sock
    raise AssertionError("unreachable")


def pair() -> tuple[socket.socket, socket.socket]:
    """A connected pair; the first stays in this process, and a child that this process forks closes it."""
    mine, theirs = socket.socketpair()
    _sockets.add(mine)
    return mine, theirs


def ask(sock: socket.socket, request: dict[str, Any] | None, fds: list[int] | None = None) -> dict[str, Any]:
    """Send a request, if there is one, and wait for an answer without descriptors.

    Raises:
        SandboxError: The other side is gone or reports an error.
        OSError: The error of a file operation.
    """
    answer, got = ask_for_fds(sock, request, fds)
    for fd in got:
        os.close(fd)
    return answer


def ask_for_fds(
    sock: socket.socket, request: dict[str, Any] | None, fds: list[int] | None = None
) -> tuple[dict[str, Any], list[int]]:
    """As `ask`, with the descriptors of the answer."""
    try:
        if request is not None:
            wire.send(sock, request, fds or [])
        answer, got = wire.receive(sock)
    except (EOFError, OSError) as error:
        raise SandboxError(f"The sandbox's process is gone: {error}.") from error
    if "error" in answer:
        if answer.get("errno"):
            raise OSError(answer["errno"], answer["error"])
        raise SandboxError(f"The sandbox failed: {answer['error'].strip()}")
    return answer, got


def reclaim() -> None:
    """Remove folders and control groups of processes that were killed before they could."""
    for path in (found for place in _places("C") for found in Path(place).glob(f"{FOLDER}*")):
        if owners.gone(path.name.removeprefix(FOLDER)):
            shutil.rmtree(path, ignore_errors=True)
    with contextlib.suppress(OSError):
        cgroups.reclaim()


def _places(tier: Tier) -> list[str]:
    """Where folders of sandboxes may lie. As root in tier B their user must be able to reach them."""
    places = dict.fromkeys([tempfile.gettempdir(), "/tmp", "/var/tmp"])
    if tier == "C" or os.geteuid() != 0:
        return list(places)
    open_to_all = [p for p in places if all(above.stat().st_mode & 0o001 for above in [Path(p), *Path(p).parents])]
    if not open_to_all:
        raise SandboxError(f"No temporary folder that other users can reach: tried {', '.join(places)}. Set TMPDIR.")
    return open_to_all


def _forget_in_child() -> None:
    """A forked child has no sandboxes: copies of their sockets would keep them alive when the parent is gone."""
    global _lock
    for sock in list(_sockets):
        sock.close()
    _factories.clear()
    _lock = threading.Lock()


os.register_at_fork(after_in_child=_forget_in_child)
