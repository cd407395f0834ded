"""What a played user hears of the agent's text: nothing by which the agent could speak in the user's name."""

import re
from collections.abc import Sequence

_THOUGHT = re.compile(r"<think(?:ing)?>.*?(?:</think(?:ing)?>|\Z)", re.DOTALL | re.IGNORECASE)
# Marks of common chat templates. A server that encodes them as special tokens would let a text end its own turn.
_MARKS = re.compile(r"<(?=\||/?s>|(?:start|end)_of_turn>)|\[(?=/?INST\])", re.IGNORECASE)


def without_thoughts(text: str) -> str:
    """The text without its reasoning blocks; one that is never closed hides the rest."""
    return _THOUGHT.sub("", text).strip()


def as_heard(text: str, stop_tokens: Sequence[str]) -> str:
    """The agent's text as the user's model gets it.

    Reasoning is left out, stop tokens lose their hashes however they are written (case, spaces, more hashes), and marks
    of chat templates are broken by a space, so that neither an echo nor a forged turn ends the dialogue.

    Args:
        text: What the agent said.
        stop_tokens: Texts by which the user would leave, such as ``###STOP###``.
    """
    words = "|".join(re.escape(token.strip("#")) for token in stop_tokens)
    token = re.compile(rf"#+\s*({words})\s*#+", re.IGNORECASE)
    heard = text
    while True:  # what is taken out of a text may join what was around it
        plain = _MARKS.sub(lambda mark: f"{mark[0]} ", token.sub(r"\1", without_thoughts(heard)))
        if plain == heard:
            return plain
        heard = plain
