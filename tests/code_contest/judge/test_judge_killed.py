"""`forge judge` while its workers and it itself are killed at random: what was returned is right, the rest is redone.

FORGE_SOAK_KILLS=10 kills the host as many times; by default it is killed twice.
"""

import contextlib
import json
import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterable
from pathlib import Path

from machine import census, descendants

from forge_envs.sandbox.linux.cgroups import PREFIX, hierarchies

REPO = Path(__file__).resolve().parents[3]
KILLS = int(os.environ.get("FORGE_SOAK_KILLS", "2"))
LINES = 25 * (KILLS + 1)
KINDS = (
    ("AC", "python", "import time; time.sleep(0.05); print(int(input()) * 2)"),
    ("WA", "python", "import time; time.sleep(0.05); print(int(input()) * 3)"),
    ("AC", "cpp", "#include <cstdio>\nint main() { int n; scanf(\"%d\", &n); printf(\"%d\", 2 * n); }"),
    ("RE", "python", "import time; time.sleep(0.05); raise ValueError(input())"),
)  # fmt: skip


def line(number: int) -> str:
    _, language, code = KINDS[number % len(KINDS)]
    tests = [{"stdin": f"{number + i}\n", "expected": f"{2 * (number + i)}\n"} for i in range(4)]
    return json.dumps({"name": f"{number}", "language": language, "mode": "stdin", "code": code, "tests": tests})


def test_no_verdict_is_lost_and_nothing_is_left(tmp_path: Path) -> None:
    rng = random.Random(11)
    (tmp_path / "temporary").mkdir()
    mounts = census().mounts
    returned: list[str] = []
    hosts: list[int] = []
    for turn in range(KILLS + 1):
        host = judge(tmp_path, f"{turn}", range(len(returned), LINES))
        hosts.append(host.pid)
        out = tmp_path / f"out-{turn}.jsonl"
        wanted = len(returned) + rng.randrange(5, 20) if turn < KILLS else LINES + 1
        below: list[int] = []
        while host.poll() is None:
            time.sleep(rng.random() * 0.3)
            below = sorted(descendants(host.pid)) or below
            targets = worker_processes(host.pid, below)
            if targets and rng.random() < 0.15:
                kill(rng.choice(targets))
            if len(returned) + len(complete(out)) >= wanted:
                host.kill()
        said = ended(host)
        # 1: a line whose workers were killed again and again has no verdict, which it says.
        assert host.returncode in ((-signal.SIGKILL,) if turn < KILLS else (0, 1)), said
        assert eventually(lambda pids=below: not any(map(lives, pids)))  # type: ignore[misc]
        returned += complete(out)
    rows = [json.loads(row) for row in returned]
    assert [row["name"] for row in rows] == [f"{n}" for n in range(LINES)]
    again = [n for n, row in enumerate(rows) if row["verdict"] == "IE"]
    assert len(again) <= LINES / 10
    host = judge(tmp_path, "again", again)
    said = ended(host)
    assert host.wait() == 0, said
    for n, row in zip(again, complete(tmp_path / "out-again.jsonl"), strict=True):
        rows[n] = json.loads(row)
    assert [row["verdict"] for row in rows] == [KINDS[n % len(KINDS)][0] for n in range(LINES)]
    assert not list((tmp_path / "temporary").glob("forge-*"))
    assert census().mounts <= mounts
    where = hierarchies()
    tops = [where.unified] if where.unified else [folder for _, folder in where.split]
    assert not [group for top in tops for pid in hosts for group in top.glob(f"{PREFIX}{pid}-*")]


def judge(place: Path, name: str, numbers: Iterable[int]) -> "subprocess.Popen[str]":
    (place / f"in-{name}.jsonl").write_text("".join(line(n) + "\n" for n in numbers))
    files = (str(place / f"in-{name}.jsonl"), "--out", str(place / f"out-{name}.jsonl"))
    own = {"PYTHONPATH": str(REPO), "FORGE_CACHE": str(place / "cache"), "TMPDIR": str(place / "temporary")}
    return subprocess.Popen(
        [sys.executable, "-m", "forge_train.cli", "judge", *files, "--workers", "2"],
        env={**os.environ, **own},
        stderr=subprocess.PIPE,
        text=True,
    )


def ended(host: "subprocess.Popen[str]") -> str:
    assert host.stderr is not None
    with host.stderr:
        said = host.stderr.read()
    host.wait()
    return said


def complete(out: Path) -> list[str]:
    rows = out.read_text().splitlines(keepends=True) if out.exists() else []
    return [row for row in rows if row.endswith("\n")]


def worker_processes(host: int, below: list[int]) -> list[int]:
    """The processes of workers. What is below is what they judge, and a program that is killed has failed (RE)."""
    found, level = [], {host}
    for _ in range(3):
        level = {pid for pid in below if parent(pid) in level}
        found += sorted(level)
    return found


def parent(pid: int) -> int:
    try:
        return int(Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[1])
    except OSError:
        return 0


def kill(pid: int) -> None:
    with contextlib.suppress(ProcessLookupError):
        os.kill(pid, signal.SIGKILL)


def lives(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


def eventually(condition: Callable[[], bool]) -> bool:
    until = time.monotonic() + 30
    while not (done := condition()) and time.monotonic() < until:
        time.sleep(0.05)
    return done
