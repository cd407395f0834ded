"""Chat messages in the OpenAI shape, and what an agent may hand to ``step``."""

import json
from collections.abc import Iterable, Mapping
from typing import Any, Literal, NotRequired, TypedDict

from forge_envs.core.errors import ActionError


class Function(TypedDict):
    """The function part of a tool call; `arguments` is an object, decoded from the JSON that a model wrote."""

    name: str
    arguments: dict[str, Any]


class ToolCall(TypedDict):
    """One tool call of an assistant message."""

    id: str
    type: Literal["function"]
    function: Function


class Message(TypedDict):
    """One message. A tool's result names its call in `tool_call_id` and the tool in `name`."""

    role: Literal["system", "user", "assistant", "tool"]
    content: str
    tool_calls: NotRequired[list[ToolCall]]
    tool_call_id: NotRequired[str]
    name: NotRequired[str]


def tool_call(name: str, arguments: Mapping[str, Any], call_id: str) -> ToolCall:
    """A tool call message part.

    Args:
        name: The tool.
        arguments: Its arguments.
        call_id: Any string that is unique within the conversation.
    """
    return {"id": call_id, "type": "function", "function": {"name": name, "arguments": dict(arguments)}}


def assistant(content: str = "", calls: Iterable[ToolCall] = ()) -> Message:
    """An assistant message; `tool_calls` is left out where there are none."""
    message: Message = {"role": "assistant", "content": content}
    listed = list(calls)
    if listed:
        message["tool_calls"] = listed
    return message


def calls_of(message: Message) -> list[tuple[str, dict[str, Any]]]:
    """The (name, arguments) pairs of an assistant message, in order."""
    return [(c["function"]["name"], c["function"]["arguments"]) for c in message.get("tool_calls", [])]


def decode_json(text: str) -> Any:
    """Decode JSON that a model wrote.

    Raises:
        ActionError: Not JSON, or JSON that no tool may get (NaN, absurdly long numbers or deep nesting).
    """

    def no_constant(name: str) -> Any:
        raise ValueError(f"{name} is not JSON")

    try:
        return json.loads(text, parse_constant=no_constant)
    except (ValueError, RecursionError) as error:
        raise ActionError(f"not valid JSON ({str(error)[:120] or type(error).__name__})") from None


def from_chat(action: Any) -> Message | None:
    """Read a chat message: a mapping, or an object with the attributes of the openai client's message.

    Args:
        action: What an agent handed over.

    Returns:
        The message with decoded arguments, or None if `action` is no chat message at all.

    Raises:
        ActionError: It is a chat message, but not a well-formed assistant message.
    """
    if not isinstance(action, Mapping):
        if not (hasattr(action, "role") and hasattr(action, "content")):
            return None
        action = {name: getattr(action, name, None) for name in ("role", "content", "tool_calls")}
    if action.get("role") != "assistant":
        raise ActionError(f"the role of a reply is 'assistant', not {str(action.get('role'))[:40]!r}")
    content = action.get("content")
    if content is not None and not isinstance(content, str):
        raise ActionError(f"the content of a reply is text, not {type(content).__name__}")
    calls = action.get("tool_calls") or []
    if not isinstance(calls, list | tuple):
        raise ActionError(f"tool_calls is a list, not {type(calls).__name__}")
    return assistant(content or "", [_read_call(call, index) for index, call in enumerate(calls)])


def _read_call(call: Any, index: int) -> ToolCall:
    def field(owner: Any, name: str) -> Any:
        return owner.get(name) if isinstance(owner, Mapping) else getattr(owner, name, None)

    function = field(call, "function")
    name, arguments = field(function, "name"), field(function, "arguments")
    if not isinstance(name, str) or not name:
        raise ActionError(f"tool call {index + 1} has no function name")
    if isinstance(arguments, str):
        arguments = decode_json(arguments or "{}")
    if not isinstance(arguments, Mapping):
        raise ActionError(f"the arguments of {name[:80]} are a JSON object, not {type(arguments).__name__}")
    call_id = field(call, "id")
    return tool_call(name, arguments, call_id if isinstance(call_id, str) and call_id else f"call_{index}")


def to_openai(messages: Iterable[Message]) -> list[dict[str, Any]]:
    """Messages as an OpenAI-compatible endpoint takes them: arguments as JSON text."""
    converted: list[dict[str, Any]] = []
    for message in messages:
        plain: dict[str, Any] = dict(message)
        if "tool_calls" in message:
            plain["tool_calls"] = [
                {**c, "function": {**c["function"], "arguments": json.dumps(c["function"]["arguments"])}}
                for c in message["tool_calls"]
            ]
        converted.append(plain)
    return converted
