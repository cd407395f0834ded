"""Judges a file of submissions, one JSON object in a line: a line out for each line in, in the same order."""

import json
import os
from collections import deque
from collections.abc import Iterable, Iterator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path
from typing import Any

from forge_envs.code_contest.json_compare import Unreadable, read_json
from forge_envs.code_contest.judge import judge
from forge_envs.code_contest.submission import Submission, Test
from forge_envs.core.errors import ConfigError, ForgeError, TaskError
from forge_envs.sandbox.judge import WorkerPool

AHEAD = 2
"""Lines in memory for each job, besides those that wait for an earlier one."""


def judge_lines(
    lines: Iterable[bytes], *, pool: WorkerPool, jobs: int | None = None, folder: Path | None = None
) -> Iterator[dict[str, Any]]:
    """Judge submissions as their lines arrive.

    Args:
        lines: JSON objects as `Submission.from_row` reads them; empty lines are left out.
        pool: From `judge.open_pool`.
        jobs: Submissions judged at once; by default one for each worker.
        folder: Relative names of `stdin_file` start here, if they exist there.

    Yields:
        For each line, in order, `Judgement.row()`; or ``{"line", "error"}``, with the ``name`` where there is one, for
        a line that can't be judged; or ``{"name", "verdict": "IE", "tests": [], "error"}`` when the sandbox or the
        checker failed after retries, which is no statement about the submission.
    """
    jobs = jobs or pool.spec.workers or len(os.sched_getaffinity(0))
    with ExitStack() as stack:
        threads = stack.enter_context(ThreadPoolExecutor(jobs, thread_name_prefix="judge"))
        waiting: deque[Future[dict[str, Any]]] = deque()
        stack.callback(lambda: [future.cancel() for future in waiting])
        for number, line in enumerate(lines, start=1):
            if not line.strip():
                continue
            waiting.append(threads.submit(_judge_line, number, line, pool, folder))
            while waiting and (len(waiting) >= jobs * (1 + AHEAD) or waiting[0].done()):
                yield waiting.popleft().result()
        while waiting:
            yield waiting.popleft().result()


def _judge_line(number: int, line: bytes, pool: WorkerPool, folder: Path | None) -> dict[str, Any]:
    name: str | None = None
    try:
        row = read_json(line)
        if not isinstance(row, Mapping):
            raise TaskError("it has to be a JSON object.")
        name = row.get("name") if isinstance(row.get("name"), str) else None
        return judge(_placed(Submission.from_row(row), folder), pool=pool).row()
    except (Unreadable, TaskError, ConfigError) as error:
        told = {"line": number, "error": f"Line {number}: {_sentence(error)}"}
        return told if name is None else {"name": name, **told}
    except Exception as error:  # one line never stops the others
        told = {"name": name or "", "verdict": "IE", "tests": [], "error": f"{type(error).__name__}: {error}"}
        return {**told, "tier": _tier(pool)}


def _placed(submission: Submission, folder: Path | None) -> Submission:
    if folder is None:
        return submission
    return replace(submission, tests=tuple(_in_folder(test, folder) for test in submission.tests))


def _in_folder(test: Test, folder: Path) -> Test:
    if test.stdin_file is None or not os.path.exists(folder / test.stdin_file):
        return test
    return replace(test, stdin_file=str(folder / test.stdin_file))


def _tier(pool: WorkerPool) -> str | None:
    try:
        return pool.tier
    except ForgeError:
        return None


def _sentence(error: Exception) -> str:
    return str(error) if isinstance(error, ForgeError) else f"it is not JSON: {error}"


def dump(row: Mapping[str, Any]) -> str:
    """One line of output, ASCII: what a program or a compiler wrote can't break the line or speak to a terminal."""
    return json.dumps(row)
