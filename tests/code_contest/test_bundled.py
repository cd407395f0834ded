"""The bundled suite: rebuilt byte for byte, sound as data, gold earns 1.0, and each wrong solution gets its verdict."""

import runpy
import shutil
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

from forge_envs import SandboxError, load_suite
from forge_envs.code_contest.env import CodeContestEnv
from forge_envs.code_contest.grading import grade, judge_program
from forge_envs.code_contest.judge import open_pool
from forge_envs.code_contest.submit import program_message
from forge_envs.code_contest.task import ContestTask, Program
from forge_envs.core.task import tasks_root
from forge_envs.sandbox.judge import WorkerPool

FOLDER = tasks_root() / "code_contest/bundled"
SUITE = load_suite("code_contest/bundled")
TASKS = {task.id: ContestTask.from_row(task.data) for task in SUITE}
TOOLS = {"cpp": "g++", "javascript": "node"}
WRONG = [
    pytest.param(task.id, index, id=f"{task.id}-{wrong.name.replace('/', '-')}")
    for task in TASKS.values()
    for index, wrong in enumerate(task.wrong)
]


@pytest.fixture(scope="module")
def pool() -> Iterator[WorkerPool]:
    """One worker, since xdist uses the other cores."""
    with open_pool(workers=1) as workers:
        try:
            _ = workers.tier
        except SandboxError as error:
            pytest.skip(f"This machine allows no isolation: {error}")
        yield workers


def _installed(program: Program) -> None:
    tool = TOOLS.get(program.language)
    if tool and shutil.which(tool) is None:
        pytest.skip(f"{tool} is not installed")


def test_the_files_are_what_the_sources_give(tmp_path: Path) -> None:
    runpy.run_path(str(FOLDER / "build.py"))["build"](tmp_path)
    for name in ("suite.toml", "train.jsonl", "heldout.jsonl"):
        assert (tmp_path / name).read_bytes() == (FOLDER / name).read_bytes(), f"{name}: run build.py again"


def test_the_suite_is_wide_enough_and_small_enough() -> None:
    assert len(TASKS) >= 24
    assert {task.mode for task in TASKS.values()} == {"stdin", "function", "interactive", "project"}
    assert Counter(task.difficulty for task in TASKS.values()).keys() == {1, 2, 3}
    assert len(SUITE.split("train")) >= 18 and len(SUITE.split("heldout")) >= 6
    assert {"float", "unordered", "program"} <= {task.checker["type"] for task in TASKS.values()}
    assert sum(path.stat().st_size for path in FOLDER.glob("*.jsonl")) < 6_000_000
    assert {wrong.verdict for task in TASKS.values() for wrong in task.wrong} == {"WA", "TLE", "MLE", "RE", "CE"}
    languages = Counter(one.language for task in TASKS.values() for one in task.solutions)
    assert languages["python"] == len(TASKS) and languages["cpp"] >= 15


@pytest.mark.parametrize("task_id", sorted(TASKS))
def test_a_task_is_sound(task_id: str) -> None:
    task = TASKS[task_id]
    assert task.row() == dict(SUITE[task_id].data)
    assert len(task.wrong) >= 2 and len({wrong.code + str(wrong.files) for wrong in task.wrong}) == len(task.wrong)
    if task.project is not None:
        assert task.project.public_tests and task.project.hidden_tests
        assert not {*task.project.public_tests, *task.project.hidden_tests} & set(task.project.editable)
        return
    public, hidden = ([str(sorted(test.items())) for test in tests] for tests in (task.public_tests, task.hidden_tests))
    assert 2 <= len(public) <= 3 and len(hidden) >= 4
    assert len({*public, *hidden}) == len(public) + len(hidden)
    assert max(map(len, public)) < 400  # shown in the prompt as a whole


def test_gold_earns_one_and_nothing_earns_nothing() -> None:
    env = CodeContestEnv(suite="code_contest/bundled", split=None, workers=1, max_steps=2)
    try:
        env.reset(options={"task": "high-water"})
        env.step(env.gold_actions()[0])
    except SandboxError as error:
        pytest.skip(f"This machine allows no isolation: {error}")
    for task in env.suite:
        env.reset(options={"task": task})
        (action,) = env.gold_actions()
        observation, reward, terminated, _, info = env.step(action)
        assert (observation, reward, terminated) == ((), 1.0, True), (task.id, info["verdict"])
        env.reset(options={"task": task})
        env.step("")
        _, reward, _, truncated, _ = env.step("I don't know.")
        assert (reward, truncated) == (task.noop_reward, True)
    env.close()


@pytest.mark.parametrize("task_id", sorted(task.id for task in TASKS.values() if len(task.solutions) > 1))
def test_every_other_solution_is_accepted(task_id: str, pool: WorkerPool) -> None:
    task = TASKS[task_id]
    for program in task.solutions[1:]:
        _installed(program)
        artifact = {"program": {"language": program.language, "code": program.code}, "format_faults": 0}
        verdict = grade(SUITE[task_id], artifact, pool=pool)
        assert verdict.reward == 1.0, (program.name, verdict.details)


@pytest.mark.parametrize(("task_id", "index"), WRONG)
def test_a_wrong_solution_gets_its_verdict(task_id: str, index: int, pool: WorkerPool) -> None:
    task = TASKS[task_id]
    program = task.wrong[index]
    _installed(program)
    handed = {"language": program.language, "code": program.code, "files": dict(program.files)}
    verdict = grade(SUITE[task_id], {"program": handed, "format_faults": 0}, pool=pool)
    assert (verdict.details["verdict"], verdict.reward) == (program.verdict, 0.0), verdict.details


def test_wrong_solutions_can_be_played(pool: WorkerPool) -> None:
    """As messages, too: the environment reads the program that was written."""
    env = CodeContestEnv(suite="code_contest/bundled", split=None, workers=1, max_turns=1)
    for task_id in ("mirror-word", "ledger-text"):
        task = TASKS[task_id]
        env.reset(options={"task": task_id})
        _, reward, terminated, _, info = env.step(program_message(task, task.wrong[0])["content"])
        assert (reward, terminated) == (0.0, True)
        assert info["verdict"]["details"]["verdict"] == task.wrong[0].verdict
    env.close()


def test_some_wrong_solutions_pass_the_public_tests(pool: WorkerPool) -> None:
    passing = []
    for task in TASKS.values():
        for program in task.wrong if task.project is None else ():
            if program.language == "python" and program.verdict in ("WA", "RE"):
                judged = judge_program(task, program, task.public_tests, stop_at_first_failure=True, pool=pool)
                passing += [program.name] if judged.verdict == "AC" else []
    assert len(passing) >= 5, passing
