"""The repository as it comes: a folder or the commit a git repository is at, copied into the suite."""

import ast
import os
import re
import shutil
import stat
import tempfile
import time
import tomllib
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path, PurePosixPath

from forge_envs.core.errors import TaskError
from forge_envs.swe.repository import Repository, prepare
from forge_envs.swe.synthesis.patches import plain_path
from forge_envs.swe.synthesis.source import Source, read_source

_METADATA_BYTES = 1 << 20
_LEFT_OUT = (".git", "__pycache__", ".pytest_cache", ".ruff_cache", ".mypy_cache", ".hypothesis", ".tox", "*.pyc")
_TEST_FOLDERS = {"test", "tests", "testing"}
_NOT_PRODUCT = {"docs", "doc", "examples", "benchmarks", "setup.py", "noxfile.py", "conftest.py"}


@dataclass(frozen=True)
class Project:
    """A repository in the suite.

    Args:
        name: Of the project.
        folder: Its files, in the suite.
        origin: The git repository that it comes from, if it has a history.
        version: As its metadata say.
        created_at: When its newest file was changed.
        paths: What its tests need on ``PYTHONPATH``.
    """

    name: str
    folder: Path
    origin: Path | None
    version: str
    created_at: str
    paths: str

    @property
    def command(self) -> str:
        """What runs tests; files follow."""
        return f"{f'PYTHONPATH={self.paths} ' if self.paths else ''}python -m pytest -rA -p no:cacheprovider"

    @cached_property
    def files(self) -> dict[str, bytes]:
        """Every Python file with a plain path."""
        found = {path.relative_to(self.folder).as_posix(): path for path in sorted(self.folder.rglob("*.py"))}
        return {name: path.read_bytes() for name, path in found.items() if plain_path(name) and not path.is_symlink()}

    @cached_property
    def sources(self) -> dict[str, Source]:
        """Files of the product that can be read."""
        read = (read_source(path, content) for path, content in self.files.items() if not is_test(path))
        return {source.path: source for source in read if source is not None}

    @cached_property
    def products(self) -> tuple[str, ...]:
        """The names under which tests import the product: its packages, and modules that are in none."""
        found: set[str] = set()
        for path in self.sources:
            *folders, name = PurePosixPath(path).parts
            base = [self.paths] if folders[:1] == [self.paths] else []
            parts: list[str] = []
            place = base.copy()
            for folder in folders[len(base) :]:
                parts, place = [*parts, folder], [*place, folder]
                if "/".join([*place, "__init__.py"]) in self.files:
                    break
            else:
                parts.append(name.removesuffix(".py"))
            if all(part.isidentifier() for part in parts):
                found.add(".".join(parts))
        return tuple(sorted(found))


def is_test(path: str) -> bool:
    """Whether a path is one of tests, of documentation or of packaging, by its name."""
    parts = PurePosixPath(path).parts
    if _TEST_FOLDERS & set(parts[:-1]) or _NOT_PRODUCT & set(parts):
        return True
    return bool(re.fullmatch(r"tests?\.py|test_.*\.py|.*_tests?\.py", parts[-1]))


def take_project(repository: str | Path, suite: Path) -> Project:
    """Copy a repository into the suite, or find the copy of a run before.

    Of a git repository the commit is taken that it is at; what is not committed is left out.

    Raises:
        TaskError: There is no such folder, or there is no Python in it.
    """
    source = Path(repository).resolve()
    if not source.is_dir():
        raise TaskError(f"Repository {str(repository)!r}: no such folder; unpack archives first.")
    git = (source / ".git").exists() or ((source / "HEAD").is_file() and (source / "objects").is_dir())
    name, version = _about(source)
    target = suite / "repos" / name
    if not target.is_dir():
        target.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(prefix=".new-", dir=target.parent) as scratch:
            taken = source
            if git:
                taken = Path(prepare(Repository(str(source), "HEAD"), cache=Path(scratch) / "cache").folder)
            shutil.copytree(taken, Path(scratch) / "made", symlinks=True, ignore=shutil.ignore_patterns(*_LEFT_OUT))
            (Path(scratch) / "made").rename(target)
    changed = max((path.lstat().st_mtime for path in target.rglob("*.py")), default=None)
    if changed is None:
        raise TaskError(f"Repository {str(repository)!r} holds no Python files.")
    if git:
        changed = (source / ("HEAD" if (source / "HEAD").is_file() else ".git/HEAD")).stat().st_mtime
    day = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(changed))
    paths = "src" if (target / "src").is_dir() and not (target / "src" / "__init__.py").exists() else ""
    return Project(name, target, source if git else None, version, day, paths)


def _about(folder: Path) -> tuple[str, str]:
    """Name and version, by PKG-INFO, pyproject.toml or the folder's name."""
    name, version = folder.name.removesuffix(".git"), "0"
    match = re.fullmatch(r"(.+?)-(\d[\w.]*)", name)
    if match:
        name, version = match[1], match[2]
    try:
        about = tomllib.loads(_metadata(folder / "pyproject.toml").decode()).get("project", {})
        name, version = str(about.get("name", name)), str(about.get("version", version))
    except (OSError, ValueError, AttributeError, RecursionError):
        pass
    try:
        head = _metadata(folder / "PKG-INFO").decode(errors="replace")
        found = dict(re.findall(r"^(Name|Version): *(\S+)", head, re.MULTILINE))
        name, version = found.get("Name", name), found.get("Version", version)
    except OSError:
        pass
    return re.sub(r"[^A-Za-z0-9_.-]+", "-", name).strip(".-") or "project", version


def _metadata(path: Path) -> bytes:
    """The beginning of a regular file; a link could lead to a device or to any file of the host."""
    fd = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    with open(fd, "rb") as file:
        if not stat.S_ISREG(os.fstat(fd).st_mode):
            raise OSError(f"{path} is no regular file")
        return file.read(_METADATA_BYTES)


def test_functions(content: bytes) -> int:
    """How many tests a test file defines, by their names; 0 where it can't be read."""
    try:
        tree = ast.parse(content)
    except (SyntaxError, ValueError, RecursionError):
        return 0
    kinds = (ast.FunctionDef, ast.AsyncFunctionDef)
    return sum(isinstance(node, kinds) and node.name.startswith("test") for node in ast.walk(tree))


test_functions.__test__ = False  # type: ignore[attr-defined]
