"""The flake report: stable solutions stay, an unstable one is set aside, and the environment leaves its task out."""

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from forge_envs import ConfigError, GraderError, SandboxError, TaskError
from forge_envs.code_contest.env import CodeContestEnv
from forge_envs.code_contest.flake import SolutionReport, flake_report, unstable_rows
from forge_envs.code_contest.judge import open_pool
from forge_envs.code_contest.task import ContestTask, Program, write_suite
from forge_train.cli import app

STEADY = ContestTask(
    id="steady",
    title="Steady",
    mode="stdin",
    statement="Print 1.",
    languages=("python",),
    public_tests=({"stdin": "", "expected": "1\n"},),
    hidden_tests=({"stdin": "x", "expected": "1\n"},),
    time_limit_s=1.0,
    memory_limit_mb=128,
    solutions=(Program("python", "print(1)\n"),),
    wrong=(Program("python", "print(2)\n", name="wrong_answer/two.py", verdict="WA"),),
)
MOODY = ContestTask(
    **{
        **vars(STEADY),
        "id": "moody",
        "solutions": (Program("python", "import os\nprint(1 if os.urandom(1)[0] % 2 else 2)\n"),),
        "wrong": (),
    }
)


@pytest.fixture(scope="module")
def suite(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A suite with one stable and one unstable task."""
    folder = tmp_path_factory.mktemp("flaky")
    write_suite({"train": [STEADY, MOODY]}, folder, name="code_contest/flaky", description="Moods.")
    with open_pool(workers=1) as pool:
        try:
            _ = pool.tier
        except (SandboxError, GraderError) as error:
            pytest.skip(f"This machine allows no isolation: {error}")
    return folder


def test_an_unstable_task_is_found_and_left_out(suite: Path) -> None:
    done = CliRunner().invoke(app, ["tasks", "flake", str(suite), "-k", "16", "--load", "1", "--wrong"])
    assert done.exit_code == 1, done.output
    assert "unstable: moody" in done.output
    (row,) = [json.loads(line) for line in (suite / "quarantine.jsonl").read_text().splitlines()]
    assert row["task_id"] == "moody" and "expected AC, got AC" in row["reason"] and "WA" in row["reason"]
    assert [task.id for task in CodeContestEnv(suite=str(suite)).suite] == ["steady"]


def test_each_run_is_counted(suite: Path) -> None:
    seen: list[tuple[int, int]] = []
    reports = flake_report(suite, k=3, wrong=True, progress=lambda done, total: seen.append((done, total)))
    assert seen == [(n, 9) for n in range(1, 10)]
    assert [(r.task_id, r.expected) for r in reports] == [("steady", "AC"), ("steady", "WA"), ("moody", "AC")]
    assert all(sum(r.verdicts.values()) == 3 for r in reports)
    assert reports[0].stable and reports[1].stable and 0 < reports[0].slowest < 1


def test_rows_name_the_first_unstable_solution() -> None:
    def report(task: str, solution: str, **verdicts: int) -> SolutionReport:
        return SolutionReport(task, solution, "AC", verdicts, 0.5)

    rows = unstable_rows([report("b", "x", AC=2), report("a", "y", AC=1, TLE=1), report("a", "z", SandboxError=2)])
    assert rows == [{"task_id": "a", "reason": "y: expected AC, got AC 1, TLE 1", "slowest": 0.5}]


def test_what_can_t_be_reported_says_why(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="at least 2 runs"):
        flake_report(tmp_path, k=1)
    unsolved = ContestTask(**{**vars(STEADY), "solutions": (), "wrong": ()})
    write_suite({"train": [unsolved]}, tmp_path, name="code_contest/unsolved", description="Open.")
    with pytest.raises(TaskError, match="has a solution"):
        flake_report(tmp_path, k=2)
