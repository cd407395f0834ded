"""Grading of contest tasks: public tests for feedback, public and hidden ones for the reward."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any

from forge_envs.code_contest.judge import Judgement, Submission, judge
from forge_envs.code_contest.languages import toolchain_folders
from forge_envs.code_contest.project.testing import OpenSandbox, ProjectResult, run_tests
from forge_envs.code_contest.task import ContestTask, Program
from forge_envs.core.errors import ForgeError, GraderError
from forge_envs.core.rewards import Verdict
from forge_envs.core.task import Task
from forge_envs.sandbox.base import Mount, Sandbox, SandboxSpec
from forge_envs.sandbox.judge import WorkerPool

Tests = Sequence[Mapping[str, Any]]


def grade(
    task: Task,
    artifact: Mapping[str, Any],
    *,
    pool: WorkerPool | None = None,
    open_sandbox: OpenSandbox | None = None,
) -> Verdict:
    """Eq 7 of the paper: 1 if every reply was well-formed and the last program passes all tests, else 0.

    The verdict says which test failed by its number, and nothing of what is in it.

    Args:
        task: A contest task.
        artifact: ``program`` (``language`` with ``code`` or ``files``, or None) and ``format_faults``.
        pool: Judge workers; without them some are started for this call.
        open_sandbox: Opens a `workspace` sandbox for a project; the machine's own by default.

    Returns:
        A verdict with components ``format_correct`` and ``tests_passed``.

    Raises:
        GraderError: The artifact is incomplete, or the judge failed. Never a reward of 0 instead.
    """
    try:
        handed, faults = artifact["program"], artifact["format_faults"]
        contest = ContestTask.from_row(task.data)
        details = _details(contest, Program(**handed), pool, open_sandbox) if handed else {"verdict": None}
    except KeyError as error:
        raise GraderError(f"The artifact has no {error}.", dict(artifact)) from error
    except ForgeError as error:
        raise GraderError(f"Task {task.id!r} can't be graded: {error}", dict(artifact)) from error
    parts = {"format_correct": float(faults == 0), "tests_passed": float(details["verdict"] == "AC")}
    return Verdict(float(all(parts.values())), parts, details)


def judge_program(
    task: ContestTask,
    program: Program,
    tests: Tests,
    *,
    stop_at_first_failure: bool,
    pool: WorkerPool | None = None,
) -> Judgement:
    """Judge a program on some of a task's tests.

    Args:
        task: Any mode but a project.
        program: What was handed in.
        tests: Public or hidden ones.
        stop_at_first_failure: For a reward; leave it off for feedback.
        pool: Judge workers; without them some are started for this call.
    """
    row = {
        "name": task.id,
        "language": program.language,
        "mode": task.mode,
        "code": program.code,
        "fn_name": task.fn_name,
        "tests": list(tests),
        "checker": task.checker,
        "interactor": task.interactor,
        "time_limit_s": task.time_limit_s,
        "memory_limit_mb": task.memory_limit_mb,
        "stop_at_first_failure": stop_at_first_failure,
    }
    return judge(Submission.from_row(row), pool=pool)


def public_tests(task: ContestTask) -> Tests:
    """The tests of the feedback; where a function has none, that the program loads and defines it."""
    if task.public_tests or task.mode != "function":
        return task.public_tests
    return ({"check": "pass"},)


def run_project(
    task: ContestTask, program: Program, tests: Mapping[str, str], *, open_sandbox: OpenSandbox | None = None
) -> ProjectResult:
    """Run test files of a project against the files that were handed in."""
    assert task.project is not None
    return run_tests(
        task.project,
        program.files,
        tests,
        open_sandbox=open_sandbox or workspace_opener(),
        time_limit_s=task.time_limit_s,
        memory_limit_mb=task.memory_limit_mb,
    )


def workspace_opener(spec: SandboxSpec | None = None) -> OpenSandbox:
    """A function that opens a `workspace` sandbox, in which toolchains outside the system's folders can be seen."""

    def opened() -> Sandbox:
        from forge_envs.sandbox import open_sandbox

        wanted = spec or SandboxSpec(profile="workspace")
        seen = tuple(Mount(folder, folder) for folder in toolchain_folders()) if wanted.backend == "local" else ()
        return open_sandbox(replace(wanted, mounts=(*wanted.mounts, *seen)))

    return opened


def _details(
    task: ContestTask, program: Program, pool: WorkerPool | None, open_sandbox: Callable[[], Sandbox] | None
) -> dict[str, Any]:
    if task.project is not None:
        tests = {**task.project.public_tests, **task.project.hidden_tests}
        result = run_project(task, program, tests, open_sandbox=open_sandbox)
        return {"verdict": result.verdict, "passed": result.passed, "tests": result.total}
    public, hidden = public_tests(task), task.hidden_tests
    judgement = judge_program(task, program, [*public, *hidden], stop_at_first_failure=True, pool=pool)
    details: dict[str, Any] = {"verdict": judgement.verdict, "tests": len(public) + len(hidden)}
    failed = next((i for i, result in enumerate(judgement.tests) if result.verdict != "AC"), None)
    if failed is not None:
        hidden_one = failed >= len(public)
        details["failed"] = f"hidden {failed - len(public) + 1}" if hidden_one else f"public {failed + 1}"
    return details
