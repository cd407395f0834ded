"""The keeper of one sandbox: its namespaces, its files, and a loop that serves the host process."""

import contextlib
import os
import resource
import select
import shutil
import signal
import socket
import stat
import traceback
from collections.abc import Callable
from typing import Any

from ..linux import syscalls
from . import layers, runner, sources, wire

Answer = tuple[dict[str, Any], list[int]]


def main(settings: dict[str, Any], request: dict[str, Any], fds: list[int]) -> None:
    """Serve one sandbox until the host process closes its socket.

    Args:
        settings: The factory's.
        request: `id`, `profile`, `mounts` (source, target, mode), `image`, `workdir`, `readable` (tier B), `user`
            (tier B as root), `stacks` (files of a fork) and `uses` (ids of sandboxes whose layers they name).
        fds: The socket.
    """
    sock = socket.socket(fileno=fds[0])
    try:
        keeper = _Keeper(settings, request, sock)
        wire.send(sock, {"ok": True})
    except Exception:
        wire.send(sock, {"error": traceback.format_exc(limit=-2)})
        return
    with contextlib.suppress(OSError):  # the host process is gone
        keeper.serve()
    keeper.close()


class _Keeper:
    def __init__(self, settings: dict[str, Any], request: dict[str, Any], sock: socket.socket):
        self._sock = sock
        self._snapshots: dict[str, layers.Stacks] = {}
        self._started: set[int] = set()
        self._store = f"{settings['stage']}/store/{request['id']}"
        self._user: int | None = None
        syscalls.die_with_parent()
        woken, wake = os.pipe2(os.O_CLOEXEC | os.O_NONBLOCK)
        self._woken = woken
        signal.set_wakeup_fd(wake, warn_on_full_buffer=False)
        signal.signal(signal.SIGCHLD, lambda *_: None)
        self.files = sources.in_namespaces(settings, request) if settings["tier"] == "A" else self._in_folder(request)
        self.files.assemble()
        self._place = runner.Place(
            tier=settings["tier"],
            profile=request["profile"],
            root=self.files.root,
            proc=settings["proc"],
            user=self._user,
            readable=request["readable"],
        )
        for source, target in request["files"] if request["stacks"] is None else ():
            self._put(source, target)
        os.close(self._folder(request["workdir"]))

    def serve(self) -> None:
        """Answer requests until the socket closes."""
        handlers: dict[str, Callable[[dict[str, Any], list[int]], Answer]] = {
            "run": self._run,
            "start": self._start,
            "read": self._read,
            "write": self._write,
            "snapshot": self._snapshot,
            "restore": self._restore,
            "drop": self._drop,
        }
        while True:
            try:
                request, fds = wire.receive(self._sock)
            except EOFError:
                return
            answer: Answer = {}, []
            try:
                answer = handlers[request["op"]](request, fds)
            except OSError as error:
                answer = {"errno": error.errno, "error": str(error)}, []
            except Exception:
                answer = {"error": traceback.format_exc(limit=-2)}, []
            finally:
                for fd in fds:
                    with contextlib.suppress(OSError):
                        os.close(fd)
            wire.send(self._sock, *answer)
            for fd in answer[1]:
                os.close(fd)

    def close(self) -> None:
        """Remove the folder of a tier without mounts; memory goes with the namespaces."""
        if not self.files.mounted:
            shutil.rmtree(self._store, ignore_errors=True)

    def _run(self, request: dict[str, Any], fds: list[int]) -> Answer:
        self._place.root = self.files.root
        if request["own_processes"]:  # the limit counts every process of the user, also those outside
            request["limits"]["RLIMIT_NPROC"] += _tasks_of(os.geteuid() if self._user is None else self._user)
        pid = runner.start(self._place, request, fds)
        for fd in fds:
            os.close(fd)
        fds.clear()
        poll = select.poll()
        poll.register(self._woken, select.POLLIN)
        poll.register(self._sock, select.POLLIN)
        while True:
            done, status = os.waitpid(pid, os.WNOHANG)
            if done:
                break
            ready = {fd for fd, _ in poll.poll()}
            if self._woken in ready:
                os.read(self._woken, 4096)
            if self._sock.fileno() in ready:  # the host process gave up: nothing else is sent during a run
                os.kill(pid, signal.SIGKILL)
                poll.unregister(self._sock)
        if self._place.tier != "A":
            runner.end_all(self._place)
        return {"runner": status}, []

    def _start(self, request: dict[str, Any], fds: list[int]) -> Answer:
        """A command that goes on beside others: its leash and its status are between the host and the runner."""
        self._started = {pid for pid in self._started if not os.waitpid(pid, os.WNOHANG)[0]}
        self._place.root = self.files.root
        self._started.add(runner.start(self._place, request, fds))
        return {}, []

    def _read(self, request: dict[str, Any], fds: list[int]) -> Answer:
        with self._root() as root:
            fd = syscalls.open_in(root, request["path"], os.O_RDONLY | os.O_NONBLOCK | os.O_NOCTTY)
        return self._regular(fd, request["path"])

    def _write(self, request: dict[str, Any], fds: list[int]) -> Answer:
        path = request["path"]
        os.close(self._folder(os.path.dirname(path)))
        with self._root() as root:
            flags = os.O_WRONLY | os.O_CREAT | os.O_NONBLOCK | os.O_NOCTTY
            fd = syscalls.open_in(root, path, flags, 0o600)
        answer = self._regular(fd, path)
        os.ftruncate(fd, 0)
        if self._user is not None:
            os.fchown(fd, self._user, self._user)
        os.fchmod(fd, request["mode"])
        return answer

    def _snapshot(self, request: dict[str, Any], fds: list[int]) -> Answer:
        stacks = self.files.snapshot()
        self._snapshots[request["name"]] = stacks
        return {"stacks": stacks}, []

    def _restore(self, request: dict[str, Any], fds: list[int]) -> Answer:
        self.files.restore(self._snapshots[request["name"]])
        return {}, []

    def _drop(self, request: dict[str, Any], fds: list[int]) -> Answer:
        dropped = {layer for stack in self._snapshots.pop(request["name"]) for layer in stack}
        kept = {layer for stacks in self._snapshots.values() for stack in stacks for layer in stack}
        self.files.drop(sorted(dropped - kept - set(request["kept"])))
        return {}, []

    def _in_folder(self, request: dict[str, Any]) -> layers.Files:
        """Tiers B and C: one folder below the store with everything in it, no mounts."""
        self._user = request["user"]
        request["files"] = []
        tree = layers.Tree("", [])
        if request["stacks"] is not None:
            (tree.stack,) = request["stacks"]
        else:
            tree.upper = f"{self._store}/base/data"
            os.makedirs(tree.upper)
            copies = [(request["image"], "")] if request["image"] else []
            copies += [(source, target) for source, target, mode in request["mounts"] if mode == "copy"]
            for source, target in copies:
                if os.path.isdir(source):
                    os.makedirs(tree.upper + target, exist_ok=True)
                    layers.copy_tree(source, tree.upper + target)
                else:
                    request["files"].append((source, target))
            for path in ("tmp", "home/forge"):
                os.makedirs(f"{tree.upper}/{path}", exist_ok=True)
            for source, target, mode in request["mounts"]:
                if mode == "read":  # commands see it where it is, and by this link
                    os.makedirs(tree.upper + os.path.dirname(target), exist_ok=True)
                    os.symlink(source, tree.upper + target)
            if self._user is not None:
                layers.give(tree.upper, self._user)
        return layers.Files(self._store, "", [tree], overlay=False, mounted=False, owner=self._user)

    def _put(self, source: str, target: str) -> None:
        fd = self._write({"path": target, "mode": stat.S_IMODE(os.stat(source).st_mode) & 0o755}, [])[1][0]
        with open(source, "rb") as original, open(fd, "wb") as copy:
            shutil.copyfileobj(original, copy)

    @contextlib.contextmanager
    def _root(self):  # type: ignore[no-untyped-def]
        fd = os.open(self.files.root, os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            yield fd
        finally:
            os.close(fd)

    def _folder(self, path: str) -> int:
        with self._root() as root:
            return layers.make_folders(root, path, owner=self._user)

    def _regular(self, fd: int, path: str) -> Answer:
        if not stat.S_ISREG(mode := os.fstat(fd).st_mode):
            os.close(fd)
            if stat.S_ISDIR(mode):
                raise IsADirectoryError(21, "Is a directory", path)
            raise OSError(22, "Not a regular file", path)
        return {}, [fd]


def _tasks_of(user: int) -> int:
    count = 0
    for name in os.listdir("/proc"):
        with contextlib.suppress(OSError, ValueError):
            if name.isdigit() and os.stat(f"/proc/{name}").st_uid == user:
                count += len(os.listdir(f"/proc/{name}/task"))
    return min(count, resource.getrlimit(resource.RLIMIT_NPROC)[0] & 0x7FFFFFFF)
