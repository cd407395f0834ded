"""`forge judge` that is told to stop ends at once, keeps what it has written, and leaves nothing."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest
from machine import descendants

REPO = Path(__file__).resolve().parents[3]
ROWS: tuple[dict[str, Any], ...] = (
    {"name": "quick", "code": "print(3)", "tests": [{"stdin": "", "expected": "3"}]},
    *(
        {"name": name, "code": "import time; time.sleep(300)", "tests": [{"stdin": "", "expected": ""}]}
        for name in ("asleep", "asleep, too", "never started")
    ),
)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
@pytest.mark.parametrize("isolation", ["auto", "landlock"])
def test_it_ends_at_once_and_leaves_nothing(number: signal.Signals, isolation: str, tmp_path: Path) -> None:
    file, out = tmp_path / "submissions.jsonl", tmp_path / "verdicts.jsonl"
    temporary = tmp_path / "temporary"
    temporary.mkdir()
    rows = [json.dumps({"language": "python", "mode": "stdin", "time_limit_s": 100, **row}) for row in ROWS]
    file.write_text("\n".join(rows))
    # A shell without job control starts its background commands with SIGINT ignored; a terminal does not.
    process = subprocess.Popen(
        [
            *(sys.executable, "-c"),
            "import signal; signal.signal(signal.SIGINT, signal.default_int_handler)\n"
            "from forge_train.cli import app; app()",
            *("judge", str(file), "--out", str(out), "--workers", "2", "--isolation", isolation),
        ],
        stderr=subprocess.PIPE,
        env={
            **os.environ,
            "PYTHONPATH": str(REPO),
            "FORGE_CACHE": str(tmp_path / "cache"),
            "TMPDIR": str(temporary),
        },
    )
    assert process.stderr is not None
    until = time.monotonic() + 60
    while process.poll() is None and not (out.exists() and out.read_text()) and time.monotonic() < until:
        time.sleep(0.05)
    below = descendants(process.pid)
    begun = time.monotonic()
    process.send_signal(number)
    said = process.stderr.read()
    code = process.wait(timeout=60)
    if b"SandboxError" in out.read_bytes():
        pytest.skip("This machine refuses that isolation.")
    assert code == 128 + number, said
    assert time.monotonic() - begun < 20
    (line,) = out.read_text().splitlines()
    assert json.loads(line)["verdict"] == "AC" and below
    while (left := [pid for pid in below if _lives(pid)]) and time.monotonic() < begun + 20:
        time.sleep(0.05)
    assert not left
    assert not list(temporary.glob("forge-*"))


def _lives(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False
