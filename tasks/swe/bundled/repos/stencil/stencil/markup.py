"""Text that is HTML already, and how other text becomes it."""

from collections.abc import Iterable
from typing import Any

_ENTITIES = {"&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&quot;", "'": "&#39;"}
_TABLE = str.maketrans(_ENTITIES)


class Markup(str):
    """Text that needs no escaping. What is joined to it is escaped first."""

    __slots__ = ()

    def __add__(self, other: Any) -> "Markup":
        return Markup(str(self) + str(escape(other)))

    def __radd__(self, other: Any) -> "Markup":
        return Markup(str(escape(other)) + str(self))

    def __str__(self) -> str:
        return str.__str__(self)

    def join(self, parts: Iterable[Any]) -> "Markup":
        return Markup(str.join(self, [escape(part) for part in parts]))

    def replace(self, old: str, new: Any, count: int = -1, /) -> "Markup":
        return Markup(str.replace(self, old, escape(new), count))


def escape(value: Any) -> Markup:
    """The value as text that means the same in HTML; `Markup` stays as it is."""
    if isinstance(value, Markup):
        return value
    return Markup(text_of(value).translate(_TABLE))


def text_of(value: Any) -> str:
    """The value as a template prints it: nothing for None, `true` and `false` for truth values."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    return value if isinstance(value, str) else str(value)


def concat(parts: Iterable[Any]) -> str:
    """The parts as one text: `Markup` if any part is, with the other parts escaped."""
    held = list(parts)
    if any(isinstance(part, Markup) for part in held):
        return Markup("").join(held)
    return "".join(text_of(part) for part in held)
