"""The half of a worker that stays outside: prepares what needs the host, waits for the end, removes what is left."""

import contextlib
import os
import signal
from pathlib import Path
from typing import Any

from forge_envs.sandbox.judge.inside import wire
from forge_envs.sandbox.judge.inside.memory import FILES, SWAP
from forge_envs.sandbox.linux import cgroups, seccomp


def attend(link: wire.Socket, first: int, config: dict[str, Any]) -> None:
    """Give the half inside what it waits for, then wait until everything inside has ended.

    Args:
        link: To it; its end tells the other side that this process is gone.
        first: Its process id.
        config: Of the worker.
    """
    group = _group(first, config["group"])
    files = _memory_files(group) if group else []
    filters = [seccomp.program("judge"), seccomp.program("workspace", network=False)]
    header = {"unified": config_is_unified(group), "filters": [len(filter_) for filter_ in filters]}
    with contextlib.suppress(OSError):  # it may have ended already, with a reason for the host
        wire.send(link, header, b"".join(filters), files)
    for fd in files:
        os.close(fd)
    _wait_for_all(first if config["tier"] != "A" else None)
    if group:
        group.close()


def _group(first: int, name: str) -> cgroups.Cgroup | None:
    """A control group with the half inside in it, or None: limits then fall back to the address space."""
    if not cgroups.hierarchies():
        return None
    group = None
    try:
        group = cgroups.Cgroup(name)
        for fd in group.entrances():
            with open(fd, "wb", buffering=0) as entrance:
                entrance.write(b"%d" % first)
    except OSError:
        if group:
            group.close()
        return None
    return group


def _folder(group: cgroups.Cgroup) -> Path | None:
    """The group's folder in the hierarchy that counts memory."""
    entrances = group.entrances()
    try:
        folders = [Path(os.readlink(f"/proc/self/fd/{fd}")).parent for fd in entrances]
    finally:
        for fd in entrances:
            os.close(fd)
    return next((folder for folder in folders if (folder / "memory.stat").exists()), None)


def config_is_unified(group: cgroups.Cgroup | None) -> bool:
    """Whether the group is of version 2."""
    folder = _folder(group) if group else None
    return folder is not None and (folder / "memory.max").exists()


def _memory_files(group: cgroups.Cgroup) -> list[int]:
    folder = _folder(group)
    if folder is None:
        return []
    unified = (folder / "memory.max").exists()
    limit, *readable = FILES[unified]
    fds = [os.open(folder / limit, os.O_WRONLY | os.O_CLOEXEC)]
    fds += [os.open(folder / name, os.O_RDONLY | os.O_CLOEXEC) for name in readable]
    if (folder / SWAP[unified]).exists():
        fds.append(os.open(folder / SWAP[unified], os.O_WRONLY | os.O_CLOEXEC))
    return fds


def _wait_for_all(first: int | None) -> None:
    """Wait until everything inside has ended. Where there is no pid namespace, the end of the first ends the others."""
    ended = False
    while True:
        try:
            pid, _ = os.wait()
        except ChildProcessError:
            return
        ended = ended or pid == first
        if ended:
            _end_children()


def _end_children() -> None:
    """Kill the children that this process has now, adopted ones too."""
    for folder in Path("/proc").iterdir():
        if folder.name.isdigit():
            try:
                parent = int((folder / "stat").read_text().rpartition(")")[2].split()[1])
                if parent == os.getpid():
                    os.kill(int(folder.name), signal.SIGKILL)
            except OSError:  # gone meanwhile
                continue
