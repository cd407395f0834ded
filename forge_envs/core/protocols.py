"""Protocols: how the raw text that a model writes and our messages map onto each other.

Parsing happens here and nowhere else. A policy returns raw text; the environment's protocol reads it.
"""

import json
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from forge_envs.core.errors import ActionError, ConfigError
from forge_envs.core.messages import Message, ToolCall, assistant, calls_of, decode_json, tool_call

_OPEN, _CLOSE = "<tool_call>", "</tool_call>"
_THOUGHT = re.compile(r"\A\s*<think>.*?</think>", re.DOTALL)


@dataclass(frozen=True)
class Protocol:
    """A text format for replies.

    Args:
        name: Its name in `PROTOCOLS`.
        parse: Raw text to an assistant message; raises `ActionError`, whose text the model reads.
        render: An assistant message to the raw text that `parse` reads back; used to write gold turns.
        render_tools: Tool schemas to prompt text, for models whose chat template has no place for tools.
    """

    name: str
    parse: Callable[[str], Message]
    render: Callable[[Message], str]
    render_tools: Callable[[Sequence[Mapping[str, Any]]], str]


def get_protocol(name: str) -> Protocol:
    """The protocol of that name.

    Raises:
        ConfigError: There is none.
    """
    if name not in PROTOCOLS:
        raise ConfigError(f"Unknown protocol {name!r}: use one of {sorted(PROTOCOLS)}.")
    return PROTOCOLS[name]


def _parse_hermes(text: str) -> Message:
    """`<tool_call>{"name": ..., "arguments": {...}}</tool_call>`, as Hermes and Qwen models write calls."""
    spoken = _THOUGHT.sub("", text)
    # Splitting is linear in the text; a pattern that looks for each pair is quadratic where many are left open.
    *closed, rest = spoken.split(_CLOSE)
    parts = [piece.partition(_OPEN) for piece in closed]
    if _OPEN in rest or not all(opened for _, opened, _ in parts):
        raise ActionError("a <tool_call> is not closed, or a </tool_call> was never opened")
    calls = [_read_hermes_call(body, index) for index, (_, _, body) in enumerate(parts)]
    return assistant("".join([*(before for before, _, _ in parts), rest]).strip(), calls)


def _read_hermes_call(body: str, index: int) -> ToolCall:
    call = decode_json(body.strip())
    if not isinstance(call, dict) or not isinstance(call.get("name"), str) or not call["name"]:
        raise ActionError('a <tool_call> holds one JSON object: {"name": "...", "arguments": {...}}')
    arguments = call.get("arguments", {})
    if not isinstance(arguments, dict):
        raise ActionError(f"the arguments of {call['name'][:80]} are a JSON object")
    return tool_call(call["name"], arguments, f"call_{index}")


def _render_hermes(message: Message) -> str:
    calls = [json.dumps({"name": n, "arguments": a}, ensure_ascii=False) for n, a in calls_of(message)]
    # A tag inside an argument would end the call early; in JSON its first character can be written as an escape.
    safe = [call.replace(_OPEN, "\\u003c" + _OPEN[1:]).replace(_CLOSE, "\\u003c" + _CLOSE[1:]) for call in calls]
    parts = [message["content"]] if message["content"] else []
    return "\n".join(parts + [f"{_OPEN}\n{call}\n{_CLOSE}" for call in safe])


def _render_hermes_tools(tools: Sequence[Mapping[str, Any]]) -> str:
    listed = "\n".join(json.dumps(t, ensure_ascii=False) for t in tools)
    return (
        f"You can call these tools, given as JSON Schemas:\n<tools>\n{listed}\n</tools>\n"
        "To call one, write a JSON object with its name and arguments between tags:\n"
        '<tool_call>\n{"name": "<tool>", "arguments": {"<parameter>": "<value>"}}\n</tool_call>'
    )


def _parse_openai(text: str) -> Message:
    """Native tool calls: they arrive in the message's `tool_calls`, so raw text is only text."""
    return assistant(_THOUGHT.sub("", text).strip())


def _render_openai(message: Message) -> str:
    if "tool_calls" in message:
        raise ConfigError("The protocol 'openai' has no text form for tool calls; use 'hermes' for raw text.")
    return message["content"]


def _no_tools_in_text(tools: Sequence[Mapping[str, Any]]) -> str:
    return ""


PROTOCOLS: dict[str, Protocol] = {
    "hermes": Protocol("hermes", _parse_hermes, _render_hermes, _render_hermes_tools),
    "openai": Protocol("openai", _parse_openai, _render_openai, _no_tools_in_text),
}
"""Every protocol by name. Text that comes from a model is read by the one that the environment was made with."""
