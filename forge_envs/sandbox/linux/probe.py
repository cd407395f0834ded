"""What this machine allows. Runs as a program of its own, because trying a namespace means entering it."""

import json
import os
import sys
import traceback
from collections.abc import Callable
from typing import Any

from . import landlock, rootfs, seccomp, syscalls, userns

NAMESPACES = (
    syscalls.CLONE_NEWNS | syscalls.CLONE_NEWPID | syscalls.CLONE_NEWNET | syscalls.CLONE_NEWIPC | syscalls.CLONE_NEWUTS
)


def main() -> None:
    """Print the facts as one JSON object: for each thing an empty text, or why it is refused."""
    facts: dict[str, Any] = {"landlock": landlock.abi(), "seccomp": _in_child(_try_seccomp)["error"]}
    tried = _in_child(_try_namespaces)
    facts["namespaces"] = tried.pop("error")
    facts["proc"], facts["overlay"] = tried.get("proc", "not tried"), tried.get("overlay", "not tried")
    json.dump(facts, sys.stdout)


def _in_child(attempt: Callable[[dict[str, str]], None]) -> dict[str, str]:
    """Run a function in a child; its findings, and as `error` what it raised."""
    reader, writer = os.pipe()
    child = os.fork()
    if child == 0:
        found: dict[str, str] = {"error": ""}
        try:
            os.close(reader)
            attempt(found)
        except OSError as error:
            found["error"] = f"{error.strerror or error} ({error.filename or error.args[-1]})"
        except Exception:
            found["error"] = traceback.format_exc(limit=-1)
        os.write(writer, json.dumps(found).encode())
        os._exit(0)
    os.close(writer)
    with open(reader, "rb") as pipe:
        text = pipe.read()
    _, status = os.waitpid(child, 0)
    return json.loads(text) if text else {"error": f"the trial ended with status {status}"}


def _try_seccomp(found: dict[str, str]) -> None:
    syscalls.no_new_privileges()
    seccomp.install(seccomp.program("judge"))


def _try_namespaces(found: dict[str, str]) -> None:
    userns.enter(NAMESPACES, userns.outside_user(os.getppid(), 0))
    syscalls.mount(None, "/", None, syscalls.MS_REC | syscalls.MS_PRIVATE)
    rootfs.loopback_up()
    inner = _in_child(_try_mounts)
    error = inner.pop("error")
    found.update(inner)
    if error:
        raise OSError(error)


def _try_mounts(found: dict[str, str]) -> None:
    top = next(path for path in ("/tmp", "/mnt", "/usr") if os.path.isdir(path))
    syscalls.mount("tmpfs", top, "tmpfs", 0, "size=1m")
    for name in ("lower", "upper", "work", "root", "proc"):
        os.mkdir(f"{top}/{name}")
    found["proc"] = (
        "" if rootfs.mount_proc(f"{top}/proc", processes_only=False) else "this container hides parts of /proc"
    )
    found["overlay"] = ""
    try:
        os.setxattr(f"{top}/upper", "user.overlay.probe", b"1")
        layers = f"lowerdir={top}/lower,upperdir={top}/upper,workdir={top}/work"
        syscalls.mount("overlay", f"{top}/root", "overlay", 0, f"{layers},userxattr")
        syscalls.unmount(f"{top}/root")
    except OSError as error:
        found["overlay"] = str(error)
    tree = os.fork()
    if tree == 0:  # the root changes for a child only: the rest needs /proc
        try:
            syscalls.unshare(syscalls.CLONE_NEWNS)
            syscalls.bind("/usr", f"{top}/root", read_only=True)
            syscalls.pivot_root(f"{top}/root")
            os._exit(0)
        except OSError:
            os._exit(1)
    if os.waitpid(tree, 0)[1] != 0:
        raise OSError("pivot_root or a read-only bind mount is refused")
    userns.enter_nested()
    syscalls.drop_capabilities()
