"""The judge against the developers' data: every verdict as listed, also when far more runs than cores want to go."""

import ast
import json
import os
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from forge_envs.code_contest.judge import Submission, judge, judge_spec
from forge_envs.sandbox.judge import WorkerPool

SHARED = Path(__file__).resolve().parents[4] / "shared" / "data" / "code"
TIMES = int(os.environ.get("FORGE_JUDGE_REPEATS", "1"))
"""How often every verdict is asked for; `make test-all` asks ten times."""

pytestmark = pytest.mark.skipif(not SHARED.is_dir(), reason="there is no shared data beside the checkout")


@cache
def rows(name: str) -> tuple[dict[str, Any], ...]:
    return tuple(json.loads(line) for line in (SHARED / f"{name}.jsonl").read_text().splitlines())


def kattis() -> Iterator[tuple[dict[str, Any], str]]:
    """Submissions with the tests of their problems."""
    problems = {row["id"]: row for row in rows("kattis_problems")}
    for row in rows("kattis_submissions"):
        problem = problems[row["problem_id"]]
        limits = {key: problem[key] for key in ("checker", "time_limit_s", "memory_limit_mb")}
        tests = [{"stdin": t["stdin"], "expected": t["expected_stdout"]} for t in problem["tests"]]
        told = {"name": row["name"], "language": row["language"], "code": row["code"]}
        yield {**told, **limits, "tests": tests}, row["expected_verdict"]


def humaneval() -> Iterator[tuple[dict[str, Any], str]]:
    """Canonical solutions and mutants; problems whose asserts are not plain pairs are asked by their own test code."""
    problems = {row["id"]: row for row in rows("humaneval_0_99")}
    for row in problems.values():
        yield function_row(row, f"{row['id']}/canonical", row["prompt"] + row["canonical_solution"]), "AC"
    for mutant in rows("humaneval_0_99_mutants"):
        yield function_row(problems[mutant["problem_id"]], mutant["name"], mutant["code"]), mutant["expected_verdict"]


def function_row(problem: dict[str, Any], name: str, code: str) -> dict[str, Any]:
    if problem["calls_complete"]:
        tests: list[dict[str, Any]] = problem["calls"]
    else:
        own = problem["prompt"] + problem["canonical_solution"]  # HumanEval's tests use helpers of the prompt
        tests = [{"check": f"{own}\n{problem['test']}\ncheck(candidate)\n"}]
    limits = {key: problem[key] for key in ("time_limit_s", "memory_limit_mb")}
    return {"name": name, "mode": "function", "fn_name": problem["entry_point"], "code": code, "tests": tests} | limits


def mbpp() -> Iterator[tuple[dict[str, Any], str]]:
    """Canonical solutions, with each assert as a test of its own."""
    for row in rows("mbpp_11_30"):
        asserts = row["test_list"] + row["challenge_test_list"]
        call = next(node for node in ast.walk(ast.parse(asserts[0])) if isinstance(node, ast.Call))
        assert isinstance(call.func, ast.Name)
        told = {"name": row["id"], "mode": "function", "fn_name": call.func.id, "code": row["canonical_solution"]}
        yield {**told, "tests": [{"check": line} for line in asserts], "time_limit_s": 5}, "AC"


def everything() -> list[tuple[dict[str, Any], str]]:
    return [*kattis(), *humaneval(), *mbpp()] if SHARED.is_dir() else []


@pytest.mark.parametrize(
    ("row", "expected"), everything() * TIMES, ids=lambda x: x["name"] if isinstance(x, dict) else ""
)
def test_the_verdict_is_the_listed_one(
    row: dict[str, Any], expected: str, pool: WorkerPool, cache_folder: Path
) -> None:
    judgement = judge(Submission.from_row({**row, "stop_at_first_failure": True}), pool=pool, cache_folder=cache_folder)
    assert judgement.verdict == expected, judgement


@pytest.mark.parametrize("row", [row for row, _ in kattis()] if SHARED.is_dir() else [], ids=lambda row: row["name"])
def test_the_first_failing_test_is_the_listed_one(row: dict[str, Any], pool: WorkerPool, cache_folder: Path) -> None:
    listed = next(other for other in rows("kattis_submissions") if other["name"] == row["name"])
    problem = next(other for other in rows("kattis_problems") if other["id"] == listed["problem_id"])
    judgement = judge(Submission.from_row({**row, "stop_at_first_failure": True}), pool=pool, cache_folder=cache_folder)
    failing = None if judgement.verdict == "AC" else problem["tests"][len(judgement.tests) - 1]["name"]
    assert failing == listed["fails_on"]


@pytest.mark.parametrize("row", rows("codecontests_sample_0_11") if SHARED.is_dir() else (), ids=lambda row: row["id"])
def test_an_echo_of_the_stored_answers_is_right_and_a_changed_one_wrong(
    row: dict[str, Any], pool: WorkerPool, cache_folder: Path
) -> None:
    """The data set has no solutions: a table of its own answers is one, and the same table with one change is not."""
    tests = [{"stdin": t["stdin"], "expected": t["expected_stdout"]} for t in row["tests"][:40]]
    table = {t["stdin"]: t["expected"] for t in tests}
    code = f"import sys\ntable = {table!r}\nsys.stdout.write(table[sys.stdin.read()]"
    told = {"name": row["id"], "tests": tests, "time_limit_s": 2}
    for tail, expected in ((")", "AC"), (" + 'x')", "WA")):
        judgement = judge(Submission.from_row({**told, "code": code + tail}), pool=pool, cache_folder=cache_folder)
        assert {test.verdict for test in judgement.tests} == {expected}
        assert len(judgement.tests) == len(tests)


def test_no_verdict_changes_with_eight_times_more_jobs_than_cores(cache_folder: Path) -> None:
    cores = len(os.sched_getaffinity(0))
    jobs = [*kattis(), *list(humaneval())[::3]] * TIMES
    with (
        WorkerPool(judge_spec(workers=8 * cores, cache_folder=cache_folder)) as crowd,
        ThreadPoolExecutor(8 * cores) as threads,
    ):
        rows = [Submission.from_row({**row, "stop_at_first_failure": True}) for row, _ in jobs]
        found = list(threads.map(lambda s: judge(s, pool=crowd, cache_folder=cache_folder), rows))
    pairs = zip(found, (expected for _, expected in jobs), strict=True)
    assert not Counter((one.name, expected, one.verdict) for one, expected in pairs if one.verdict != expected)
