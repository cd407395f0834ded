"""Runs a compiled program on the tests of its submission and compares what comes out, on the host."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from forge_envs.code_contest.checker import check_outputs, compile_helper, interactor_verdict
from forge_envs.code_contest.compare import matches
from forge_envs.code_contest.compiling import Compiled, python_complaint
from forge_envs.code_contest.json_compare import JSON_RULES, Unreadable, json_matches, read_json
from forge_envs.code_contest.submission import Checker, Submission, Test
from forge_envs.code_contest.verdict import SHOWN, Code, TestResult, failure
from forge_envs.core.errors import ConfigError, GraderError, TaskError
from forge_envs.sandbox.base import Limits
from forge_envs.sandbox.judge import Case, PythonProgram, RunResult, WorkerPool, values

OUTPUT_BYTES = 16 * 2**20
"""What any program may write; more where the expected output is long."""

KEPT_BYTES = 64 * 2**20
"""Output of one submission that is in memory at once; a series of runs is cut there."""

STARVED = 0.02
"""A run that hit the clock with at least this part of it as CPU time did not sleep: others kept it from a core."""

PATIENCE = 6.0
"""How much more of the clock a starved run gets, once."""

Outcome = tuple[list[TestResult], str | None]
"""Results in order, or what the compiler says against the program."""

Series = Callable[[Sequence[Test], Limits, Callable[[int, RunResult], bool]], list[RunResult]]


def judge_runs(submission: Submission, compiled: Compiled, pool: WorkerPool, cache_folder: Path | None) -> Outcome:
    """Standard input to standard output."""
    checker = submission.checker or Checker()
    program = compiled.program
    assert program is not None
    helper = compile_helper(checker.program, pool, cache_folder) if checker.program else None
    longest = max((len(_text(test.expected)) for test in submission.tests), default=0)
    limits = replace(_limits(submission, compiled), output_bytes=max(OUTPUT_BYTES, 2 * longest + 2**20))

    def series(tests: Sequence[Test], limits: Limits, stop: Callable[[int, RunResult], bool]) -> list[RunResult]:
        cases = [Case(stdin=Path(t.stdin_file) if t.stdin_file else t.stdin) for t in tests]
        return pool.run(program, cases, limits=limits, stop=stop)

    def verdict(test: Test, result: RunResult) -> tuple[Code, str]:
        expected = _text(test.expected)
        if helper is not None:
            return check_outputs(helper, test.input(), result.stdout, expected, pool=pool)
        if checker.type in JSON_RULES:
            right = json_matches(checker.type, result.stdout, _json(expected), checker.options)
        else:
            right = matches(checker.type, result.stdout, expected, checker.options)
        return ("AC", "") if right else ("WA", "wrong answer")

    for test in submission.tests:
        test.check_input()
        if checker.type in JSON_RULES:
            _json(_text(test.expected))
    return _judge(submission, compiled, limits, series, verdict, one_by_one=helper is not None)


def judge_calls(submission: Submission, compiled: Compiled, pool: WorkerPool) -> Outcome:
    """Calls of a function; the returned values are compared here."""
    checker, program, name = submission.checker or Checker("json_equal"), compiled.program, submission.fn_name
    assert isinstance(program, PythonProgram)
    rule = JSON_RULES.get(checker.type)
    if rule is None or name is None:
        raise ConfigError(f"Function mode needs 'fn_name' and one of the checkers {', '.join(JSON_RULES)}.")
    if any(test.check is not None for test in submission.tests):
        complaint = python_complaint(program, pool)
        if complaint is not None:
            return [], complaint

    def series(tests: Sequence[Test], limits: Limits, stop: Callable[[int, RunResult], bool]) -> list[RunResult]:
        if tests[0].check is None:
            calls = [test.args or () for test in tests]
            return pool.call(program, name, calls[: _first_check(tests)], limits=limits, stop=stop)
        code = f"{name} = candidate\n{tests[0].check}" if name.isidentifier() else tests[0].check
        examiner, result = pool.examine(program, name, code, limits=limits)
        if examiner.compile_error is not None:
            raise TaskError(f"The test's 'check' does not compile: {examiner.compile_error[:500]}")
        if examiner.ended == "wall_limit" and result.ended == "exited":  # it waited for a starved program
            patient = replace(limits, wall_s=limits.wall_s * PATIENCE)
            examiner, result = pool.examine(program, name, code, limits=patient)
        return [_examined(examiner, result)]

    def verdict(test: Test, result: RunResult) -> tuple[Code, str]:
        if test.check is not None:
            return ("AC", "") if result.returned == _PASSED else ("WA", "an assertion of the test failed")
        if result.rejected is not None:
            return "WA", f"returned {result.rejected}"[:200]
        if result.returned is None:
            return "RE", "ended without returning"
        try:
            value = values.decode(result.returned)
        except ValueError:
            return "WA", "returned something that is not a value"
        return ("AC", "") if rule(value, test.expected, checker.options) else ("WA", "wrong answer")

    return _judge(submission, compiled, _limits(submission, compiled), series, verdict)


def judge_interactions(
    submission: Submission, compiled: Compiled, pool: WorkerPool, cache_folder: Path | None
) -> Outcome:
    """A dialogue with the interactor, which decides."""
    if submission.interactor is None or compiled.program is None:
        raise ConfigError("Interactive mode needs an 'interactor'.")
    helper = compile_helper(submission.interactor, pool, cache_folder)
    complaint = python_complaint(compiled.program, pool)
    if complaint is not None:
        return [], complaint
    limits = _limits(submission, compiled)
    results: list[TestResult] = []
    for test in submission.tests:
        files = {"input": test.input(), "answer": _text(test.expected)}
        case = Case(args=helper.arguments("/dev/null"), files=files)
        patient = replace(helper.limits, wall_s=limits.wall_s + 5)
        result, other = pool.interact(
            compiled.program, helper.program, second_case=case, first_limits=limits, second_limits=patient
        )
        failed = failure(result, time_limit_s=submission.time_limit_s, memory_limit_mb=limits.memory_mb or 0)
        results.append(_told(result, *interactor_verdict(helper.protocol, failed, result, other)))
        if submission.stop_at_first_failure and results[-1].verdict != "AC":
            break
    return results, None


def _judge(
    submission: Submission,
    compiled: Compiled,
    limits: Limits,
    series: Series,
    verdict: Callable[[Test, RunResult], tuple[Code, str]],
    *,
    one_by_one: bool = False,
) -> Outcome:
    """Run the tests in series on one worker each; a series ends at a failure, a full memory or a starved run.

    Args:
        submission: What is judged.
        compiled: Its program.
        limits: Of a run.
        series: Runs some of the tests.
        verdict: Of a run that ended well.
        one_by_one: The verdict needs a worker itself, so none may be held meanwhile.
    """
    tests, results = submission.tests, list[TestResult]()
    memory_mb = submission.memory_limit_mb + compiled.extra_mb

    def told(test: Test, result: RunResult) -> TestResult:
        failed = failure(result, time_limit_s=submission.time_limit_s, memory_limit_mb=memory_mb)
        return _told(result, *(failed or verdict(test, result)))

    while len(results) < len(tests):
        rest = tests[len(results) :]
        kept = seen = 0

        def stop(index: int, result: RunResult, rest: Sequence[Test] = rest) -> bool:
            nonlocal kept, seen
            kept, seen = kept + len(result.stdout), index + 1
            if one_by_one or result.compile_error is not None or _starved(result):
                return True
            results.append(told(rest[index], result))
            return kept > KEPT_BYTES or _over(submission, results)

        ran = series(rest, limits, stop)
        if not ran:
            raise GraderError("The sandbox gave no result for a test.")
        for index in range(seen, len(ran)):  # a series of one is not asked whether to stop
            stop(index, ran[index])
        last = ran[-1]
        if last.compile_error is not None:
            return [], last.compile_error
        if _starved(last):
            patient = replace(limits, wall_s=limits.wall_s * PATIENCE)
            last = series(rest[len(ran) - 1 : len(ran)], patient, lambda _, result: True)[-1]
            results.append(told(rest[len(ran) - 1], last))
        elif one_by_one:
            results.append(told(rest[0], last))
        if _over(submission, results):
            break
    return results, None


def _over(submission: Submission, results: Sequence[TestResult]) -> bool:
    return submission.stop_at_first_failure and results[-1].verdict != "AC"


def _starved(result: RunResult) -> bool:
    return result.ended == "wall_limit" and result.cpu_s >= STARVED * result.wall_s


def wall_limit(cpu_s: float) -> float:
    """Seconds on the clock for a CPU limit: enough for a core that three share, soon enough for a sleeper."""
    return 3 * cpu_s + 2


def _limits(submission: Submission, compiled: Compiled) -> Limits:
    return Limits(
        cpu_s=submission.time_limit_s,
        wall_s=wall_limit(submission.time_limit_s),
        memory_mb=submission.memory_limit_mb + compiled.extra_mb,
        output_bytes=OUTPUT_BYTES,
    )


def _told(result: RunResult, verdict: Code, reason: str) -> TestResult:
    out = result.stdout if result.returned is None else result.returned[:SHOWN].encode(errors="replace")
    return TestResult(
        verdict,
        result.cpu_s,
        result.wall_s,
        result.memory_mb,
        reason,
        out[:SHOWN],
        result.stderr[-SHOWN:],
    )


_PASSED = "true"


def _examined(examiner: RunResult, result: RunResult) -> RunResult:
    """The program's result, with what the examiner found in place of a value."""
    if result.ended != "exited":
        return result
    if examiner.ended != "exited":
        raise GraderError(f"The test's own code ended by {examiner.ended}: {examiner.stderr[-300:]!r}")
    passed = examiner.exit_code == 0
    failed = result.exit_code not in (0, None) or examiner.exception == "CandidateError"
    if failed and not passed:
        return replace(result, exit_code=result.exit_code or 1, exception=result.exception or "CandidateError")
    return replace(result, returned=_PASSED if passed else None)


def _first_check(tests: Sequence[Test]) -> int:
    return next((index for index, test in enumerate(tests) if test.check is not None), len(tests))


def _json(expected: bytes) -> Any:
    try:
        return read_json(expected)
    except Unreadable as error:
        raise TaskError(f"An 'expected' is not JSON, which its checker compares: {error}") from error


def _text(expected: Any) -> bytes:
    return expected if isinstance(expected, bytes) else str(expected or "").encode(errors="surrogatepass")
