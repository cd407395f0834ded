"""Compiled programs by content. Safe for many processes at once, bounded, and never seen by a submission."""

import contextlib
import fcntl
import hashlib
import os
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

LIMIT_BYTES = 2**30
"""Size to which the oldest entries are removed; the precompiled headers do not count."""

_ABANDONED_S = 3600
"""A temporary file of this age belongs to a process that died while it wrote."""

_DIGEST = hashlib.sha256().digest_size


def key_of(*parts: str) -> str:
    """A name for content that is made from exactly these parts."""
    digest = hashlib.sha256()
    for part in parts:
        encoded = part.encode(errors="surrogatepass")
        digest.update(len(encoded).to_bytes(8, "big") + encoded)
    return digest.hexdigest()


def load(folder: Path, key: str) -> bytes | None:
    """What `store` kept under the key, or None. An entry that was damaged is removed."""
    path = _path(folder, key)
    try:
        content = path.read_bytes()
    except OSError:
        return None
    digest, body = content[:_DIGEST], content[_DIGEST:]
    if hashlib.sha256(body).digest() != digest:
        path.unlink(missing_ok=True)
        return None
    with contextlib.suppress(OSError):
        os.utime(path)  # the eviction takes the oldest
    return body


def store(folder: Path, key: str, body: bytes, *, limit_bytes: int = LIMIT_BYTES) -> None:
    """Keep content under its key; a reader sees all of it or none.

    Args:
        folder: Of the cache.
        key: From `key_of`.
        body: The content.
        limit_bytes: The oldest entries are removed until the cache is smaller.
    """
    path = _path(folder, key)
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    handle, temporary = tempfile.mkstemp(dir=path.parent, prefix=".")
    try:
        with open(handle, "wb") as file:
            file.write(hashlib.sha256(body).digest() + body)
        os.replace(temporary, path)
    except BaseException:
        Path(temporary).unlink(missing_ok=True)
        raise
    _evict(path.parent, limit_bytes)


@contextlib.contextmanager
def locked(folder: Path) -> Iterator[None]:
    """Hold a folder's lock: one process at a time, freed by the kernel when the holder dies."""
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    with open(folder / ".lock", "w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


def _path(folder: Path, key: str) -> Path:
    return folder / "programs" / key


def _evict(folder: Path, limit_bytes: int) -> None:
    entries = []
    for path in folder.iterdir():
        with contextlib.suppress(OSError):  # another process may have removed it
            status = path.stat()
            if not path.name.startswith(".") or time.time() - status.st_mtime > _ABANDONED_S:
                entries.append((status.st_mtime_ns, status.st_size, path))
    total = sum(size for _, size, _ in entries)
    for _, size, path in sorted(entries):
        if total <= limit_bytes:
            return
        path.unlink(missing_ok=True)
        total -= size
