"""Programs that are executed: a binary in memory, or a command of the system in a folder of its own."""

import os
import signal
import stat
from typing import Any

from forge_envs.sandbox.judge.inside import confine
from forge_envs.sandbox.judge.inside.place import Job
from forge_envs.sandbox.linux import syscalls

ENVIRONMENT = {"PATH": "/usr/local/bin:/usr/bin:/bin", "LANG": "C.UTF-8", "HOME": "/box", "TMPDIR": "/box"}
BOX_BYTES = 512 * 2**20
"""What the folder of a command may hold."""


def arguments(request: dict[str, Any]) -> list[str]:
    """The arguments of a run, with the paths of its files put in."""
    if not request["files"]:
        return list(request["args"])
    names = {f"{{{name}}}": f"/proc/self/fd/{confine.EXTRA + at}" for at, name in enumerate(request["files"])}
    return [names.get(argument, argument) for argument in request["args"]]


def native(header: dict[str, Any], binary: int, request: dict[str, Any]) -> Job:
    """Execute a binary from its descriptor."""
    argv = [header["argv0"], *arguments(request)]
    os.dup2(binary, confine.BINARY, inheritable=False)
    return lambda: _execute(confine.BINARY, argv, ENVIRONMENT)


def command(header: dict[str, Any], request: dict[str, Any]) -> Job:
    """Execute a command in its folder."""
    argv = [*header["argv"], *arguments(request)]
    environment = {**ENVIRONMENT, **header["env"], "HOME": header["box"], "TMPDIR": header["box"]}
    os.chdir(header["box"])
    path = _which(argv[0], environment["PATH"])
    if header["forks"]:
        return lambda: _shepherd(path, argv, environment)
    return lambda: _execute(path, argv, environment)


def _which(name: str, path: str) -> str:
    if "/" in name:
        return name
    for folder in path.split(":"):
        if os.access(f"{folder}/{name}", os.X_OK):
            return f"{folder}/{name}"
    return name


def _execute(program: int | str, argv: list[str], environment: dict[str, str]) -> None:
    for number in (signal.SIGPIPE, signal.SIGXFSZ):  # Python ignores them, and an exec keeps that
        signal.signal(number, signal.SIG_DFL)
    try:
        os.execve(program, argv, environment)
    except OSError as error:
        os.write(2, f"{argv[0]}: {error.strerror}\n".encode())
    os._exit(127)


def _shepherd(path: str, argv: list[str], environment: dict[str, str]) -> None:
    """Run a command that starts processes: collect them all, so that their CPU time counts, and end as it does."""
    syscalls.adopt_orphans()
    child = os.fork()
    if child == 0:
        _execute(path, argv, environment)
    code = 1
    while True:
        pid, status = os.wait()
        if pid == child:
            code = os.waitstatus_to_exitcode(status)
            break
    _end_all_children()
    os._exit(code if code >= 0 else 128 - code)


def _end_all_children() -> None:
    try:
        os.kill(-1, signal.SIGKILL) if os.getpid() == 1 else None
        while True:
            os.wait()
    except (ChildProcessError, ProcessLookupError):
        return


def make_box(header: dict[str, Any], blob: int, *, private: bool) -> None:
    """Fill the folder of a command.

    Args:
        header: Names, sizes and modes of its files, in the order of their content.
        blob: Descriptor of their content, one after the other.
        private: The folder is a file system of its own, in a mount namespace of this program.
    """
    box = header["box"]
    if private:
        syscalls.unshare(syscalls.CLONE_NEWNS)
        flags = syscalls.MS_NOSUID | syscalls.MS_NODEV
        syscalls.mount("box", box, "tmpfs", flags, f"size={BOX_BYTES},mode=755,nr_inodes=20000")
    else:
        os.makedirs(box, exist_ok=True)
    root = os.open(box, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    offset = 0
    for name, size, mode in header["content"]:
        folder = os.path.dirname(name)
        if folder:
            os.makedirs(f"{box}/{folder}", exist_ok=True)
        fd = syscalls.open_in(root, name, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode)
        done = 0
        while done < size:
            done += os.sendfile(fd, blob, offset + done, size - done)
        offset += size
        os.close(fd)
    os.close(root)
    if private and not header["writes"]:
        syscalls.set_mount_attributes(box, 0x1 | 0x2 | 0x4)  # read-only, nosuid, nodev


def collect(box: str, names: list[str]) -> list[tuple[str, int]]:
    """Open the regular files of a folder by name, after the run: no link leads out of it."""
    root = os.open(box, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    found = []
    try:
        for name in names:
            try:
                fd = syscalls.open_in(root, name, os.O_RDONLY | os.O_NONBLOCK)
            except OSError:
                continue
            if stat.S_ISREG(os.fstat(fd).st_mode):
                found.append((name, fd))
            else:
                os.close(fd)
    finally:
        os.close(root)
    return found


def take_all(fd: int) -> bytes:
    """The content of a file in memory, wherever its offset is; the descriptor is closed."""
    size = os.fstat(fd).st_size
    parts, done = [], 0
    while done < size and (part := os.pread(fd, size - done, done)):
        parts.append(part)
        done += len(part)
    os.close(fd)
    return b"".join(parts)
