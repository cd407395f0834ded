"""Programs that judge programs: custom checkers and interactors, in the same sandbox as what they judge."""

from dataclasses import dataclass, replace
from pathlib import Path

from forge_envs.code_contest.compiling import compile_program, python_complaint
from forge_envs.code_contest.submission import Program, Protocol
from forge_envs.code_contest.verdict import Code
from forge_envs.core.errors import GraderError, TaskError
from forge_envs.sandbox import judge as workers
from forge_envs.sandbox.base import ExecResult, Limits
from forge_envs.sandbox.judge import Case, CommandProgram, NativeProgram, RunResult, WorkerPool
from forge_envs.sandbox.judge.visible import interpreter

HELPER_LIMITS = Limits(cpu_s=30.0, wall_s=120.0, memory_mb=2048, output_bytes=16 * 2**20)
"""What a checker or an interactor may use."""

ATTEMPTS = 2
"""How often a checker that fails is run before `GraderError`."""

SIGPIPE = 13

FEEDBACK = "feedback/"
"""Folder that Kattis' validators write to, in their own."""

_MEANING: dict[Protocol, dict[int, Code]] = {
    "testlib": {0: "AC", 1: "WA", 2: "WA", 4: "WA", 7: "WA", 8: "WA"},
    "kattis": {42: "AC", 43: "WA"},
}
"""Exit codes of testlib.h (`TResult`: OK, WA, PE, DIRT, POINTS, UNEXPECTED_EOF) and of Kattis' output validators."""

_PARTIAL = 50
"""testlib's PC_BASE: from here on an exit code is a part of the points, which is not acceptance."""


@dataclass(frozen=True)
class Helper:
    """A checker or interactor that is ready to run.

    Args:
        program: Compiled.
        protocol: How it is called and how it answers.
        args: Arguments after those of the protocol.
        limits: What it may use.
    """

    program: workers.Program
    protocol: Protocol
    args: tuple[str, ...] = ()
    limits: Limits = HELPER_LIMITS

    def arguments(self, output: str) -> tuple[str, ...]:
        """What it is called with; `output` is where testlib's protocol has what the program wrote."""
        if self.protocol == "kattis":
            return ("{input}", "{answer}", FEEDBACK, *self.args)
        return ("{input}", output, "{answer}", *self.args)


def compile_helper(program: Program, pool: WorkerPool, cache_folder: Path | None) -> Helper:
    """Make a checker or interactor ready.

    Raises:
        TaskError: It does not compile.
    """
    compiled = compile_program(program.language, program.source, pool=pool, cache_folder=cache_folder)
    complaint = python_complaint(compiled.program, pool) if compiled.program else compiled.output
    if compiled.program is None or complaint is not None:
        raise TaskError(f"The problem's {program.language} program does not compile: {(complaint or '')[:500]}")
    ready = _with_feedback(compiled.program) if program.protocol == "kattis" else compiled.program
    return Helper(ready, program.protocol, program.args)


def _with_feedback(program: workers.Program) -> CommandProgram:
    """The program in a folder of its own with one to write to, which the validators of Kattis packages insist on."""
    folder = {f"{FEEDBACK}.keep": b""}
    if isinstance(program, CommandProgram):
        return replace(program, files={**program.files, **folder}, writable=True)
    if isinstance(program, NativeProgram):
        return CommandProgram(("./validator",), files={"validator": program.binary, **folder}, writable=True)
    source = program.code if isinstance(program.code, bytes) else program.code.encode(errors="surrogatepass")
    python = (interpreter(), "-E", "-s", "-B", "validator.py")
    return CommandProgram(python, files={"validator.py": source, **folder}, writable=True)


def check_outputs(helper: Helper, given: bytes, got: bytes, expected: bytes, *, pool: WorkerPool) -> tuple[Code, str]:
    """Ask a checker about one output.

    Args:
        helper: The checker.
        given: The test's input.
        got: What the program wrote.
        expected: The test's answer.
        pool: Where it runs.

    Returns:
        `AC` or `WA`, and the checker's words.

    Raises:
        GraderError: The checker failed: a limit, a signal, testlib's FAIL, or an exit code without a meaning.
    """
    files = {"input": given, "output": got, "answer": expected}
    case = Case(stdin=got if helper.protocol == "kattis" else b"", args=helper.arguments("{output}"), files=files)
    for _ in range(ATTEMPTS):
        result = pool.run(helper.program, [case], limits=helper.limits)[0]
        code = meaning(helper.protocol, result)
        if code is not None:
            return code, "" if code == "AC" else _words(result) or "wrong answer"
    raise GraderError(f"The checker failed ({_ended(result)}): {_words(result)}")


def meaning(protocol: Protocol, result: ExecResult) -> Code | None:
    """What a checker's end says; None when it says that the checker failed."""
    if result.ended != "exited" or result.exit_code is None:
        return None
    partial = protocol == "testlib" and result.exit_code >= _PARTIAL
    return "WA" if partial else _MEANING[protocol].get(result.exit_code)


def interactor_verdict(
    protocol: Protocol, failed: tuple[Code, str] | None, result: RunResult, interactor: RunResult
) -> tuple[Code, str]:
    """The verdict of a dialogue.

    A limit that the program passed decides first. Else the interactor decides, unless the program failed for a reason
    of its own: one that only saw its partner go failed for the interactor's.

    Args:
        protocol: Of the interactor.
        failed: What `verdict.failure` says of the program.
        result: The program's.
        interactor: The interactor's.

    Raises:
        GraderError: The interactor failed.
    """
    if failed and failed[0] != "RE":
        return failed
    code = meaning(protocol, interactor)
    left_alone = result.signal == SIGPIPE or result.exception in ("EOFError", "BrokenPipeError")
    if failed and (code == "AC" or not left_alone):
        return failed
    if code is None:
        raise GraderError(f"The interactor failed ({_ended(interactor)}): {_words(interactor)}")
    return code, "" if code == "AC" else _words(interactor) or "wrong answer"


def _ended(result: ExecResult) -> str:
    return result.ended if result.exit_code is None else f"exit code {result.exit_code}"


def _words(result: ExecResult) -> str:
    return (result.stderr or result.stdout).decode(errors="replace").strip()[:300]
