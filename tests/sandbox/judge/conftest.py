"""One pool for the tests of judge workers, and a compiler for those that need a native program."""

import shutil
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from forge_envs.core.errors import SandboxError
from forge_envs.sandbox.judge import JudgeSpec, Limits, PythonProgram, RunResult, WorkerPool

LIMITS = Limits(cpu_s=1.0, wall_s=4.0, memory_mb=256)


@pytest.fixture(scope="session")
def pool() -> Iterator[WorkerPool]:
    with WorkerPool(JudgeSpec(workers=1)) as pool:
        try:
            assert pool.tier in ("A", "B")
        except SandboxError as error:
            pytest.skip(str(error))
        yield pool


@pytest.fixture(scope="session")
def run(pool: WorkerPool) -> Callable[..., RunResult]:
    """Run Python source once: `run(code, stdin, cpu_s=...)`."""

    def run(code: str | bytes, stdin: bytes = b"", **limits: float) -> RunResult:
        (result,) = pool.run(PythonProgram(code), [stdin], limits=Limits(**{**vars(LIMITS), **limits}))  # type: ignore[arg-type]
        return result

    return run


@pytest.fixture(scope="session")
def compiled(tmp_path_factory: pytest.TempPathFactory) -> Callable[..., Path]:
    """Compile C++ source outside any sandbox; gives the binary."""
    compiler = shutil.which("g++")
    if compiler is None:
        pytest.skip("g++ is not installed")
    folder = tmp_path_factory.mktemp("native")

    def compile_(source: str, *options: str) -> Path:
        name = folder / f"p{len(list(folder.iterdir()))}"
        subprocess.run(
            [compiler, "-O1", "-x", "c++", "-", "-o", name, "-pthread", *options],
            input=source.encode(),
            check=True,
            timeout=120,
        )
        return name

    return compile_
