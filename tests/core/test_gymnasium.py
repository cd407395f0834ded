"""The Gymnasium contract: the checker, the three vector modes, `gym.make` without an import, seeds."""

import json
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import gymnasium
import numpy as np
import pytest
from gymnasium.utils.env_checker import check_env
from gymnasium.vector import AutoresetMode

import forge_envs
from forge_envs.core.task import tasks_root

IDS = sorted(forge_envs.ENVIRONMENTS)
BUNDLED = pytest.mark.skipif(
    not (tasks_root() / "tool_use/library/suite.toml").is_file()
    or not (tasks_root() / "tool_use/courier/suite.toml").is_file(),
    reason="the bundled suites are not generated yet",
)

# Gymnasium's own modes: Forge's spaces hold text, which has no shared memory, and an episode must end before its
# environment starts the next one, because the first messages of a task are no answer to the last action of another.
DISABLED = {"autoreset_mode": AutoresetMode.DISABLED}
MODES: dict[str, dict[str, Any]] = {
    "default": {},
    "sync": {"vectorization_mode": "sync", "vector_kwargs": DISABLED},
    "async": {"vectorization_mode": "async", "vector_kwargs": {**DISABLED, "shared_memory": False}},
}


@pytest.mark.parametrize("mode", ["outcome", "stepwise", "shaped"])
def test_the_checker_has_no_complaint(toy_suite: Path, mode: str) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        check_env(gymnasium.make("forge/ToolUse-v0", suite=str(toy_suite), reward=mode).unwrapped)


@BUNDLED
@pytest.mark.parametrize("env_id", IDS)
def test_the_checker_has_no_complaint_by_default(env_id: str) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        check_env(gymnasium.make(env_id).unwrapped)


@pytest.mark.parametrize("mode", sorted(MODES))
def test_vector_modes(toy_suite: Path, mode: str) -> None:
    envs = gymnasium.make_vec("forge/ToolUse-v0", num_envs=4, suite=str(toy_suite), split=None, **MODES[mode])
    try:
        assert envs.num_envs == 4
        assert envs.metadata["autoreset_mode"] == AutoresetMode.DISABLED
        observations, infos = envs.reset(seed=3)
        assert [o[0]["role"] for o in observations] == ["system"] * 4
        assert set(infos["task_id"]) <= {"add", "ask", "decline", "rate"}
        ended = np.zeros(4, dtype=bool)
        for _ in range(6):
            actions = ("Done.", "Which note?", "<tool_call>broken</tool_call>", "")
            if ended.any():
                envs.reset(options={"reset_mask": ended})
            observations, rewards, terminated, truncated, infos = envs.step(actions)
            ended = terminated | truncated
            assert rewards.shape == terminated.shape == truncated.shape == (4,)
            assert set(rewards) <= {0.0, 1.0}
            assert len(observations) == 4
        assert infos["format_faults"][2] == 6
    finally:
        envs.close()


@BUNDLED
@pytest.mark.parametrize("mode", sorted(MODES))
@pytest.mark.parametrize("env_id", IDS)
def test_vector_modes_by_default(env_id: str, mode: str) -> None:
    envs = gymnasium.make_vec(env_id, num_envs=4, **MODES[mode])
    try:
        envs.reset(seed=0)
        _, rewards, *_ = envs.step(("hello",) * 4)
        assert rewards.shape == (4,)
    finally:
        envs.close()


def test_vector_modes_agree(toy_suite: Path) -> None:
    seen = []
    for options in MODES.values():
        envs: Any = gymnasium.make_vec("forge/ToolUse-v0", num_envs=3, suite=str(toy_suite), **options)
        first, infos = envs.reset(seed=[5, 6, 7])
        second, rewards, *_ = envs.step(("hello",) * 3)
        seen.append((first, infos["task_id"].tolist(), second, rewards.tolist()))
        envs.close()
    assert seen[0] == seen[1] == seen[2]


def test_make_without_an_import(toy_suite: Path, python: Callable[..., str]) -> None:
    code = """
import sys, gymnasium
env = gymnasium.make("forge_envs:forge/ToolUse-v0", suite=sys.argv[1])
_, info = env.reset(seed=1)
env.close()
print(type(env.unwrapped).__name__, info["task_id"])
"""
    name, task_id = python(code, str(toy_suite)).split()
    assert name == "ToolUseEnv" and task_id in {"add", "ask", "decline"}


SEEDED = """
import json, sys, gymnasium
env = gymnasium.make("forge_envs:forge/ToolUse-v0", suite=sys.argv[1], reward=sys.argv[2], split=None)
record = []
for seed in range(8):
    observation, info = env.reset(seed=seed)
    record.append([observation, info])
    for action in env.unwrapped.gold_actions():
        observation, reward, terminated, truncated, info = env.step(action)
        record.append([observation, reward, terminated, truncated, info])
        if terminated or truncated:
            break
_, info = env.reset()
record.append(info["task_id"])
record.append(env.action_space.seed(4) and env.action_space.sample())
print(json.dumps(record, sort_keys=True))
"""


@pytest.mark.parametrize("mode", ["outcome", "stepwise", "shaped"])
def test_same_seed_same_episode_in_another_process(toy_suite: Path, python: Callable[..., str], mode: str) -> None:
    one, other = (json.loads(python(SEEDED, str(toy_suite), mode)) for _ in range(2))
    assert one == other
    assert len({part[1]["task_id"] for part in one[:-2] if len(part) == 2}) > 1


def test_same_seed_same_episode_here(toy_suite: Path) -> None:
    env = gymnasium.make("forge/ToolUse-v0", suite=str(toy_suite), reward="stepwise")
    again = gymnasium.make("forge/ToolUse-v0", suite=str(toy_suite), reward="stepwise")
    state = str(np.random.get_state())
    drawn = [env.reset(seed=n) for n in range(10)]
    assert drawn == [again.reset(seed=n) for n in range(10)]
    assert [env.reset() for _ in range(5)] == [again.reset() for _ in range(5)]
    assert str(np.random.get_state()) == state
    env.close()
    again.close()


def test_registration_sets_no_step_limit() -> None:
    assert all(gymnasium.spec(env_id).max_episode_steps is None for env_id in IDS)
