"""The examples run as they are, from any folder."""

import subprocess
import sys
from pathlib import Path

import pytest

EXAMPLES = Path(__file__).resolve().parents[1] / "examples"


@pytest.mark.parametrize(
    ("script", "arguments", "said"),
    [
        ("custom_agent.py", ["--episodes", "20"], "20 episodes, mean outcome reward 0."),
        ("custom_agent.py", ["--episodes", "1", "--show"], "[system]"),
        ("add_domain/run.py", [], "5 tasks checked, 0 faults\ncloakroom-train-0001\n  outcome: [0.0, 0.0, 1.0]"),
        ("add_task/run.py", [], "5 tasks checked, 0 faults\n2 held-out episodes, mean outcome reward 1.00"),
    ],
)
def test_example_runs(script: str, arguments: list[str], said: str, tmp_path: Path) -> None:
    command = [sys.executable, "-W", "error::ResourceWarning", str(EXAMPLES / script), *arguments]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stderr
    assert said in done.stdout
    assert not list(tmp_path.iterdir())
