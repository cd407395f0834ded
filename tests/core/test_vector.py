"""The vector environment of threads, which `make_vec` gives by default."""

import threading
from collections.abc import Iterator
from pathlib import Path

import gymnasium
import numpy as np
import pytest
from gymnasium.vector import AutoresetMode

from forge_envs import ConfigError, TaskError
from forge_envs.core.vector import ThreadVectorEnv


@pytest.fixture
def envs(toy_suite: Path) -> Iterator[ThreadVectorEnv]:
    """Three environments over the toy suite."""
    made = gymnasium.make_vec("forge/ToolUse-v0", num_envs=3, suite=str(toy_suite), max_steps=3)
    assert isinstance(made, ThreadVectorEnv)
    yield made
    made.close()


def test_an_environment_that_has_ended_waits_for_its_reset(envs: ThreadVectorEnv) -> None:
    observations, infos = envs.reset(seed=0, options=[{"task": name} for name in ("decline", "add", "add")])
    assert infos["task_id"].tolist() == ["decline", "add", "add"]
    assert envs.observation_space.contains(observations)
    _, rewards, terminated, truncated, _ = envs.step(("Sorry.", "<tool_call>", "Done."))
    assert (rewards.tolist(), terminated.tolist(), truncated.any()) == ([1.0, 0.0, 0.0], [True, False, True], False)
    observations, rewards, terminated, _, infos = envs.step(("unheard",) * 3)
    assert (observations[0], rewards[0], terminated[0]) == ((), 0.0, True)
    assert infos["_task_id"].tolist() == [False, True, False]
    observations, infos = envs.reset(options={"task": "ask", "reset_mask": np.array([True, False, False])})
    assert infos["task_id"][0] == "ask" and infos["_task_id"].tolist() == [True, False, False]
    _, _, terminated, truncated, _ = envs.step(("Which note?",) * 3)
    assert (terminated.tolist(), truncated.tolist()) == ([False, True, True], [False, False, False])


def test_seeds_are_counted_up_or_given(envs: ThreadVectorEnv) -> None:
    counted = envs.reset(seed=5)[1]["task_id"].tolist()
    assert envs.reset(seed=np.int64(5))[1]["task_id"].tolist() == counted
    assert envs.reset(seed=[5, 6, 7])[1]["task_id"].tolist() == counted
    assert envs.reset(seed=np.array([5, 6, 7]).tolist())[1]["task_id"].tolist() == counted


def test_what_does_not_fit_is_refused(envs: ThreadVectorEnv) -> None:
    with pytest.raises(ConfigError, match=r"reset_mask has shape \(2,\)"):
        envs.reset(options={"reset_mask": [True, False]})
    with pytest.raises(ConfigError, match="options has 1 elements; give one for each of 3"):
        envs.reset(options=[{}])
    with pytest.raises(ConfigError, match="seed has 2 elements"):
        envs.reset(seed=[1, 2])
    with pytest.raises(TaskError, match="Unknown task id"):
        envs.reset(options={"task": "nope"})
    envs.reset()
    with pytest.raises(ConfigError, match="step got 2 actions"):
        envs.step(("a", "b"))


def test_threads_start_with_the_first_reset_and_end_with_close(toy_suite: Path) -> None:
    def running() -> int:
        return sum(t.name.startswith("forge-env") for t in threading.enumerate())

    envs = gymnasium.make_vec("forge/ToolUse-v0", num_envs=3, suite=str(toy_suite), render_mode="ansi")
    assert running() == 0
    envs.reset()
    assert running() > 0
    assert [str(text)[:30] for text in envs.render() or ()] == ["[system] You keep a notebook.\n"] * 3
    assert envs.metadata["autoreset_mode"] == AutoresetMode.DISABLED and envs.render_mode == "ansi"
    envs.close()
    assert running() == 0
