"""From repositories to a suite: candidates in rounds, screened and confirmed in sandboxes, resumable at any moment."""

import hashlib
import json
import resource
import tempfile
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from dataclasses import asdict
from itertools import chain
from pathlib import Path
from typing import Any

from forge_envs.core.errors import ConfigError, TaskError
from forge_envs.swe.python_env import PythonEnv, python_env
from forge_envs.swe.repository import Repository, prepare
from forge_envs.swe.synthesis.assemble import confirm, row_of, settled
from forge_envs.swe.synthesis.baseline import Baseline, measure_baseline
from forge_envs.swe.synthesis.candidates import WEIGHTS, Candidate, combined, drawn
from forge_envs.swe.synthesis.chat_issue import chat_issue
from forge_envs.swe.synthesis.decontaminate import Benchmarks, load_benchmarks
from forge_envs.swe.synthesis.history import History
from forge_envs.swe.synthesis.issues import template_issue
from forge_envs.swe.synthesis.journal import Journal
from forge_envs.swe.synthesis.meter import Meter
from forge_envs.swe.synthesis.mutations import Strategy
from forge_envs.swe.synthesis.options import Options
from forge_envs.swe.synthesis.project import Project, take_project
from forge_envs.swe.synthesis.report import Yield
from forge_envs.swe.synthesis.reversal import RECENT, reversals
from forge_envs.swe.synthesis.runner import Runner
from forge_envs.swe.synthesis.screen import Screened, screen
from forge_envs.swe.synthesis.source import body_of
from forge_envs.swe.synthesis.suite_folder import write_suite
from forge_envs.swe.workspace import Site

BATCH = 8
"""Candidates that one sandbox runs in a row; what a killed run loses at most, for each worker."""

DEFAULTS = Options()

_VERSION = 2
"""Of what a journal's results mean."""


def synthesize(repositories: Sequence[str | Path], out: str | Path, options: Options = DEFAULTS) -> list[Yield]:
    """Make tasks of repositories; started again with the same arguments, it goes on where it was.

    Args:
        repositories: Folders, or git repositories (the commit that they are at).
        out: The suite's folder.
        options: See `Options`.

    Returns:
        What each repository yielded.

    Raises:
        ConfigError, TaskError: A repository can't be used (of several: one is not there, or is a benchmark's; one that
            fails otherwise has a `Yield.problem`, and the others go on); SandboxError: a sandbox failed.
    """
    folder = Path(out).resolve()
    folder.mkdir(parents=True, exist_ok=True)
    if not repositories or options.limit < 1 or options.workers < 1 or options.checks < 1 or options.runs < 2:
        raise ConfigError("Synthesis needs a repository, a limit, workers and checks of 1 or more, and 2 or more runs.")
    if not options.strategies or not set(options.strategies) <= set(WEIGHTS):
        raise ConfigError(f"strategies: {list(options.strategies)} given; use some of {list(WEIGHTS)}.")
    kept_out = load_benchmarks(options.decontaminate)
    projects = [take_project(repository, folder) for repository in repositories]
    for project in projects:
        kept_out.refuse_project(project.name)
    yields: list[Yield] = []
    rows: list[dict[str, Any]] = []
    for project in projects:
        counts, made = _one(project, folder, options, kept_out, alone=len(projects) == 1)
        yields.append(counts)
        rows += made
        write_suite(folder, [one.project for one in yields], rows, yields)
    return yields


def _one(
    project: Project, folder: Path, options: Options, kept_out: Benchmarks, *, alone: bool
) -> tuple[Yield, list[dict[str, Any]]]:
    """The tasks of one repository. Where it is not `alone`, what is wrong with it does not end the others' run."""
    began, used = time.monotonic(), _cpu()
    counts = Yield(project.name)
    rows: list[dict[str, Any]] = []
    with ExitStack() as stack, _told(counts, rows, alone):
        scratch = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="forge-synthesis-")))
        history = None if project.origin is None else History(project.origin, scratch)
        if history is not None:
            kept_out.refuse_history(project.name, history.ids())
        python, meter = python_env(options.python), Meter()
        site = Site(prepare(Repository(str(project.folder)), cache=scratch), python)
        runners: list[Runner] = []
        for _ in range(options.workers):
            runners.append(Runner(site, project.paths, project.products))
            stack.callback(runners[-1].close)
        head = hashlib.sha256(
            json.dumps([_VERSION, site.prepared.head, options.runs, options.checks, options.python]).encode()
        )
        stack.callback(_account, counts, began, used, runners, meter)
        journal = stack.enter_context(Journal(folder / "journal" / f"{project.name}.jsonl", head.hexdigest()))
        baseline = journal.baseline() or journal.add_baseline(
            measure_baseline(project, site, runners[0], meter, runs=options.runs, workers=options.workers)
        )
        counts.stable = len(baseline.stable)
        for runner in runners:
            runner.modules = baseline.modules
        pool = stack.enter_context(ThreadPoolExecutor(options.workers))
        same: Counter[tuple[object, ...]] = Counter()
        killers: list[Candidate] = []
        kinds: dict[str, str] = {}
        for chunk in _rounds(project, baseline, options, killers, history):
            if len(rows) >= options.limit or time.monotonic() - began > 60 * options.minutes:
                break
            parts = [chunk[start : start + BATCH] for start in range(0, len(chunk), BATCH)]
            jobs = [
                pool.submit(_screen, part, baseline, runner, project, journal, options)
                for part, runner in zip(parts, runners, strict=False)
            ]
            screened = list(chain.from_iterable(job.result() for job in jobs))
            fit: list[tuple[Candidate, Screened]] = []
            for candidate, result in zip(chunk, screened, strict=True):
                key = (candidate.functions, result.broken)
                reason = result.reason
                if not reason:
                    if candidate.strategy in ("mutation", "rewrite"):
                        killers.append(candidate)
                    same[key] += 1
                    reason = "as others" if same[key] > options.same else ""
                if reason:
                    counts.add(candidate.strategy, reason)
                else:
                    fit.append((candidate, result))
            while fit and len(rows) < options.limit:
                # No more at once than could still be needed, and always the same ones, however many workers there are.
                some, fit = fit[: options.limit - len(rows)], fit[options.limit - len(rows) :]
                made = pool.map(
                    lambda one: _task(one[0], one[1], project, baseline, python, meter, scratch, journal, options), some
                )
                for (candidate, _), (reason, row) in zip(some, made, strict=True):
                    if row is not None and kept_out.holds(row):
                        reason = "in a benchmark"
                    counts.add(candidate.strategy, reason)
                    if row is not None and not reason:
                        rows.append(row)
                        kinds[row["id"]] = candidate.strategy
                kept = settled(rows, journal.shaky())
                for lost in {row["id"] for row in rows} - {row["id"] for row in kept}:
                    counts.take_back(kinds[lost], "its tests fail elsewhere")
                rows[:] = kept
            options.progress(project.name, len(rows), options.limit, sum(counts.tried.values()))
    return counts, rows


@contextmanager
def _told(counts: Yield, rows: Sequence[object], alone: bool) -> Iterator[None]:
    try:
        yield
    except TaskError as error:
        if alone and not rows:
            raise
        counts.problem = str(error)


def _rounds(
    project: Project, baseline: Baseline, options: Options, killers: Sequence[Candidate], history: History | None
) -> Iterator[list[Candidate]]:
    """Candidates in chunks; combinations are made of what earlier chunks have found, so chunks are of one size."""
    streams = drawn(project.sources, baseline, options.seed)
    if history is not None:
        streams["reversal"] = reversals(history.commits(RECENT), project.files, project.sources, baseline)
    seen: set[str] = set()
    size, number = BATCH * options.workers, 0
    turns: list[Strategy] = [
        name for name, weight in WEIGHTS.items() if name in options.strategies for _ in range(weight)
    ]
    while True:
        chunk: list[Candidate] = []
        misses = 0
        while len(chunk) < size and misses < 4 * len(turns):
            strategy = turns[number % len(turns)]
            number += 1
            if strategy == "combination":
                candidate = combined(killers, project.sources, f"{options.seed}:{number}")
            else:
                candidate = next(streams[strategy], None) if strategy in streams else None
            if candidate is None or candidate.key in seen:
                misses += 1
                continue
            seen.add(candidate.key)
            chunk.append(candidate)
        if not chunk:
            return
        yield chunk


def _screen(
    candidates: Sequence[Candidate],
    baseline: Baseline,
    runner: Runner,
    project: Project,
    journal: Journal,
    options: Options,
) -> list[Screened]:
    known: dict[str, Screened | None] = {one.key: journal.screened(one.key) for one in candidates}
    new = [one for one in candidates if known[one.key] is None]
    results = screen(new, baseline, runner, project.files, checks=options.checks) if new else []
    for one, found in zip(new, results, strict=True):
        known[one.key] = found
        journal.add(one.key, "screened", asdict(found))
    return [result for one in candidates if (result := known[one.key]) is not None]


def _task(
    candidate: Candidate,
    screened: Screened,
    project: Project,
    baseline: Baseline,
    python: PythonEnv,
    meter: Meter,
    scratch: Path,
    journal: Journal,
    options: Options,
) -> tuple[str, dict[str, Any] | None]:
    """Why it is no task, or its row."""
    wording = str(options.seed) if options.chat is None else f"{options.seed}:{options.chat.model}"
    kept = journal.task(candidate.key, wording)
    if kept is not None:
        return kept
    secrets = [*candidate.files, *_changed_lines(project, candidate)]
    issue = template_issue(
        project.name, project.version, screened.failures, project.files, secrets, f"{options.seed}:{candidate.key}"
    )
    with tempfile.TemporaryDirectory(prefix="task-", dir=scratch) as place:
        try:
            row = row_of(project, baseline, candidate, screened, issue, Path(place))
            reason, shaky = confirm(row, project, python, Path(place), meter, checks=options.checks)
        except TaskError as error:
            row, reason, shaky = {}, f"can't be made: {error}", ()
    if options.chat is not None and not reason:
        hidden = [*secrets, *_function_lines(project, candidate)]
        row["problem_statement"] = chat_issue(options.chat, issue, hidden, f"{options.seed}:{candidate.key}")
        reason = "" if row["problem_statement"] else "the model's issue gives it away"
    journal.add(
        candidate.key,
        "task",
        {
            "seed": wording,
            "reason": reason,
            "row": None if reason else row,
            "strategy": candidate.strategy,
            "operator": candidate.operator,
            "shaky": list(shaky),
        },
    )
    return reason, None if reason else row


def _changed_lines(project: Project, candidate: Candidate) -> list[str]:
    found: set[str] = set()
    for path, content in candidate.files.items():
        old, new = (set((text or b"").decode().split("\n")) for text in (project.files.get(path), content))
        found |= {line.strip() for line in old ^ new if len(line.strip()) > 12}
    return sorted(found)


def _function_lines(project: Project, candidate: Candidate) -> list[str]:
    """The code of the repaired functions, without what is documented of them."""
    found: list[str] = []
    for name in candidate.functions:
        path, _, inside = name.partition("::")
        source = project.sources.get(path)
        if source is None:
            continue
        bodies = [body_of(node) for named, node in source.functions() if named == inside]
        lines = [line.strip() for body in bodies for one in body for line in source.text(one).decode().split("\n")]
        found += [line for line in lines if len(line) > 12]
    return found


def _account(counts: Yield, began: float, used: float, runners: Sequence[Runner], meter: Meter) -> None:
    counts.wall_s = time.monotonic() - began
    counts.cpu_s = _cpu() - used + sum(runner.cpu_s for runner in runners) + meter.cpu_s


def _cpu() -> float:
    return sum(sum(resource.getrusage(who)[:2]) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
