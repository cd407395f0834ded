"""OpenAI tool calls: they arrive in a message's ``tool_calls``, decoded by `forge_envs.core.messages.from_chat`."""

from collections.abc import Mapping, Sequence
from typing import Any

from forge_envs.core.errors import ConfigError
from forge_envs.core.messages import Message, assistant
from forge_envs.core.protocols.base import Protocol, without_thought


def _parse(text: str) -> Message:
    return assistant(without_thought(text).strip())


def _render(message: Message) -> str:
    if "tool_calls" in message:
        raise ConfigError(
            "The protocol 'openai' has no text form for tool calls; use 'hermes' or 'python' for raw text."
        )
    return message["content"]


def _render_tools(tools: Sequence[Mapping[str, Any]]) -> str:
    return ""


def _render_results(results: Sequence[Message]) -> str:
    return "\n".join(message["content"] for message in results)


OPENAI = Protocol("openai", _parse, _render, _render_tools, _render_results)
