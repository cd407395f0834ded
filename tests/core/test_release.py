"""What an episode started is stopped: by close, by the next reset, by the garbage collector, at exit."""

import gc
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from forge_leftovers import left_behind
from forge_toy import Sleeper

from forge_envs import ConfigError, TaskError


@pytest.fixture
def sleeper(toy_suite: Path) -> Sleeper:
    """An environment whose episode is a real process with a real folder."""
    return Sleeper(suite=toy_suite)


def _gone(pid: int, folder: str) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return not Path(folder).exists()
    return False


def _start(env: Sleeper) -> tuple[int, str]:
    env.reset()
    assert Path(env.folder).is_dir() and not _gone(env.pid, env.folder)
    return env.pid, env.folder


def test_close_stops_it_and_may_be_called_twice(sleeper: Sleeper) -> None:
    sleeper.close()
    started = _start(sleeper)
    sleeper.close()
    assert _gone(*started)
    sleeper.close()


def test_the_next_reset_stops_it(sleeper: Sleeper) -> None:
    first, second = _start(sleeper), _start(sleeper)
    assert _gone(*first) and not _gone(*second)
    with pytest.raises(TaskError):
        sleeper.reset(options={"task": "nope"})
    assert _gone(*second)


def test_a_forgotten_one_is_collected(sleeper: Sleeper, toy_suite: Path) -> None:
    forgotten = Sleeper(suite=toy_suite)
    started = _start(forgotten)
    forgotten.me = forgotten  # a cycle, so that only the collector finds it
    del forgotten
    gc.collect()
    assert _gone(*started)


EXIT = """
import sys
from forge_toy import Sleeper
env = Sleeper(suite=sys.argv[1])
env.reset()
print(env.pid, env.folder)
{end}
"""


@pytest.mark.parametrize("end", ["", "sys.exit(0)", "env.me = env"])
def test_a_forgotten_one_ends_with_the_interpreter(toy_suite: Path, python: Callable[..., str], end: str) -> None:
    pid, folder = python(EXIT.format(end=end), str(toy_suite)).split()
    assert _gone(int(pid), folder)


def test_the_run_itself_would_notice() -> None:
    mark = f"FORGE_TEST_RUN={os.environ['FORGE_TEST_RUN']}"
    code = "import subprocess, sys; subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(60)'])"
    subprocess.run([sys.executable, "-c", code], check=True)  # its child is an orphan now
    folder = tempfile.mkdtemp()
    try:
        found = left_behind(mark, set())
        assert any("time.sleep(60)" in line for line in found) and any(folder in line for line in found)
    finally:
        os.rmdir(folder)
        for line in found:
            if line.startswith("process") and "time.sleep(60)" in line:
                os.kill(int(line.split()[1]), 9)
    until = time.monotonic() + 5
    while any("time.sleep(60)" in line for line in left_behind(mark, set())) and time.monotonic() < until:
        time.sleep(0.01)


def test_an_environment_without_gold_has_no_stepwise_mode(sleeper: Sleeper) -> None:
    with pytest.raises(ConfigError, match="Sleeper has no gold turns"):
        sleeper.reset(options={"reward": "stepwise"})
