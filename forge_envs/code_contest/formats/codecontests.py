"""CodeContests (deepmind/code_contests), one row a problem.

Field names and numbers as in `contest_problem.proto` of the data set's repository.
"""

from collections.abc import Mapping
from typing import Any

from forge_envs.code_contest.formats.build import PYTHON_AND_MORE, distinct, stdin_checker, task_id
from forge_envs.code_contest.task import ContestTask, Program
from forge_envs.core.errors import TaskError

LANGUAGES = {2: "cpp", 3: "python", 4: "java"}
"""`ContestProblem.Solution.Language`; 1 is Python 2, which no judge here runs."""
SOURCES = ("unknown", "codechef", "codeforces", "hackerearth", "codejam", "atcoder", "aizu")
MAX_SOLUTIONS = 5


def from_row(row: Mapping[str, Any]) -> ContestTask:
    """A row as a task: the private and the generated tests are hidden.

    Raises:
        TaskError: The problem reads or writes a file, has a figure instead of text, or has no tests.
    """
    name = row["name"]
    if row.get("input_file") or row.get("output_file"):
        raise TaskError(f"{name}: it reads {row.get('input_file') or 'stdin'} and writes a file; only stdin is judged.")
    public = _tests(row.get("public_tests"))
    hidden = distinct([*_tests(row.get("private_tests")), *_tests(row.get("generated_tests"))])
    if not public and not hidden:
        raise TaskError(f"{name}: it has no tests.")
    number = row.get("source", 0)
    origin = SOURCES[number] if isinstance(number, int) and 0 <= number < len(SOURCES) else str(number).lower()
    memory = int(row.get("memory_limit_bytes") or 0) // 2**20
    return ContestTask(
        id=task_id("codecontests", origin, name),
        title=name,
        mode="stdin",
        statement=row["description"],
        languages=PYTHON_AND_MORE,
        public_tests=tuple(public),
        hidden_tests=tuple(hidden or public),
        checker=stdin_checker([*public, *hidden]),
        time_limit_s=_seconds(row.get("time_limit")),
        memory_limit_mb=memory or 1024,
        difficulty=_difficulty(int(row.get("cf_rating") or 0)),
        solutions=tuple(_programs(row.get("solutions"), "AC")),
        license="CC BY 4.0",
        source="deepmind/code_contests",
    )


def _tests(value: Any) -> list[dict[str, Any]]:
    """Either the lists of the hub's columns or a list of objects."""
    if not value:
        return []
    if isinstance(value, Mapping):
        pairs = list(zip(value["input"], value["output"], strict=True))
    else:
        pairs = [(one["input"], one["output"]) for one in value]
    return [{"stdin": stdin, "expected": expected} for stdin, expected in pairs]


def _programs(value: Any, verdict: str) -> list[Program]:
    if not value:
        return []
    pairs = zip(value["language"], value["solution"], strict=True)
    known = [Program(LANGUAGES[number], code, verdict=verdict) for number, code in pairs if number in LANGUAGES]
    return known[:MAX_SOLUTIONS]


def _seconds(limit: Any) -> float:
    if not isinstance(limit, Mapping):
        return float(limit) if limit else 3.0
    return float(limit.get("seconds") or 0) + float(limit.get("nanos") or 0) / 1e9 or 3.0


def _difficulty(rating: int) -> int:
    return 0 if rating <= 0 else 1 if rating < 1400 else 2 if rating < 2000 else 3
