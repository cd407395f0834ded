"""The conversation of an episode, as the agent sees it."""

import copy
from collections.abc import Iterable, Mapping, Sequence
from itertools import groupby
from typing import Any

from forge_envs.core.actions import raw_text
from forge_envs.core.errors import ConfigError
from forge_envs.core.messages import Message, assistant, calls_text
from forge_envs.core.protocols import Protocol
from forge_envs.core.protocols.base import without_thought


class Conversation:
    """Messages in order, and their size.

    Args:
        protocol: Writes tools, calls and results as text, for `tools_in_prompt`.
        tools_in_prompt: Keep everything as text, for models whose chat template knows no tools: schemas go into the
            system message (later ones into a user message), calls stay as they were written, results are a user
            message.

    Raises:
        ConfigError: The protocol has no text form for tools.
    """

    def __init__(self, protocol: Protocol, *, tools_in_prompt: bool = False):
        if tools_in_prompt and not protocol.render_tools([]):
            raise ConfigError(f"tools_in_prompt needs a protocol of text such as 'hermes', not {protocol.name!r}.")
        self._protocol, self._in_prompt = protocol, tools_in_prompt
        self._shown: set[str] = set()
        self.messages: list[Message] = []
        self.size = 0

    def act(self, message: Message, action: Any) -> None:
        """Add the assistant message that `action` was read as."""
        if self._in_prompt:
            text = raw_text(action)
            message = assistant(self._written(message) if text is None else without_thought(text).strip())
        self._add([message])

    def observe(self, messages: Iterable[Message], tools: Sequence[Mapping[str, Any]]) -> tuple[Message, ...]:
        """Add messages for the agent.

        Args:
            messages: Of the environment; at the start also those of a gold prefix.
            tools: Schemas of the tools that may be called now.

        Returns:
            The messages as the agent sees them; the caller's own copy.
        """
        seen = list(messages)
        if self._in_prompt:
            seen = self._introduce(tools, [text for role, group in _runs(seen) for text in self._as_text(role, group)])
        self._add(seen)
        return tuple(copy.deepcopy(seen))

    def _add(self, messages: Iterable[Message]) -> None:
        for message in copy.deepcopy(list(messages)):
            self.messages.append(message)
            self.size += len(message["content"]) + len(calls_text(message))

    def _as_text(self, role: str, messages: Sequence[Message]) -> list[Message]:
        if role == "tool":
            return [{"role": "user", "content": self._protocol.render_results(messages)}]
        if role == "assistant":
            return [assistant(self._written(message)) for message in messages]
        return list(messages)

    def _written(self, message: Message) -> str:
        try:
            return self._protocol.render(message)
        except ConfigError:  # a native call that this format can't say; the agent sees what was understood
            return f"{message['content']}{calls_text(message)}".strip()

    def _introduce(self, tools: Sequence[Mapping[str, Any]], messages: list[Message]) -> list[Message]:
        """Write schemas that were not shown yet into the system message, or after the last message."""
        new = [tool for tool in tools if tool["function"]["name"] not in self._shown]
        if not new:
            return messages
        self._shown |= {tool["function"]["name"] for tool in new}
        told = self._protocol.render_tools(new)
        if self.messages:
            return [*messages, {"role": "user", "content": told}]
        if messages and messages[0]["role"] == "system":
            policy = messages.pop(0)["content"]
            told = f"{policy}\n\n{told}"
        return [{"role": "system", "content": told}, *messages]


def _runs(messages: Sequence[Message]) -> list[tuple[str, list[Message]]]:
    """Messages in runs of one role: the results of one turn are shown together."""
    return [(role, list(run)) for role, run in groupby(messages, key=lambda message: message["role"])]
