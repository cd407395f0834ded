"""Whatever an agent hands to `step`, the episode goes on, the agent is told, and the record stays small."""

import json
import time
import tracemalloc
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import gymnasium
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from openai.types.chat import ChatCompletionMessage

from forge_envs import ForgeEnv

MEGABYTES_10 = 10 * 2**20


@pytest.fixture
def env(toy_suite: Path) -> Iterator[ForgeEnv]:
    """The toy suite's environment, in the middle of an episode."""
    made = gymnasium.make("forge/ToolUse-v0", suite=str(toy_suite), reward="shaped", max_steps=10_000).unwrapped
    assert isinstance(made, ForgeEnv)
    made.reset(options={"task": "add"})
    yield made
    made.close()


def _chat(name: Any, arguments: Any) -> dict[str, Any]:
    call = {"id": "1", "type": "function", "function": {"name": name, "arguments": arguments}}
    return {"role": "assistant", "content": "", "tool_calls": [call]}


def _text(name: Any, arguments: Any) -> str:
    return f"<tool_call>{json.dumps({'name': name, 'arguments': arguments})}</tool_call>"


@pytest.mark.parametrize("write", [_chat, _text])
@pytest.mark.parametrize(
    ("name", "arguments", "told"),
    [
        ("drop_table", {}, "Error: unknown tool 'drop_table'; the tools are add_note, tag_note, rate_note"),
        ("x" * 5000, {}, "Error: unknown tool 'xxx"),
        ("__init__", {}, "Error: unknown tool '__init__'"),
        ("tag_note", {"note": 1, "tag": "a"}, "Error: invalid arguments for tag_note['note']: 1 is not of type"),
        ("tag_note", {"note": "n1"}, "Error: invalid arguments for tag_note: 'tag' is a required property"),
        ("tag_note", {"note": "n1", "tag": "a", "self": 1}, "Error: invalid arguments for tag_note: Additional"),
        ("tag_note", {"note": "n77", "tag": "a"}, "Error: no note 'n77'"),
    ],
)
def test_a_tool_that_refuses_answers_with_text(env: ForgeEnv, write: Any, name: str, arguments: Any, told: str) -> None:
    (answer,), _, terminated, truncated, info = env.step(write(name, arguments))
    assert answer["role"] == "tool" and answer["content"].startswith(told) and len(answer["content"]) < 500
    assert not terminated and not truncated and "fault" not in info
    assert info["reward_components"] == {"format_valid": 0.05}


@pytest.mark.parametrize(
    ("action", "told"),
    [
        (42, "not int"),
        (None, "not NoneType"),
        (b"text", "not bytes"),
        (object(), "not object"),
        (["text"], "not list"),
        ({"role": "user", "content": "hi"}, "the role of a reply is 'assistant'"),
        ({}, "the role of a reply is 'assistant'"),
        ("<tool_call>{</tool_call>", "not valid JSON"),
        ("<tool_call>", "not closed"),
        ("half a pair \ud83d", "surrogate"),
        (_text("tag_note", {"note": float("nan"), "tag": "a"}), "NaN"),
        (_chat("tag_note", {"note": float("nan"), "tag": "a"}), "NaN"),
        (_chat("tag_note", {"note": object()}), "not JSON values"),
        (_chat("tag_note", "[" * 100_000), "not valid JSON"),
    ],
)
def test_a_malformed_action_is_told_so(env: ForgeEnv, action: Any, told: str) -> None:
    (answer,), reward, terminated, truncated, info = env.step(action)
    assert answer["role"] == "user" and told in answer["content"] and told in info["fault"]
    assert (reward, terminated, truncated, info["format_faults"]) == (0.0, False, False, 1)
    json.dumps([env.messages, info], ensure_ascii=False).encode()
    for good in env.gold_actions():
        *_, info = env.step(good)
    assert info["verdict"]["components"] == {"format_correct": 0.0, "state_match": 1.0, "outputs_match": 1.0}
    assert info["verdict"]["reward"] == 0.0


@pytest.mark.parametrize(
    "action",
    [
        "x" * MEGABYTES_10,
        "<tool_call>" * (MEGABYTES_10 // 11),
        _text("tag_note", {"note": "x" * MEGABYTES_10, "tag": "a"}),
        _chat("tag_note", {"note": "x" * MEGABYTES_10, "tag": "a"}),
        {"role": "assistant", "content": "x" * MEGABYTES_10},
        _chat("x" * MEGABYTES_10, {}),
        b"x" * MEGABYTES_10,
    ],
    ids=["text", "tags", "call", "chat call", "chat text", "tool name", "bytes"],
)
def test_ten_megabytes_take_bounded_time_and_memory(env: ForgeEnv, action: Any) -> None:
    tracemalloc.start()
    start = time.perf_counter()
    (answer,), _, terminated, truncated, info = env.step(action)
    seconds = time.perf_counter() - start
    kept, _ = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert answer["content"].startswith("Error: ") and len(answer["content"]) < 300
    assert info["format_faults"] == 1 and not terminated and not truncated
    assert seconds < 5 and kept < 2**20
    assert len(json.dumps([env.messages, info])) < 10_000


def test_the_longest_allowed_reply_is_taken(env: ForgeEnv) -> None:
    (answer,), *_ = env.step(_text("add_note", {"text": "x" * 99_000, "tags": []}))
    assert answer["content"] == '{"note": "n2"}'


def test_the_clients_message_is_an_action(env: ForgeEnv) -> None:
    message = ChatCompletionMessage.model_validate(_chat("tag_note", '{"note": "n1", "tag": "a"}'))
    (answer,), *_ = env.step(message)
    assert answer == {"role": "tool", "tool_call_id": "1", "name": "tag_note", "content": "done"}
    (answer,), *_, info = env.step(ChatCompletionMessage(role="assistant", content=_text("nope", {})))
    assert answer["content"].startswith("Error: unknown tool") and info["format_faults"] == 0


def test_calls_of_one_turn_are_answered_in_order(env: ForgeEnv) -> None:
    action = "\n".join([_text("tag_note", {"note": "n1", "tag": "a"}), _text("nope", {}), _text("add_note", {})])
    answers, *_ = env.step(action)
    assert [a["tool_call_id"] for a in answers] == ["call_1_0", "call_1_1", "call_1_2"]
    assert [a["content"].startswith("Error: ") for a in answers] == [False, True, True]


names = st.sampled_from(["add_note", "tag_note", "nope", ""])
leaves = st.none() | st.booleans() | st.integers() | st.floats() | st.text() | st.sampled_from(["n1", "text", "tags"])
values = st.recursive(leaves, lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner), max_leaves=8)
arguments = values | st.dictionaries(st.sampled_from(["text", "tags", "note", "tag", "self"]), values)
actions = st.one_of(
    st.text(), st.binary(), values, st.builds(_text, names, arguments), st.builds(_chat, names, arguments)
)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(actions, max_size=5))
def test_no_action_raises(env: ForgeEnv, played: list[Any]) -> None:
    env.reset(options={"task": "ask"})
    for action in played:
        observation, reward, terminated, truncated, info = env.step(action)
        assert env.observation_space.contains(observation)
        assert reward == pytest.approx(sum(info["reward_components"].values()))
        json.dumps([observation, info], allow_nan=False, ensure_ascii=False).encode()
        if terminated or truncated:
            break
