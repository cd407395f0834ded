"""The host's folders in a sandbox of tier A: bound while the host can be seen, before the keeper gives it up."""

import contextlib
import os
import socket
from typing import Any

from ..linux import rootfs, syscalls, userns
from . import layers


def in_namespaces(settings: dict[str, Any], request: dict[str, Any]) -> layers.Files:
    """Tier A: sources are bound while the host can be seen, then it is detached."""
    syscalls.unshare(syscalls.CLONE_NEWNS)
    for name in os.listdir("/store"):
        if name != request["id"] and name not in request["uses"]:
            with contextlib.suppress(OSError):  # the factory freed it meanwhile
                syscalls.unmount(f"/store/{name}")
    syscalls.mount("src", "/src", "tmpfs", syscalls.MS_NOSUID | syscalls.MS_NODEV, "mode=0755,size=1m")
    trees, readable, files = [layers.Tree("", ["/base"])], [], []
    sources = [*request["mounts"], *([(request["image"], "", "copy")] if request["image"] else [])]
    for index, (source, target, mode) in enumerate(sources):
        shown = f"/src/{index}"
        if os.path.isdir(f"/old{source}"):
            os.mkdir(shown)
            lower = _show(f"/old{source}", shown, settings, f"/store/{request['id']}/source{index}")
        else:
            open(shown, "w").close()
            lower = _show(f"/old{source}", shown, settings, "")
        if mode == "read":
            readable.append((lower, target))
        elif not target:
            trees[0].stack = [lower]
        elif os.path.isdir(lower):
            trees.append(layers.Tree(target, [lower]))
        else:
            files.append((lower, target))
    request["files"] = files
    syscalls.unmount("/old")
    kinds = syscalls.CLONE_NEWNS | syscalls.CLONE_NEWNET | syscalls.CLONE_NEWIPC | syscalls.CLONE_NEWUTS
    if os.geteuid() == 0:
        userns.enter(kinds, settings["user"])
    else:
        syscalls.unshare(kinds)
        syscalls.set_dumpable(False)
    syscalls.die_with_parent()
    socket.sethostname("sandbox")
    if request["profile"] == "workspace":
        rootfs.loopback_up()
    if request["stacks"] is not None:
        for tree, stack in zip(trees, request["stacks"], strict=True):
            tree.stack = stack
    return layers.Files(
        f"/store/{request['id']}",
        "/root",
        trees,
        readable,
        overlay=settings["overlay"],
        system=not request["image"],
        terminals=request["profile"] == "workspace",
        host="/host",
    )


def _show(source: str, target: str, settings: dict[str, Any], copy: str) -> str:
    """Show a host folder or file at `target` with the sandbox's user as the owner of what its owner owns.

    As root that takes an id-mapped mount, or a copy where the file system has none. Gives the path to use.
    """
    owner = os.stat(source).st_uid
    if os.geteuid() != 0 or owner == settings["user"]:
        syscalls.bind(source, target, read_only=True)
        return target
    try:
        namespace = userns.mapping(owner, os.stat(source).st_gid, settings["user"])
        try:
            tree = syscalls.idmapped_tree(source, namespace)
        finally:
            os.close(namespace)
        try:
            syscalls.attach(tree, target)
        finally:
            os.close(tree)
        syscalls.set_mount_attributes(target, syscalls.MS_RDONLY | syscalls.MS_NOSUID | syscalls.MS_NODEV)
        return target
    except OSError:
        if not copy:
            syscalls.bind(source, target, read_only=True)
            return target
        os.mkdir(copy)
        layers.copy_tree(source, copy, settings["user"])
        os.chown(copy, settings["user"], settings["user"])
        return copy
