"""`forge judge`: a line out for each line in, whatever the lines are."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from forge_envs.code_contest.judge_jsonl import dump, judge_lines
from forge_envs.core.errors import SandboxError
from forge_envs.sandbox.judge import WorkerPool

REPO = Path(__file__).resolve().parents[3]
ADD = "print(sum(map(int, input().split())))"


def line(name: str, code: str = ADD, **fields: Any) -> bytes:
    row = {"name": name, "language": "python", "mode": "stdin", "code": code, "time_limit_s": 5, "memory_limit_mb": 256}
    return json.dumps({**row, "tests": [{"stdin": "1 2", "expected": "3"}], **fields}).encode()


def test_results_come_in_order_however_long_they_take(pool: WorkerPool) -> None:
    slow = "import time; time.sleep(0.3); print(3)"
    lines = [line(str(n), slow if n % 3 == 0 else ADD) for n in range(9)]
    found = list(judge_lines(lines, pool=pool, jobs=3))
    assert [row["name"] for row in found] == [str(n) for n in range(9)]
    assert {row["verdict"] for row in found} == {"AC"}


def test_a_malformed_line_gives_an_error_line_and_the_rest_is_judged(pool: WorkerPool) -> None:
    lines = [
        line("first"),
        b"{not json",
        b"",
        b"[1, 2]",
        b"\xff\xfe",
        line("no tests", tests=[]),
        line("strange", language="cobol"),
        line("no file", tests=[{"stdin_file": "absent.txt", "expected": "3"}]),
        line("no name of a file", tests=[{"stdin_file": "x" * 5000, "expected": "3"}]),
        b"[" * 100_000,
        line("last", code="print(4)"),
    ]
    found = list(judge_lines(lines, pool=pool, folder=Path()))
    assert [row.get("line") for row in found] == [None, 2, 4, 5, 6, 7, 8, 9, 10, None]
    named = ["first", "no tests", "strange", "no file", "no name of a file", "last"]
    assert [row["name"] for row in found if "name" in row] == named
    assert all(row["error"].startswith(f"Line {row['line']}: ") for row in found if "line" in row)
    assert (found[0]["verdict"], found[-1]["verdict"]) == ("AC", "WA")


def test_what_the_sandbox_or_the_checker_failed_at_is_no_verdict_on_the_submission(pool: WorkerPool) -> None:
    failing = {"type": "program", "source": "import sys; sys.exit(3)"}
    found = list(judge_lines([line("a", checker=failing), line("b")], pool=pool))
    assert (found[0]["verdict"], found[0]["tests"]) == ("IE", []) and "checker failed" in found[0]["error"]
    assert found[1]["verdict"] == "AC"


def test_a_dead_pool_gives_internal_errors_and_never_a_wrong_answer(pool: WorkerPool) -> None:
    closed = WorkerPool(pool.spec)
    closed.close()
    found = list(judge_lines([line("a"), line("b", code="print(4)")], pool=closed))
    assert [row["verdict"] for row in found] == ["IE", "IE"]
    assert all(SandboxError.__name__ in row["error"] for row in found)


def test_only_a_few_lines_are_read_ahead(pool: WorkerPool) -> None:
    read = 0

    def lines() -> Iterator[bytes]:
        nonlocal read
        for n in range(60):
            read += 1
            yield line(str(n))

    for done, _ in enumerate(judge_lines(lines(), pool=pool, jobs=2), start=1):
        assert read - done <= 2 * 3


def test_a_relative_file_is_looked_for_beside_the_submissions(pool: WorkerPool, tmp_path: Path) -> None:
    (tmp_path / "in.txt").write_text("40 2")
    lines = [line("a", tests=[{"stdin_file": "in.txt", "expected": "42"}])]
    assert [row["verdict"] for row in judge_lines(lines, pool=pool, folder=tmp_path)] == ["AC"]


def test_a_line_of_output_is_one_line_whatever_is_in_it() -> None:
    row = {"name": "a\nb\ud800", "compile_output": "\x1b[31m\u2028"}
    text = dump(row)
    assert text.isascii() and text.isprintable() and json.loads(text) == row


@pytest.mark.parametrize("piped", [False, True])
def test_the_command_writes_only_verdicts_to_standard_output(tmp_path: Path, piped: bool) -> None:
    file = tmp_path / "submissions.jsonl"
    file.write_bytes(b"\n".join([line("good"), b"rubbish", line("bad", code="print(4)")]))
    done = subprocess.run(
        [sys.executable, "-m", "forge_train.cli", "judge", "-" if piped else str(file), "--workers", "1"],
        input=file.read_bytes() if piped else b"",
        capture_output=True,
        timeout=120,
        env={**os.environ, "PYTHONPATH": str(REPO), "FORGE_CACHE": str(tmp_path / "cache")},
    )
    rows = [json.loads(text) for text in done.stdout.splitlines()]
    assert [row.get("verdict") for row in rows] == ["AC", None, "WA"], done.stderr
    assert rows[1]["line"] == 2
    assert done.returncode == 0
    assert b"AC 1" in done.stderr and b"not judged 1" in done.stderr


def test_the_command_ends_with_status_1_after_an_internal_error(tmp_path: Path) -> None:
    file, out = tmp_path / "submissions.jsonl", tmp_path / "verdicts.jsonl"
    file.write_bytes(line("a", checker={"type": "program", "source": "import sys; sys.exit(3)"}))
    done = subprocess.run(
        [sys.executable, "-m", "forge_train.cli", "judge", str(file), "--out", str(out), "--workers", "1"],
        capture_output=True,
        timeout=120,
        env={**os.environ, "PYTHONPATH": str(REPO), "FORGE_CACHE": str(tmp_path / "cache")},
    )
    assert done.returncode == 1
    assert json.loads(out.read_text())["verdict"] == "IE"
    assert done.stdout == b""
