"""From what a worker measured to a `RunResult`."""

import json
import os
from collections.abc import Collection
from typing import Any

from forge_envs.sandbox.base import Ended, Limits, Tier
from forge_envs.sandbox.judge.files import read_all
from forge_envs.sandbox.judge.types import RunResult

STDERR_BYTES = 1 << 20
"""How much of stderr is kept; more is counted only."""

VALUE_BYTES = 64 * 2**20
"""Size of a report with a value."""

TOLD_BYTES = 2**18
"""Size of a report without one: reading JSON that a program wrote takes memory."""


def build(
    answer: dict[str, Any],
    fds: list[int],
    *,
    limits: Limits,
    tier: Tier,
    attempts: int,
    reported: Collection[str] = (),
) -> RunResult:
    """Read the captured files and say how the run ended.

    Args:
        answer: Of the worker.
        fds: Of the captured files: stdout, stderr, report, artifacts.
        limits: Of the run.
        tier: Of the worker.
        attempts: On how many workers it was tried.
        reported: What the run may say of itself; it can write what it likes into its report.
    """
    out_size, err_size, report_size = answer["sizes"]
    out = read_all(fds[0], limits.output_bytes) if out_size else b""
    err = read_all(fds[1], min(limits.output_bytes, STDERR_BYTES)) if err_size else b""
    artifacts = {name: read_all(fd, 1 << 40) for name, fd in zip(answer["artifacts"], fds[3:], strict=True)}
    report: dict[str, Any] = {}
    if reported and 0 < report_size <= (VALUE_BYTES if "returned" in reported else TOLD_BYTES):
        report = _report(read_all(fds[2], report_size), reported)
    status = answer["status"]
    number = os.WTERMSIG(status) if os.WIFSIGNALED(status) else None
    code = os.WEXITSTATUS(status) if os.WIFEXITED(status) else None
    ended = _ended(answer, report, err, number, limits, max(out_size, err_size))
    returned = report.get("returned") if ended == "exited" and code == 0 else None
    return RunResult(
        stdout=out,
        stderr=err,
        exit_code=code if ended == "exited" else None,
        signal=number,
        ended=ended,
        cpu_s=answer["cpu"],
        wall_s=answer["wall"],
        memory_mb=answer["rss_kb"] / 1024,
        tier=tier,
        stdout_bytes=out_size,
        stderr_bytes=err_size,
        exception=_text(report.get("exception")),
        returned=_text(returned),
        rejected=_text(report.get("rejected")),
        compile_error=_text(report.get("compile_error")),
        artifacts=artifacts,
        attempts=attempts,
    )


def not_compiled(text: str, *, tier: Tier, attempts: int) -> RunResult:
    """The one result of a program that does not compile."""
    return RunResult(
        b"",
        text.encode(errors="replace"),
        1,
        None,
        "exited",
        0.0,
        0.0,
        0.0,
        tier,
        compile_error=text,
        attempts=attempts,
    )


def _ended(
    answer: dict[str, Any], report: dict[str, Any], err: bytes, number: int | None, limits: Limits, written: int
) -> Ended:
    if written > limits.output_bytes:
        return "output_limit"
    failed_allocation = report.get("exception") == "MemoryError" or (
        number is not None and b"std::bad_alloc" in err[-2000:]
    )
    over = limits.memory_mb is not None and answer["rss_kb"] > limits.memory_mb * 1024
    if answer["oom"] or over or failed_allocation:
        return "memory_limit"
    if answer["killed"] == "cpu" or (limits.cpu_s is not None and answer["cpu"] > limits.cpu_s):
        return "cpu_limit"
    if answer["killed"] == "wall":
        return "wall_limit"
    return "exited" if number is None else "signaled"


def _report(text: bytes, keys: Collection[str]) -> dict[str, Any]:
    """What the program's process says of itself; anything can stand there."""
    try:
        report = json.loads(text)
    except (ValueError, RecursionError):
        return {}
    return {key: report[key] for key in keys if key in report} if isinstance(report, dict) else {}


def _text(value: Any) -> str | None:
    return value if isinstance(value, str) else None
