"""How a judgement is told: one verdict for each test, one for the submission."""

from dataclasses import dataclass
from typing import Any, Literal

from forge_envs.sandbox.base import ExecResult, Tier

Code = Literal["AC", "WA", "TLE", "MLE", "RE", "OLE", "CE"]
"""Accepted, wrong answer, time (CPU or clock), memory, runtime error, output, compile error.

There is no code for an internal error: it is retried, then raised (`SandboxError`, `GraderError`).
"""

SHOWN = 4096
"""Bytes of a program's output that a result keeps."""


@dataclass(frozen=True)
class TestResult:
    """What one test gave.

    Args:
        verdict: Of this test; never `CE`.
        cpu_s: CPU seconds, user and system.
        wall_s: Seconds on the clock.
        memory_mb: Peak, MiB.
        reason: Why it is not accepted, in a few words for people: a limit, a signal, an exit code, the checker's words.
        stdout: The first bytes that the program wrote, at most `SHOWN`; in function mode the value as JSON.
        stderr: The last bytes of its standard error, at most `SHOWN`.
    """

    __test__ = False

    verdict: Code
    cpu_s: float
    wall_s: float
    memory_mb: float
    reason: str = ""
    stdout: bytes = b""
    stderr: bytes = b""


@dataclass(frozen=True)
class Judgement:
    """What a submission is worth.

    Args:
        name: The submission's.
        verdict: That of the first test that is not accepted, else `AC`; `CE` when there was nothing to run.
        tests: Results in order; fewer than the tests when it stopped at the first failure.
        compile_output: What the compiler said, bounded.
        tier: How well the runs were isolated.
    """

    name: str
    verdict: Code
    tests: tuple[TestResult, ...]
    compile_output: str
    tier: Tier

    def row(self) -> dict[str, Any]:
        """The line that `forge judge` writes."""
        row: dict[str, Any] = {
            "name": self.name,
            "verdict": self.verdict,
            "tests": [
                {
                    "verdict": test.verdict,
                    "cpu_s": round(test.cpu_s, 4),
                    "wall_s": round(test.wall_s, 4),
                    "memory_mb": round(test.memory_mb, 2),
                }
                for test in self.tests
            ],
        }
        if self.compile_output:
            row["compile_output"] = self.compile_output
        return row | {"tier": self.tier}


def failure(result: ExecResult, *, time_limit_s: float, memory_limit_mb: int) -> tuple[Code, str] | None:
    """The verdict and its reason when a run did not end well; None when its output is to be compared."""
    if result.ended == "output_limit":
        return "OLE", "too much output"
    if result.ended == "memory_limit" or result.memory_mb > memory_limit_mb:
        return "MLE", f"more than {memory_limit_mb} MiB"
    if result.ended == "cpu_limit" or result.cpu_s > time_limit_s:
        return "TLE", f"more than {time_limit_s:g} s of CPU time"
    if result.ended == "wall_limit":
        return "TLE", f"{result.wall_s:.1f} s on the clock with {result.cpu_s:.1f} s of CPU time"
    if result.exit_code == 0:
        return None
    if any(words in result.stderr[-_LAST_WORDS:] for words in _OUT_OF_MEMORY):
        return "MLE", "an allocation was refused"
    return "RE", f"signal {result.signal}" if result.exit_code is None else f"exit code {result.exit_code}"


_LAST_WORDS = 4000
_OUT_OF_MEMORY = (
    b"\nMemoryError",
    b"'std::bad_alloc'",
    b"java.lang.OutOfMemoryError",
    b"JavaScript heap out of memory",
)
