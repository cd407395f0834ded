"""System calls that Python has no binding for. Constants are those of the kernel's uapi headers."""

import ctypes
import functools
import os
import platform
import struct

CLONE_NEWNS = 0x00020000
CLONE_NEWCGROUP = 0x02000000
CLONE_NEWUTS = 0x04000000
CLONE_NEWIPC = 0x08000000
CLONE_NEWUSER = 0x10000000
CLONE_NEWPID = 0x20000000
CLONE_NEWNET = 0x40000000

MS_RDONLY = 0x1
MS_NOSUID = 0x2
MS_NODEV = 0x4
MS_NOEXEC = 0x8
MS_REMOUNT = 0x20
MS_BIND = 0x1000
MS_REC = 0x4000
MS_PRIVATE = 0x40000
MS_SLAVE = 0x80000
MNT_DETACH = 0x2

RESOLVE_NO_MAGICLINKS = 0x02
RESOLVE_IN_ROOT = 0x10

_PR_SET_PDEATHSIG = 1
_PR_SET_DUMPABLE = 4
_PR_CAPBSET_DROP = 24
_PR_SET_NO_NEW_PRIVS = 38
_PR_SET_CHILD_SUBREAPER = 36
_PR_CAP_AMBIENT = 47
_PR_CAP_AMBIENT_CLEAR_ALL = 4
_LINUX_CAPABILITY_VERSION_3 = 0x20080522
_AT_EMPTY_PATH = 0x1000
_AT_RECURSIVE = 0x8000
_AT_FDCWD = -100
_OPEN_TREE_CLONE = 1
_MOVE_MOUNT_F_EMPTY_PATH = 0x4
_MOUNT_ATTR_RDONLY = 0x1
_MOUNT_ATTR_NOSUID = 0x2
_MOUNT_ATTR_NODEV = 0x4
_MOUNT_ATTR_IDMAP = 0x00100000

# Numbers from 424 on are the same on every architecture.
_NUMBERS = {
    "x86_64": {"clone": 56, "pivot_root": 155, "capset": 126, "seccomp": 317, "execveat": 322},
    "aarch64": {"clone": 220, "pivot_root": 41, "capset": 91, "seccomp": 277, "execveat": 281},
}
_COMMON = {
    "open_tree": 428,
    "move_mount": 429,
    "close_range": 436,
    "openat2": 437,
    "mount_setattr": 442,
    "landlock_create_ruleset": 444,
    "landlock_add_rule": 445,
    "landlock_restrict_self": 446,
}


def machine() -> str:
    """`x86_64` or `aarch64`.

    Raises:
        OSError: Another architecture.
    """
    found = {"amd64": "x86_64", "arm64": "aarch64"}.get(platform.machine().lower(), platform.machine())
    if found not in _NUMBERS:
        raise OSError(f"sandboxes know the system calls of x86_64 and aarch64, not of {found}")
    return found


@functools.cache
def number(name: str) -> int:
    """The number of a system call on this machine."""
    return _COMMON.get(name) or _NUMBERS[machine()][name]


@functools.cache
def _libc() -> ctypes.CDLL:
    return ctypes.CDLL(None, use_errno=True)


def _checked(result: int, what: str) -> int:
    if result < 0:
        code = ctypes.get_errno()
        raise OSError(code, f"{what}: {os.strerror(code)}")
    return result


def syscall(name: str, *arguments: object, what: str = "") -> int:
    """Make a system call; integers are passed as longs.

    Args:
        name: One that `number` knows.
        arguments: Integers, bytes, None or ctypes values.
        what: What it was for, in the error.

    Raises:
        OSError: The kernel's answer.
    """
    converted = [ctypes.c_long(a) if isinstance(a, int) else a for a in arguments]
    return _checked(int(_libc().syscall(ctypes.c_long(number(name)), *converted)), what or name)


def unshare(flags: int) -> None:
    """Move into new namespaces (CLONE_NEW*); a new pid namespace takes the children only."""
    _checked(_libc().unshare(ctypes.c_int(flags)), f"unshare({flags:#x})")


def fork_into(flags: int) -> int:
    """Fork a child that starts in new namespaces (CLONE_NEW*), as its first process for a pid namespace.

    `unshare` can make a pid namespace for children only once. This process must have one thread, because neither Python
    nor the C library prepares for this fork.

    Returns:
        As `os.fork`.
    """
    libc = ctypes.PyDLL(None, use_errno=True)  # keeps the interpreter's lock, as a fork must
    arguments = [ctypes.c_long(a) for a in (number("clone"), flags | 17, 0, 0, 0, 0)]  # 17: SIGCHLD at the end
    return _checked(int(libc.syscall(*arguments)), f"clone({flags:#x})")


def setns(fd: int, kind: int = 0) -> None:
    """Enter the namespace that `fd` stands for."""
    _checked(_libc().setns(ctypes.c_int(fd), ctypes.c_int(kind)), "setns")


def mount(source: str | None, target: str, kind: str | None, flags: int = 0, data: str | None = None) -> None:
    """mount(2)."""
    encoded = [None if text is None else os.fsencode(text) for text in (source, target, kind, data)]
    result = _libc().mount(encoded[0], encoded[1], encoded[2], ctypes.c_ulong(flags), encoded[3])
    _checked(result, f"mount {kind or source} on {target}")


def unmount(target: str, flags: int = MNT_DETACH) -> None:
    """umount2(2), lazily by default."""
    _checked(_libc().umount2(os.fsencode(target), ctypes.c_int(flags)), f"unmount {target}")


def bind(source: str, target: str, *, read_only: bool, devices: bool = False) -> None:
    """Bind a folder or file with everything mounted below it.

    Args:
        source: What is shown.
        target: Where; it exists.
        read_only: Nobody may write through it.
        devices: Device files work.
    """
    mount(source, target, None, MS_BIND | MS_REC)
    attributes = _MOUNT_ATTR_NOSUID
    attributes |= _MOUNT_ATTR_RDONLY if read_only else 0
    attributes |= 0 if devices else _MOUNT_ATTR_NODEV
    set_mount_attributes(target, attributes)


def set_mount_attributes(target: str, attributes: int) -> None:
    """mount_setattr(2) on a mount and everything below it; a kernel before 5.12 sets the topmost mount only."""
    value = ctypes.create_string_buffer(struct.pack("=QQQQ", attributes, 0, 0, 0), 32)
    try:
        syscall("mount_setattr", _AT_FDCWD, os.fsencode(target), _AT_RECURSIVE, value, 32, what=f"protect {target}")
    except OSError as error:
        if error.errno != 38:  # ENOSYS
            raise
        # The numbers of these three attributes, of MS_* and of statvfs are the same.
        mount(None, target, None, MS_REMOUNT | MS_BIND | attributes | (os.statvfs(target).f_flag & 0x40F))


def idmapped_tree(source: str, namespace: int) -> int:
    """A detached copy of a mount whose owners are seen through a user namespace's map.

    Args:
        source: Host folder or file.
        namespace: Descriptor of a user namespace; "0 70000 1" in its map shows root's files as those of 70000.

    Returns:
        A descriptor for `attach`.
    """
    tree = detached(source)
    value = ctypes.create_string_buffer(struct.pack("=QQQQ", _MOUNT_ATTR_IDMAP, 0, 0, namespace), 32)
    try:
        syscall("mount_setattr", tree, b"", _AT_EMPTY_PATH, value, 32, what=f"map owners of {source}")
    except OSError:
        os.close(tree)
        raise
    return tree


def detached(source: str) -> int:
    """A detached copy of a mount: what is later done to the mount does not concern it.

    Returns:
        A descriptor, for `dir_fd`.
    """
    return syscall("open_tree", _AT_FDCWD, os.fsencode(source), _OPEN_TREE_CLONE | os.O_CLOEXEC, what=f"open {source}")


def attach(tree: int, target: str) -> None:
    """Mount a detached tree."""
    syscall("move_mount", tree, b"", _AT_FDCWD, os.fsencode(target), _MOVE_MOUNT_F_EMPTY_PATH, what=f"attach {target}")


def pivot_root(folder: str) -> None:
    """Make a mount point the root and detach the old root."""
    os.chdir(folder)
    syscall("pivot_root", b".", b".", what=f"pivot_root {folder}")
    unmount(".")
    os.chdir("/")


def open_in(root: int, path: str, flags: int, mode: int = 0) -> int:
    """Open a path as if `root` were the root folder: no symlink and no `..` leads out of it.

    Args:
        root: Descriptor of a folder.
        path: Absolute or relative; both start at `root`.
        flags: As for `os.open`; O_CLOEXEC is added.
        mode: Of a file that is made.

    Raises:
        OSError: As `os.open`; ELOOP for a magic link of /proc.
    """
    how = struct.pack("=QQQ", flags | os.O_CLOEXEC, mode, RESOLVE_IN_ROOT | RESOLVE_NO_MAGICLINKS)
    try:
        return syscall("openat2", root, os.fsencode(path), ctypes.create_string_buffer(how, 24), 24, what="openat2")
    except OSError as error:  # what os.open would say, with the path
        raise OSError(error.errno, os.strerror(error.errno or 0), path) from None


def close_range(first: int, last: int = 0xFFFFFFFF) -> None:
    """Close every descriptor of the range."""
    try:
        syscall("close_range", first, last, 0)
    except OSError:  # before 5.9
        os.closerange(first, min(last, os.sysconf("SC_OPEN_MAX")))


def execveat(fd: int, arguments: list[bytes], environment: list[bytes]) -> None:
    """Run the program that a descriptor stands for (a memfd, for example). Returns only by raising."""
    args = (ctypes.c_char_p * (len(arguments) + 1))(*arguments, None)
    env = (ctypes.c_char_p * (len(environment) + 1))(*environment, None)
    syscall("execveat", fd, b"", args, env, _AT_EMPTY_PATH)


def _prctl(option: int, *arguments: int, what: str) -> None:
    padded = [ctypes.c_ulong(a) for a in (*arguments, 0, 0, 0, 0)[:4]]
    _checked(_libc().prctl(ctypes.c_int(option), *padded), what)


def no_new_privileges() -> None:
    """No exec gives this process more than it has; unprivileged seccomp and Landlock ask for it."""
    _prctl(_PR_SET_NO_NEW_PRIVS, 1, what="no_new_privs")


def die_with_parent(signal: int = 9) -> None:
    """Get a signal when the thread that forked this process ends. A change of credentials clears it."""
    _prctl(_PR_SET_PDEATHSIG, signal, what="pdeathsig")


def set_dumpable(allowed: bool) -> None:
    """Whether processes of the same user may trace this one and read its /proc files."""
    _prctl(_PR_SET_DUMPABLE, int(allowed), what="dumpable")


def adopt_orphans() -> None:
    """Become the parent of descendants whose parent ends."""
    _prctl(_PR_SET_CHILD_SUBREAPER, 1, what="child subreaper")


def drop_capabilities() -> None:
    """Give up every capability and the way to any."""
    for capability in range(64):
        try:
            _prctl(_PR_CAPBSET_DROP, capability, what="bounding set")
        except OSError:  # EINVAL ends the list; EPERM: nothing that could be dropped is held
            break
    try:
        _prctl(_PR_CAP_AMBIENT, _PR_CAP_AMBIENT_CLEAR_ALL, what="ambient set")
    except OSError as error:
        if error.errno != 22:  # EINVAL: a kernel without ambient capabilities
            raise
    header = ctypes.create_string_buffer(struct.pack("=Ii", _LINUX_CAPABILITY_VERSION_3, 0), 8)
    syscall("capset", header, ctypes.create_string_buffer(24))
