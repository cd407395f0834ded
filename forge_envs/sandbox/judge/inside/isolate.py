"""Builds the isolation of a worker from inside, once; every process that it forks inherits it."""

import json
import os
from typing import Any

from forge_envs.sandbox.judge.inside import wire
from forge_envs.sandbox.judge.inside.confine import Filter
from forge_envs.sandbox.judge.inside.memory import MemoryFiles
from forge_envs.sandbox.judge.inside.place import Place
from forge_envs.sandbox.linux import syscalls, userns

_NAMESPACES = (
    syscalls.CLONE_NEWNS | syscalls.CLONE_NEWPID | syscalls.CLONE_NEWNET | syscalls.CLONE_NEWIPC | syscalls.CLONE_NEWUTS
)
HARMLESS = ("/dev/null", "/dev/zero", "/dev/full", "/dev/random", "/dev/urandom")
adopt_orphans = syscalls.adopt_orphans


def enter(config: dict[str, Any], outside: wire.Socket) -> Place | None:
    """Isolate this process.

    Args:
        config: From the host: `tier`, `host`, `slot`, `scratch`, and what `root.enter` takes.
        outside: To the half of the worker that stays outside.

    Returns:
        What programs need to know; None in a process whose child goes on, as the first of a pid namespace.

    Raises:
        OSError: The machine refuses the tier.
    """
    message = wire.receive(outside)
    if message is None:
        raise OSError("the process outside ended")
    header, code, fds = message
    memory = MemoryFiles(header["unified"], fds) if fds else None
    user = userns.outside_user(config["host"], config["slot"])
    if config["tier"] == "A":
        proc = _enter_namespaces(config, user)
        if proc is None:
            return None
        if memory:
            memory.proc = proc
    else:
        from forge_envs.sandbox.judge.inside import alone, paths  # noqa: F401 (while it can still be read)

        if all(_open_to_all(path) for path in (*config["roots"], *config["packages"].values())):
            _become(user, config["scratch"])
    syscalls.no_new_privileges()
    # In namespaces, capabilities keep runs from tracing the worker; elsewhere nothing else does.
    syscalls.set_dumpable(config["tier"] == "A")
    if config["tier"] == "B":
        paths.restrict(config)
    return _place(config["tier"], [Filter(code[: header["filters"][0]]), Filter(code[header["filters"][0] :])], memory)


def follow_parent() -> None:
    """Let the kernel end this process when its parent ends: there may be no pid namespace to do it."""
    syscalls.die_with_parent()


def _place(tier: str, filters: list[Filter], memory: MemoryFiles | None) -> Place:
    if tier != "A":
        from forge_envs.sandbox.judge.inside import alone, paths

        if not _installs(filters[0]):
            # Without it a program may signal whatever its user may: as root, every process of the machine.
            if tier == "B" or os.geteuid() == 0:
                raise OSError("the kernel refuses seccomp filters" + ("" if tier == "B" else ", and this is root"))
            return Place(memory=memory)
        return Place(
            filter=filters[0],
            process_filter=filters[1],
            alone=alone.filter_for,
            memory=memory,
            landlock=paths.no_writes() if tier == "B" else None,
        )
    return Place(
        pid_namespace=os.open("/proc/self/ns/pid", os.O_RDONLY | os.O_CLOEXEC),
        filter=filters[0],
        process_filter=filters[1],
        memory=memory,
        count_processes=_counts_in_namespace(),
    )


def _installs(filter_: Filter) -> bool:
    """Whether the kernel takes a filter, tried in a child."""
    child = os.fork()
    if child == 0:
        try:
            filter_.install()
            os._exit(0)
        except OSError:
            os._exit(1)
    return os.waitpid(child, 0)[1] == 0


def _enter_namespaces(config: dict[str, Any], user: int) -> int | None:
    """Tier A. In the child that is the first process of its pid namespace, a descriptor of a /proc that can be written
    to; None in the process that forked it."""
    stage = ""
    if os.geteuid() == 0:  # the user that it becomes may not even see the folders
        syscalls.unshare(syscalls.CLONE_NEWNS)
        stage = _build(config)
    userns.enter(_NAMESPACES, user)
    if os.fork():
        return None
    stage = stage or _build(config)
    syscalls.bind(stage, stage, read_only=True, devices=True)  # a mount of its own: an inherited one can't be the root
    _mount_proc(f"{stage}/proc")
    proc = syscalls.detached(f"{stage}/proc")
    # A run that could write there would make the memory killer choose a process of the worker.
    syscalls.set_mount_attributes(f"{stage}/proc", 0x1 | 0x2 | 0x4 | 0x8)  # read-only, nosuid, nodev, noexec
    syscalls.pivot_root(stage)
    wire.sockets.sethostname("sandbox")
    return proc


def _build(config: dict[str, Any]) -> str:
    """`root.build` in a child, which may load what this process must not keep; the mounts are of both."""
    syscalls.mount(None, "/", None, syscalls.MS_REC | syscalls.MS_PRIVATE)
    reader, writer = os.pipe()
    child = os.fork()
    if child == 0:
        try:
            from forge_envs.sandbox.judge.inside import root

            found = {"stage": root.build(config)}
        except OSError as error:
            found = {"error": str(error)}
        os.write(writer, json.dumps(found).encode())
        os._exit(0)
    os.close(writer)
    with os.fdopen(reader, "rb") as pipe:
        found = json.loads(pipe.read() or b'{"error": "the builder of the root folder died"}')
    os.waitpid(child, 0)
    if "error" in found:
        raise OSError(found["error"])
    return found["stage"]


def _mount_proc(target: str) -> None:
    """Processes only, and of these only the own: the zygotes can't even be seen."""
    flags = syscalls.MS_NOSUID | syscalls.MS_NODEV | syscalls.MS_NOEXEC
    for options in ("subset=pid,hidepid=ptraceable", "hidepid=2,gid=65534", ""):  # the first from 5.8
        try:
            syscalls.mount("proc", target, "proc", flags, options)
            return
        except OSError as error:
            refused = error
    raise refused


def _open_to_all(path: str) -> bool:
    """Whether any user can reach a folder and read it."""
    parts = path.split("/")
    places = ["/".join(parts[:end]) or "/" for end in range(1, len(parts) + 1)]
    return all(os.stat(place).st_mode & 0o001 for place in places) and bool(os.stat(path).st_mode & 0o004)


def _become(user: int, scratch: str) -> None:
    if os.geteuid() == 0 and user != 0:
        os.chown(scratch, user, user)
        os.setgroups([])
        os.setresgid(user, user, user)
        os.setresuid(user, user, user)


def _counts_in_namespace() -> bool:
    """From 5.14 RLIMIT_NPROC counts the processes of a user within the user namespace."""
    major, minor = os.uname().release.split(".")[:2]
    return (int(major), int("".join(c for c in minor if c.isdigit()) or 0)) >= (5, 14)
