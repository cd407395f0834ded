"""What the loaders share: tests to checkers and splits, names to ids, languages to ours."""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from forge_envs.code_contest.task import ContestTask

PYTHON_AND_MORE = ("python", "cpp", "c", "java", "javascript", "go", "rust")
_DECIMAL = re.compile(r"(?<![\w.])[+-]?\d+\.\d+(?![\w.])")
_UNSAFE = re.compile(r"[^A-Za-z0-9_./-]+")


@dataclass(frozen=True)
class Skipped:
    """A row that became no task.

    Args:
        where: Its number or its id.
        reason: One sentence.
    """

    where: str
    reason: str


@dataclass(frozen=True)
class Loaded:
    """What a loader gives.

    Args:
        tasks: In the order of the source.
        skipped: What could not be used, each with the reason.
    """

    tasks: tuple[ContestTask, ...] = ()
    skipped: tuple[Skipped, ...] = field(default=())


def task_id(*parts: object) -> str:
    """An id made of safe characters, at most 120 of them."""
    return "/".join(_UNSAFE.sub("-", str(part)).strip("-/") for part in parts if str(part).strip())[:120]


def stdin_checker(tests: Iterable[Mapping[str, Any]]) -> dict[str, Any]:
    """Data sets keep no checker: tokens, or a tolerance of 1e-6 where an answer has decimals (ours)."""
    decimals = any(_DECIMAL.search(str(test["expected"])[:100_000]) for test in tests)
    return {"type": "float", "abs": 1e-6, "rel": 1e-6} if decimals else {"type": "tokens"}


def function_checker(tests: Iterable[Mapping[str, Any]]) -> dict[str, Any]:
    """Equal JSON, or a tolerance of 1e-6 where an expected value holds a float (ours)."""
    floats = any(_holds_float(test["expected"]) for test in tests)
    return {"type": "json_float", "abs": 1e-6, "rel": 1e-6} if floats else {"type": "json_equal"}


def _holds_float(value: Any) -> bool:
    stack = [value]
    while stack:
        one = stack.pop()
        if isinstance(one, float):
            return True
        stack += one.values() if isinstance(one, dict) else one if isinstance(one, list) else []
    return False


def distinct(tests: Sequence[Mapping[str, Any]]) -> list[Mapping[str, Any]]:
    """The tests without those that occur a second time."""
    seen: set[str] = set()
    kept = []
    for test in tests:
        key = repr(sorted(test.items()))
        if key not in seen:
            seen.add(key)
            kept.append(test)
    return kept


def text_of(value: Any) -> str:
    """Input or output of a test, which some data sets keep as a list of lines."""
    return value if isinstance(value, str) else "\n".join(map(str, value)) if isinstance(value, list) else str(value)
