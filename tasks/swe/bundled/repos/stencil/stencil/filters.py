"""The filters that every environment has."""

from collections.abc import Callable, Iterable, Mapping
from typing import Any

from stencil.markup import Markup, concat, escape, text_of


def join(values: Iterable[Any], separator: Any = "") -> str:
    """All values in one text, with a separator in between."""
    parts: list[Any] = []
    for value in values:
        parts += [separator, value] if parts else [value]
    return concat(parts)


def replace(text: Any, old: str, new: Any) -> str:
    """The text with one part put in place of another."""
    if isinstance(new, Markup) and not isinstance(text, Markup):
        text, old = escape(text), escape(old)
    return (text if isinstance(text, Markup) else text_of(text)).replace(old, new)


def default(value: Any, other: Any = "") -> Any:
    """Another value in place of none or an empty text."""
    return other if value is None or value == "" else value


def truncate(text: Any, length: int, ending: str = "...") -> str:
    """At most so many characters, at the end of a word where there is one."""
    plain = text_of(text)
    if len(plain) <= length:
        return plain
    kept = plain[: max(length - len(ending), 0)]
    head, space, _ = kept.rpartition(" ")
    return (head if space else kept) + ending


def plural(number: int, one: str, many: str | None = None) -> str:
    """`1 day`, `2 days`."""
    word = one if number == 1 else many if many is not None else one + "s"
    return f"{number} {word}"


def sort(values: Iterable[Any], key: str | None = None) -> list[Any]:
    """The values in order, by one of their keys or attributes if one is named."""
    from stencil.nodes import lookup

    return sorted(values, key=(lambda value: lookup(value, key)) if key else None)


def group(values: Iterable[Any], key: str) -> dict[Any, list[Any]]:
    """The values by one of their keys or attributes, in order of first occurrence."""
    from stencil.nodes import lookup

    found: dict[Any, list[Any]] = {}
    for value in values:
        found.setdefault(lookup(value, key), []).append(value)
    return found


def number(value: float, digits: int = 2) -> str:
    """With a fixed number of digits and commas between thousands."""
    return f"{value:,.{digits}f}"


FILTERS: Mapping[str, Callable[..., Any]] = {
    "default": default,
    "escape": escape,
    "first": lambda values: next(iter(values), None),
    "group": group,
    "join": join,
    "length": len,
    "lower": lambda text: text_of(text).lower(),
    "number": number,
    "plural": plural,
    "replace": replace,
    "safe": lambda text: Markup(text_of(text)),
    "sort": sort,
    "title": lambda text: text_of(text).title(),
    "truncate": truncate,
    "upper": lambda text: text_of(text).upper(),
}
