"""How far a repair is: the hidden tests on the work so far, at chosen turns, where the agent can't see them."""

import re
from collections.abc import Callable, Collection, Sequence

from forge_envs.core.errors import ConfigError, ForgeError, GraderError
from forge_envs.core.rewards import Progress
from forge_envs.sandbox.base import Limits, Sandbox
from forge_envs.swe.diffs import touched_paths
from forge_envs.swe.grading import OpenWorkspace, TestRun, run_tests
from forge_envs.swe.logs import reported
from forge_envs.swe.patch import CLEAN_GIT, take_patch
from forge_envs.swe.task import SWETask
from forge_envs.swe.workspace import TESTBED

MAX_TRIES = 4
"""How often in an episode failing tests are tried without and with the fix: each try runs them up to three times."""

MAX_TEST_FILES = 4
MAX_TEST_BYTES = 2**20
_TEST_FILE = re.compile(r"(?!/)(?!.*(?:^|/)\.\.?(?:/|$))(?:[\w.+-]+/)*(?:test_[\w.+-]*|[\w.+-]*_test)\.py\Z")
_NEEDS_TESTS = {"f2p_fraction", "no_p2p_broken", "shaping_f2p"}


class TestChecks:
    """Measures one episode for the step components ``f2p_fraction``, ``no_p2p_broken`` and ``test_reproduced``.

    Hidden tests run as in grading: in a fresh workspace, on the agent's patch. The agent's own workspace is only asked
    for its diff, and nothing of what comes out is written to it: it can tell that a turn was checked, by the clock or
    the times of ``/tmp``, and not what came of it.

    Args:
        task: The task.
        components: What is looked at, names in `forge_envs.core.components`; nothing else costs anything.
        open_workspace: Opens a fresh workspace.
        every: The hidden tests run after every so many turns, 0 for none, or after these turns, counted from 1. They
            also run after the last turn.
        timeout_s: Seconds on the clock for the tests.
        workers: As of `grading.run_tests`.

    Raises:
        ConfigError: `every` has a negative number.
    """

    __test__ = False  # for pytest, which collects classes by their name

    def __init__(
        self,
        task: SWETask,
        *,
        components: Collection[str],
        open_workspace: OpenWorkspace,
        every: int | Sequence[int] = 10,
        timeout_s: float = 1800.0,
        workers: int = 1,
    ):
        self._every = check_turns(every)
        self._task, self._open, self._timeout_s, self._workers = task, open_workspace, timeout_s, workers
        self._tests = bool(_NEEDS_TESTS & set(components))
        self._reproduce = "test_reproduced" in components and bool(task.patch)
        self._output = ""
        self._tries = 0
        self._last: tuple[str, TestRun] | None = None
        self._reached = Progress(0.0, 0.0, tests_kept=1.0)

    def saw(self, output: str) -> None:
        """Take note of what the commands of a turn printed."""
        self._output = output

    def run_of(self, patch: str) -> TestRun | None:
        """The last check, if it was of this very patch: grading need not run the same tests again."""
        return self._last[1] if self._last is not None and self._last[0] == patch else None

    def measure(self, sandbox: Callable[[], Sandbox], *, turn: int, ended: bool, format_faults: int = 0) -> Progress:
        """The progress after a turn.

        Args:
            sandbox: Gives the agent's workspace.
            turn: How many were made; before the first nothing runs.
            ended: It was the last.
            format_faults: Of the episode so far, for the artifact of an error.

        Raises:
            SandboxError: The agent's workspace failed.
            GraderError: The tests could not be run; the error has the artifact of the work so far.
        """
        output, self._output = self._output, ""
        if turn == 0:
            return self._reached
        fixed, kept, reproduced = self._reached.tests_fixed, self._reached.tests_kept, self._reached.reproduced
        patch = ""
        try:
            if self._tests and (ended or self._due(turn)):
                taken = take_patch(sandbox())
                patch = taken.patch
                run = self.run_of(patch) or run_tests(
                    self._task, patch, open_workspace=self._open, timeout_s=self._timeout_s, workers=self._workers
                )
                self._last = (patch, run)
                fixed, kept = _shares(run, patch)
            if self._reproduce and not reproduced and self._tries < MAX_TRIES:
                failing = _failing_tests(output, touched_paths(self._task.patch))
                files = _read_files(sandbox(), failing) if failing else {}
                if files:
                    self._tries += 1
                    reproduced = float(
                        reproduces(self._task, failing, files, open_workspace=self._open, timeout_s=self._timeout_s)
                    )
        except ForgeError as error:
            if not patch:
                raise
            artifact = {"patch": patch, "patch_error": None, "format_faults": format_faults}
            raise GraderError(f"Task {self._task.id!r} can't be checked at turn {turn}: {error}", artifact) from error
        self._reached = Progress(0.0, 0.0, tests_fixed=fixed, tests_kept=kept, reproduced=reproduced)
        return self._reached

    def _due(self, turn: int) -> bool:
        if isinstance(self._every, int):
            return self._every > 0 and turn % self._every == 0
        return turn in self._every


def check_turns(every: int | Sequence[int]) -> int | frozenset[int]:
    """When hidden tests run, in one form.

    Raises:
        ConfigError: There is something else than a number of turns, or turns counted from 1.
    """
    numbers = [every] if isinstance(every, int) else list(every)
    least = 0 if isinstance(every, int) else 1
    if not all(isinstance(one, int) and not isinstance(one, bool) and one >= least for one in numbers):
        raise ConfigError(f"check_every is {every!r}: give a number of turns (0: only the last), or turns from 1 on.")
    return every if isinstance(every, int) else frozenset(numbers)


def reproduces(
    task: SWETask,
    failing: Collection[str],
    files: dict[str, bytes],
    *,
    open_workspace: OpenWorkspace,
    timeout_s: float = 1800.0,
) -> bool:
    """Whether one of an agent's tests fails at the base commit, passes with the gold patch, and fails again without.

    The third run is for tests that fail by chance. A test may still say no more than "the code is as it was"; nobody
    but the agent can say what it is about.

    Args:
        task: The task, with a gold patch.
        failing: Ids of the tests.
        files: What is in their files.
        open_workspace: Opens a fresh workspace; it is closed here.
        timeout_s: Seconds on the clock for each run.

    Raises:
        SandboxError: The sandbox failed.
    """
    wanted = set(failing)
    sandbox = open_workspace()
    try:
        for path, content in files.items():
            try:
                sandbox.write(f"{TESTBED}/{path}", content)
            except OSError:  # a folder of that name is in the way
                return False
        base = sandbox.snapshot()
        for with_gold in (False, True, False):
            sandbox.restore(base)
            if with_gold and not _apply_gold(sandbox, task.patch):
                return False
            wanted &= _ids_with("PASSED" if with_gold else "FAILED", _run_files(sandbox, list(files), timeout_s))
            if not wanted:
                return False
    finally:
        sandbox.close()
    return True


def _shares(run: TestRun, patch: str) -> tuple[float, float]:
    """The share of FAIL_TO_PASS that passes, and whether all of PASS_TO_PASS does; without a patch nothing changed."""
    if not patch.strip():
        return 0.0, 1.0
    if run.problem is not None or not run.applied:
        return 0.0, 0.0
    lists = run.lists
    total = len(lists.f2p_success) + len(lists.f2p_failure)
    return len(lists.f2p_success) / total if total else 0.0, float(not lists.p2p_failure)


def _failing_tests(output: str, product: Collection[str]) -> list[str]:
    """Ids of the tests that a command's output reports as failed, in a few files that look like tests."""
    files: dict[str, None] = {}
    found: dict[str, None] = {}
    for test, status in reported(output):
        path, inside, _ = test.partition("::")
        if status != "FAILED" or not inside or not _TEST_FILE.match(path) or path in product:
            continue
        if path in files or len(files) < MAX_TEST_FILES:
            files[path] = None
            found[test] = None
    return list(found)


def _read_files(sandbox: Sandbox, tests: Collection[str]) -> dict[str, bytes]:
    found: dict[str, bytes] = {}
    for path in dict.fromkeys(test.partition("::")[0] for test in tests):
        try:
            content = sandbox.read(f"{TESTBED}/{path}", limit=MAX_TEST_BYTES + 1)
        except OSError:
            continue
        if len(content) <= MAX_TEST_BYTES:
            found[path] = content
    return found


def _run_files(sandbox: Sandbox, files: list[str], timeout_s: float) -> str:
    limits = Limits(cpu_s=None, wall_s=timeout_s, memory_mb=4096, output_bytes=8 * 2**20, processes=512)
    command = ["python", "-m", "pytest", "-rA", "-p", "no:cacheprovider", *files]
    done = sandbox.run(command, limits=limits, merge_output=True)
    return done.stdout.decode(errors="replace") if done.ended == "exited" else ""


def _ids_with(status: str, log: str) -> set[str]:
    """Tests that have this status and no other."""
    seen: dict[str, set[str]] = {}
    for test, said in reported(log):
        seen.setdefault(test, set()).add(said)
    return {test for test, statuses in seen.items() if statuses == {status}}


def _apply_gold(sandbox: Sandbox, patch: str) -> bool:
    command = ["git", "-C", TESTBED, "apply", "--whitespace=nowarn", "-"]
    text = patch if patch.endswith("\n") else patch + "\n"
    limits = Limits(cpu_s=120, wall_s=240, memory_mb=2048)
    done = sandbox.run(command, stdin=text.encode(errors="surrogateescape"), limits=limits, env=CLEAN_GIT, cwd="/")
    return done.exit_code == 0
