"""BFCL's entries as a task suite, named by a text such as ``bfcl:DIR`` or ``bfcl-upstream:DIR#multi_turn_base``."""

from collections.abc import Sequence
from functools import lru_cache
from pathlib import Path
from typing import Any

from forge_envs.core.errors import TaskError
from forge_envs.core.task import Task, TaskSuite
from forge_envs.tool_use.bfcl.categories import is_multi_turn
from forge_envs.tool_use.bfcl.data import Entry, available, content_hash, load_category

SPLIT = "heldout"
"""The split of every entry: BFCL is a benchmark, and training on it is a decision that has to be said."""


def load_bfcl(scheme: str, rest: str) -> TaskSuite:
    """Load the suite that ``scheme:rest`` names.

    Args:
        scheme: ``bfcl`` for the strict rules, ``bfcl-upstream`` for upstream's.
        rest: The folder with upstream's files, and after a # the categories, parted by commas; all that the folder has
            if there is none.

    Raises:
        TaskError: The folder or a category of it does not exist, or a file is wrong.
    """
    folder, _, named = rest.partition("#")
    wanted = [category.strip() for category in named.split(",")] if named else available(folder)
    if not wanted:
        raise TaskError(f"{folder}: no BFCL_v4_*.json file there; give upstream's data folder after 'bfcl:'.")
    return make_suite(folder, wanted, compat="upstream" if scheme == "bfcl-upstream" else "strict")


def make_suite(folder: str | Path, categories: Sequence[str], *, compat: str = "strict") -> TaskSuite:
    """A suite of some categories.

    Args:
        folder: Upstream's data folder.
        categories: Their names.
        compat: The rules of grading, a name in `forge_envs.tool_use.bfcl.rules.COMPAT`.

    Raises:
        TaskError: A category does not exist, or a file is wrong.
    """
    return _load(Path(folder).resolve(), tuple(categories), compat)


@lru_cache(maxsize=8)
def _load(folder: Path, categories: tuple[str, ...], compat: str) -> TaskSuite:
    tasks = [_task(entry, folder, compat) for category in categories for entry in load_category(folder, category)]
    name = "bfcl" if compat == "strict" else f"bfcl-{compat}"
    return TaskSuite(name, "forge/ToolUse-v0", tuple(tasks), content_hash(folder, categories))


def _task(entry: Entry, folder: Path, compat: str) -> Task:
    silent = is_multi_turn(entry.category) and not any(entry.gold)
    row: dict[str, Any] = {
        "id": entry.id,
        "benchmark": "bfcl",
        "category": entry.category,
        "entry": entry.row,
        "gold": entry.gold,
        "folder": str(folder),
        "compat": compat,
        "noop_reward": float("irrelevance" in entry.category or silent),
    }
    return Task(entry.id, row, SPLIT, f"bfcl/{entry.category}")
