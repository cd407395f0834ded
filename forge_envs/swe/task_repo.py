"""Task repositories of swebench 5: a folder for each task (``swebench/task/repo.py`` of 5.0.2)."""

import json
from collections.abc import Iterator
from datetime import date
from importlib import import_module
from pathlib import Path
from typing import Any

from forge_envs.core.errors import ConfigError, TaskError

FILES = {
    "patch": "gold.patch",
    "test_patch": "test.patch",
    "eval_script": "eval.sh",
    "problem_statement": "problem_statement.md",
}
"""Columns that have files of their own."""


def is_task_repo(folder: Path) -> bool:
    """Whether a folder has tasks as swebench 5 lays them out."""
    return (folder / "sweb.yaml").is_file() or any(folder.glob("tasks/*/task.yaml"))


def task_repo_rows(folder: Path, *, split: str = "test") -> Iterator[dict[str, Any]]:
    """The tasks of one split as rows, by name.

    Args:
        folder: With ``tasks/ID/``, in which are ``task.yaml``, ``tests.json``, the `FILES` and perhaps ``hints.md``.
        split: Tasks of other splits are left out.

    Raises:
        TaskError: A file is missing or wrong, or no task has the split. ConfigError: PyYAML is not installed.
    """
    splits = set()
    for task in sorted(path.parent for path in (folder / "tasks").glob("*/task.yaml")):
        row = _yaml(task / "task.yaml")
        splits.add(str(row.get("split")))
        if row.get("split") != split:
            continue
        for column, name in FILES.items():
            row[column] = _text(task / name)
        row["hints_text"] = _text(task / "hints.md") if (task / "hints.md").is_file() else ""
        try:
            tests = json.loads(_text(task / "tests.json"))
        except (ValueError, RecursionError) as error:
            raise TaskError(f"{task / 'tests.json'}: not JSON: {error}") from error
        if not isinstance(tests, dict):
            raise TaskError(f"{task / 'tests.json'}: expected an object with FAIL_TO_PASS and PASS_TO_PASS.")
        if row.get("instance_id", task.name) != task.name:
            raise TaskError(f"{task / 'task.yaml'}: instance_id: {row['instance_id']!r} is not the folder's name.")
        yield {"instance_id": task.name, **row, **tests}
    if split not in splits:
        raise TaskError(f"{folder}: no task has the split {split!r}; there are {sorted(splits)}.")


def _yaml(path: Path) -> dict[str, Any]:
    try:
        yaml = import_module("yaml")
    except ImportError as error:
        raise ConfigError("Task repositories need PyYAML: install forge-agents[swe].") from error
    try:
        text = _text(path)
        if any(isinstance(event, yaml.AliasEvent) for event in yaml.parse(text, yaml.SafeLoader)):
            raise TaskError(f"{path}: aliases are not allowed: they can make a small file huge.")
        held = yaml.safe_load(text)
    except (yaml.YAMLError, RecursionError, ValueError) as error:
        raise TaskError(f"{path}: not YAML: {str(error)[:300]}") from error
    if not isinstance(held, dict) or not all(isinstance(key, str) for key in held):
        raise TaskError(f"{path}: expected an object with the task's fields.")
    return {key: str(value) if isinstance(value, float | date) else value for key, value in held.items()}


def _text(path: Path) -> str:
    """Bytes as they are: a patch keeps its line ends."""
    try:
        return path.read_bytes().decode()
    except (OSError, ValueError) as error:
        raise TaskError(f"{path}: {error}") from error
