"""Values of exact builtin types to and from plain JSON data. Runs on both sides; imports the standard library only."""

import json
from typing import Any

DEPTH = 200
"""How deep a value may nest: JSON parsers stop near 1,000, and no honest answer comes close."""

BITS = 4_000
"""Longer integers go as hexadecimal: Python refuses to read more than 4,300 decimal digits."""

COLLISIONS = 100
"""How many keys may have the same hash: those of tuples and numbers can be chosen."""

_DICTS = {("collections", "OrderedDict"), ("collections", "defaultdict"), ("collections", "Counter")}


class Foreign(Exception):
    """A value of a type that does not count."""


def to_plain(value: Any, depth: int = 0) -> Any:
    """What `json.dumps` can write; the table is in `values`.

    Raises:
        Foreign: A type that does not count, or deeper than `DEPTH`.
    """
    kind = type(value)
    if kind is str or kind is bool or value is None:
        return value
    if kind is int:
        return value if value.bit_length() <= BITS else {"$int": format(value, "x")}
    if kind is float:
        return (
            value if value - value == 0.0 else {"$float": "nan" if value != value else "inf" if value > 0 else "-inf"}
        )
    if depth >= DEPTH:
        raise Foreign(f"a value nested more than {DEPTH} deep")
    deeper = depth + 1
    if kind is list:
        return [to_plain(item, deeper) for item in value]
    if kind is tuple:
        return {"$tuple": [to_plain(item, deeper) for item in value]}
    if kind is dict or ((kind.__module__, kind.__qualname__) in _DICTS and isinstance(value, dict)):
        items = list(dict.items(value))
        if all(type(key) is str for key, _ in items) and not (len(items) == 1 and items[0][0].startswith("$")):
            return {key: to_plain(item, deeper) for key, item in items}
        return {"$dict": [[to_plain(key, deeper), to_plain(item, deeper)] for key, item in items]}
    if kind is set or kind is frozenset:
        return {f"${kind.__name__}": sorted((to_plain(item, deeper) for item in value), key=json.dumps)}
    if kind is bytes:
        return {"$bytes": value.hex()}
    if kind is complex:
        return {"$complex": [to_plain(value.real), to_plain(value.imag)]}
    if kind.__module__ == "numpy" and hasattr(value, "item") and type(value.item()) in (bool, int, float):
        return to_plain(value.item(), deeper)
    raise Foreign(f"a value of type {kind.__module__}.{kind.__qualname__}"[:200])


def from_plain(data: Any) -> Any:
    """The value of plain JSON data.

    Raises:
        ValueError, TypeError, AttributeError, RecursionError, OverflowError: Data that `to_plain` does not give.
    """
    if isinstance(data, list):
        return [from_plain(item) for item in data]
    if not isinstance(data, dict):
        return data
    if len(data) == 1:
        ((tag, inner),) = data.items()
        if tag.startswith("$"):
            return _tagged(tag, inner)
    return {key: from_plain(item) for key, item in data.items()}


def _tagged(tag: str, inner: Any) -> Any:
    if tag == "$tuple":
        return tuple(from_plain(item) for item in inner)
    if tag == "$dict":
        keys = _spread([from_plain(key) for key, _ in inner])
        return dict(zip(keys, (from_plain(item) for _, item in inner), strict=True))
    if tag == "$set":
        return set(_spread([from_plain(item) for item in inner]))
    if tag == "$frozenset":
        return frozenset(_spread([from_plain(item) for item in inner]))
    if tag == "$int":
        return int(inner, 16)
    if tag == "$float" and inner in ("nan", "inf", "-inf"):
        return float(inner)
    if tag == "$complex":
        real, imaginary = inner
        return complex(from_plain(real), from_plain(imaginary))
    if tag == "$bytes":
        return bytes.fromhex(inner)
    raise ValueError(f"unknown tag {tag[:20]!r}")


def _spread(items: list[Any]) -> list[Any]:
    """These items, if few of them have the same hash: a dict of others takes hours to make."""
    counts: dict[int, int] = {}
    for item in items:
        at = hash(item)
        counts[at] = counts.get(at, 0) + 1
        if counts[at] > COLLISIONS:
            raise ValueError("too many keys with the same hash")
    return items
