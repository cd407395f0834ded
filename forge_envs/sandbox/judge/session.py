"""What a pool does with its workers: series of runs, conversations; each repeated elsewhere when a worker died."""

import contextlib
import os
import socket
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

from forge_envs.core.errors import SandboxError
from forge_envs.sandbox.base import Limits
from forge_envs.sandbox.judge import requests, results
from forge_envs.sandbox.judge.crew import Crew
from forge_envs.sandbox.judge.inside import wire
from forge_envs.sandbox.judge.types import Case, Program, PythonProgram, RunResult
from forge_envs.sandbox.judge.worker import GRACE_S, Worker, WorkerDied, receive

Stop = Callable[[int, RunResult], bool]
"""Index of a case and its result; true ends the series after it."""


EXAMINER_CPU_S, EXAMINER_MB = 30.0, 2048
"""What an examiner may use at least: a program that answers at length is not to make it fail."""


@dataclass(frozen=True)
class Side:
    """One of two programs that talk to each other."""

    program: Program
    case: Case
    limits: Limits


def series(
    crew: Crew,
    program: Program,
    cases: Sequence[Case],
    *,
    limits: Limits,
    stop: Stop | None = None,
    function: str | None = None,
    calls: Sequence[bytes] = (),
) -> list[RunResult]:
    """`WorkerPool.run` and `WorkerPool.call`."""
    if len(cases) == 1 and isinstance(program, PythonProgram):
        return [_single(crew, program, cases[0], limits, function, calls)]
    done: list[RunResult] = []
    attempt, since = 1, 0
    while cases:
        try:
            with crew.worker() as worker, _started(worker, program) as sock:
                for index in range(len(done), len(cases)):
                    more = {"call": function} if function else {}
                    front = (calls[index],) if function else ()
                    with requests.case_message(program, cases[index], limits, more, front) as (header, fds):
                        _send(sock, header, fds)
                    answer, got = receive(sock, _longest(limits))
                    tries = attempt if index == since else 1
                    result = _result(answer, got, limits, worker, tries, _reported(program, function))
                    done.append(result)
                    if result.compile_error is not None or (stop and stop(index, result)):
                        return done
            return done
        except WorkerDied as error:
            attempt, since = (1 if len(done) > since else attempt) + 1, len(done)
            _give_up(crew, attempt, error)
    return done


def _single(
    crew: Crew, program: PythonProgram, case: Case, limits: Limits, function: str | None, calls: Sequence[bytes]
) -> RunResult:
    """One run of one program, which is cheaper in one step.

    The run compiles for itself, so it can also say what it likes of that: a complaint is not believed before the
    compiler was asked again, with nothing of the program run.
    """
    result = _in_one_step(crew, program, case, limits, function, calls)
    if result.compile_error is None:
        return result
    unrun = replace(program, preamble="raise SystemExit")
    asked = _in_one_step(crew, unrun, Case(), limits, None, ())
    return replace(result, compile_error=asked.compile_error)


def _in_one_step(
    crew: Crew, program: PythonProgram, case: Case, limits: Limits, function: str | None, calls: Sequence[bytes]
) -> RunResult:
    more = {"call": function} if function else {}
    reported = ("compile_error", *_reported(program, function))
    attempt = 1
    while True:
        try:
            with (
                crew.worker() as worker,
                requests.program_message(program, "") as (header, source),
                requests.case_message(program, case, limits, more, calls) as (request, fds),
            ):
                header |= {"case": request}
                with contextlib.closing(worker.program(requests.zygote_kind(program), header, [*source, *fds])) as sock:
                    answer = receive(sock, _longest(limits))
                return _result(*answer, limits, worker, attempt, reported)
        except WorkerDied as error:
            attempt += 1
            _give_up(crew, attempt, error)


def interact(crew: Crew, first: Side, second: Side) -> tuple[RunResult, RunResult]:
    """`WorkerPool.interact`."""
    return _converse(crew, first, second, {"pipes": True}, {"pipes": True})


def examine(
    crew: Crew, program: PythonProgram, function: str, examiner: str, *, limits: Limits
) -> tuple[RunResult, RunResult]:
    """`WorkerPool.examine`."""
    own = replace(limits, cpu_s=_most(limits.cpu_s, EXAMINER_CPU_S), memory_mb=_most(limits.memory_mb, EXAMINER_MB))
    sides = (Side(PythonProgram(examiner), Case(), own), Side(program, Case(), limits))
    return _converse(crew, *sides, {"ask": True}, {"serve": function})


def _converse(
    crew: Crew, first: Side, second: Side, first_more: dict[str, Any], second_more: dict[str, Any]
) -> tuple[RunResult, RunResult]:
    attempt = 1
    while True:
        try:
            with (
                crew.worker() as worker,
                _started(worker, first.program) as first_sock,
                _started(worker, second.program) as second_sock,
            ):
                both = _both(first.limits, second.limits)
                second_in, first_out = os.pipe()
                first_in, second_out = os.pipe()
                try:
                    _start_side(first_sock, first, (first_in, first_out), {**first_more, "memory": both})
                    _start_side(second_sock, second, (second_in, second_out), {**second_more, "memory": both})
                finally:
                    for fd in (first_in, first_out, second_in, second_out):
                        os.close(fd)
                a = receive(first_sock, _longest(first.limits))
                first_result = _result(*a, first.limits, worker, attempt, _reported(first.program, None))
                if first_result.compile_error is not None:
                    first_sock.close()
                b = receive(second_sock, _longest(second.limits))
                return first_result, _result(*b, second.limits, worker, attempt, _reported(second.program, None))
        except WorkerDied as error:
            attempt += 1
            _give_up(crew, attempt, error)


def _start_side(sock: socket.socket, side: Side, pipe: tuple[int, int], more: dict[str, Any]) -> None:
    """The pipe ends are stdin and stdout, or come before the files of the case."""
    with requests.case_message(side.program, side.case, side.limits, more) as (header, fds):
        _send(sock, header, [*pipe, *fds[1:]] if more.get("pipes") else [fds[0], *pipe, *fds[1:]])


def _longest(limits: Limits) -> float:
    """Seconds after which a run has ended by its limits, also on a machine that starves it."""
    return limits.wall_s * (1 + wire.PATIENCE) + GRACE_S


def _most(limit: Any, least: Any) -> Any:
    return None if limit is None else max(limit, least)


def _both(first: Limits, second: Limits) -> int | None:
    if first.memory_mb is None or second.memory_mb is None:
        return None
    return first.memory_mb + second.memory_mb


@contextlib.contextmanager
def _started(worker: Worker, program: Program) -> Iterator[socket.socket]:
    box = worker.box()
    with requests.program_message(program, box) as (header, fds):
        sock = worker.program(requests.zygote_kind(program), header, fds)
    try:
        yield sock
    finally:
        sock.close()
        worker.clear(box)


def _send(sock: socket.socket, header: dict[str, Any], fds: Sequence[int]) -> None:
    """A program that did not compile is gone by now; why is waiting to be read."""
    with contextlib.suppress(BrokenPipeError, ConnectionResetError):
        wire.send(sock, header, fds=fds)


def _result(
    answer: dict[str, Any], fds: list[int], limits: Limits, worker: Worker, attempt: int, reported: Sequence[str]
) -> RunResult:
    try:
        if "compile_error" in answer:
            return results.not_compiled(answer["compile_error"], tier=worker.tier, attempts=attempt)
        if "trouble" in answer:
            raise WorkerDied(f"a run failed for a reason of the worker: {answer['trouble']}")
        return results.build(answer, fds, limits=limits, tier=worker.tier, attempts=attempt, reported=reported)
    finally:
        for fd in fds:
            os.close(fd)


def _reported(program: Program, function: str | None) -> tuple[str, ...]:
    """What a run may say of itself: only the interpreter of a worker writes reports."""
    if not isinstance(program, PythonProgram):
        return ()
    return ("exception", "returned", "rejected") if function else ("exception",)


def _give_up(crew: Crew, attempt: int, error: WorkerDied) -> None:
    crew.check_open()
    if attempt > crew.spec.attempts:
        raise SandboxError(f"Judge workers died {crew.spec.attempts} times over one run: {error}.") from None
