"""Tools in the prompt: for a model whose template knows no tools, the whole conversation is text."""

from pathlib import Path
from typing import Any

import pytest

from forge_envs import ConfigError
from forge_envs.core.conversation import Conversation
from forge_envs.core.messages import assistant, tool_call
from forge_envs.core.protocols import get_protocol
from forge_envs.tool_use.env import ToolUseEnv

SCHEMAS: list[Any] = [
    {"type": "function", "function": {"name": name, "description": "Does.", "parameters": {"type": "object"}}}
    for name in ("first", "second")
]


def _env(suite: Path, protocol: str, **options: Any) -> ToolUseEnv:
    return ToolUseEnv(suite=str(suite), split=None, protocol=protocol, tools_in_prompt=True, **options)


def _gold(env: ToolUseEnv, task: str) -> list[str]:
    return env.gold_actions(env.suite[task])


@pytest.mark.parametrize("protocol", ["hermes", "python"])
def test_a_whole_episode_is_text(toy_suite: Path, protocol: str) -> None:
    env = _env(toy_suite, protocol)
    first, info = env.reset(options={"task": "add"})
    assert info["tools"] == [] and [m["role"] for m in first] == ["system", "user"]
    assert first[0]["content"].startswith("You keep a notebook.\n\nYou can call these ")
    assert all(f'"name": "{name}"' in first[0]["content"] for name in ("add_note", "tag_note", "rate_note"))
    for action in _gold(env, "add"):
        observation, reward, terminated, _, info = env.step(f"<think>So.</think>{action}")
        assert env.messages[-1 - len(observation)] == {"role": "assistant", "content": action}
        assert all(message["role"] == "user" for message in observation) and len(observation) <= 1
    assert (reward, terminated) == (1.0, True)
    assert all(set(message) == {"role", "content"} for message in env.messages)


def test_results_of_one_turn_are_one_message(toy_suite: Path) -> None:
    env = _env(toy_suite, "python")
    env.reset(options={"task": "add"})
    (told,), *_ = env.step("[tag_note(note='n1', tag='a'), nope(), tag_note(note='n9', tag='b')]")
    assert told["content"] == (
        "tag_note returned: done\n"
        "nope returned: Error: unknown tool 'nope'; the tools are add_note, tag_note, rate_note\n"
        "tag_note returned: Error: no note 'n9'"
    )
    (told,), *_, info = env.step("[tag_note(1)]")
    assert "name every argument of tag_note" in told["content"] and info["format_faults"] == 1
    assert env.messages[-2]["content"] == "[tag_note(1)]"


@pytest.mark.parametrize("protocol", ["hermes", "python"])
def test_stepwise_shows_what_a_free_episode_shows(toy_suite: Path, protocol: str) -> None:
    env = _env(toy_suite, protocol)
    env.reset(options={"task": "add"})
    env.step(_gold(env, "add")[0])
    free = env.messages
    prefix, _ = env.reset(options={"task": "add", "reward": "stepwise", "turn": 1})
    assert list(prefix) == free == env.messages
    assert env.step(_gold(env, "add")[1])[1] == 1.0


def test_a_native_call_is_written_in_the_protocol(toy_suite: Path) -> None:
    call = tool_call("tag_note", {"note": "n1", "tag": "it's"}, "x")
    for content, written in [("", "[tag_note(note='n1', tag=\"it's\")]"), ("Look:", "Look: tag_note({'note': 'n1', ")]:
        env = _env(toy_suite, "python")
        env.reset(options={"task": "add"})
        env.step(assistant(content, [call]))
        assert env.messages[-2]["role"] == "assistant" and env.messages[-2]["content"].startswith(written)


@pytest.mark.parametrize("as_chat", [False, True])
def test_text_stays_as_it_was_written(toy_suite: Path, as_chat: bool) -> None:
    written = 'So: <tool_call>{"arguments":{"note":"n1", "tag":"a"},"name":"tag_note"}</tool_call>'
    env = _env(toy_suite, "hermes")
    env.reset(options={"task": "add"})
    (told,), *_ = env.step({"role": "assistant", "content": written} if as_chat else written)
    assert told["content"] == "<tool_response>\ndone\n</tool_response>"
    assert env.messages[-2] == {"role": "assistant", "content": written}


def test_tools_that_come_later_are_told_to_the_agent() -> None:
    conversation = Conversation(get_protocol("hermes"), tools_in_prompt=True)
    first = conversation.observe([{"role": "user", "content": "Hi."}], SCHEMAS[:1])
    assert [m["role"] for m in first] == ["system", "user"] and '"first"' in first[0]["content"]
    conversation.act(assistant("Hello."), "Hello.")
    assert conversation.observe([{"role": "user", "content": "More."}], SCHEMAS[:1]) == (
        {"role": "user", "content": "More."},
    )
    said, new = conversation.observe([{"role": "user", "content": "And more."}], SCHEMAS)
    assert said["content"] == "And more." and new["role"] == "user"
    assert '"second"' in new["content"] and '"first"' not in new["content"]
    assert conversation.size == sum(len(m["content"]) for m in conversation.messages)


def test_a_protocol_without_text_form_is_refused(toy_suite: Path) -> None:
    with pytest.raises(ConfigError, match="tools_in_prompt needs a protocol of text such as 'hermes', not 'openai'"):
        _env(toy_suite, "openai")
