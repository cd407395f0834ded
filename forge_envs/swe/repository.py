"""A repository at its base commit, prepared once on the host: one commit, and nothing of what came after it."""

import contextlib
import errno
import hashlib
import os
import shutil
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from forge_envs.core.cache_folder import default_folder
from forge_envs.core.errors import SandboxError, TaskError
from forge_envs.swe.gitcmd import ATTRIBUTES, git

_LAYOUT = "2"
"""Raised when `_build` makes something else of the same source."""

_NOT_SOURCE = {".git", "__pycache__", ".pytest_cache", ".ruff_cache", ".mypy_cache", ".hypothesis"}
"""What tools leave in a folder, and its own history."""


@dataclass(frozen=True)
class Repository:
    """Where a task's repository comes from.

    Args:
        path: A folder of files, or a git repository (a bare mirror will do).
        commit: What to take of a git repository; None means the folder's files as they are.
        patch: A git diff that is applied to them, as the bug of a bundled task is.
    """

    path: str
    commit: str | None = None
    patch: str = ""


@dataclass(frozen=True)
class Prepared:
    """A repository that sandboxes can be stacked on. It is never written to.

    Args:
        folder: The work tree with its ``.git``.
        head: The commit that it is at; for a git repository without a patch, the one that was asked for.
    """

    folder: str
    head: str


def prepare(repository: Repository, *, cache: Path | None = None) -> Prepared:
    """Make a work tree at the base commit, or find the one that was made before.

    The commit has no parents that can be reached, and there are no tags, remotes, logs, hooks or loose ends.

    Args:
        repository: What to prepare.
        cache: Where prepared repositories are kept; ``$FORGE_CACHE`` or the user's cache folder by default.

    Raises:
        TaskError: There is no such folder.
        SandboxError: Git failed, for example because it has no such commit, or the cache folder can't be written.
    """
    source = Path(repository.path)
    if not source.is_dir():
        raise TaskError(f"Repository {repository.path!r}: no such folder.")
    place = (cache or default_folder()) / "swe" / "repositories"
    target = place / _key(repository, source)
    try:
        for _ in range(3):  # another process may be quicker, and may remove it to make room
            with contextlib.suppress(FileNotFoundError):
                return Prepared(str(target / "testbed"), (target / "head").read_text())
            _make(repository, source, target)
        return Prepared(str(target / "testbed"), (target / "head").read_text())
    except OSError as error:
        raise SandboxError(f"Repository {repository.path!r} can't be prepared in {str(place)!r}: {error}.") from error


def _make(repository: Repository, source: Path, target: Path) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=".new-", dir=target.parent) as scratch:
        made = Path(scratch) / "made"
        made.mkdir()
        (made / "head").write_text(_build(repository, source, made / "testbed", Path(scratch)))
        try:
            os.rename(made, target)
        except OSError as error:
            if error.errno not in (errno.ENOTEMPTY, errno.EEXIST):
                raise


def _build(repository: Repository, source: Path, target: Path, scratch: Path) -> str:
    def run(*arguments: str, stdin: bytes = b"") -> bytes:
        return git(*arguments, folder=target, scratch=scratch, stdin=stdin)

    target.mkdir()
    run("init", "-q", "-b", "main", "--template=")
    inside = target / ".git"
    (inside / "info").mkdir()
    (inside / "info" / "attributes").write_text(ATTRIBUTES)
    for name, value in (("user.name", "forge"), ("user.email", "forge@localhost"), ("core.logAllRefUpdates", "false")):
        run("config", name, value)
    if repository.commit is None:
        shutil.copytree(source, target, symlinks=True, dirs_exist_ok=True, ignore=_left_out)
    else:
        # Depth 1 keeps the commit's hash and brings nothing else along.
        run("fetch", "-q", "--depth", "1", "--no-tags", source.resolve().as_uri(), repository.commit)
        run("update-ref", "refs/heads/main", "FETCH_HEAD")
        run("reset", "-q", "--hard")
    if repository.patch:
        run("apply", "--whitespace=nowarn", "-", stdin=repository.patch.encode(errors="surrogateescape"))
    if repository.commit is None or repository.patch:
        run("add", "-A", "-f")
        run("commit", "-q", "--amend", "-m", "base") if repository.commit else run("commit", "-q", "-m", "base")
        run("gc", "-q", "--prune=now")
    for name in ("FETCH_HEAD", "ORIG_HEAD", "COMMIT_EDITMSG"):
        (inside / name).unlink(missing_ok=True)
    shutil.rmtree(inside / "logs", ignore_errors=True)
    return run("rev-parse", "HEAD").decode().strip()


def _left_out(folder: str, names: list[str]) -> set[str]:
    return _NOT_SOURCE & set(names)


def _key(repository: Repository, source: Path) -> str:
    digest = hashlib.sha256(f"{_LAYOUT}\0{repository.commit}\0{repository.patch}\0".encode(errors="surrogateescape"))
    # A commit's hash says what is in it; a folder may change.
    for part in [b""] if repository.commit is not None else _contents(source):
        digest.update(part)
    return digest.hexdigest()[:32]


def _contents(folder: Path) -> Iterator[bytes]:
    for above, folders, files in os.walk(folder):
        folders[:] = sorted(set(folders) - _left_out(above, folders))
        for name in sorted([*files, *(one for one in folders if (Path(above) / one).is_symlink())]):
            path = Path(above) / name
            link = path.is_symlink()
            content = os.readlink(path).encode(errors="surrogateescape") if link else path.read_bytes()
            mode = "link" if link else str(path.stat().st_mode & 0o100)
            about = f"{path.relative_to(folder)}\0{mode}\0{len(content)}\0"
            yield about.encode(errors="surrogateescape") + content
