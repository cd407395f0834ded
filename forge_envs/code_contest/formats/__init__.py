"""Loaders: the common data sets and package formats as `ContestTask`."""

from collections.abc import Callable, Mapping
from functools import partial
from itertools import islice
from pathlib import Path
from typing import Any

from forge_envs.code_contest.formats import apps, codecontests, functions, kattis, livecodebench, polyglot
from forge_envs.code_contest.formats.build import Loaded, Skipped
from forge_envs.code_contest.formats.sources import read_rows
from forge_envs.code_contest.task import ContestTask
from forge_envs.core.errors import ConfigError, TaskError

__all__ = ["FORMATS", "Loaded", "Skipped", "load_tasks"]

Row = Mapping[str, Any]


def load_tasks(source: str | Path, *, format: str, split: str | None = None, limit: int | None = None) -> Loaded:
    """Load contest tasks.

    Args:
        source: A file or a folder, or ``hf:NAME`` for a data set on the hub (formats made of rows).
        format: A key of `FORMATS`.
        split: Of a data set on the hub.
        limit: Most rows or exercises that are read.

    Returns:
        The tasks, and what was skipped with the reason: one bad row does not hide the others.

    Raises:
        ConfigError: No such format or file.
    """
    if format not in FORMATS:
        raise ConfigError(f"Unknown format {format!r}: use one of {sorted(FORMATS)}.")
    return FORMATS[format](source, split, limit)


def _rows(
    convert: Callable[[Row, int], ContestTask], source: str | Path, split: str | None, limit: int | None
) -> Loaded:
    tasks: list[ContestTask] = []
    skipped: list[Skipped] = []
    for number, row in enumerate(islice(read_rows(source, split=split), limit)):
        try:
            tasks.append(convert(row, number))
        except (TaskError, KeyError, TypeError, ValueError, AttributeError, IndexError, RecursionError) as error:
            named = row.get("task_id") or row.get("question_id") or row.get("problem_id") or row.get("id")
            skipped.append(Skipped(f"row {number} ({named or row.get('name')})", f"{type(error).__name__}: {error}"))
    return Loaded(tuple(tasks), tuple(skipped))


def _plain(convert: Callable[[Row], ContestTask]) -> Callable[..., Loaded]:
    return partial(_rows, lambda row, number: convert(row))


def _kattis(source: str | Path, split: str | None, limit: int | None) -> Loaded:
    """One package, or a folder of packages."""
    path = Path(source)
    inside = sorted(p for p in path.iterdir() if p.is_dir() or p.suffix == ".zip") if path.is_dir() else []
    single = not path.is_dir() or (path / "problem.yaml").is_file()
    tasks: list[ContestTask] = []
    skipped: list[Skipped] = []
    for package in [path] if single else inside[:limit]:
        try:
            tasks.append(kattis.load_package(package))
        except TaskError as error:
            skipped.append(Skipped(package.name, str(error)))
    return Loaded(tuple(tasks), tuple(skipped))


def _polyglot(source: str | Path, split: str | None, limit: int | None) -> Loaded:
    loaded = polyglot.load_exercises(source)
    return Loaded(loaded.tasks[:limit], loaded.skipped)


FORMATS: dict[str, Callable[[str | Path, str | None, int | None], Loaded]] = {
    "apps": partial(_rows, apps.from_row),
    "codecontests": _plain(codecontests.from_row),
    "humaneval": _plain(functions.humaneval_from_row),
    "kattis": _kattis,
    "livecodebench": _plain(livecodebench.from_row),
    "mbpp": _plain(functions.mbpp_from_row),
    "polyglot": _polyglot,
    "taco": partial(_rows, apps.from_row),
}
"""Every format by name."""
