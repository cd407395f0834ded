"""Environments made ahead of training, and which rows can be trusted: gold resolves every time, the base never."""

import hashlib
import json
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from forge_envs.core.errors import ConfigError, TaskError
from forge_envs.core.task import Task, load_suite, tasks_root
from forge_envs.swe.grading import OpenWorkspace, TestRun, run_tests
from forge_envs.swe.runners import runner_of
from forge_envs.swe.task import SWETask, load_swe_tasks

NOTHING = "diff --git a/.forge-nothing b/.forge-nothing\nnew file mode 100644\n"
"""A patch that changes nothing that matters: an empty one would not be run at all."""

Opener = Callable[[Task], OpenWorkspace]
"""Prepares a task's environment, which may take long, and gives what opens its workspaces."""


@dataclass(frozen=True)
class RowReport:
    """What running one row gave.

    Args:
        instance_id: Of the row.
        fingerprint: Of the row and of how it was run; a report of another fingerprint says nothing about it.
        gold_resolved: How often gold resolved.
        runs: How often gold was run.
        base_resolved: Whether the tests are satisfied without a fix; such a row rewards everything.
        flapped: Tests that did what they must in some runs of gold, and not in others.
        problems: Why a run of gold did not resolve, each once.
        errors: What failed that is no fault of the row's: such a row is tried again.
        prepare_s: Seconds that its environment took.
        seconds: Of each run of gold, workspace and all.
        xdist: Whether pytest-xdist gave the same verdicts, on gold as often and on the base; None: not tried.
    """

    instance_id: str
    fingerprint: str
    gold_resolved: int
    runs: int
    base_resolved: bool
    flapped: tuple[str, ...] = ()
    problems: tuple[str, ...] = ()
    errors: tuple[str, ...] = ()
    prepare_s: float = 0.0
    seconds: tuple[float, ...] = ()
    xdist: bool | None = None

    @property
    def good(self) -> bool:
        """Gold resolved every time, and nothing else does."""
        return not self.errors and self.runs > 0 and self.gold_resolved == self.runs and not self.base_resolved

    def line(self) -> str:
        """One line of the report."""
        return json.dumps({**asdict(self), "good": self.good}) + "\n"


def load_rows(source: str) -> list[Task]:
    """The tasks of a suite (a folder, a bundled name, ``scheme:PATH``) or of a file of rows.

    Raises:
        TaskError: There is none, or it is wrong.
    """
    return load_swe_tasks(source) if Path(source).is_file() else list(load_suite(source))


def fingerprint_of(task: Task, *, repeats: int, about: str) -> str:
    """Says whether a report is of this row, run in this way.

    Args:
        task: The row.
        repeats: Runs of gold.
        about: Whatever else matters: the backend, the Python.
    """
    text = json.dumps([dict(task.data), repeats, about], sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()[:32]


def finished(path: Path, tasks: Mapping[str, str]) -> dict[str, RowReport]:
    """The reports of a file that need not be made again, by instance id.

    Rows with errors are left out, and so is a line that a killed run did not end.

    Args:
        path: The file; it need not exist.
        tasks: Fingerprints by instance id.

    Raises:
        ConfigError: A whole line is no report.
    """
    found: dict[str, RowReport] = {}
    if not path.exists():
        return found
    whole, _, _ = path.read_text(encoding="utf-8").rpartition("\n")
    for number, line in enumerate(whole.split("\n") if whole else [], start=1):
        try:
            row = json.loads(line)
            row.pop("good")
            lists = {name: tuple(row[name]) for name in ("flapped", "problems", "errors", "seconds")}
            report = RowReport(**{**row, **lists})
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            raise ConfigError(f"{path}:{number}: no line of a flake report: move the file away. ({error})") from error
        found.pop(report.instance_id, None)
        if tasks.get(report.instance_id) == report.fingerprint and not report.errors:
            found[report.instance_id] = report
    return found


def check_rows(
    tasks: Sequence[Task],
    opener: Opener,
    *,
    fingerprints: Mapping[str, str],
    repeats: int = 3,
    workers: int = 2,
    timeout_s: float = 1800.0,
    xdist: int = 0,
) -> Iterator[RowReport]:
    """Prepare each row, run gold some times and the base once; reports come as rows are done.

    Ending the iteration early waits for the rows that are running, and starts no others.

    Args:
        tasks: The rows.
        opener: Prepares a row.
        fingerprints: See `fingerprint_of`, by instance id.
        repeats: Runs of gold.
        workers: Rows at once.
        timeout_s: Seconds on the clock for the tests of one run.
        xdist: Try good rows of pytest with this many processes of pytest-xdist as well; 0: don't.

    Raises:
        ConfigError: A number is too small.
    """
    if repeats < 1 or workers < 1:
        raise ConfigError("repeats and workers are at least 1.")
    threads = ThreadPoolExecutor(workers, thread_name_prefix="forge-swe-prepare")
    try:
        jobs = [
            threads.submit(
                check_row,
                task,
                opener,
                fingerprint=fingerprints[task.id],
                repeats=repeats,
                timeout_s=timeout_s,
                xdist=xdist,
            )
            for task in tasks
        ]
        for job in as_completed(jobs):
            yield job.result()
    finally:
        threads.shutdown(wait=True, cancel_futures=True)


def check_row(
    task: Task, opener: Opener, *, fingerprint: str, repeats: int = 3, timeout_s: float = 1800.0, xdist: int = 0
) -> RowReport:
    """See `check_rows`. What fails is in the report, and raises nothing."""
    start = time.monotonic()
    ready, seconds = start, []
    runs: list[TestRun] = []
    base_resolved, same = False, None
    problems: dict[str, None] = {}
    errors: list[str] = []
    try:
        about = SWETask.from_row(task.data, task.id)
        if not about.patch:
            raise TaskError(f"Task {task.id!r} has no gold patch.")
        open_workspace = opener(task)
        ready = time.monotonic()
        for _ in range(repeats):
            began = time.monotonic()
            runs.append(run_tests(about, about.patch, open_workspace=open_workspace, timeout_s=timeout_s))
            seconds.append(round(time.monotonic() - began, 3))
        base = run_tests(about, NOTHING, open_workspace=open_workspace, timeout_s=timeout_s)
        base_resolved = base.resolved
        if xdist and all(run.resolved for run in runs) and not base_resolved and runner_of(about) == "pytest":
            same = True
            for patch, alone in (*((about.patch, run) for run in runs), (NOTHING, base)):
                together = run_tests(
                    replace(about, xdist=True), patch, open_workspace=open_workspace, timeout_s=timeout_s, workers=xdist
                )
                same = same and (together.problem, together.lists) == (alone.problem, alone.lists)
    except TaskError as error:
        problems[str(error)] = None
    except Exception as error:  # whatever one row meets, the others go on
        errors.append(f"{type(error).__name__}: {error}")
    for run in runs:
        if not run.resolved:
            problems[run.problem or _failures(run)] = None
    return RowReport(
        instance_id=task.id,
        fingerprint=fingerprint,
        gold_resolved=sum(run.resolved for run in runs),
        runs=len(runs),
        base_resolved=base_resolved,
        flapped=_flapped(runs),
        problems=tuple(problems),
        errors=tuple(errors),
        prepare_s=round(ready - start, 3),
        seconds=tuple(seconds),
        xdist=same,
    )


def write_good_rows(path: Path, tasks: Sequence[Task], reports: Mapping[str, RowReport]) -> int:
    """Write the rows that can be trusted as JSON Lines, for ``suite="swebench:PATH"``; how many there are.

    A row whose repository is a folder of its suite is given that folder's whole path; one whose tests were tried with
    pytest-xdist is told whether they may run so (``xdist``).
    """
    good = [task for task in tasks if task.id in reports and reports[task.id].good]
    tried = {task.id: reports[task.id].xdist for task in good}
    rows = [_standalone(task) | ({} if tried[task.id] is None else {"xdist": tried[task.id]}) for task in good]
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    return len(good)


def _standalone(task: Task) -> dict[str, Any]:
    row = dict(task.data)
    folder = tasks_root() / task.suite / str(row.get("repository", ""))
    if "repository" in row and folder.is_dir():
        row["repository"] = str(folder.resolve())
    return row


def _good(run: TestRun) -> set[str]:
    return {*run.lists.f2p_success, *run.lists.p2p_success} if run.applied and run.problem is None else set()


def _flapped(runs: Sequence[TestRun]) -> tuple[str, ...]:
    seen = [_good(run) for run in runs]
    always = set.intersection(*seen) if seen else set()
    return tuple(sorted({test for one in seen for test in one} - always))


def _failures(run: TestRun) -> str:
    failed = [*run.lists.f2p_failure, *run.lists.p2p_failure]
    shown = ", ".join(failed[:3])
    return f"{len(failed)} tests fail with gold: {shown}{', …' if len(failed) > 3 else ''}"
