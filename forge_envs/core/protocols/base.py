"""What a protocol is."""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from forge_envs.core.messages import Message

_THOUGHT = re.compile(r"\A\s*<think>.*?</think>", re.DOTALL)


@dataclass(frozen=True)
class Protocol:
    """A text format for replies.

    Args:
        name: Its name in `PROTOCOLS`.
        parse: Raw text to an assistant message; raises `ActionError`, whose text the model reads.
        render: An assistant message to the raw text that `parse` reads back; used to write gold turns. Raises
            `ConfigError` where the format has no form for the message.
        render_tools: Tool schemas to prompt text, for models whose chat template has no place for tools; an empty text
            where calls have no text form.
        render_results: The results of a turn's calls to the text of a user message, for the same models.
    """

    name: str
    parse: Callable[[str], Message]
    render: Callable[[Message], str]
    render_tools: Callable[[Sequence[Mapping[str, Any]]], str]
    render_results: Callable[[Sequence[Message]], str]


def without_thought(text: str) -> str:
    """The text after a thought at its beginning, as reasoning models write it."""
    return _THOUGHT.sub("", text)
