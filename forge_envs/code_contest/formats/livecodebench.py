"""LiveCodeBench (livecodebench/code_generation_lite), one row a problem.

Field names and meaning as in `lcb_runner/benchmarks/code_generation.py`.
"""

import json
from collections.abc import Mapping
from typing import Any

from forge_envs.code_contest.formats.build import PYTHON_AND_MORE, function_checker, stdin_checker, task_id
from forge_envs.code_contest.formats.pickled import unpack_tests
from forge_envs.code_contest.task import ContestTask
from forge_envs.core.errors import TaskError

DIFFICULTY = {"easy": 1, "medium": 2, "hard": 3}


def from_row(row: Mapping[str, Any]) -> ContestTask:
    """A row as a task. Functional tests hold one JSON argument on each line.

    Raises:
        TaskError: The tests can't be read, or are of both kinds.
    """
    public = unpack_tests(row["public_test_cases"])
    hidden = unpack_tests(row["private_test_cases"])
    kinds = {test["testtype"] for test in [*public, *hidden]}
    if len(kinds) != 1:
        raise TaskError(f"{row['question_id']}: its tests are of the kinds {sorted(kinds)}; one kind is expected.")
    functional = kinds == {"functional"}
    read = _functional if functional else _stdin
    shown, kept = [read(test) for test in public], [read(test) for test in hidden]
    metadata = row.get("metadata") or "{}"
    about = json.loads(metadata) if isinstance(metadata, str) else metadata
    starter = row.get("starter_code") or ""
    return ContestTask(
        id=task_id("livecodebench", row.get("platform", ""), row["question_id"]),
        title=row["question_title"],
        mode="function" if functional else "stdin",
        statement=row["question_content"],
        languages=("python",) if functional else PYTHON_AND_MORE,
        public_tests=tuple(shown),
        hidden_tests=tuple(kept or shown),
        checker=function_checker([*shown, *kept]) if functional else stdin_checker([*shown, *kept]),
        time_limit_s=6.0,  # the default of lcb_runner's --timeout
        memory_limit_mb=1024,
        difficulty=DIFFICULTY.get(str(row.get("difficulty", "")).lower(), 0),
        fn_name=about.get("func_name") if functional else None,
        starter={"python": starter} if starter else {},
        source=f"livecodebench, {row.get('contest_date', '')}".strip(", "),
    )


def _stdin(test: Mapping[str, Any]) -> dict[str, Any]:
    return {"stdin": test["input"], "expected": test["output"]}


def _functional(test: Mapping[str, Any]) -> dict[str, Any]:
    args = [json.loads(line) for line in test["input"].split("\n") if line.strip()]
    return {"args": args, "expected": json.loads(test["output"])}
