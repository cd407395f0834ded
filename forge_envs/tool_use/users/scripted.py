"""A user that answers from the task's script."""

from collections.abc import Mapping, Sequence
from typing import Any

FALLBACK = "Sorry, I don't know what you need from me. Please ask me for something specific."


class ScriptedUser:
    """A user that answers from the task's script.

    Args:
        replies: ``{"when": [keywords], "say": text}`` in order. To each of the agent's texts the user says the first
            unused reply one of whose keywords occurs in it (case-insensitive; no keywords match anything), or a fixed
            sentence if none does. When all are used, the user leaves.
        opening: The first message.
    """

    def __init__(self, replies: Sequence[Mapping[str, Any]], *, opening: str = ""):
        self._unused = list(replies)
        self._opening = opening

    def open(self) -> str:
        """The first message."""
        return self._opening

    def answer(self, text: str) -> str | None:
        """What the user says to `text`; None if the user leaves."""
        if not self._unused:
            return None
        for reply in self._unused:
            if not reply["when"] or any(word.lower() in text.lower() for word in reply["when"]):
                self._unused.remove(reply)
                return str(reply["say"])
        return FALLBACK
