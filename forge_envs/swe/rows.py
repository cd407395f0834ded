"""Rows of SWE-bench and its relatives from files, folders and the hub."""

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from forge_envs.core.errors import ConfigError, TaskError
from forge_envs.swe.task_repo import is_task_repo, task_repo_rows

HUB: Mapping[str, str] = {
    "full": "SWE-bench/SWE-bench",
    "lite": "SWE-bench/SWE-bench_Lite",
    "multilingual": "SWE-bench/SWE-bench_Multilingual",
    "smith": "SWE-bench/SWE-smith",
    "swe-gym": "SWE-Gym/SWE-Gym",
    "verified": "SWE-bench/SWE-bench_Verified",
}
"""Short names of data sets on the hub, where no file or folder has that name."""


def split_of(source: str | Path) -> str:
    """The split that a source names, or the one that is read without a name: ``train`` of what is made to train on."""
    name, _, split = str(source).partition("#")
    if split:
        return split
    hub = HUB.get(name, name.removeprefix("hf:").partition(":")[0])
    return "train" if hub in (HUB["smith"], HUB["swe-gym"]) else "test"


def swe_rows(source: str | Path) -> Iterator[dict[str, Any]]:
    """The rows of a source, as they are in it.

    Args:
        source: A ``.json`` file (a list, or an object by instance id), a ``.parquet`` file (where pyarrow is
            installed), a JSON Lines file, a folder of Parquet or JSON Lines files named by split, a task repository of
            swebench 5, ``hf:OWNER/NAME`` or ``hf:OWNER/NAME:CONFIG`` (where ``datasets`` is installed), or a key of
            `HUB`. All but files may end with ``#SPLIT``; see `split_of`.

    Raises:
        TaskError: The file can't be read, or holds something else. ConfigError: a library is missing.
    """
    text, path = str(source), Path(source)
    name, split = text.partition("#")[0], split_of(source)
    if name in HUB and not Path(name).exists():
        name = f"hf:{HUB[name]}"
    if name.startswith("hf:"):
        yield from _plain(_hub(name, split), name)
    elif Path(name).is_dir() and not path.is_file():
        yield from _folder(Path(name), split)
    elif path.suffix == ".parquet":
        yield from _plain(_parquet(path), text)
    else:
        yield from _json(path)


def _json(path: Path) -> Iterator[dict[str, Any]]:
    try:
        text = path.read_text(encoding="utf-8")
        if path.suffix == ".json":
            held = json.loads(text)
            rows = list(held.values()) if isinstance(held, dict) else held
        else:  # lines end with a newline only: a JSON text may hold other line separators
            rows = [json.loads(line) for line in text.split("\n") if line.strip()]
    except (OSError, ValueError, RecursionError) as error:
        raise TaskError(f"{path}: {error}") from error
    if not isinstance(rows, list) or not all(isinstance(row, dict) for row in rows):
        raise TaskError(f"{path}: expected rows, each an object with an instance_id.")
    yield from rows


def _parquet(path: Path) -> Iterator[Mapping[str, Any]]:
    from forge_envs.code_contest.formats.sources import read_rows

    try:
        yield from read_rows(path)
    except (OSError, ValueError) as error:  # pyarrow's own errors are among these
        raise TaskError(f"{path}: not a Parquet file: {error}") from error


def _hub(name: str, split: str) -> Iterator[Mapping[str, Any]]:
    from forge_envs.code_contest.formats.sources import read_rows

    try:
        yield from read_rows(name, split=split)
    except (OSError, ValueError) as error:
        raise ConfigError(f"{name}: the data set could not be loaded: {str(error)[:300]}") from error


def _folder(folder: Path, split: str) -> Iterator[dict[str, Any]]:
    if is_task_repo(folder):
        yield from task_repo_rows(folder, split=split)
        return
    files = sorted(p for s in (".parquet", ".jsonl") for p in folder.rglob(f"{split}*{s}"))
    if not files:
        raise TaskError(f"{folder}: neither a tasks folder nor files {split}*.parquet or {split}*.jsonl.")
    for file in files:
        yield from swe_rows(file)


def _plain(rows: Iterator[Mapping[str, Any]], where: str) -> Iterator[dict[str, Any]]:
    """Rows of JSON values: times and numbers of other libraries become texts."""
    for number, row in enumerate(rows):
        try:
            yield json.loads(json.dumps(dict(row), default=str))
        except (TypeError, ValueError, RecursionError) as error:
            raise TaskError(f"{where}: row {number + 1}: {error}") from error
