"""mini-swe-agent from PyPI, in an environment of its own, solves a bundled task through the example's adapter."""

import json
import os
import subprocess
from pathlib import Path

import pytest

EXAMPLE = Path(__file__).resolve().parents[2] / "examples" / "mini_swe_agent.py"
CHECK = "import forge_envs, minisweagent, sys; sys.exit(minisweagent.__version__.split('.')[0] != '2')"


@pytest.fixture
def environment(tmp_path: Path) -> dict[str, str]:
    """The variables of a process in which mini-swe-agent says nothing and reads no configuration."""
    quiet = {"MSWEA_SILENT_STARTUP": "1", "MSWEA_GLOBAL_CONFIG_DIR": str(tmp_path / "config")}
    return {**os.environ, **quiet, "PYTHONPATH": str(EXAMPLE.parents[1])}


@pytest.fixture
def python(environment: dict[str, str]) -> str:
    """A Python with mini-swe-agent."""
    named = os.environ.get("FORGE_MINI_SWE_PYTHON")
    if not named:
        pytest.skip("Set FORGE_MINI_SWE_PYTHON to a Python with mini-swe-agent 2 and what forge_envs needs.")
    done = subprocess.run(
        [named, "-c", CHECK], env=environment, capture_output=True, text=True, timeout=120, check=False
    )
    assert done.returncode == 0, f"{named} has no forge_envs or no mini-swe-agent 2: {done.stderr[-500:]}"
    return named


def test_it_solves_a_task(python: str, environment: dict[str, str], tmp_path: Path) -> None:
    written = tmp_path / "trajectory.json"
    command = [python, str(EXAMPLE), "--task", "forge__rota-31", "--trajectory", str(written)]
    done = subprocess.run(
        command, env=environment, cwd=tmp_path, capture_output=True, text=True, timeout=300, check=False
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.rstrip().endswith("Submitted after 4 turns: 2 files changed, reward 1.0"), done.stdout
    assert "<returncode>127</returncode>" in done.stdout and "no_such_program" in done.stdout
    trajectory = json.loads(written.read_text())
    assert trajectory["trajectory_format"].startswith("mini-swe-agent-1")
    assert trajectory["info"]["exit_status"] == "Submitted"
    assert trajectory["info"]["forge"]["verdict"]["details"]["resolved"] is True
    assert trajectory["info"]["submission"].startswith("diff --git a/rota/calendars.py")
    assert [message["role"] for message in trajectory["messages"]][:3] == ["system", "user", "assistant"]
