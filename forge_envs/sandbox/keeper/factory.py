"""The factory: one process for each host process. It prepares what all sandboxes share and forks their keepers.

In tier A it is the first process of a pid namespace, so that everything below it ends when it does. Its root folder is
a stage in memory: `/old` is the host, `/host` its system folders and devices, `/base` the skeleton of a root,
`/store/ID` the layers of a sandbox. It ends when the host process does, because their socket closes.
"""

import contextlib
import json
import os
import select
import shutil
import signal
import socket
import sys
import time
import traceback
from typing import Any

from ..linux import rootfs, syscalls, userns
from . import keeper, layers, runner, wire

STAGES = ("/tmp", "/mnt", "/usr")
"""Folders that every system has; a private mount on one of them becomes the stage."""


IDLE_S = 2.0
"""Without sandboxes for so long, it ends; the next sandbox starts another."""

STOP_S = 10.0
"""For so long keepers may tidy up when the host process is gone."""


def main(fd: int, options: str) -> None:
    """Serve one host process.

    Args:
        fd: Socket to it.
        options: JSON: `tier`, `user` (outside), `overlay`, `folder` (of the stage in tiers without mounts).
    """
    sock = socket.socket(fileno=fd)
    settings = json.loads(options)
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    os.umask(0o022)
    try:
        if settings["tier"] == "A":
            _enter(settings)
        else:
            syscalls.adopt_orphans()
            settings["stage"] = settings["folder"]
            os.mkdir(f"{settings['stage']}/store", 0o711)
        wire.send(sock, {"ok": True})
    except Exception:
        wire.send(sock, {"error": traceback.format_exc(limit=-2)})
        return
    _serve(sock, settings)


def _enter(settings: dict[str, Any]) -> None:
    """Move to the stage, as the first process of a pid namespace; the process that was started waits for it."""
    root = os.geteuid() == 0
    if root:
        syscalls.unshare(syscalls.CLONE_NEWNS | syscalls.CLONE_NEWPID)
    else:
        userns.enter(syscalls.CLONE_NEWNS | syscalls.CLONE_NEWPID, os.geteuid())
    child = os.fork()
    if child:
        syscalls.close_range(0)
        os.waitpid(child, 0)
        os._exit(0)
    syscalls.die_with_parent()
    syscalls.mount(None, "/", None, syscalls.MS_REC | syscalls.MS_PRIVATE)
    stage = next(folder for folder in STAGES if os.path.isdir(folder))
    syscalls.mount("stage", stage, "tmpfs", syscalls.MS_NOSUID | syscalls.MS_NODEV, "mode=0755")
    for name in ("old", "host", "base", "store", "root", "src", "proc"):
        os.mkdir(f"{stage}/{name}", 0o755)
    rootfs.make_skeleton(f"{stage}/base")
    if root:
        layers.give(f"{stage}/base", settings["user"])
    shown = f"{stage}/host"
    os.mkdir(f"{shown}/dev")
    for folder in rootfs.SYSTEM_FOLDERS:
        if os.path.islink(folder):
            os.symlink(os.readlink(folder), shown + folder)
        elif os.path.isdir(folder):
            os.mkdir(shown + folder)
            syscalls.bind(folder, shown + folder, read_only=True)
    for name in rootfs.DEVICES:
        open(f"{shown}/dev/{name}", "w").close()
        syscalls.bind(f"/dev/{name}", f"{shown}/dev/{name}", read_only=False, devices=True)
    try:
        syscalls.mount("proc", f"{stage}/proc", "proc", syscalls.MS_NOSUID | syscalls.MS_NODEV | syscalls.MS_NOEXEC)
    except OSError:  # hidden in part by a container: the old one serves the keepers, commands get none
        syscalls.mount("/proc", f"{stage}/proc", None, syscalls.MS_BIND | syscalls.MS_REC)
    os.chdir(stage)
    syscalls.syscall("pivot_root", b".", b"old")
    os.chdir("/")
    settings["stage"] = ""


def _serve(sock: socket.socket, settings: dict[str, Any]) -> None:
    """Fork keepers as asked and reap them, until the host process is gone."""
    woken, wake = os.pipe2(os.O_CLOEXEC | os.O_NONBLOCK)
    signal.set_wakeup_fd(wake, warn_on_full_buffer=False)
    signal.signal(signal.SIGCHLD, lambda *_: None)
    keepers: dict[int, list[str]] = {}
    poll = select.poll()
    poll.register(sock, select.POLLIN)
    poll.register(woken, select.POLLIN)
    while True:
        ready = {fd for fd, _ in poll.poll(None if keepers else IDLE_S * 1000)}
        if not ready and not keepers:
            break
        if woken in ready:
            os.read(woken, 4096)
            _reap(keepers, f"{settings['stage']}/store")
        if sock.fileno() in ready:
            try:
                request, fds = wire.receive(sock)
            except (EOFError, OSError):
                break
            try:
                pid = _start(sock, settings, request, fds)
                keepers[pid] = [request["id"], *request["uses"]]
                wire.send(sock, {"pid": pid})
            except Exception:
                with contextlib.suppress(OSError):
                    wire.send(sock, {"error": traceback.format_exc(limit=-2)})
            finally:
                for fd in fds:
                    os.close(fd)
    if settings["tier"] != "A":
        _stop(keepers, settings)


def _start(sock: socket.socket, settings: dict[str, Any], request: dict[str, Any], fds: list[int]) -> int:
    store = f"{settings['stage']}/store/{request['id']}"
    os.mkdir(store, 0o711)
    if settings["tier"] == "A":
        options = f"size={request['disk']},nr_inodes={request['inodes']},mode=0711"
        if os.geteuid() == 0:
            options += f",uid={settings['user']},gid={settings['user']}"
        syscalls.mount("store", store, "tmpfs", syscalls.MS_NOSUID | syscalls.MS_NODEV, options)
    pid = os.fork()
    if pid == 0:
        try:
            signal.set_wakeup_fd(-1)
            signal.signal(signal.SIGCHLD, signal.SIG_DFL)
            sock.close()
            keeper.main(settings, request, fds)
        finally:
            os._exit(1)
    return pid


def _reap(keepers: dict[int, list[str]], stores: str) -> None:
    """Bury keepers that ended; layers are freed when neither their sandbox nor a fork of it lives."""
    with contextlib.suppress(ChildProcessError):
        while pid := os.waitpid(-1, os.WNOHANG)[0]:
            ended = keepers.pop(pid, [])
            used = {name for names in keepers.values() for name in names}
            for name in ended:
                if name not in used:
                    with contextlib.suppress(OSError):
                        syscalls.unmount(f"{stores}/{name}")
                    shutil.rmtree(f"{stores}/{name}", ignore_errors=True)


def _stop(keepers: dict[int, list[str]], settings: dict[str, Any]) -> None:
    """Without a pid namespace: wait for the keepers, which saw the host process go, then end what they left behind.

    A keeper that dies takes its runner with it before that one has ended the command's descendants; as the nearest
    process that adopts orphans, this one has them then.
    """
    until = time.monotonic() + STOP_S
    with contextlib.suppress(ChildProcessError):
        while keepers and time.monotonic() < until:
            pid = os.waitpid(-1, os.WNOHANG)[0]
            keepers.pop(pid, None)
            if not pid:
                time.sleep(0.01)
    runner.end_all(runner.Place(settings["tier"], "workspace", settings["stage"]))
    shutil.rmtree(settings["stage"], ignore_errors=True)


if __name__ == "__main__":
    main(int(sys.argv[1]), sys.argv[2])
