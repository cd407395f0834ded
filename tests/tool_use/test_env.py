"""ToolUse-v0: gold, doing nothing, the three reward modes, the scripted user, on every bundled task."""

import json
from collections.abc import Iterator
from typing import Any

import gymnasium
import numpy as np
import pytest
from openai.types.chat import ChatCompletionMessage

from forge_envs import ConfigError, ForgeEnv, Task, load_suite
from forge_envs.core.messages import calls_of, to_openai
from forge_envs.core.task import tasks_root
from forge_envs.tool_use.env import ToolUseEnv
from forge_envs.tool_use.grading import gold_messages
from forge_envs.tool_use.user import FALLBACK, ScriptedUser

SUITES = [
    pytest.param(
        name,
        marks=pytest.mark.skipif(
            not (tasks_root() / name / "suite.toml").is_file(), reason=f"the suite {name} is not generated yet"
        ),
    )
    for name in ("tool_use/library", "tool_use/courier")
]


def _make(suite: Any, **options: Any) -> ToolUseEnv:
    return ToolUseEnv(suite=str(suite), split=None, **options)


def _some(env: ForgeEnv, every: int = 7) -> list[Task]:
    """One task in seven, of every template: enough where a mode is tested and not the data."""
    return list(env.suite)[::every]


@pytest.fixture(scope="module", params=SUITES)
def suite(request: pytest.FixtureRequest) -> Iterator[str]:
    """A bundled suite's name."""
    yield request.param


def test_gold_earns_one_on_every_task(suite: str) -> None:
    env = _make(suite)
    for task in env.suite:
        env.reset(options={"task": task})
        rewards = []
        for action in env.gold_actions():
            _, reward, terminated, truncated, info = env.step(action)
            rewards.append(reward)
        assert terminated and not truncated, task.id
        assert rewards == [0.0] * (len(rewards) - 1) + [1.0], (task.id, info["verdict"])
        assert info["reward_components"] == {"outcome": 1.0} and set(info["verdict"]["components"].values()) == {1.0}


@pytest.mark.parametrize("said", ["", "Hello."])
def test_doing_nothing_earns_what_the_task_says(suite: str, said: str) -> None:
    env = _make(suite, max_steps=3)
    for task in env.suite:
        env.reset(options={"task": task})
        ended = False
        while not ended:
            _, reward, terminated, truncated, _ = env.step(said)
            ended = terminated or truncated
        assert reward == task.noop_reward, task.id


def test_gold_as_the_clients_message_earns_one_too(suite: str) -> None:
    env = _make(suite, protocol="openai")
    for task in _some(env):
        env.reset(options={"task": task})
        for sent in to_openai(gold_messages(task)):
            _, reward, terminated, *_ = env.step(ChatCompletionMessage.model_validate(sent))
        assert (reward, terminated) == (1.0, True), task.id


def test_stepwise_gold_earns_one_at_every_turn_after_the_free_running_prefix(suite: str) -> None:
    env = _make(suite)
    for task in _some(env):
        first, _ = env.reset(options={"task": task, "reward": "outcome"})
        free = [list(first)]  # the conversation before each turn
        for action in env.gold_actions():
            env.step(action)
            free.append(env.messages)
        scored = [i for i, message in enumerate(gold_messages(task)) if calls_of(message)]
        for turn in scored:
            prefix, info = env.reset(options={"task": task, "reward": "stepwise", "turn": turn})
            assert list(prefix) == env.messages == free[turn]
            assert (info["turn"], info["reward_mode"]) == (turn, "stepwise")
            observation, reward, terminated, truncated, info = env.step(env.gold_actions()[turn])
            assert (observation, reward, terminated, truncated) == ((), 1.0, True, False)
            assert info["reward_components"] == {"exact_match": 1.0}
            assert info["verdict"]["components"] == {"format_correct": 1.0, "exact_match": 1.0}


def _changed(action: str) -> list[str]:
    """Replies that differ from gold's in one thing."""
    opening, _, body = action.partition("<tool_call>\n")
    call = json.loads(body.partition("\n</tool_call>")[0])
    others: list[Any] = [
        {**call, "name": call["name"] + "s"},
        {**call, "arguments": {**call["arguments"], "more": 1}},
        {**call, "arguments": {}} if call["arguments"] else {**call, "arguments": {"x": 0}},
    ]
    written = [f"{opening}<tool_call>{json.dumps(other)}</tool_call>" for other in others]
    return ["", "I did it.", action + action, action + "</tool_call>", *written]


def test_stepwise_anything_else_earns_nothing(suite: str) -> None:
    env = _make(suite, reward="stepwise")
    for task in _some(env, every=35):
        gold = env.gold_actions(task)
        for turn in [i for i, action in enumerate(gold) if "<tool_call>" in action]:
            for action in _changed(gold[turn]):
                env.reset(options={"task": task, "turn": turn})
                _, reward, terminated, _, info = env.step(action)
                assert (reward, terminated) == (0.0, True), (task.id, turn, action)
                assert info["reward_components"] == {"exact_match": 0.0}


def test_stepwise_draws_turns_that_can_be_scored(suite: str) -> None:
    env = _make(suite, reward="stepwise")
    drawn = [env.reset(seed=0 if n == 0 else None)[1] for n in range(150)]
    assert len({info["task_id"] for info in drawn}) > 100 and len({info["turn"] for info in drawn}) > 1
    assert all(calls_of(gold_messages(env.suite[i["task_id"]])[i["turn"]]) for i in drawn)


@pytest.mark.parametrize("weights", [None, {"format_valid": 0.1, "calls_succeeded": 0.2}, {}])
def test_shaped_rewards_are_the_sum_of_their_named_parts(suite: str, weights: dict[str, float] | None) -> None:
    env = _make(suite, reward="shaped", step_weights=weights)
    rng = np.random.default_rng(0)
    for task in _some(env, every=14):
        env.reset(options={"task": task})
        total = outcome = 0.0
        for action in env.gold_actions():
            if rng.random() < 0.2:
                action = str(rng.choice(["<tool_call>", '<tool_call>{"name": "nope"}</tool_call>']))
            _, reward, terminated, _, info = env.step(action)
            parts = info["reward_components"]
            assert reward == pytest.approx(sum(parts.values()))
            assert set(parts) - {"outcome"} == set({"format_valid": 0} if weights is None else weights)
            outcome = parts.pop("outcome", 0.0)
            total += sum(parts.values())
            if terminated:
                break
        assert outcome in (0.0, 1.0) and (weights != {} or total == 0.0)


def test_the_default_environment_draws_from_both_training_splits() -> None:
    env = gymnasium.make("forge/ToolUse-v0").unwrapped
    assert isinstance(env, ForgeEnv)
    assert {task.split for task in env.suite} == {"train"} and len(env.suite) >= 500
    assert {task.suite for task in env.suite} == {"tool_use/library", "tool_use/courier"}
    held = load_suite(ToolUseEnv.default_suite).split("heldout")
    assert len(held) >= 200 and not {t.id for t in held} & {t.id for t in env.suite}
    env.close()


def test_turns_that_are_said_are_scored_on_request(toy_suite: Any) -> None:
    env = _make(toy_suite, reward="stepwise", score_messages=True)
    tag = '<tool_call>{"name": "tag_note", "arguments": {"note": "n1", "tag": "dear"}}</tool_call>'
    for turn, action, expected in [(0, "Which one?", 1.0), (0, "", 1.0), (0, tag, 0.0), (2, tag, 1.0), (2, "x", 0.0)]:
        env.reset(options={"task": "ask", "turn": turn})
        assert env.step(action)[1] == expected
    env.reset(options={"task": "decline"})
    assert env.step("No.")[1] == 1.0
    with pytest.raises(ConfigError, match="Turn 0 of task 'ask' can't be scored"):
        _make(toy_suite, reward="stepwise").reset(options={"task": "ask", "turn": 0})


def test_a_malformed_turn_costs_the_outcome_and_not_the_episode(toy_suite: Any) -> None:
    env = _make(toy_suite)
    env.reset(options={"task": "decline"})
    env.step("<tool_call>")
    _, reward, terminated, _, info = env.step("Sorry.")
    assert (reward, terminated, info["format_faults"]) == (0.0, True, 1)
    assert info["artifact"]["format_faults"] == 1


def test_the_user_says_what_fits_and_leaves_when_nothing_is_left() -> None:
    replies = [{"when": ["name", "who"], "say": "Ann."}, {"when": [], "say": "Go on."}, {"when": ["card"], "say": "7."}]
    user = ScriptedUser(replies)
    assert [user.answer(text) for text in ("WHO is it?", "hm", "hm", "Your card?", "Done.")] == [
        "Ann.",
        "Go on.",
        FALLBACK,
        "7.",
        None,
    ]
    assert len(replies) == 3 and ScriptedUser([]).answer("Done.") is None
