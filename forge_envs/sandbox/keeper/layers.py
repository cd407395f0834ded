"""The files of a sandbox: copy-on-write trees, their layers, and how they become one root folder.

A tree is a stack of read-only layers and one writable layer on top. A snapshot freezes the writable layer, so it costs
a few mounts whatever the size. Where overlays are refused a tree is a plain folder, and a snapshot copies it.
"""

import contextlib
import os
import shutil
import stat
from collections.abc import Iterator
from dataclasses import dataclass, field

from ..linux import rootfs, syscalls

DEEPEST = 60
"""Layers in a stack before it is copied into one; the kernel takes a page of mount options and 500 layers."""

Stacks = list[list[str]]
"""The read-only layers of each tree, uppermost first."""


@dataclass
class Tree:
    """One copy-on-write tree.

    Args:
        target: Where it is mounted in the sandbox.
        stack: Its read-only layers, uppermost first.
        upper: Its writable layer, or its only folder where there are no overlays.
    """

    target: str
    stack: list[str]
    upper: str = ""


@dataclass
class Files:
    """The trees of a sandbox.

    Args:
        store: Folder for the layers.
        root: Where the trees come together.
        trees: The first is the root tree; targets of the others lie in it.
        readable: (path, target) of what is shown read-only.
        overlay: Overlays work; otherwise folders are copied.
        system: The host's system folders are shown (else the root tree brings its own).
        terminals: Pseudo terminals are wanted.
        host: Where the host's system folders and devices are.
        owner: As root without namespaces, the user that owns the folders.
        mounted: False in a tier without mounts, where the root tree's folder is the root.
    """

    store: str
    root: str
    trees: list[Tree]
    readable: list[tuple[str, str]] = field(default_factory=list)
    overlay: bool = True
    system: bool = True
    terminals: bool = True
    host: str = ""
    owner: int | None = None
    mounted: bool = True
    _made: int = 0

    def assemble(self) -> None:
        """Give every tree that has none a fresh writable layer, and mount everything."""
        for tree in self.trees:
            if not tree.upper:
                self._renew(tree)
        self._mount()

    def snapshot(self) -> Stacks:
        """Freeze the files as they are."""
        if not self.overlay:
            return [[self._copied(tree.upper)] for tree in self.trees]
        if all(_empty(tree.upper) for tree in self.trees):
            return [list(tree.stack) for tree in self.trees]
        stacks = [[tree.upper, *tree.stack] if not _empty(tree.upper) else list(tree.stack) for tree in self.trees]
        self._unmount()
        stacks = [self._flattened(stack) if len(stack) > DEEPEST else stack for stack in stacks]
        self._fill(stacks)
        return stacks

    def restore(self, stacks: Stacks) -> None:
        """Go to the files of a snapshot."""
        self._unmount()
        self._fill(stacks)

    def _fill(self, stacks: Stacks) -> None:
        for tree, stack in zip(self.trees, stacks, strict=True):
            if tree.upper and tree.upper not in stack:
                _discard(tree.upper)
            tree.stack = list(stack)
            self._renew(tree)
        self._mount()

    def _flattened(self, stack: list[str]) -> list[str]:
        view = self._new("view")
        syscalls.mount("overlay", view, "overlay", syscalls.MS_RDONLY, f"lowerdir={':'.join(stack)},userxattr")
        try:
            return [self._copied(view)]
        finally:
            syscalls.unmount(view)

    def drop(self, layers: list[str]) -> None:
        """Free layers that nothing uses any more; those in use are left."""
        used = {layer for tree in self.trees for layer in tree.stack}
        for layer in layers:
            if layer not in used and layer.startswith(self.store + "/"):
                _discard(layer)

    def _new(self, name: str) -> str:
        self._made += 1
        folder = f"{self.store}/{self._made}"
        os.mkdir(folder)
        os.mkdir(f"{folder}/{name}")
        return f"{folder}/{name}"

    def _renew(self, tree: Tree) -> None:
        if self.overlay:
            tree.upper = self._new("data")
            os.mkdir(os.path.dirname(tree.upper) + "/work")
            shutil.copymode(tree.stack[0], tree.upper)
        else:
            tree.upper = self._copied(tree.stack[0])

    def _copied(self, folder: str) -> str:
        target = self._new("data")
        copy_tree(folder, target, self.owner)
        if self.owner is not None:
            os.chown(target, self.owner, self.owner)
        return target

    def _mount(self) -> None:
        if not self.mounted:
            self.root = self.trees[0].upper
            return
        self._mount_tree(self.trees[0], self.root)
        self._mount_host()
        for tree in self.trees[1:]:
            with self._place(tree.target, folder=True) as place:
                self._mount_tree(tree, place)
        for source, target in self.readable:
            self._bind(source, target)

    def _mount_tree(self, tree: Tree, place: str) -> None:
        if not self.overlay:
            syscalls.mount(tree.upper, place, None, syscalls.MS_BIND)
            return
        options = f"lowerdir={':'.join(tree.stack)},upperdir={tree.upper}"
        options += f",workdir={os.path.dirname(tree.upper)}/work,userxattr"
        syscalls.mount("overlay", place, "overlay", syscalls.MS_NOSUID | syscalls.MS_NODEV, options)

    def _mount_host(self) -> None:
        """The sources are read-only already, and a bind mount has the flags of its source."""
        if self.system:
            for folder in rootfs.SYSTEM_FOLDERS:
                if os.path.isdir(self.host + folder) and not os.path.islink(self.host + folder):
                    self._bind(self.host + folder, folder)
        for name in rootfs.DEVICES:
            self._bind(f"{self.host}/dev/{name}", f"/dev/{name}")
        with self._place("/proc", folder=True), self._place("/dev/pts", folder=True) as place:
            if self.terminals:
                rootfs.mount_terminals(place)

    def _bind(self, source: str, target: str) -> None:
        with self._place(target, folder=os.path.isdir(source)) as place:
            syscalls.mount(source, place, None, syscalls.MS_BIND | syscalls.MS_REC)

    @contextlib.contextmanager
    def _place(self, target: str, *, folder: bool) -> Iterator[str]:
        """The path of a mount point in the root, made where it is missing; no link in the root leads it outside."""
        root = os.open(self.root, os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            above, _, name = target.rstrip("/").rpartition("/")
            parent = make_folders(root, above)
            try:
                with contextlib.suppress(FileExistsError):
                    if folder:
                        os.mkdir(name, dir_fd=parent)
                    else:
                        os.close(os.open(name, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o644, dir_fd=parent))
            finally:
                os.close(parent)
            fd = syscalls.open_in(root, target, os.O_PATH)
        finally:
            os.close(root)
        try:
            if stat.S_ISDIR(os.fstat(fd).st_mode) != folder:
                raise OSError(f"{target} in the sandbox is in the way of a mount")
            yield f"/proc/self/fd/{fd}"
        finally:
            os.close(fd)

    def _unmount(self) -> None:
        if self.mounted:
            syscalls.unmount(self.root)


def make_folders(root: int, path: str, *, owner: int | None = None) -> int:
    """A descriptor of a folder inside `root`; it and the folders above it are made."""
    current = syscalls.open_in(root, "/", os.O_PATH | os.O_DIRECTORY)
    done = ""
    for name in (part for part in path.split("/") if part):
        done += f"/{name}"
        try:
            below = syscalls.open_in(root, done, os.O_PATH | os.O_DIRECTORY)
        except FileNotFoundError:
            try:
                os.mkdir(name, 0o755, dir_fd=current)
                if owner is not None:
                    os.chown(name, owner, owner, dir_fd=current, follow_symlinks=False)
                below = syscalls.open_in(root, done, os.O_PATH | os.O_DIRECTORY)
            except OSError as error:
                os.close(current)
                raise type(error)(error.errno, error.strerror, done) from None
        except OSError:
            os.close(current)
            raise
        os.close(current)
        current = below
    return current


def copy_tree(source: str, target: str, owner: int | None = None) -> None:
    """Copy a folder's files, folders and links into an existing one; devices and sockets are left out."""
    for entry in os.scandir(source):
        there = f"{target}/{entry.name}"
        if entry.is_symlink():
            os.symlink(os.readlink(entry.path), there)
        elif entry.is_dir():
            os.mkdir(there)
            copy_tree(entry.path, there, owner)
        elif entry.is_file():
            shutil.copyfile(entry.path, there)
        else:
            continue
        if not entry.is_symlink():
            status = entry.stat()
            os.chmod(there, stat.S_IMODE(status.st_mode) & 0o1777 | 0o600)
            os.utime(there, ns=(status.st_atime_ns, status.st_mtime_ns))
        if owner is not None:
            os.chown(there, owner, owner, follow_symlinks=False)


def give(folder: str, user: int) -> None:
    """Make a user the owner of a folder and everything in it."""
    for above, folders, files in os.walk(folder):
        for name in (".", *folders, *files):
            os.chown(f"{above}/{name}", user, user, follow_symlinks=False)


def _empty(folder: str) -> bool:
    with os.scandir(folder) as entries:
        return next(entries, None) is None


def _discard(layer: str) -> None:
    """Remove a layer with its work folder; what the program made unreadable is made readable first."""

    def retry(function: object, path: str, error: object) -> None:
        with contextlib.suppress(OSError):
            os.chmod(os.path.dirname(path), 0o700)
            os.chmod(path, 0o700)
            os.unlink(path) if not os.path.isdir(path) or os.path.islink(path) else shutil.rmtree(path, True)

    shutil.rmtree(os.path.dirname(layer), onerror=retry)
