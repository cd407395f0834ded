"""Grading predictions that were made elsewhere, several at once."""

import hashlib
import json
import threading
from collections.abc import Callable, Generator, Mapping, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from itertools import islice

from forge_envs.core.errors import SandboxError
from forge_envs.core.task import Task
from forge_envs.sandbox.base import Sandbox
from forge_envs.swe.eval_report import tests_status
from forge_envs.swe.grading import run_tests
from forge_envs.swe.predictions import Prediction
from forge_envs.swe.report import Result, reason_of
from forge_envs.swe.task import SWETask


def grade_predictions(
    tasks: Sequence[Task],
    predictions: Mapping[str, Prediction],
    *,
    open_workspace: Callable[[Task], Sandbox],
    workers: int = 1,
    timeout_s: float = 1800.0,
) -> Generator[tuple[Result, str], None, None]:
    """Grade each task's prediction in a fresh workspace; tasks without one are left out.

    Results come in the order in which they are ready. Closing the iterator ends the workspaces that are still open.

    Args:
        tasks: With rows of `SWETask`.
        predictions: By instance id.
        open_workspace: Opens a fresh workspace of a task; called in several threads.
        workers: Instances at once.
        timeout_s: Seconds on the clock for one instance's tests.

    Yields:
        A result and the log of its tests. What is not the patch's fault is its `infrastructure_error`.
    """
    waiting = iter([task for task in tasks if task.id in predictions])
    opened = _Opened(open_workspace)
    pool = ThreadPoolExecutor(workers, thread_name_prefix="grade-swe")
    running: set[Future[tuple[Result, str]]] = set()
    try:
        while True:
            for task in islice(waiting, workers - len(running)):
                running.add(pool.submit(_grade_one, task, predictions[task.id], opened, timeout_s))
            if not running:
                return
            ready, running = wait(running, return_when=FIRST_COMPLETED)
            for one in ready:
                yield one.result()
    finally:
        opened.close()
        pool.shutdown(cancel_futures=True)


def sha256_of(prediction: Prediction) -> str:
    """The hash that a result of this prediction has."""
    return hashlib.sha256((prediction.patch or "").encode(errors="surrogatepass")).hexdigest()


def fingerprint_of(task: Task, prediction: Prediction, *, about: Sequence[object]) -> str:
    """Says whether an earlier verdict is one on this patch, by this row, reached in this way.

    Args:
        task: The row.
        prediction: The patch.
        about: Whatever else matters: the backend, the Python, the limit of time.
    """
    text = json.dumps([dict(task.data), prediction.patch or "", [str(one) for one in about]], sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()[:32]


class _Opened:
    """The workspaces that are in use; those opened after the end are closed at once."""

    def __init__(self, open_workspace: Callable[[Task], Sandbox]):
        self._open = open_workspace
        self._lock = threading.Lock()
        self._held: dict[int, list[Sandbox]] = {}  # by the thread that uses them
        self._ended = False

    def open(self, task: Task) -> Sandbox:
        sandbox = self._open(task)
        with self._lock:
            self._held.setdefault(threading.get_ident(), []).append(sandbox)
            ended = self._ended
        if ended:
            sandbox.close()
            raise SandboxError("Grading was stopped.")
        return sandbox

    def forget(self) -> None:
        """Drop what this thread has closed."""
        with self._lock:
            self._held.pop(threading.get_ident(), None)

    def close(self) -> None:
        with self._lock:
            self._ended = True
            held, self._held = [one for some in self._held.values() for one in some], {}
        for sandbox in held:
            sandbox.close()


def _grade_one(task: Task, prediction: Prediction, opened: _Opened, timeout_s: float) -> tuple[Result, str]:
    digest = sha256_of(prediction)
    if not (prediction.patch or "").strip():
        why = "the patch is empty"
        return Result(task.id, prediction.model, False, False, {}, problem=why, empty=True, patch_sha256=digest), ""
    try:
        about = SWETask.from_row(task.data, task.id)
        run = run_tests(about, str(prediction.patch), open_workspace=lambda: opened.open(task), timeout_s=timeout_s)
    except Exception as error:  # whatever one instance meets, the others go on
        told = f"{type(error).__name__}: {error}"
        known = reason_of(told, None)
        failed = Result(
            task.id, prediction.model, None, False, {}, infrastructure_error=told, patch_sha256=digest, reason=known
        )
        return failed, ""
    finally:
        opened.forget()
    timed_out = run.ended == "wall_limit"
    log = f"{run.log}\n\nTimeout error: {timeout_s:.0f} seconds exceeded." if timed_out else run.log  # as swebench
    result = Result(
        instance_id=task.id,
        model=prediction.model,
        resolved=run.resolved,
        applied=run.applied,
        tests_status=tests_status(run.lists),
        problem=run.problem,
        patch_sha256=digest,
        reason=reason_of(log, run.resolved),
        timed_out=timed_out,
    )
    return result, log
