"""APPS (codeparrot/apps) and TACO (BAAI/TACO), which share their columns.

The rule for function calls is that of `apps_metric/testing_util.py`: an answer may be wrapped in a list of one.
"""

import json
import re
from collections.abc import Mapping
from typing import Any

from forge_envs.code_contest.formats.build import (
    PYTHON_AND_MORE,
    distinct,
    function_checker,
    stdin_checker,
    task_id,
    text_of,
)
from forge_envs.code_contest.task import ContestTask, Program
from forge_envs.core.errors import TaskError

DIFFICULTY = {"introductory": 1, "interview": 2, "competition": 3, "easy": 1, "medium": 2, "medium_hard": 2}
HARD = {"hard": 3, "very_hard": 3}
MAX_SOLUTIONS = 5


def from_row(row: Mapping[str, Any], number: int = 0) -> ContestTask:
    """A row as a task: the first test is public, for these data sets tell no other ones apart.

    Args:
        row: As the data set has it.
        number: Names a TACO row, which has no id.

    Raises:
        TaskError: It has no tests, or not as many answers as inputs.
    """
    name = row.get("problem_id", row.get("id", row.get("name") or number))
    held = _decoded(row.get("input_output") or "{}")
    if not isinstance(held, Mapping) or not held.get("inputs"):
        raise TaskError(f"{name}: it has no tests.")
    inputs, outputs = held["inputs"], held["outputs"]
    if len(inputs) != len(outputs):
        raise TaskError(f"{name}: it has {len(inputs)} inputs and {len(outputs)} outputs.")
    fn_name = held.get("fn_name")
    if fn_name:
        tests = _calls(inputs, outputs)
    else:
        tests = [{"stdin": text_of(i), "expected": text_of(o)} for i, o in zip(inputs, outputs, strict=True)]
    kept = distinct(tests)
    starter = row.get("starter_code") or ""
    label = str(row.get("difficulty", "")).lower()
    solutions = _decoded(row.get("solutions") or "[]")
    return ContestTask(
        id=task_id("taco" if "name" in row or "tags" in row else "apps", name),
        title=str(row.get("name") or name),
        mode="function" if fn_name else "stdin",
        statement=row["question"],
        languages=("python",) if fn_name else PYTHON_AND_MORE,
        public_tests=tuple(kept[:1]),
        hidden_tests=tuple(kept[1:] or kept),
        checker=function_checker(kept) if fn_name else stdin_checker(kept),
        time_limit_s=_number(row.get("time_limit"), 4.0),
        memory_limit_mb=int(_number(row.get("memory_limit"), 1024.0)),
        difficulty=DIFFICULTY.get(label, HARD.get(label, 0)),
        fn_name=fn_name or None,
        starter={"python": starter} if starter else {},
        solutions=tuple(Program("python", str(code)) for code in solutions[:MAX_SOLUTIONS]),
        source=str(row.get("url") or ""),
    )


def _calls(inputs: list[Any], outputs: list[Any]) -> list[dict[str, Any]]:
    calls = [(_decoded(i), _decoded(o)) for i, o in zip(inputs, outputs, strict=True)]
    if all(isinstance(output, list) and len(output) == 1 for _, output in calls):
        calls = [(args, output[0]) for args, output in calls]
    return [{"args": args if isinstance(args, list) else [args], "expected": output} for args, output in calls]


def _decoded(value: Any) -> Any:
    if not isinstance(value, str):
        return value
    try:
        return json.loads(value)
    except (ValueError, RecursionError) as error:
        raise TaskError(f"A column that should hold JSON does not: {error}") from error


def _number(value: Any, default: float) -> float:
    """TACO writes limits as ``2.0 seconds`` and ``256.0 megabytes``."""
    found = re.match(r"\s*(\d+(?:\.\d+)?)", str(value or ""))
    return float(found[1]) if found and float(found[1]) > 0 else default
