"""The careful half: a candidate as a row, confirmed by the grader that will grade it."""

import hashlib
from collections.abc import Collection, Sequence
from pathlib import Path
from typing import Any

from forge_envs.core.errors import ForgeError, SandboxError
from forge_envs.swe.grading import run_tests
from forge_envs.swe.python_env import PythonEnv
from forge_envs.swe.repository import Repository, prepare
from forge_envs.swe.synthesis.baseline import Baseline
from forge_envs.swe.synthesis.candidates import Candidate
from forge_envs.swe.synthesis.hidden import without_tests
from forge_envs.swe.synthesis.meter import Meter
from forge_envs.swe.synthesis.patches import files_diff
from forge_envs.swe.synthesis.project import Project
from forge_envs.swe.synthesis.screen import Screened
from forge_envs.swe.task import SWETask
from forge_envs.swe.workspace import Site

FEW = 3
"""Tests that may fail by themselves; where more do, something else is wrong."""

NOTHING = files_diff({"forge-nothing.txt": None}, {"forge-nothing.txt": b"nothing\n"})
"""A patch that repairs nothing; the grader does not run an empty one."""


def row_of(
    project: Project, baseline: Baseline, candidate: Candidate, screened: Screened, issue: str, scratch: Path
) -> dict[str, Any]:
    """The task's row in the form of the bundled suite.

    Args:
        project: The repository.
        baseline: Which tests count.
        candidate: The bug.
        screened: What it breaks.
        issue: The problem statement.
        scratch: Where the base commit is made.
    """
    product = {path: project.files.get(path) for path in candidate.files}
    shown = without_tests(project.files, screened.broken)
    tests = {path: project.files[path] for path in shown}
    there = [path for path in (*product, *tests) if path in project.files]
    modes = frozenset(path for path in there if (project.folder / path).stat().st_mode & 0o100)
    bug = files_diff({**product, **tests}, {**candidate.files, **shown}, executable=modes)
    prepared = prepare(Repository(str(project.folder), patch=bug), cache=scratch)
    broken = set(screened.broken)
    files = len(candidate.files)
    # A number of the bug, not of the run: another run that finds it gives it the same name.
    number = int(hashlib.sha256(bug.encode()).hexdigest()[:9], 16)
    name = f"synth__{project.name}-{number}"
    return {
        "id": name,
        "instance_id": name,
        "repo": f"synth/{project.name}",
        "version": project.version,
        "created_at": project.created_at,
        "base_commit": prepared.head,
        "problem_statement": issue,
        "hints_text": "",
        "patch": files_diff(candidate.files, product, executable=modes),
        "test_patch": files_diff(shown, tests, executable=modes),
        "FAIL_TO_PASS": list(screened.broken),
        "PASS_TO_PASS": [test for test in baseline.in_files(screened.files) if test not in broken],
        "log_parser": "parse_log_pytest",
        "eval_type": "pass_and_fail",
        "test_cmd": f"{project.command} {' '.join(screened.files)}",
        "repository": f"repos/{project.name}",
        "bug_patch": bug,
        "difficulty": 3 if files > 1 else 2 if len(candidate.functions) > 1 else 1,
        "noop_reward": 0,
    }


def confirm(
    row: dict[str, Any], project: Project, python: PythonEnv, scratch: Path, meter: Meter, *, checks: int
) -> tuple[str, tuple[str, ...]]:
    """Grade gold and a patch that does nothing, `checks` times each.

    Returns:
        Why the row is no task, or an empty text; and stable tests that failed with gold, where they are `FEW`.

    Raises:
        SandboxError: A sandbox failed.
    """
    task = SWETask.from_row(row, row["id"])
    prepared = prepare(Repository(str(project.folder), patch=row["bug_patch"]), cache=scratch)
    site = Site(prepared, python)
    try:
        for _ in range(checks):
            gold = run_tests(task, task.patch, open_workspace=lambda: meter.open(site), timeout_s=600)
            if not gold.resolved:
                failed = () if gold.problem else (*gold.lists.f2p_failure, *gold.lists.p2p_failure)
                told = gold.problem or f"{len(failed)} tests fail"
                return f"gold does not resolve: {told}", failed if len(failed) <= FEW else ()
            nothing = run_tests(task, NOTHING, open_workspace=lambda: meter.open(site), timeout_s=600)
            if nothing.problem or nothing.lists.f2p_success or nothing.lists.p2p_failure:
                return f"the bug fails other tests when graded: {nothing.problem or 'lists differ'}", ()
    except SandboxError:
        raise
    except ForgeError as error:
        return f"can't be graded: {type(error).__name__}", ()
    return "", ()


def settled(rows: Sequence[dict[str, Any]], shaky: Collection[str]) -> list[dict[str, Any]]:
    """Rows that do not depend on tests that have failed with some row's gold.

    Args:
        rows: Confirmed.
        shaky: Such tests.
    """
    kept = [row for row in rows if not set(row["FAIL_TO_PASS"]) & set(shaky)]
    return [{**row, "PASS_TO_PASS": [test for test in row["PASS_TO_PASS"] if test not in shaky]} for row in kept]
