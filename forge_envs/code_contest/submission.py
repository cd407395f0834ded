"""What is judged: a program, its tests and its checker, read from one JSON object."""

import os
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal, get_args

from forge_envs.code_contest.compare import RULES, Options
from forge_envs.code_contest.json_compare import JSON_RULES
from forge_envs.core.errors import TaskError

Mode = Literal["stdin", "function", "interactive"]
Protocol = Literal["testlib", "kattis"]

TIME_LIMIT_S = 10.0
"""CPU seconds of one test when a submission names none."""
MEMORY_LIMIT_MB = 1024
"""MiB of one test when a submission names none."""
LEAST_MEMORY_MB = 16
"""Smaller limits count as this: every run starts as a fork of a worker, whose size is in its peak."""


@dataclass(frozen=True)
class Program:
    """A checker or an interactor.

    Args:
        language: A key of `languages.LANGUAGES`.
        source: Its text.
        protocol: `testlib`: called as ``input output answer``, exit code 0 is right, 1, 2, 4 and 8 wrong, 7 and from
            50 on part of the points (which is not right), 3 a fault of the problem. `kattis`: called as
            ``input answer feedback_folder`` with the output on standard input, exit code 42 is right, 43 wrong.
        args: Further arguments, after these (a Kattis package's validator_flags).
    """

    language: str
    source: str
    protocol: Protocol = "testlib"
    args: tuple[str, ...] = ()


@dataclass(frozen=True)
class Checker:
    """How an output is compared with the expected one.

    Args:
        type: A key of `compare.RULES` or `json_compare.JSON_RULES`, or `program`.
        options: Tolerance and letter case.
        program: With `program`.
    """

    type: str = "tokens"
    options: Options = field(default_factory=Options)
    program: Program | None = None


@dataclass(frozen=True)
class Test:
    """One test. In stdin mode `expected` is text, in function mode any JSON value.

    Args:
        stdin: What the program reads; in interactive mode what the interactor reads.
        stdin_file: A file with that instead, read when the test runs.
        args: Arguments of the function; None in other modes.
        expected: What it must print or return. Never enters the process of the submission.
        check: Function mode: Python code that asserts things about ``candidate`` (and the function's own name), as
            HumanEval and MBPP have it. It runs in a process of its own, from which calls reach the submission.
    """

    __test__ = False

    stdin: bytes = b""
    stdin_file: str | None = None
    args: tuple[Any, ...] | None = None
    expected: Any = None
    check: str | None = None

    def input(self) -> bytes:
        """What the program reads.

        Raises:
            TaskError: The file can't be read.
        """
        self.check_input()
        return self.stdin if self.stdin_file is None else Path(self.stdin_file).read_bytes()

    def check_input(self) -> None:
        """See that the input is there.

        Raises:
            TaskError: The file can't be read.
        """
        if self.stdin_file is not None and not (
            os.path.isfile(self.stdin_file) and os.access(self.stdin_file, os.R_OK)
        ):
            raise TaskError(f"stdin_file {self.stdin_file[:200]!r} is not a file that can be read.")


@dataclass(frozen=True)
class Submission:
    """A program and what it is judged by.

    Args:
        code: The program's text.
        tests: In order.
        language: A key of `languages.LANGUAGES`.
        mode: `stdin`, `function` (the program defines `fn_name`, or ``class Solution`` with that method; Python only)
            or `interactive` (the program talks with `interactor`).
        name: Given back with the judgement.
        fn_name: In function mode.
        checker: Compares outputs; None means `json_equal` in function mode, else `tokens`.
        interactor: In interactive mode; called as testlib does, ``input output answer``.
        time_limit_s: CPU seconds of each test.
        memory_limit_mb: MiB of each test.
        stop_at_first_failure: Tests after the first failing one are not run. For a reward; leave it off for feedback.
    """

    code: str
    tests: tuple[Test, ...]
    language: str = "python"
    mode: Mode = "stdin"
    name: str = ""
    fn_name: str | None = None
    checker: Checker | None = None
    interactor: Program | None = None
    time_limit_s: float = TIME_LIMIT_S
    memory_limit_mb: int = MEMORY_LIMIT_MB
    stop_at_first_failure: bool = False

    @classmethod
    def from_row(cls, row: Mapping[str, Any]) -> "Submission":
        """Read the JSON object that `forge judge` takes; the field names are those of this class, others are ignored.

        Raises:
            TaskError: A field is missing or has a wrong value; the message names it.
        """
        mode = _choice(row, "mode", get_args(Mode), "stdin")
        fn_name = _text(row, "fn_name") if row.get("fn_name") is not None else None
        if mode == "function" and not (fn_name and all(part.isidentifier() for part in fn_name.split("."))):
            raise TaskError("In function mode 'fn_name' has to be the name of the function.")
        interactor = _program(row.get("interactor"), "interactor") if mode == "interactive" else None
        checker = _checker(row.get("checker"), mode)
        tests = row.get("tests")
        if not isinstance(tests, list | tuple) or not tests:
            raise TaskError("'tests' has to be a list of at least one test.")
        return cls(
            code=_text(row, "code"),
            tests=tuple(_test(test, mode, index) for index, test in enumerate(tests)),
            language=_text(row, "language", "python"),
            mode=mode,
            name=_text(row, "name", ""),
            fn_name=fn_name,
            checker=checker,
            interactor=interactor,
            time_limit_s=float(_positive(row, "time_limit_s", TIME_LIMIT_S)),
            memory_limit_mb=max(LEAST_MEMORY_MB, int(_positive(row, "memory_limit_mb", MEMORY_LIMIT_MB))),
            stop_at_first_failure=_flag(row, "stop_at_first_failure"),
        )


def _test(test: Any, mode: str, index: int) -> Test:
    where = f"tests[{index}]"
    if not isinstance(test, Mapping):
        raise TaskError(f"{where} has to be an object.")
    if mode == "function":
        if test.get("check") is not None:
            return Test(check=_text(test, "check", where=where))
        if not isinstance(test.get("args"), list | tuple) or "expected" not in test:
            raise TaskError(f"{where} needs 'args' (a list) and 'expected', or 'check'.")
        return Test(args=tuple(test["args"]), expected=test["expected"])
    expected = _text(test, "expected", "" if mode == "interactive" else None, where=where)
    if (test.get("stdin") is None) == (test.get("stdin_file") is None):
        raise TaskError(f"{where} needs either 'stdin' or 'stdin_file'.")
    if test.get("stdin_file") is not None:
        return Test(stdin_file=_text(test, "stdin_file", where=where), expected=expected)
    return Test(stdin=_text(test, "stdin", where=where).encode(errors="surrogatepass"), expected=expected)


_CPP = re.compile(r'^[ \t\ufeff]*(?:#[ \t]*include[ \t]*[<"]|(?:int|auto|signed)[ \t]+main[ \t]*\()', re.MULTILINE)
"""A line that C++ has and Python has not: tells the language of a checker that does not name it."""


def _checker(value: Any, mode: str) -> Checker:
    if value is None or mode == "interactive":
        return Checker("json_equal" if mode == "function" else "tokens")
    if not isinstance(value, Mapping):
        raise TaskError("'checker' has to be an object.")
    kind = _text(value, "type", where="checker")
    kinds = [*JSON_RULES] if mode == "function" else [*RULES, *JSON_RULES, "program"]
    if kind not in kinds:
        raise TaskError(f"checker.type {kind!r} does not exist in {mode} mode: there are {', '.join(kinds)}.")
    tolerances = {key: _tolerance(value, key) for key in ("abs", "rel") if value.get(key) is not None}
    options = Options(**tolerances, case_insensitive=_flag(value, "case_insensitive", where="checker"))
    return Checker(kind, options, _program(value, "checker") if kind == "program" else None)


def _program(value: Any, where: str) -> Program:
    if not isinstance(value, Mapping):
        raise TaskError(f"{where!r} has to be an object with 'source'.")
    source = _text(value, "source", where=where)
    guess = "cpp" if _CPP.search(source) else "python"
    protocol = _choice(value, "protocol", get_args(Protocol), "testlib", where=where)
    args = value.get("args") or []
    if not isinstance(args, list | tuple) or not all(isinstance(one, str) for one in args):
        raise TaskError(f"{where}.args has to be a list of texts.")
    return Program(_text(value, "language", guess, where=where), source, protocol, tuple(args))


def _text(row: Mapping[str, Any], key: str, default: str | None = None, *, where: str = "") -> str:
    value = row.get(key)
    value = default if value is None else value
    if not isinstance(value, str):
        raise TaskError(f"{f'{where}.' if where else ''}{key} has to be text.")
    return value


def _choice(row: Mapping[str, Any], key: str, choices: tuple[Any, ...], default: str, *, where: str = "") -> Any:
    value = row.get(key)
    value = default if value is None else value
    if value not in choices:
        raise TaskError(f"{f'{where}.' if where else ''}{key} has to be one of {', '.join(choices)}, not {value!r}.")
    return value


def _flag(row: Mapping[str, Any], key: str, *, where: str = "") -> bool:
    value = row.get(key)
    if value is not None and not isinstance(value, bool):
        raise TaskError(f"{f'{where}.' if where else ''}{key} has to be true or false.")
    return bool(value)


def _positive(row: Mapping[str, Any], key: str, default: float) -> float:
    value = row.get(key)
    value = default if value is None else value
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 < value < 1e6:
        raise TaskError(f"{key} has to be a positive number.")
    return value


def _tolerance(row: Mapping[str, Any], key: str) -> float:
    value = row[key]
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value < float("inf"):
        raise TaskError(f"checker.{key} has to be a number, at least 0.")
    return float(value)
