"""From what a worker measured to a `RunResult`."""

import json
import os
from typing import Any

from forge_envs.sandbox.base import Ended, Limits, Tier
from forge_envs.sandbox.judge.files import read_all
from forge_envs.sandbox.judge.types import RunResult

STDERR_BYTES = 1 << 20
"""How much of stderr is kept; more is counted only."""

_REPORT_BYTES = 64 * 2**20


def build(
    answer: dict[str, Any], payload: bytes, fds: list[int], *, limits: Limits, tier: Tier, attempts: int
) -> RunResult:
    """Read the captured files, close them, and say how the run ended."""
    out_size, err_size, _ = answer["sizes"]
    if fds:
        out, err = read_all(fds[0], limits.output_bytes), read_all(fds[1], min(limits.output_bytes, STDERR_BYTES))
        report_text = read_all(fds[2], _REPORT_BYTES)
        artifacts = {name: read_all(fd, 1 << 40) for name, fd in zip(answer.get("artifacts", ()), fds[3:], strict=True)}
        for fd in fds:
            os.close(fd)
    else:
        out = payload[:out_size][: limits.output_bytes]
        err = payload[out_size : out_size + err_size]
        report_text = payload[out_size + err_size :]
        artifacts = {}
    report = _report(report_text)
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


def _report(text: bytes) -> dict[str, Any]:
    """What the program's process says of itself; anything can stand there."""
    try:
        report = json.loads(text) if text else {}
    except (ValueError, RecursionError):
        return {}
    return report if isinstance(report, dict) else {}


def _text(value: Any) -> str | None:
    return value if isinstance(value, str) else None
