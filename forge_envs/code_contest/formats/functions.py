"""HumanEval (openai/human-eval) and MBPP (google-research): a Python function and assertions about it."""

import ast
from collections.abc import Mapping
from typing import Any

from forge_envs.code_contest.formats.build import task_id
from forge_envs.code_contest.task import ContestTask, Program
from forge_envs.core.errors import TaskError


def humaneval_from_row(row: Mapping[str, Any]) -> ContestTask:
    """A row as a task: all assertions are hidden. The examples are in the prompt's docstring."""
    prompt, name = row["prompt"], row["entry_point"]
    # Some assertions use functions that the prompt defines beside the one that is asked for.
    test = f"{prompt}\n    pass\n\n\n{name} = candidate\n\n{row['test']}\n\ncheck(candidate)\n"
    return ContestTask(
        id=task_id(row.get("task_id") or row["id"]),
        title=name,
        mode="function",
        statement=f"Complete this function. Give the whole program, with its imports.\n\n```python\n{prompt}```",
        languages=("python",),
        hidden_tests=({"check": test},),
        checker={"type": "json_equal"},
        time_limit_s=4.0,
        memory_limit_mb=512,
        fn_name=name,
        starter={"python": prompt},
        solutions=(Program("python", prompt + row["canonical_solution"]),),
        license="MIT",
        source="openai/human-eval",
    )


def mbpp_from_row(row: Mapping[str, Any]) -> ContestTask:
    """A row as a task: the first assertion is public, the other ones and the challenge's are hidden.

    Raises:
        TaskError: No assertion names the function.
    """
    asserts = [*row["test_list"], *(row.get("challenge_test_list") or [])]
    setup = "\n".join(row.get("test_imports") or []) or row.get("test_setup_code") or ""
    code = row.get("code") or row["canonical_solution"]
    name = _called(asserts, code)
    checks = [{"check": f"{setup}\n{one}\n".lstrip()} for one in asserts]
    text = row.get("prompt") or row["text"]
    return ContestTask(
        id=task_id(row["id"]) if "id" in row else task_id("mbpp", row["task_id"]),
        title=name,
        mode="function",
        statement=f"{text}\n\nThe function is called `{name}`.",
        languages=("python",),
        public_tests=tuple(checks[:1]),
        hidden_tests=tuple(checks[1:] or checks),
        checker={"type": "json_equal"},
        time_limit_s=4.0,
        memory_limit_mb=512,
        fn_name=name,
        solutions=(Program("python", code.replace("\r\n", "\n")),),
        license="CC BY 4.0",
        source="google-research/mbpp",
    )


def _called(asserts: list[str], code: str) -> str:
    """The function that the first assertion calls and the reference program defines."""
    try:
        defined = {node.name for node in ast.parse(code).body if isinstance(node, ast.FunctionDef | ast.ClassDef)}
        for node in ast.walk(ast.parse(asserts[0])):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in defined:
                return node.func.id
    except (SyntaxError, IndexError, ValueError, RecursionError, MemoryError) as error:
        raise TaskError(f"An assertion or the reference program can't be read: {error}") from error
    raise TaskError("No assertion calls a function that the reference program defines.")
