"""Reading an action: raw text or a chat message becomes an assistant message, or an `ActionError` for the model."""

import copy
from typing import Any

from forge_envs.core.errors import ActionError
from forge_envs.core.messages import Message, check_text, from_chat
from forge_envs.core.protocols import Protocol


def read_action(action: Any, protocol: Protocol, step: int, limit: int) -> Message:
    """The assistant message that an action stands for.

    Args:
        action: What `step` received.
        protocol: Reads raw text, and the content of a chat message without tool calls.
        step: Number of the action, for the ids of parsed calls.
        limit: Most characters allowed.

    Raises:
        ActionError: The action is too long, not a reply at all, or malformed; the model reads the message.
    """
    if isinstance(action, str):
        if len(action) > limit:
            raise ActionError(f"your reply has {len(action)} characters, and {limit} are allowed")
        return number_calls(protocol.parse(check_text(action)), step)
    message = from_chat(action)
    if message is None:
        raise ActionError(f"a reply is text or an assistant message, not {type(action).__name__}")
    if sum(map(len, (message["content"], str(message.get("tool_calls", ""))))) > limit:
        raise ActionError(f"your reply is too long; at most {limit} characters are allowed")
    if "tool_calls" not in message:
        return number_calls(protocol.parse(message["content"]), step)
    return copy.deepcopy(message)


def raw_text(action: Any) -> str | None:
    """What a policy wrote, of an action that could be read; None for calls that came apart from the text."""
    message = None if isinstance(action, str) else from_chat(action)
    if message is None:
        return str(action)
    return None if "tool_calls" in message else message["content"]


def number_calls(message: Message, step: int) -> Message:
    """Give parsed calls ids that are unique in the conversation."""
    for index, call in enumerate(message.get("tool_calls", [])):
        call["id"] = f"call_{step}_{index}"
    return message


def shown_action(action: Any, limit: int) -> str:
    """A refused action as the conversation keeps it: text is cut, anything else is named by its type."""
    if isinstance(action, str):
        text = action.encode(errors="replace").decode()
        return text if len(text) <= limit else text[:200] + "…"
    return f"<{type(action).__name__}>"
