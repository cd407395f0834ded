"""Loaded tasks are judged: reference programs are accepted, known wrong ones are not."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from forge_envs import SandboxError
from forge_envs.code_contest.formats import load_tasks
from forge_envs.code_contest.formats.sources import read_rows
from forge_envs.code_contest.grading import judge_program
from forge_envs.code_contest.judge import open_pool
from forge_envs.code_contest.task import ContestTask, Program
from forge_envs.sandbox.judge import WorkerPool

SHARED = Path(__file__).parents[2] / "../shared/data/code"
pytestmark = pytest.mark.skipif(not SHARED.is_dir(), reason="the shared data are not on this machine")


@pytest.fixture(scope="module")
def pool() -> Iterator[WorkerPool]:
    """One worker, since xdist uses the other cores."""
    with open_pool(workers=1) as workers:
        try:
            _ = workers.tier
        except SandboxError as error:
            pytest.skip(f"This machine allows no isolation: {error}")
        yield workers


def _verdict(task: ContestTask, program: Program, pool: WorkerPool) -> str:
    tests = [*task.public_tests, *task.hidden_tests]
    return judge_program(task, program, tests, stop_at_first_failure=True, pool=pool).verdict


def test_humaneval(pool: WorkerPool) -> None:
    tasks = {task.id: task for task in load_tasks(SHARED / "humaneval_0_99.jsonl", format="humaneval").tasks}
    # Assertions of 32, 38 and 50 use functions that the prompt defines.
    chosen = [f"HumanEval/{number}" for number in (*range(10), 32, 38, 50)]
    assert {name: _verdict(tasks[name], tasks[name].solutions[0], pool) for name in chosen} == dict.fromkeys(
        chosen, "AC"
    )
    mutants = [row for row in read_rows(SHARED / "humaneval_0_99_mutants.jsonl") if row["problem_id"] in chosen]
    quick = [row for row in mutants if row["expected_verdict"] != "TLE"]
    assert len(quick) >= 10
    for row in quick:
        assert _verdict(tasks[row["problem_id"]], Program("python", row["code"]), pool) == row["expected_verdict"]


def test_mbpp(pool: WorkerPool) -> None:
    for task in load_tasks(SHARED / "mbpp_11_30.jsonl", format="mbpp").tasks:
        assert _verdict(task, task.solutions[0], pool) == "AC", task.id
        assert _verdict(task, Program("python", f"def {task.fn_name}(*args):\n    return None\n"), pool) == "WA", (
            task.id
        )
