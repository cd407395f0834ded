"""Chat messages in the OpenAI shape, and what an agent may hand to ``step``."""

import json
import math
import unicodedata
from collections.abc import Iterable, Mapping
from typing import Any, Literal, NotRequired, TypedDict

from forge_envs.core.errors import ActionError

MAX_DEPTH = 64
"""Levels of nesting that a model's JSON may have."""


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


def calls_text(message: Message) -> str:
    """The calls of a message as people read them, each after a space."""
    return "".join(f" {name}({arguments})" for name, arguments in calls_of(message))


def transcript(messages: Iterable[Message]) -> str:
    """Messages as text for a terminal, one for each line or more; control characters are shown as escapes."""
    text = "\n".join(f"[{m['role']}] {m['content']}{calls_text(m)}" for m in messages)
    # A model's text must not move the cursor, recolour the screen or reverse the line.
    return "".join(c if c == "\n" or unicodedata.category(c)[0] != "C" else ascii(c)[1:-1] for c in text)


def decode_json(text: str) -> Any:
    """Decode JSON that a model wrote.

    Raises:
        ActionError: Not JSON, or JSON that no tool may get: NaN, infinity, absurdly long numbers, nesting deeper than
            `MAX_DEPTH`, characters that have no UTF-8 form.
    """

    def no_constant(name: str) -> Any:
        raise ValueError(f"{name} is not JSON")

    def finite(number: str) -> float:
        value = float(number)
        return value if math.isfinite(value) else no_constant(number[:40])

    try:
        value = json.loads(text, parse_constant=no_constant, parse_float=finite)
    except (ValueError, RecursionError) as error:
        raise ActionError(f"not valid JSON ({str(error)[:120] or type(error).__name__})") from None
    _refuse_extremes(value)
    return value


def check_text(text: str) -> str:
    """The text itself, if it can be written down.

    Raises:
        ActionError: It holds half of a surrogate pair, which no file and no tokenizer takes.
    """
    try:
        text.encode()
    except UnicodeEncodeError:
        raise ActionError("the text holds half of a surrogate pair, which is no character") from None
    return text


def _refuse_extremes(value: Any) -> None:
    """Level by level, not recursively: what comes after (copying, validation, the record) does recurse."""
    level = [value]
    for _ in range(MAX_DEPTH):
        level = [part for one in level for part in _parts(one)]
        if not level:
            return
    raise ActionError(f"not valid JSON (nested more than {MAX_DEPTH} levels deep)")


def _parts(value: Any) -> Iterable[Any]:
    if isinstance(value, str):
        check_text(value)
    if isinstance(value, dict):
        return [*value, *value.values()]
    return value if isinstance(value, list) else ()


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
    check_text(content or "")
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
    if isinstance(arguments, Mapping):
        arguments = _encode_json(arguments)
    decoded = decode_json(arguments or "{}") if isinstance(arguments, str) else arguments
    if not isinstance(decoded, dict):
        raise ActionError(f"the arguments of {check_text(name)[:80]} are a JSON object, not {type(decoded).__name__}")
    call_id = field(call, "id")
    known = isinstance(call_id, str) and call_id
    return tool_call(check_text(name), decoded, check_text(call_id) if known else f"call_{index}")


def _encode_json(arguments: Mapping[str, Any]) -> str:
    """Decoded arguments go through the same gate as text: an agent's code can hold values that JSON does not have."""
    try:
        return json.dumps(dict(arguments))
    except (TypeError, ValueError, RecursionError) as error:
        raise ActionError(f"not JSON values in the arguments ({str(error)[:120]})") from None


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
