"""What a git repository's commits did to its Python files, read in a bare copy that has a configuration of our own."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from forge_envs.swe.gitcmd import git
from forge_envs.swe.synthesis.merge import merged_lines
from forge_envs.swe.synthesis.patches import Files, plain_path
from forge_envs.swe.synthesis.project import is_test

MOST_FILES = 12
"""Product files of a commit; one that changes more is no repair of something."""

_FILES = (b"000000", b"100644", b"100755")


@dataclass(frozen=True)
class Commit:
    """The product's part of a commit with one parent.

    Args:
        id: Its hash.
        before: The changed files' content in the parent.
        after: In the commit.
    """

    id: str
    before: Files
    after: Files


class History:
    """The commits that lead to a repository's HEAD.

    The copy borrows the repository's objects and takes nothing else of it: no configuration, hooks or attributes.

    Args:
        origin: The git repository.
        scratch: A folder for the copy.

    Raises:
        SandboxError: Git failed.
    """

    def __init__(self, origin: Path, scratch: Path):
        self._scratch, self._folder = scratch, scratch / "history.git"
        self._git("clone", "-q", "--bare", "--shared", "--no-tags", "--template=", str(origin), "history.git")

    def ids(self) -> frozenset[str]:
        """The hashes of all commits; of a shallow clone, of those that are there."""
        return frozenset(self._git("rev-list", "HEAD").decode().split())

    def commits(self, most: int) -> Iterator[Commit]:
        """Commits that change a few Python files of the product, newest first.

        Merges are left out, and so is a commit whose parent is not there.

        Args:
            most: How many commits are looked at.
        """
        for line in self._git("rev-list", "--no-merges", "--parents", f"--max-count={most}", "HEAD").splitlines():
            hashes = line.decode().split()
            if len(hashes) == 2:
                before, after = self._changed(hashes[1], hashes[0])
                if before:
                    yield Commit(hashes[0], before, after)

    def _changed(self, parent: str, commit: str) -> tuple[Files, Files]:
        listed = self._git("diff-tree", "-r", "-z", "--no-renames", "--no-commit-id", parent, commit).split(b"\0")
        before: dict[str, bytes | None] = {}
        after: dict[str, bytes | None] = {}
        for about, name in zip(listed[::2], listed[1::2], strict=False):
            path = name.decode(errors="replace")
            old_mode, new_mode, old, new, _ = about.removeprefix(b":").split(b" ")
            if not path.endswith(".py") or not plain_path(path) or is_test(path):
                continue
            if old_mode not in _FILES or new_mode not in _FILES or len(before) == MOST_FILES:
                return {}, {}
            before[path], after[path] = self._blob(old), self._blob(new)
        return before, after

    def _blob(self, name: bytes) -> bytes | None:
        return self._git("cat-file", "blob", name.decode()) if name.strip(b"0") else None

    def _git(self, *arguments: str) -> bytes:
        folder = self._folder if self._folder.exists() else self._scratch
        return git(*arguments, folder=folder, scratch=self._scratch)


def without(now: Files, commit: Commit) -> Mapping[str, bytes | None] | None:
    """Today's files with a commit undone; None where that can't be done.

    It can't where a later commit has changed the same places, and where nothing is left to undo.

    Args:
        now: Today's content of the files that the commit changed.
        commit: What to undo.
    """
    found: dict[str, bytes | None] = {}
    for path, before in commit.before.items():
        after, today = commit.after[path], now.get(path)
        if today == after:
            undone = before
        elif before is None or after is None or today is None:
            return None
        else:
            merged = merged_lines(today, after, before)
            if merged is None:
                return None
            undone = merged
        if undone != today:
            found[path] = undone
    return found or None
