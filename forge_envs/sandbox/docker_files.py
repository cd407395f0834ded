"""Files of a container through the engine's archive calls, which follow links inside the container only."""

import io
import os
import posixpath
import stat
import tarfile
import time
from collections.abc import Iterable
from typing import Any

_LINKS = 40


def read_file(api: Any, container: str, path: str, limit: int) -> bytes:
    """The first bytes of a regular file.

    Raises:
        FileNotFoundError: There is none.
        OSError: It is a folder or a device.
    """
    import docker

    for _ in range(_LINKS):
        try:
            stream, status = api.get_archive(container, path)
        except docker.errors.NotFound as error:
            raise FileNotFoundError(2, "No such file or directory", path) from error
        except docker.errors.APIError as error:
            if "too many links" not in str(error):
                raise
            raise OSError(40, "Too many levels of symbolic links", path) from error
        if status["linkTarget"]:
            stream.close()
            path = posixpath.normpath(posixpath.join(posixpath.dirname(path), status["linkTarget"]))
            continue
        try:
            return _first_member(stream, path, limit)
        finally:
            stream.close()
    raise OSError(40, "Too many levels of symbolic links", path)


def _first_member(stream: Iterable[bytes], path: str, limit: int) -> bytes:
    with tarfile.open(fileobj=_Reader(stream), mode="r|") as archive:
        member = archive.next()
        if member is None or member.isdir():
            raise IsADirectoryError(21, "Is a directory", path)
        content = archive.extractfile(member) if member.isreg() else None
        if content is None:
            raise OSError(22, "Not a regular file", path)
        return content.read(limit)


class _Reader(io.RawIOBase):
    """The chunks of a download as a file."""

    def __init__(self, chunks: Iterable[bytes]):
        self._chunks = iter(chunks)
        self._rest = b""

    def readable(self) -> bool:
        return True

    def read(self, size: int = -1) -> bytes:
        while len(self._rest) < size or size < 0:
            chunk = next(self._chunks, None)
            if chunk is None:
                break
            self._rest += chunk
        size = len(self._rest) if size < 0 else size
        part, self._rest = self._rest[:size], self._rest[size:]
        return part


def archive_of(name: str, content: bytes, mode: int, user: int) -> bytes:
    """An archive with one file."""
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as archive:
        member = tarfile.TarInfo(name)
        member.size, member.mode, member.uid, member.gid = len(content), mode, user, user
        member.mtime = time.time()
        archive.addfile(member, io.BytesIO(content))
    return buffer.getvalue()


def archive_folder(source: str, target: str, user: int, into: Any) -> None:
    """Write an archive of a host folder or file, as it is to appear at `target`, owned by the sandbox's user."""

    def owned(member: tarfile.TarInfo) -> tarfile.TarInfo | None:
        member.uid = member.gid = user
        member.uname = member.gname = ""
        return member if member.isreg() or member.isdir() or member.issym() or member.islnk() else None

    with tarfile.open(fileobj=into, mode="w") as archive:
        parts = target.strip("/").split("/")
        for i in range(1, len(parts)):
            above = tarfile.TarInfo("/".join(parts[:i]))
            above.type, above.mode = tarfile.DIRTYPE, 0o755
            archive.addfile(above)
        if stat.S_ISDIR(os.stat(source).st_mode):
            archive.add(source, target.strip("/"), filter=owned)
        else:
            archive.add(os.path.realpath(source), target.strip("/"), filter=owned)
