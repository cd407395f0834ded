"""The bundled suite as data: rows are what their sources and tests give, and issues keep the fix to themselves."""

import json
import runpy
from pathlib import Path
from typing import Any

import pytest

from forge_envs import SandboxError, load_suite
from forge_envs.core.task import tasks_root
from forge_envs.sandbox import SandboxSpec, open_sandbox
from forge_envs.swe.diffs import touched_paths
from forge_envs.swe.task import SWETask

FOLDER = tasks_root() / "swe/bundled"
BUILD = runpy.run_path(str(FOLDER / "build.py"))
SUITE = load_suite("swe/bundled")
TASKS = {task.id: task for task in SUITE}
each_task = pytest.mark.parametrize("name", TASKS)


@pytest.fixture(scope="module")
def isolation() -> None:
    """Skips where a workspace can't be had."""
    try:
        with open_sandbox(SandboxSpec()) as sandbox:
            tier = sandbox.tier
    except SandboxError as error:
        pytest.skip(f"This machine allows no isolation: {error}")
    if tier != "A":
        pytest.skip("This machine allows no namespaces, which workspaces need.")


@each_task
def test_a_row_is_what_its_sources_and_its_tests_give(name: str, isolation: None) -> None:
    # All tests run at the base commit, with the test patch, and with both patches; `build_row` says what is wrong.
    split, row = BUILD["build_row"](FOLDER / "instances" / name, 1)
    assert (split, row) == (TASKS[name].split, dict(TASKS[name].data)), "run build.py again"


def test_the_files_hold_the_rows_in_order() -> None:
    assert (FOLDER / "suite.toml").read_text() == BUILD["MANIFEST"]
    assert sorted(TASKS) == sorted(path.name for path in (FOLDER / "instances").iterdir())
    for split in ("train", "heldout"):
        rows = [dict(task.data) for task in sorted(SUITE.split(split), key=lambda task: task.id)]
        text = "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows)
        assert (FOLDER / f"{split}.jsonl").read_text(encoding="utf-8") == text


def test_no_repository_is_in_two_splits() -> None:
    splits = {split: {task.data["repo"] for task in SUITE.split(split)} for split in ("train", "heldout")}
    assert len(TASKS) >= 6 and all(splits.values())
    assert not splits["train"] & splits["heldout"]


@pytest.mark.parametrize("folder", sorted((FOLDER / "repos").iterdir()), ids=lambda folder: folder.name)
def test_a_repository_is_small_but_real(folder: Path) -> None:
    modules = list((folder / folder.name).glob("*.py"))
    lines = sum(len(path.read_text(encoding="utf-8").splitlines()) for path in folder.rglob("*.py"))
    assert 300 <= lines <= 1500 and len(modules) >= 5
    assert len(list((folder / "tests").glob("test_*.py"))) >= 4
    assert all(path.suffix in (".py", ".md", ".toml") for path in folder.rglob("*") if path.is_file())


@each_task
def test_a_row_is_a_task(name: str) -> None:
    task = SWETask.from_row(TASKS[name].data, name)
    assert task.id == name and task.repo.partition("/")[2] in TASKS[name].data["repository"]
    assert len(task.fail_to_pass) >= 4 and len(task.pass_to_pass) >= 50
    assert all(path.startswith("tests/test_") for path in touched_paths(task.test_patch))
    assert not any(path.startswith("tests/") for path in touched_paths(task.patch))


@each_task
def test_an_issue_gives_neither_the_fix_nor_the_tests_away(name: str) -> None:
    row: Any = TASKS[name].data
    told = row["problem_statement"] + row["hints_text"]
    patches = (row["patch"] + row["test_patch"]).split("\n")
    added = [line[1:].strip() for line in patches if line.startswith("+") and not line.startswith("+++")]
    given_away = [line for line in added if len(line) > 24 and line in told]
    # A journal of the issue may be that of a test: its lines are what the user had.
    assert not [line for line in given_away if not line.startswith(("2024-", "TEA "))]
    assert not [test for test in row["FAIL_TO_PASS"] if test.partition("::")[2].partition("[")[0] in told]
    names = {path.rpartition("/")[2] for path in touched_paths(row["patch"])}
    assert not [name for name in names if name in told]


def test_harder_tasks_are_spread_over_modules() -> None:
    spread = {task.id: len(touched_paths(task.data["patch"])) for task in SUITE}
    assert all(spread[task.id] >= 2 for task in SUITE if task.difficulty >= 2)
    assert {task.difficulty for task in SUITE} == {1, 2, 3}
