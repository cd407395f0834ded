"""Which problems give one solution one verdict, also when the machine is busy: every solution is judged many times."""

import os
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from forge_envs.code_contest.grading import judge_program, run_project, workspace_opener
from forge_envs.code_contest.judge import open_pool
from forge_envs.code_contest.task import ContestTask, Program
from forge_envs.core.errors import ConfigError, ForgeError, TaskError
from forge_envs.core.task import load_suite
from forge_envs.sandbox.base import Isolation, SandboxSpec
from forge_envs.sandbox.judge import WorkerPool

Outcome = tuple[str, float]
"""A verdict (or the name of an error) and the CPU seconds of the slowest test."""


@dataclass(frozen=True)
class SolutionReport:
    """What judging one solution many times gave.

    Args:
        task_id: The task.
        solution: Its name, or its language.
        expected: The verdict that it must get.
        verdicts: How often each verdict came, or an error's name.
        slowest: The largest share of the time limit that a test took in any run.
    """

    task_id: str
    solution: str
    expected: str
    verdicts: Mapping[str, int]
    slowest: float

    @property
    def stable(self) -> bool:
        """Every run gave the verdict that it must get."""
        return set(self.verdicts) == {self.expected}

    def row(self) -> dict[str, Any]:
        """The line of the quarantine file."""
        seen = ", ".join(f"{verdict} {count}" for verdict, count in sorted(self.verdicts.items()))
        reason = f"{self.solution}: expected {self.expected}, got {seen}"
        return {"task_id": self.task_id, "reason": reason, "slowest": round(self.slowest, 3)}


def flake_report(
    source: str | Path,
    *,
    k: int,
    load: float = 2.0,
    wrong: bool = False,
    isolation: Isolation = "auto",
    progress: Callable[[int, int], None] | None = None,
) -> list[SolutionReport]:
    """Judge each solution of a suite `k` times, with more runs at once than there are cores.

    The runs of one solution are spread over the whole time, so that each meets other programs beside it.

    Args:
        source: A suite's folder or name. Tasks in quarantine are judged, too.
        k: Runs of each solution.
        load: Runs at once for each core.
        wrong: Judge the listed wrong solutions as well.
        isolation: As `open_pool` takes it.
        progress: Called with the runs done and their total.

    Raises:
        ConfigError: `k` or `load` is too small; TaskError: no task has a solution.
    """
    if k < 2 or load <= 0:
        raise ConfigError(f"k is {k} and load {load}: give at least 2 runs and a load above 0.")
    tasks = [ContestTask.from_row(task.data) for task in load_suite(source)]
    pairs = [(task, one) for task in tasks for one in (*task.solutions, *(task.wrong if wrong else ()))]
    if not pairs:
        raise TaskError(f"No task of {source} has a solution that could be judged.")
    jobs = max(1, round(load * len(os.sched_getaffinity(0))))
    seen: list[list[Outcome]] = [[] for _ in pairs]
    threads = ThreadPoolExecutor(jobs)
    with open_pool(workers=jobs, isolation=isolation) as pool:
        rounds = [(index, *pair) for _ in range(k) for index, pair in enumerate(pairs)]
        futures = [threads.submit(_judged, task, program, pool, isolation) for _, task, program in rounds]
        try:
            for done, ((index, *_), future) in enumerate(zip(rounds, futures, strict=True), start=1):
                seen[index].append(future.result())
                if progress is not None:
                    progress(done, len(rounds))
        finally:  # without waiting: the pool is closed next, which ends what still runs
            threads.shutdown(wait=False, cancel_futures=True)
    return [_report(task, one, outcomes) for (task, one), outcomes in zip(pairs, seen, strict=True)]


def unstable_rows(reports: Sequence[SolutionReport]) -> list[dict[str, Any]]:
    """One quarantine line for each task with an unstable solution."""
    rows = {report.task_id: report.row() for report in reversed(reports) if not report.stable}
    return [rows[task_id] for task_id in sorted(rows)]


def _judged(task: ContestTask, program: Program, pool: WorkerPool, isolation: Isolation) -> Outcome:
    try:
        if task.project is not None:
            tests = {**task.project.public_tests, **task.project.hidden_tests}
            opener = workspace_opener(SandboxSpec(profile="workspace", isolation=isolation))
            return run_project(task, program, tests, open_sandbox=opener).verdict, 0.0
        tests_ = [*task.public_tests, *task.hidden_tests]
        judgement = judge_program(task, program, tests_, stop_at_first_failure=True, pool=pool)
        return judgement.verdict, max((result.cpu_s for result in judgement.tests), default=0.0)
    except ForgeError as error:
        return type(error).__name__, 0.0


def _report(task: ContestTask, program: Program, outcomes: Sequence[Outcome]) -> SolutionReport:
    slowest = max(cpu for _, cpu in outcomes) / task.time_limit_s
    verdicts = Counter(verdict for verdict, _ in outcomes)
    return SolutionReport(task.id, program.name or program.language, program.verdict, verdicts, slowest)
