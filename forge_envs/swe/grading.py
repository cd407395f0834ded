"""Grading of a patch: a fresh workspace, the task's tests and test infrastructure, and canaries among them."""

import errno
import re
import shlex
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from forge_envs.core.errors import ForgeError, GraderError, SandboxError
from forge_envs.core.rewards import Verdict
from forge_envs.core.task import Task
from forge_envs.sandbox.base import Limits, Sandbox
from forge_envs.swe.applying import apply_patch, reset_tests, write
from forge_envs.swe.canaries import Canaries, caught, place_canaries
from forge_envs.swe.diffs import touched_paths
from forge_envs.swe.eval_script import needed_setup
from forge_envs.swe.logs import TestLists, parser_of, test_lists
from forge_envs.swe.runners import deciding_files, is_path, ran, runner_of, stated, words_of
from forge_envs.swe.selection import with_names
from forge_envs.swe.task import SWETask
from forge_envs.swe.workspace import TESTBED

OpenWorkspace = Callable[[], Sandbox]
"""Opens a fresh workspace of the task at its base commit."""

LOG_BYTES = 8 * 2**20
_NOT_THERE = {errno.ENOENT, errno.EISDIR, errno.ENOTDIR, errno.ELOOP, errno.ENAMETOOLONG, errno.EACCES, errno.EINVAL}
SHOWN_LOG = 200_000
"""Characters of a log that a verdict keeps: its beginning and its end."""
_TIMES = re.compile(r"\b\d+\.\d\ds\b(?: \(\d+:\d\d:\d\d\))?")
_ADDRESS = re.compile(r"0x[0-9a-fA-F]{6,}")


@dataclass(frozen=True)
class TestRun:
    """What running a task's tests on a patch gave.

    Args:
        applied: Whether the patch could be applied.
        lists: Which tests did what they must.
        problem: Why the log is not believed, or why there is none; None where all is well.
        ended: How the test command ended; an empty text where it was not started.
        log: Its output, without canaries, times and addresses.
    """

    __test__ = False  # for pytest, which collects classes by their name

    applied: bool
    lists: TestLists
    problem: str | None = None
    ended: str = ""
    log: str = ""

    @property
    def resolved(self) -> bool:
        """swebench's ``resolved``, if the log can be believed."""
        return self.applied and self.problem is None and self.lists.resolved


def grade(
    task: Task,
    artifact: Mapping[str, Any],
    *,
    open_workspace: OpenWorkspace,
    timeout_s: float = 1800.0,
    workers: int = 1,
    run: TestRun | None = None,
) -> Verdict:
    """Eq 7 of the paper: 1 if every reply was well-formed and all of the task's tests do what they must, else 0.

    Args:
        task: A task with a row of `SWETask`.
        artifact: ``patch``, ``format_faults``, and where no patch could be taken ``patch_error``.
        open_workspace: Opens a fresh workspace; it is closed here.
        timeout_s: Seconds on the clock for the tests.
        workers: As of `run_tests`.
        run: What `run_tests` gave for this very patch, where it was run before.

    Returns:
        A verdict with components ``format_correct``, ``patch_applied`` and ``tests_passed``; the details have
        swebench's names.

    Raises:
        GraderError: The artifact is incomplete, the task is broken, or the sandbox failed. Never a reward of 0 instead.
    """
    try:
        patch, faults = artifact["patch"], artifact["format_faults"]
        about = SWETask.from_row(task.data, task.id)
        run = run or run_tests(about, patch, open_workspace=open_workspace, timeout_s=timeout_s, workers=workers)
    except KeyError as error:
        raise GraderError(f"The artifact has no {error}.", dict(artifact)) from error
    except ForgeError as error:
        raise GraderError(f"Task {task.id!r} can't be graded: {error}", dict(artifact)) from error
    parts = {
        "format_correct": float(faults == 0),
        "patch_applied": float(run.applied),
        "tests_passed": float(run.resolved),
    }
    details = details_of(run, patch)
    details["problem"] = artifact.get("patch_error") or details["problem"]
    return Verdict(float(all(parts.values())), parts, details)


def details_of(run: TestRun, patch: str) -> dict[str, Any]:
    """A run in the field names of swebench's reports, with the log and what was wrong."""
    return {
        "patch_exists": bool(patch),
        "patch_successfully_applied": run.applied,
        "resolved": run.resolved,
        "tests_status": {
            "FAIL_TO_PASS": {"success": list(run.lists.f2p_success), "failure": list(run.lists.f2p_failure)},
            "PASS_TO_PASS": {"success": list(run.lists.p2p_success), "failure": list(run.lists.p2p_failure)},
        },
        "problem": run.problem,
        "ended": run.ended,
        "log": run.log,
    }


def run_tests(
    task: SWETask,
    patch: str,
    *,
    open_workspace: OpenWorkspace,
    timeout_s: float = 1800.0,
    memory_mb: int = 4096,
    workers: int = 1,
) -> TestRun:
    """Apply a patch to a fresh workspace and run the task's tests.

    Args:
        task: The task.
        patch: A git diff against the base commit; an empty one is not run, as in swebench.
        open_workspace: Opens a fresh workspace; it is closed here.
        timeout_s: Seconds on the clock for the tests.
        memory_mb: MiB for them.
        workers: Processes of pytest-xdist, for a task that has been found to stand it (`SWETask.xdist`).

    Raises:
        SandboxError: The sandbox failed; GraderError: the test patch does not fit the base commit.
        TaskError: The log parser does not exist.
    """
    parse, runner = parser_of(task.log_parser, task.id, task.version), runner_of(task)
    nothing = test_lists(task.fail_to_pass, task.pass_to_pass, {})
    if not patch.strip():
        return TestRun(False, nothing, "the patch is empty")
    limits = Limits(cpu_s=None, wall_s=timeout_s, memory_mb=memory_mb, output_bytes=LOG_BYTES, processes=512)
    with open_workspace() as sandbox:
        changed = apply_patch(sandbox, patch)
        if changed is None:
            return TestRun(False, nothing, "the patch does not apply")
        setup = needed_setup(task.setup, changed) if sandbox.spec.backend == "docker" else []
        if setup:
            _reset(sandbox, task, changed)
            changed = []  # what an install makes of it stays
            built = sandbox.run(_script(task, setup), limits=limits, env=_offline(sandbox), merge_output=True)
            if built.ended not in ("exited", "signaled"):
                return TestRun(True, nothing, f"the installation did not come to its end: {built.ended}", built.ended)
        if not _place_for_tests(sandbox, task, changed):
            with open_workspace() as fresh:
                if apply_patch(fresh, task.test_patch) is None:
                    raise GraderError(f"The test patch of {task.id} does not fit its base commit.")
            return TestRun(True, nothing, "the patch leaves no place for the tests")
        passing = {test.partition("::")[0] for test in task.fail_to_pass}
        words = words_of(task.test_command)
        canaries = place_canaries(_test_files(sandbox, task), runner, words=words, passing=passing)
        for path, content in canaries.files.items():
            write(sandbox, f"{TESTBED}/{path}", content)
        parallel = (
            ["-n", str(workers), "--dist", "loadfile"] if task.xdist and workers > 1 and runner == "pytest" else []
        )
        added = shlex.join([*_left_out(task), *canaries.added, *parallel]) if runner != "other" else ""
        command = task.test_command
        if runner == "pytest":
            command = with_names(command, [name for pair in canaries.pairs for name in pair])
        done = sandbox.run(
            _script(task, [f"{command} {added}".rstrip()]),
            limits=limits,
            merge_output=True,
        )
    log = done.stdout.decode(errors="replace")
    shown = _clean(log, canaries)
    if done.ended != "exited":
        return TestRun(True, nothing, f"the tests did not come to their end: {done.ended}", done.ended, shown)
    statuses = parse(log)
    if not statuses and not ran(log):
        return TestRun(True, nothing, "the log names no test", done.ended, shown)
    lists = test_lists(task.fail_to_pass, task.pass_to_pass, statuses, eval_type=task.eval_type)
    said = stated(runner, log) if canaries.pairs else list(statuses.items())
    return TestRun(True, lists, caught(canaries, said, done.exit_code), done.ended, shown)


def _place_for_tests(sandbox: Sandbox, task: SWETask, changed: list[str]) -> bool:
    """Undo what a patch did to the tests, and apply the hidden ones."""
    return _reset(sandbox, task, changed) and apply_patch(sandbox, task.test_patch) is not None


def _reset(sandbox: Sandbox, task: SWETask, changed: list[str]) -> bool:
    """What the gold patch changes is product, even a configuration or a runner."""
    hidden = touched_paths(task.test_patch)
    product = set(touched_paths(task.patch)) - set(hidden)
    files = [*deciding_files(task), *(word for word in words_of(task.test_command) if is_path(word))]
    return reset_tests(sandbox, changed, hidden=hidden, tests=files, product=product, runner=runner_of(task))


def _script(task: SWETask, lines: list[str]) -> str:
    """Lines of shell in the environment of the task's tests."""
    return "\n".join([*task.exports, *lines])


def _offline(sandbox: Sandbox) -> dict[str, str]:
    """pip's settings where there is no network: no index is asked, and what is installed builds (0 means no isolation,
    see pip's ``_update_defaults``)."""
    return {} if sandbox.spec.network else {"PIP_NO_INDEX": "1", "PIP_NO_BUILD_ISOLATION": "0"}


def _left_out(task: SWETask) -> list[str]:
    """The files of the task's tests where the command names none of them, because it runs all that there are."""
    files = sorted({test.partition("::")[0] for test in (*task.fail_to_pass, *task.pass_to_pass) if "::" in test})
    words = [word.partition("::")[0].rstrip("/") for word in words_of(task.test_command)]
    return [] if any(f == word or f.startswith(f"{word}/") for f in files for word in words) else files


def _test_files(sandbox: Sandbox, task: SWETask) -> dict[str, bytes]:
    """The files whose tests decide, as far as they are known and there."""
    found: dict[str, bytes] = {}
    for path in deciding_files(task):
        try:
            found[path] = sandbox.read(f"{TESTBED}/{path}")
        except OSError as error:
            if error.errno not in _NOT_THERE and not isinstance(error, FileNotFoundError | IsADirectoryError):
                raise SandboxError(f"{path} can't be read in the workspace: {error}.") from error
    return found


def _clean(log: str, canaries: Canaries) -> str:
    """The log without our own tests, and the same on every run."""
    kept = "\n".join(line for line in log.split("\n") if not any(name in line for name in canaries.names))
    log = _ADDRESS.sub("0x…", _TIMES.sub("…s", kept))
    if len(log) <= SHOWN_LOG:
        return log
    half = SHOWN_LOG // 2
    return f"{log[:half]}\n[{len(log) - 2 * half} characters left out]\n{log[-half:]}"
