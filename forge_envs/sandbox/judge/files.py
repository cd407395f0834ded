"""Sealed files in memory: how bytes travel into a worker. Nobody can change one, whoever holds a descriptor of it."""

import fcntl
import os

from forge_envs.core.errors import ConfigError
from forge_envs.sandbox.judge.types import Content

_SEALS = 0x1 | 0x2 | 0x4 | 0x8  # seal, shrink, grow, write; from linux/fcntl.h
_ADD_SEALS = 1033
_MFD_EXEC = 0x10


def sealed(content: Content, name: str, *, executable: bool = False) -> int:
    """A descriptor of a sealed file with this content, its offset at the start. The caller closes it.

    Raises:
        ConfigError: The path can't be read.
    """
    fd = _memfd(name, executable)
    try:
        if isinstance(content, bytes):
            _write(fd, content)
        else:
            _copy(fd, content)
        os.lseek(fd, 0, os.SEEK_SET)
        fcntl.fcntl(fd, _ADD_SEALS, _SEALS)
    except BaseException:
        os.close(fd)
        raise
    return fd


def _memfd(name: str, executable: bool) -> int:
    flags = os.MFD_CLOEXEC | os.MFD_ALLOW_SEALING
    if executable:
        try:
            return os.memfd_create(name, flags | _MFD_EXEC)
        except OSError:  # before 6.3, where every one is
            pass
    return os.memfd_create(name, flags)


def _write(fd: int, content: bytes) -> None:
    rest = memoryview(content)
    while rest:
        rest = rest[os.write(fd, rest) :]


def _copy(fd: int, path: "os.PathLike[str]") -> None:
    try:
        with open(path, "rb") as file:
            while os.sendfile(fd, file.fileno(), None, 1 << 30):
                pass
    except OSError as error:
        raise ConfigError(f"can't read {os.fspath(path)}: {error.strerror}") from None


def read_all(fd: int, limit: int) -> bytes:
    """The first `limit` bytes of a file, wherever its offset is."""
    parts: list[bytes] = []
    done = 0
    limit = min(limit, os.fstat(fd).st_size)
    while done < limit and (part := os.pread(fd, limit - done, done)):
        parts.append(part)
        done += len(part)
    return b"".join(parts)
