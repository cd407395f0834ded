"""Tasks that are set aside because their verdict is not always the same: a file beside the suite."""

import json
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from forge_envs.core.errors import ConfigError, TaskError
from forge_envs.core.task import TaskSuite, tasks_root

FILE = "quarantine.jsonl"
"""One object a line: ``task_id`` and ``reason``, and what else the flake report found."""


def suite_folder(source: str | Path) -> Path:
    """The folder of a suite, by its path or the name of a bundled one.

    Raises:
        ConfigError: There is none.
    """
    for folder in (Path(source), tasks_root() / source):
        if (folder / "suite.toml").is_file():
            return folder
    raise ConfigError(f"No suite {str(source)!r}: give a folder with a suite.toml, or a bundled suite's name.")


def quarantined(source: str | Path) -> dict[str, str]:
    """Task id to reason, of one suite; empty where it has no quarantine file.

    Raises:
        TaskError: The file is wrong; the message names the line.
    """
    path = suite_folder(source) / FILE
    if not path.is_file():
        return {}
    found = {}
    for number, line in enumerate(path.read_text(encoding="utf-8").split("\n"), start=1):
        if not line.strip():
            continue
        try:
            row = json.loads(line)
            found[str(row["task_id"])] = str(row["reason"])
        except (ValueError, KeyError, TypeError) as error:
            raise TaskError(f"{path}:{number}: an object with 'task_id' and 'reason' is expected: {error}") from error
    return found


def write_quarantine(path: Path, rows: Iterable[Mapping[str, Any]]) -> None:
    """Write the file anew; without a row it is removed."""
    lines = [json.dumps(row) for row in rows]
    if lines:
        path.write_text("".join(f"{line}\n" for line in lines), encoding="ascii")
    else:
        path.unlink(missing_ok=True)


def without_quarantined(suite: TaskSuite, source: str | Path | Sequence[str | Path]) -> TaskSuite:
    """A suite without the tasks that are set aside.

    Args:
        suite: As loaded.
        source: What it was loaded from.

    Raises:
        TaskError: No task is left.
    """
    sources = [source] if isinstance(source, str | Path) else list(source)
    aside = {task_id for one in sources for task_id in quarantined(one)}
    kept = suite.filter(lambda task: task.id not in aside)
    if not kept.tasks:
        raise TaskError(f"Every task of {suite.name} is in {FILE}; remove lines of it, or the file.")
    return kept
