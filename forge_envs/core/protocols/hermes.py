"""``<tool_call>{"name": ..., "arguments": {...}}</tool_call>``, as Hermes and Qwen models write calls."""

import json
from collections.abc import Mapping, Sequence
from typing import Any

from forge_envs.core.errors import ActionError
from forge_envs.core.messages import Message, ToolCall, assistant, calls_of, decode_json, tool_call
from forge_envs.core.protocols.base import Protocol, without_thought

_OPEN, _CLOSE = "<tool_call>", "</tool_call>"


def _parse(text: str) -> Message:
    # Splitting is linear in the text; a pattern that looks for each pair is quadratic where many are left open.
    *closed, rest = without_thought(text).split(_CLOSE)
    parts = [piece.partition(_OPEN) for piece in closed]
    if _OPEN in rest or not all(opened for _, opened, _ in parts):
        raise ActionError("a <tool_call> is not closed, or a </tool_call> was never opened")
    calls = [_read_call(body, index) for index, (_, _, body) in enumerate(parts)]
    return assistant("".join([*(before for before, _, _ in parts), rest]).strip(), calls)


def _read_call(body: str, index: int) -> ToolCall:
    call = decode_json(body.strip())
    if not isinstance(call, dict) or not isinstance(call.get("name"), str) or not call["name"]:
        raise ActionError('a <tool_call> holds one JSON object: {"name": "...", "arguments": {...}}')
    arguments = call.get("arguments", {})
    if not isinstance(arguments, dict):
        raise ActionError(f"the arguments of {call['name'][:80]} are a JSON object")
    return tool_call(call["name"], arguments, f"call_{index}")


def _render(message: Message) -> str:
    calls = [json.dumps({"name": n, "arguments": a}, ensure_ascii=False) for n, a in calls_of(message)]
    # A tag inside an argument would end the call early; in JSON its first character can be written as an escape.
    safe = [call.replace(_OPEN, "\\u003c" + _OPEN[1:]).replace(_CLOSE, "\\u003c" + _CLOSE[1:]) for call in calls]
    parts = [message["content"]] if message["content"] else []
    return "\n".join(parts + [f"{_OPEN}\n{call}\n{_CLOSE}" for call in safe])


def _render_tools(tools: Sequence[Mapping[str, Any]]) -> str:
    listed = "\n".join(json.dumps(t, ensure_ascii=False) for t in tools)
    return (
        f"You can call these tools, given as JSON Schemas:\n<tools>\n{listed}\n</tools>\n"
        "To call one, write a JSON object with its name and arguments between tags:\n"
        '<tool_call>\n{"name": "<tool>", "arguments": {"<parameter>": "<value>"}}\n</tool_call>'
    )


def _render_results(results: Sequence[Message]) -> str:
    return "\n".join(f"<tool_response>\n{message['content']}\n</tool_response>" for message in results)


HERMES = Protocol("hermes", _parse, _render, _render_tools, _render_results)
