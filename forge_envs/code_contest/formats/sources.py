"""Where tasks come from: rows of a file or of a data set, and file trees of a folder or an archive, all bounded."""

import json
import stat
import zipfile
from collections.abc import Iterator, Mapping
from importlib import import_module
from pathlib import Path, PurePosixPath
from typing import Any

from forge_envs.core.errors import ConfigError, TaskError

MAX_FILE = 64 * 2**20
"""Bytes of one file of a tree."""
MAX_TREE = 512 * 2**20
"""Bytes of a whole tree."""
MAX_FILES = 20_000
"""Files of a tree."""
MAX_LINE = 512 * 2**20
"""Bytes of one row."""

Tree = Mapping[str, bytes]
"""Relative path to content."""


def read_rows(source: str | Path, *, split: str | None = None) -> Iterator[Mapping[str, Any]]:
    """The rows of a data set.

    Args:
        source: A file (``.jsonl``, ``.json`` with a list, ``.parquet`` where pyarrow is installed), or ``hf:NAME`` or
            ``hf:NAME:CONFIG`` for a data set that the ``datasets`` library loads (extra ``train``).
        split: Of a data set; ``test`` if it is not given.

    Raises:
        ConfigError: No such file, or a library is missing; TaskError: the file is wrong, with its line.
    """
    if isinstance(source, str) and source.startswith("hf:"):
        yield from _hub_rows(source.removeprefix("hf:"), split or "test")
        return
    path = Path(source)
    if not path.is_file():
        raise ConfigError(f"No file {str(source)!r}: give a .jsonl, .json or .parquet file, or hf:NAME.")
    if path.suffix == ".parquet":
        yield from _parquet_rows(path)
    elif path.suffix == ".json":
        value = _json(path.read_bytes(), str(path))
        for number, row in enumerate(value if isinstance(value, list) else [value]):
            yield _object(row, f"{path}[{number}]")
    else:
        with path.open("rb") as lines:
            number = 0
            while line := lines.readline(MAX_LINE):
                number += 1
                if line.strip():
                    where = f"{path}:{number}"
                    yield _object(_json(line, where), where)


def _hub_rows(name: str, split: str) -> Iterator[Mapping[str, Any]]:
    try:
        from datasets import load_dataset
    except ImportError as error:
        raise ConfigError("Loading from a hub needs the 'datasets' library: install forge-agents[train].") from error
    repository, _, config = name.partition(":")
    yield from load_dataset(repository, config or None, split=split, streaming=True)


def _parquet_rows(path: Path) -> Iterator[Mapping[str, Any]]:
    try:
        parquet = import_module("pyarrow.parquet")
    except ImportError as error:
        raise ConfigError(f"Reading {path.name} needs the 'pyarrow' library: install forge-agents[train].") from error
    with parquet.ParquetFile(path) as file:
        for batch in file.iter_batches(batch_size=16):
            yield from batch.to_pylist()


def _json(text: bytes, where: str) -> Any:
    try:
        return json.loads(text.decode())
    except (ValueError, RecursionError) as error:
        raise TaskError(f"{where}: not JSON: {error}") from error


def _object(row: Any, where: str) -> Mapping[str, Any]:
    if not isinstance(row, Mapping):
        raise TaskError(f"{where}: a row is an object, not {type(row).__name__}.")
    return row


def read_tree(source: str | Path) -> dict[str, bytes]:
    """Every regular file of a folder or a zip archive, in memory: nothing is ever written to the disk.

    Symbolic links are left out, and in a folder names that are no names elsewhere (with a colon or a backslash).

    Args:
        source: A folder, or a ``.zip`` or ``.kpp`` file.

    Raises:
        ConfigError: There is no such folder or archive.
        TaskError: A path leads outside, or a file, the tree or their number is too large.
    """
    path = Path(source)
    if path.is_dir():
        entries = _folder_files(path)
    elif path.is_file() and zipfile.is_zipfile(path):
        entries = _zip_files(path)
    else:
        raise ConfigError(f"No folder and no zip archive at {str(source)!r}.")
    tree: dict[str, bytes] = {}
    size = 0
    for name, content in entries:
        size += len(content)
        if size > MAX_TREE or len(tree) >= MAX_FILES:
            raise TaskError(f"{path}: more than {MAX_FILES} files or {MAX_TREE // 2**20} MiB.")
        tree[safe_path(name)] = content
    return tree


def safe_path(name: str) -> str:
    """A relative path with no way out of its folder, in its normal form.

    Raises:
        TaskError: It is absolute, empty, or leads outside.
    """
    path = PurePosixPath(name)
    if path.is_absolute() or ".." in path.parts or not path.parts or "\\" in name or "\0" in name or ":" in name:
        raise TaskError(f"The path {name[:200]!r} leads outside its folder, or is no path at all.")
    return str(path)


def text_of_file(content: bytes) -> str:
    """A file as text: UTF-8, or Latin-1 where it is not."""
    try:
        return content.decode()
    except UnicodeDecodeError:
        return content.decode("latin-1")


def _folder_files(folder: Path) -> Iterator[tuple[str, bytes]]:
    for path in sorted(folder.rglob("*")):
        if path.is_symlink() or not path.is_file() or "\\" in path.name or ":" in path.name:
            continue
        if path.resolve().is_relative_to(folder.resolve()):
            if path.stat().st_size > MAX_FILE:
                raise TaskError(f"{path}: larger than {MAX_FILE // 2**20} MiB.")
            yield path.relative_to(folder).as_posix(), path.read_bytes()


def _zip_files(path: Path) -> Iterator[tuple[str, bytes]]:
    try:
        with zipfile.ZipFile(path) as archive:
            for entry in archive.infolist():
                if entry.is_dir() or stat.S_ISLNK(entry.external_attr >> 16):
                    continue
                with archive.open(entry) as file:
                    content = file.read(MAX_FILE + 1)  # what an archive says of its sizes is not to be trusted
                if len(content) > MAX_FILE:
                    raise TaskError(f"{path}: {entry.filename[:200]!r} is larger than {MAX_FILE // 2**20} MiB.")
                yield entry.filename, content
    except (zipfile.BadZipFile, NotImplementedError, RuntimeError, OSError, EOFError) as error:
        raise TaskError(f"{path}: not a zip archive that can be read: {error}") from error
