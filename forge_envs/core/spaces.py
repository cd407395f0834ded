"""Gymnasium spaces of chat messages. `gymnasium.spaces.Text` does not fit: it allows letters and digits only.

Gymnasium batches a space that it does not know as a tuple with one element for each environment.
"""

from typing import Any

import numpy as np
from gymnasium.spaces import Space

from forge_envs.core.errors import ActionError
from forge_envs.core.messages import Message, from_chat

_WORDS = ("hello", "please", "check", "the", "order", "café", "42", "done", "thanks", "yes")


class MessageSpace(Space[Any]):
    """Assistant messages: raw text, a chat message, or the message object of the openai client.

    Samples are plain sentences: they never call a tool, so sampling an action is harmless.
    """

    def __init__(self, seed: int | np.random.Generator | None = None):
        super().__init__(shape=None, dtype=None, seed=seed)

    def sample(self, mask: Any = None, probability: Any = None) -> str:
        """A short sentence drawn from this space's own generator; masks don't apply to text."""
        return " ".join(self.np_random.choice(_WORDS, size=int(self.np_random.integers(1, 9))).tolist())

    def contains(self, x: Any) -> bool:
        """Whether `x` can be read as an assistant message; costs nothing for text."""
        if isinstance(x, str):
            return True
        try:
            return from_chat(x) is not None
        except ActionError:
            return False

    @property
    def is_np_flattenable(self) -> bool:
        return False

    def to_jsonable(self, sample_n: Any) -> list[Any]:
        """Samples as JSON values."""
        return [x if isinstance(x, str) else from_chat(x) for x in sample_n]

    def from_jsonable(self, sample_n: list[Any]) -> list[Any]:
        """The samples that `to_jsonable` was given."""
        return list(sample_n)

    def __eq__(self, other: object) -> bool:
        return type(self) is type(other)

    def __hash__(self) -> int:
        return hash(type(self))

    def __repr__(self) -> str:
        return f"{type(self).__name__}()"


class ConversationSpace(MessageSpace):
    """Tuples of messages: those that are new since the last action."""

    def sample(self, mask: Any = None, probability: Any = None) -> Any:
        """One or two user messages."""
        count = int(self.np_random.integers(1, 3))
        return tuple({"role": "user", "content": super(ConversationSpace, self).sample()} for _ in range(count))

    def contains(self, x: Any) -> bool:
        """Whether `x` is a tuple of messages."""
        return isinstance(x, tuple) and all(_is_message(m) for m in x)

    def to_jsonable(self, sample_n: Any) -> list[Any]:
        """Samples as JSON values: lists of messages."""
        return [list(x) for x in sample_n]

    def from_jsonable(self, sample_n: list[Any]) -> list[Any]:
        """The samples that `to_jsonable` was given."""
        return [tuple(x) for x in sample_n]


def _is_message(x: Message | Any) -> bool:
    return isinstance(x, dict) and isinstance(x.get("role"), str) and isinstance(x.get("content"), str)
