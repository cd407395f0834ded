"""Reading BFCL's files in upstream's layout: a folder with ``BFCL_v4_<category>.json`` and ``possible_answer``."""

import ast
import hashlib
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

from forge_envs.core.errors import TaskError
from forge_envs.tool_use.bfcl.backend import DOC_FILES
from forge_envs.tool_use.bfcl.categories import CATEGORIES, is_multi_turn, is_relevance

PREFIX = "BFCL_v4_"
LONG_CONTEXT = "long_context_extensions.json"
_UPSTREAM_LONG_CONTEXT = Path("../eval_checker/multi_turn_eval/func_source_code/long_context.py")


@dataclass(frozen=True)
class Entry:
    """One entry of the benchmark.

    Args:
        id: Upstream's id.
        category: Its category.
        row: The entry as in the file; of a multi-turn entry, ``function`` holds the docs that are on offer from the
            first turn, and ``missed_function`` the docs that arrive later, by turn. Read-only: it is shared.
        gold: The ground truth; None where upstream has none (relevance and irrelevance).
    """

    id: str
    category: str
    row: Mapping[str, Any]
    gold: Any


def category_file(data: str | Path, category: str) -> Path:
    """Where a category's entries are.

    Raises:
        TaskError: There is no such category, or the folder does not have it.
    """
    if category not in CATEGORIES:
        raise TaskError(f"Unknown BFCL category {category!r}: use one of {list(CATEGORIES)}.")
    path = Path(data) / f"{PREFIX}{category}.json"
    if not path.is_file():
        raise TaskError(f"{path}: no such file; give the folder that holds upstream's BFCL_v4_*.json files.")
    return path


def available(data: str | Path) -> list[str]:
    """The categories whose files are in a folder, in upstream's order."""
    return [category for category in CATEGORIES if (Path(data) / f"{PREFIX}{category}.json").is_file()]


def load_category(data: str | Path, category: str) -> list[Entry]:
    """The entries of a category, in file order.

    Args:
        data: The folder.
        category: For example ``live_multiple``; see `forge_envs.tool_use.bfcl.categories.CATEGORIES`.

    Raises:
        TaskError: A file is missing or wrong.
    """
    path = category_file(data, category)
    rows = read_lines(path)
    answers: list[dict[str, Any]] | None = None
    if not is_relevance(category):
        answers = read_lines(path.parent / "possible_answer" / path.name)
        if len(answers) != len(rows):
            raise TaskError(f"possible_answer/{path.name}: {len(answers)} answers for {len(rows)} entries.")
    entries = []
    for number, row in enumerate(rows):
        # By place, not by id: upstream pairs them so, and some of its answers once had ids of their own.
        gold = None if answers is None else answers[number].get("ground_truth")
        if "id" not in row or (gold is None and answers is not None):
            raise TaskError(f"{path}:{number + 1}: no id, or no ground_truth in possible_answer.")
        if is_multi_turn(category):
            row = _with_docs(row, path.parent)
        entries.append(Entry(row["id"], category, row, gold))
    return entries


def content_hash(data: str | Path, categories: Iterable[str]) -> str:
    """SHA-256 over the files of the categories."""
    digest = hashlib.sha256()
    for category in categories:
        path = category_file(data, category)
        for part in (path, path.parent / "possible_answer" / path.name):
            digest.update(part.read_bytes() if part.is_file() else b"")
    return digest.hexdigest()


def read_lines(path: Path) -> list[dict[str, Any]]:
    """The JSON objects of a file, one for each line.

    Raises:
        TaskError: The file is missing, or a line is not a JSON object.
    """
    try:
        lines = path.read_bytes().split(b"\n")
    except OSError as error:
        raise TaskError(f"{path}: {error.strerror}") from error
    rows = []
    for number, line in enumerate(lines, start=1):
        if not line.strip():
            continue
        try:
            row = json.loads(line)
        except (ValueError, RecursionError) as error:
            raise TaskError(f"{path}:{number}: not JSON: {error}") from error
        if not isinstance(row, dict):
            raise TaskError(f"{path}:{number}: not a JSON object.")
        rows.append(row)
    return rows


def uses_long_context(entry_id: str) -> bool:
    """Whether an entry's backends carry the long-context material (upstream decides by the id)."""
    return "long_context" in entry_id or "composite" in entry_id


@lru_cache(maxsize=4)
def load_long_context(data: Path) -> Mapping[str, Any]:
    """The long-context material, which upstream keeps as Python literals beside its backends.

    Read from ``long_context_extensions.json`` in the data folder, or else from upstream's ``long_context.py`` if the
    folder is the one inside upstream's package. That file is read as literals and never executed.

    Raises:
        TaskError: Neither is there.
    """
    converted = data / LONG_CONTEXT
    if converted.is_file():
        # JSON has no Ellipsis; the converted watch list ends with an object that stands for it.
        return json.loads(converted.read_text(encoding="utf-8"), object_hook=_ellipsis)
    source = data / _UPSTREAM_LONG_CONTEXT
    if not source.is_file():
        raise TaskError(f"{converted}: no such file, and no {source}: long-context entries need one of them.")
    tree = ast.parse(source.read_text(encoding="utf-8"))
    assigned = (node for node in tree.body if isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name))
    return {node.targets[0].id: ast.literal_eval(node.value) for node in assigned}  # type: ignore[attr-defined]


@lru_cache(maxsize=64)
def load_docs(path: Path) -> tuple[dict[str, Any], ...]:
    """The function docs of one backend."""
    return tuple(read_lines(path))


def _ellipsis(found: dict[str, Any]) -> Any:
    return ... if found == {"__ellipsis__": True} else found


def _with_docs(row: dict[str, Any], data: Path) -> dict[str, Any]:
    docs = [
        doc
        for name in row["involved_classes"]
        for doc in load_docs(data / "multi_turn_func_doc" / DOC_FILES.get(name, f"{name}.json"))
    ]
    missed = {
        turn: [doc for name in names for doc in docs if doc["name"] == name]
        for turn, names in row.get("missed_function", {}).items()
    }
    withheld = {doc["name"] for later in missed.values() for doc in later}
    return {**row, "function": [doc for doc in docs if doc["name"] not in withheld], "missed_function": missed}
