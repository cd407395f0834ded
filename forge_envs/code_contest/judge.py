"""The judge: `judge(submission, pool=pool)` runs a program on its tests and says what it is worth.

    with open_pool() as pool:
        judgement = judge(Submission.from_row(row), pool=pool)

CPU time decides about time. The clock is a backstop against sleepers: a run that hit it while it was kept from a core
by others is repeated with more time. Expected outputs stay on this side; see `code_contest.running`.
"""

from collections.abc import Sequence
from pathlib import Path

from forge_envs.code_contest.compiling import Compiled, compile_program, headers_folder
from forge_envs.code_contest.languages import ALIASES, toolchain_folders
from forge_envs.code_contest.running import judge_calls, judge_interactions, judge_runs
from forge_envs.code_contest.submission import Submission
from forge_envs.code_contest.verdict import Code, Judgement, TestResult
from forge_envs.core.cache_folder import default_folder
from forge_envs.core.errors import ConfigError
from forge_envs.sandbox.base import Isolation
from forge_envs.sandbox.judge import JudgeSpec, PythonProgram, WorkerPool

__all__ = ["Judgement", "Submission", "TestResult", "judge", "judge_spec", "open_pool"]


def judge_spec(
    *,
    workers: int | None = None,
    isolation: Isolation = "auto",
    packages: Sequence[str] = ("numpy",),
    cache_folder: Path | None = None,
) -> JudgeSpec:
    """Workers that see the toolchains of this machine and the precompiled headers, and nothing else of it.

    Args:
        workers: How many; None is one per core.
        isolation: `auto`, or `none` for a machine that allows no isolation.
        packages: What Python programs may import besides the standard library.
        cache_folder: See `forge_envs.core.cache_folder`.

    Raises:
        ConfigError: The cache folder can't be made.
    """
    headers = headers_folder(cache_folder or default_folder())
    try:
        headers.mkdir(parents=True, exist_ok=True, mode=0o755)
    except OSError as error:
        raise ConfigError(f"The cache can't be made: {error}. Set FORGE_CACHE to a folder that is writable.") from error
    toolchains = (*toolchain_folders(), str(headers))
    return JudgeSpec(isolation=isolation, workers=workers, packages=tuple(packages), toolchains=toolchains)


def open_pool(*, workers: int | None = None, isolation: Isolation = "auto") -> WorkerPool:
    """A pool for `judge`, to be closed or used in a `with`. Threads may share it; starts nothing before it is used.

    Args:
        workers: How many; None is one per core.
        isolation: `auto`, or `none` for a machine that allows no isolation.
    """
    return WorkerPool(judge_spec(workers=workers, isolation=isolation))


def judge(submission: Submission, *, pool: WorkerPool | None = None, cache_folder: Path | None = None) -> Judgement:
    """Judge a submission.

    Args:
        submission: Program, tests, checker and limits.
        pool: Workers from `open_pool`; without it some are started for this call, which costs more than most runs.
        cache_folder: Where compiled programs are kept; see `forge_envs.core.cache_folder`.

    Returns:
        The verdict and the result of each test that ran.

    Raises:
        ConfigError: No such language, or its toolchain is not installed.
        TaskError: An input file can't be read, or the checker does not compile.
        SandboxError: The sandbox failed, after retries on fresh workers.
        GraderError: The checker or the interactor failed, twice.
    """
    if pool is None:
        with open_pool(workers=1) as own:
            return judge(submission, pool=own, cache_folder=cache_folder)
    compiled = _compile(submission, pool, cache_folder)
    if compiled.program is None:
        return Judgement(submission.name, "CE", (), compiled.output, pool.tier)
    if submission.mode == "function":
        results, complaint = judge_calls(submission, compiled, pool)
    elif submission.mode == "interactive":
        results, complaint = judge_interactions(submission, compiled, pool, cache_folder)
    else:
        results, complaint = judge_runs(submission, compiled, pool, cache_folder)
    if complaint is not None:
        return Judgement(submission.name, "CE", (), complaint, pool.tier)
    verdict: Code = next((result.verdict for result in results if result.verdict != "AC"), "AC")
    return Judgement(submission.name, verdict, tuple(results), "", pool.tier)


def _compile(submission: Submission, pool: WorkerPool, cache_folder: Path | None) -> Compiled:
    language = submission.language.lower()
    if submission.mode == "function":
        if ALIASES.get(language, language) != "python":
            raise ConfigError(f"Function mode takes Python only, not {submission.language!r}.")
        return Compiled(PythonProgram(submission.code))
    limit = submission.memory_limit_mb
    return compile_program(language, submission.code, pool=pool, memory_limit_mb=limit, cache_folder=cache_folder)
