"""Reset, step, truncate, render, close: what they give, and what they refuse."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import gymnasium
import numpy as np
import pytest
from forge_toy import row

from forge_envs import ConfigError, ForgeEnv, GraderError, Task, TaskError


@pytest.fixture
def env(toy_suite: Path) -> Iterator[ForgeEnv]:
    """The toy suite's environment."""
    made = gymnasium.make("forge/ToolUse-v0", suite=str(toy_suite), split=None).unwrapped
    assert isinstance(made, ForgeEnv)
    yield made
    made.close()


def _call(name: str, **arguments: Any) -> str:
    return f"<tool_call>{json.dumps({'name': name, 'arguments': arguments})}</tool_call>"


TAG = _call("tag_note", note="n1", tag="old")


def test_an_observation_is_what_is_new(env: ForgeEnv) -> None:
    first, info = env.reset(seed=0, options={"task": "ask"})
    assert [m["role"] for m in first] == ["system", "user"]
    assert info["task_id"] == "ask" and info["reward_mode"] == "outcome" and "turn" not in info
    assert [t["function"]["name"] for t in info["tools"]] == ["add_note", "tag_note", "rate_note"]
    second, reward, terminated, truncated, info = env.step("Which note?")
    assert second == ({"role": "user", "content": "The one about milk."},)
    assert (reward, terminated, truncated) == (0.0, False, False)
    assert info["reward_components"] == {} and info["format_faults"] == 0
    assert "verdict" not in info and "artifact" not in info and "truncation" not in info
    third, *_ = env.step(TAG)
    assert third == ({"role": "tool", "tool_call_id": "call_2_0", "name": "tag_note", "content": "done"},)
    said = [{"role": "assistant", "content": "Which note?"}, env.messages[-2]]
    assert env.messages == [*first, said[0], *second, said[1], *third]


def test_what_is_given_away_is_a_copy(env: ForgeEnv) -> None:
    observation, info = env.reset(options={"task": "add"})
    kept = json.dumps([env.messages, env.suite["add"].data])
    observation[0]["content"] = "changed"
    env.messages[0]["content"] = "changed"
    info["tools"].clear()
    assert json.dumps([env.messages, env.suite["add"].data]) == kept
    assert env.reset(options={"task": "add"})[1]["tools"]


def test_tasks_are_chosen_by_id_index_or_object(env: ForgeEnv) -> None:
    for task in ("add", 0, -4, np.int64(0), env.suite["add"]):
        assert env.reset(options={"task": task})[1]["task_id"] == "add"
    drawn = {env.reset()[1]["task_id"] for _ in range(60)}
    assert drawn == {"add", "ask", "decline", "rate"}


@pytest.mark.parametrize(
    ("options", "error", "message"),
    [
        ({"task": "nope"}, TaskError, "Unknown task id 'nope'"),
        ({"task": 99}, TaskError, "index 99 is out of range"),
        ({"task": 1.5}, TaskError, "an id, an index or a Task, not float"),
        ({"task": True}, TaskError, "an id, an index or a Task, not bool"),
        ({"task": ["add"]}, TaskError, "not list"),
        ({"tsak": "add"}, ConfigError, "Unknown reset option 'tsak': use 'task', 'turn' or 'reward'"),
        ({1: 2, "b": 3}, ConfigError, "Unknown reset option '1'"),
        ({"reward": "dense"}, ConfigError, "Unknown reward mode 'dense'"),
        ({"task": "add", "turn": 0}, ConfigError, 'needs reward="stepwise"'),
        ({"task": "add", "turn": 9, "reward": "stepwise"}, ConfigError, r"Turn 9 of task 'add'.* one of \[0, 1\]"),
        ({"task": "add", "turn": "x", "reward": "stepwise"}, ConfigError, "can't be scored"),
        ({"task": "decline", "reward": "stepwise"}, TaskError, "'decline' has no gold turn"),
    ],
)
def test_a_refused_reset_leaves_no_episode(env: ForgeEnv, options: Any, error: type[Exception], message: str) -> None:
    env.reset(options={"task": "add"})
    with pytest.raises(error, match=message):
        env.reset(options=options)
    with pytest.raises(ConfigError, match="call reset"):
        env.step("hi")
    assert env.reset()[1]["task_id"]


@pytest.mark.parametrize(
    ("options", "error", "message"),
    [
        ({"reward": "dense"}, ConfigError, "Unknown reward mode 'dense': use one of"),
        ({"protocol": "xml"}, ConfigError, "Unknown protocol 'xml': use one of"),
        ({"render_mode": "rgb_array"}, ConfigError, "Unknown render_mode 'rgb_array': use one of"),
        ({"step_weights": {"style": 1.0}}, ConfigError, "Unknown step component 'style': use one of"),
        ({"max_steps": 0}, ConfigError, "max_steps is 0; give at least 1"),
        ({"split": "test"}, TaskError, "has no split 'test'"),
        ({"suite": "tool_use/nothing"}, TaskError, "No suite 'tool_use/nothing'"),
    ],
)
@pytest.mark.filterwarnings("ignore:.*render_mode")
def test_unknown_arguments(toy_suite: Path, options: Any, error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        gymnasium.make("forge/ToolUse-v0", **{"suite": str(toy_suite), **options})


def test_no_step_before_reset_after_the_end_or_after_close(env: ForgeEnv) -> None:
    over = pytest.raises(ConfigError, match=r"call reset\(\) before step\(\)")
    with over:
        env.step("hi")
    with pytest.raises(ConfigError, match="No task: call reset"):
        env.gold_actions()
    env.reset(options={"task": "decline"})
    assert env.step("Sorry.")[2] is True
    with over:
        env.step("hi")
    env.reset()
    env.close()
    env.close()
    with over:
        env.step("hi")
    with pytest.raises(ConfigError, match="no running episode"):
        env.truncate("timeout")
    assert env.reset()[1]["task_id"]


def test_making_one_starts_nothing(toy_suite: Path) -> None:
    env = gymnasium.make("forge/ToolUse-v0", suite=str(toy_suite)).unwrapped
    assert isinstance(env, ForgeEnv) and env.task is None and env.messages == []
    env.close()


@pytest.mark.parametrize(
    ("limits", "reason"),
    [({"max_steps": 1}, "max_steps"), ({"max_context": 60}, "max_context"), ({"timeout": 0.0}, "timeout")],
)
@pytest.mark.parametrize(("action", "reward"), [(_call("rate_note", note="n1", stars=4), 1.0), (TAG, 0.0)])
def test_a_limit_grades_the_work_so_far(
    toy_suite: Path, limits: dict[str, Any], reason: str, action: str, reward: float
) -> None:
    env = gymnasium.make("forge/ToolUse-v0", suite=str(toy_suite), split="heldout", **limits)
    env.reset()
    observation, earned, terminated, truncated, info = env.step(action)
    assert (terminated, truncated, info["truncation"], earned) == (False, True, reason, reward)
    assert [m["role"] for m in observation] == ["tool"]
    assert info["verdict"]["reward"] == reward and info["artifact"]["state"]["notes"]["n1"]
    with pytest.raises(ConfigError):
        env.step(action)
    env.close()


def test_malformed_replies_end_an_episode_where_there_are_too_many(toy_suite: Path) -> None:
    env = gymnasium.make("forge/ToolUse-v0", suite=str(toy_suite), split="heldout", max_faults=2)
    env.reset()
    assert env.step("<tool_call>")[2:4] == (False, False)
    assert env.step(_call("rate_note", note="n1", stars=4))[2:4] == (False, False)
    _, reward, terminated, truncated, info = env.step("<tool_call>")
    assert (reward, terminated, truncated) == (0.0, False, True)
    assert (info["truncation"], info["format_faults"], info["verdict"]["components"]["state_match"]) == (
        "max_faults",
        2,
        1,
    )
    env.close()
    with pytest.raises(ConfigError, match="max_faults is 0; give at least 1"):
        gymnasium.make("forge/ToolUse-v0", suite=str(toy_suite), max_faults=0)


def test_the_end_comes_before_a_limit(toy_suite: Path) -> None:
    env = gymnasium.make("forge/ToolUse-v0", suite=str(toy_suite), max_steps=1, timeout=0.0)
    env.reset(options={"task": "decline"})
    _, reward, terminated, truncated, info = env.step("Sorry.")
    assert (reward, terminated, truncated, "truncation" in info) == (1.0, True, False, False)
    env.close()


def test_a_caller_can_truncate(env: ForgeEnv) -> None:
    env.reset(options={"task": "rate"})
    env.step(_call("rate_note", note="n1", stars=4))
    with pytest.raises(ConfigError, match="Unknown truncation 'tokens': use one of"):
        env.truncate("tokens")
    observation, reward, terminated, truncated, info = env.truncate("max_context")
    assert (observation, reward, terminated, truncated) == ((), 1.0, False, True)
    assert info["truncation"] == "max_context" and info["reward_components"] == {"outcome": 1.0}
    env.reset(options={"task": "add", "reward": "stepwise"})
    _, reward, _, truncated, info = env.truncate("max_context")
    assert (reward, truncated, info["reward_components"]) == (0.0, True, {"exact_match": 0.0})


def test_a_broken_grader_costs_no_rollout(env: ForgeEnv, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: Any) -> Any:
        raise ZeroDivisionError("oops")

    env.reset(options={"task": "rate"})
    env.step(TAG)
    monkeypatch.setattr(type(env), "_grade", broken)
    with pytest.raises(GraderError, match="'rate' can't be graded: oops") as failure:
        env.step("Done.")
    assert failure.value.artifact is not None
    assert failure.value.artifact["state"]["notes"]["n1"]["tags"] == ["shop", "old"]
    with pytest.raises(ConfigError):
        env.step("again")


def test_render(toy_suite: Path, capsys: pytest.CaptureFixture[str]) -> None:
    texts: list[Any] = []
    for mode in ("ansi", "human", None):
        env = gymnasium.make("forge/ToolUse-v0", suite=str(toy_suite), render_mode=mode)
        env.reset(options={"task": "ask"})
        env.step("\x1b[31mred \u202eback\r hi café\nnext")
        env.step(TAG)
        texts.append(env.render())
        env.close()
    assert texts[1:] == [None, None]
    assert capsys.readouterr().out == texts[0] + "\n"
    assert "[assistant] \\x1b[31mred \\u202eback\\r hi café\nnext\n" in texts[0]
    assert "[assistant]  tag_note({'note': 'n1', 'tag': 'old'})\n[tool] done" in texts[0]


def test_tasks_are_not_changed_by_an_episode(env: ForgeEnv) -> None:
    before = json.dumps([task.data for task in env.suite])
    for task in env.suite:
        for mode in ("outcome", "shaped"):
            env.reset(options={"task": task, "reward": mode})
            for action in env.gold_actions():
                env.step(action)
    assert json.dumps([task.data for task in env.suite]) == before


def test_a_task_without_a_domain(env: ForgeEnv) -> None:
    with pytest.raises(ConfigError, match="Unknown domain 'nothing': use one of"):
        env.reset(options={"task": Task("x", row("x", [], domain="nothing"))})
    with pytest.raises(ConfigError, match="call reset"):
        env.step("hi")
