"""`WorkerPool`: hands runs to workers, replaces workers that died, repeats their runs."""

import weakref
from collections.abc import Sequence
from types import TracebackType
from typing import Any

from forge_envs.sandbox.base import Limits, Tier
from forge_envs.sandbox.judge import session, values
from forge_envs.sandbox.judge.crew import Crew
from forge_envs.sandbox.judge.session import Stop
from forge_envs.sandbox.judge.types import Case, Content, JudgeSpec, Program, PythonProgram, RunResult


class WorkerPool:
    """Isolated workers, started when they are first needed. Safe to use from many threads; each call takes one worker.

    Close it, or use it in a `with`. A pool that is forgotten is closed by a finalizer; when the host process dies in
    any way, its workers end by themselves.
    """

    def __init__(self, spec: JudgeSpec = JudgeSpec()):  # noqa: B008 (frozen)
        self.spec = spec
        self._crew = Crew(spec)
        self._finalizer = weakref.finalize(self, Crew.close, self._crew)

    @property
    def tier(self) -> Tier:
        """How well the workers isolate. Starts one if none is running.

        Raises:
            SandboxError: This machine allows no isolation of the kind that the spec asks for.
        """
        with self._crew.worker() as worker:
            return worker.tier

    def run(
        self,
        program: Program,
        cases: Sequence[Case | Content],
        *,
        limits: Limits = Limits(),  # noqa: B008 (frozen)
        stop: Stop | None = None,
    ) -> list[RunResult]:
        """Run a program once per case, in order, on one worker.

        Args:
            program: It is compiled or loaded once.
            cases: What it reads; plain content is the stdin of a case.
            limits: For each run. `processes` counts threads too.
            stop: Called with the index and the result of each case as it arrives; true leaves out the rest.

        Returns:
            One result per case that ran. A Python program that does not compile gives one, with `compile_error`.

        Raises:
            SandboxError: Workers kept dying, or none can be started.
        """
        return session.series(self._crew, program, [_case(case) for case in cases], limits=limits, stop=stop)

    def call(
        self,
        program: PythonProgram,
        function: str,
        calls: Sequence[Sequence[Any]],
        *,
        limits: Limits = Limits(),  # noqa: B008 (frozen)
        stop: Stop | None = None,
    ) -> list[RunResult]:
        """Call a function of a Python program once per argument list, each in a fresh copy of the program.

        Args:
            program: Its top level runs before every call.
            function: A global function, or a method of `class Solution`; dots reach deeper (`Trie.find`).
            calls: Positional arguments, of the types that `values.encode` takes.
            limits: For each call, with the program's top level.
            stop: As in `run`.

        Returns:
            One result per call, the value in `returned`; `values.decode` reads it.
        """
        encoded = [values.encode(list(arguments)).encode() for arguments in calls]
        return session.series(
            self._crew, program, [Case()] * len(encoded), limits=limits, stop=stop, function=function, calls=encoded
        )

    def examine(
        self,
        program: PythonProgram,
        function: str,
        examiner: str,
        *,
        limits: Limits = Limits(),  # noqa: B008 (frozen)
    ) -> tuple[RunResult, RunResult]:
        """Run test code that calls a function of a program, each in its own sandbox.

        The examiner sees a global `candidate`; arguments and values travel as JSON of exact builtin types, so that
        the program can't see the expected values or act on the examiner's objects. An exception of the program is
        raised in the examiner as `CandidateError`.

        Args:
            program: The submission.
            function: As in `call`.
            examiner: Python source, HumanEval's `check` and its call, say. It passes if it ends with exit code 0.
            limits: For each of the two.

        Returns:
            The examiner's result and the program's.
        """
        return session.examine(self._crew, program, function, examiner, limits=limits)

    def interact(
        self,
        first: Program,
        second: Program,
        *,
        first_case: Case = Case(),  # noqa: B008 (frozen)
        second_case: Case = Case(),  # noqa: B008 (frozen)
        first_limits: Limits = Limits(),  # noqa: B008 (frozen)
        second_limits: Limits = Limits(),  # noqa: B008 (frozen)
    ) -> tuple[RunResult, RunResult]:
        """Run two programs, the stdout of each being the stdin of the other (interactive problems).

        Each has its own limits; `stdin` of the cases and the captured stdout are empty. When one ends, the other
        reads the end of file; two that wait for each other end by `wall_limit`.

        Returns:
            The result of each.
        """
        sides = (session.Side(first, first_case, first_limits), session.Side(second, second_case, second_limits))
        return session.interact(self._crew, *sides)

    def close(self) -> None:
        """End the workers and everything they run. Twice is fine; a call in progress raises `SandboxError`."""
        self._finalizer()

    def __enter__(self) -> "WorkerPool":
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, tb: TracebackType | None) -> None:
        self.close()


def _case(case: Case | Content) -> Case:
    return case if isinstance(case, Case) else Case(stdin=case)
