"""Judge workers: one long-lived isolated worker per core, milliseconds per run.

    with WorkerPool(JudgeSpec()) as pool:
        results = pool.run(PythonProgram("print(int(input()) * 2)"), [b"1\n", b"2\n"], limits=Limits(cpu_s=1))
        results = pool.call(PythonProgram("def double(n): return n * 2"), "double", [[1], [2]])
        values.decode(results[0].returned)

A program's own failure is a `RunResult`. `SandboxError` means that the machinery failed, after retries on fresh
workers; it never becomes a verdict. Expected outputs have no place in this interface: they stay with the caller.
"""

from forge_envs.sandbox.base import Limits
from forge_envs.sandbox.judge import values
from forge_envs.sandbox.judge.pool import WorkerPool
from forge_envs.sandbox.judge.types import (
    Case,
    CommandProgram,
    Content,
    JudgeSpec,
    NativeProgram,
    Program,
    PythonProgram,
    RunResult,
)

__all__ = [
    "Case",
    "CommandProgram",
    "Content",
    "JudgeSpec",
    "Limits",
    "NativeProgram",
    "Program",
    "PythonProgram",
    "RunResult",
    "WorkerPool",
    "values",
]
