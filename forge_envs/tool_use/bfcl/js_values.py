"""JavaScript source text to a value (upstream: eval_checker/ast_eval/type_convertor/js_type_converter.py).

A text that is not of its type's form stays a text, and the type check then refuses it.
"""

import re
from bisect import bisect_right
from collections.abc import Mapping
from typing import Any

from forge_envs.tool_use.bfcl.java_values import MAX_CHARS

JS_TYPES: Mapping[str, type] = {
    "String": str,
    "integer": int,
    "float": float,
    "Bigint": int,
    "Boolean": bool,
    "dict": dict,
    "array": list,
    "any": str,
}
"""Upstream's types of JavaScript (constants/type_mappings.py)."""

_INTEGER = re.compile(r"-?\d+$")
_FLOAT = re.compile(r"-?\d+(\.\d+)?$")
_BIGINT = re.compile(r"-?\d+n$")
_NESTED_OPEN = (re.compile(r"\[\s*+(?=\[)"), re.compile(r"new\s++Array\(\s*+(?=\[)"))
_INNER = re.compile(r"\[(.*?)\]")
_FLAT = re.compile(r"\[(.*?)\]|\bnew\s++Array\((.*?)\)")
_OBJECT = re.compile(r"\{(.*?)\}")
_PAIR = re.compile(r"([^:]++):\s*(.*?)(?:,\s*(?=[^,]+:)|$)")


def js_value(text: str, kind: str, item_kind: str | None = None, *, keep_quotes: bool = True) -> Any:
    """The value that a JavaScript source text stands for.

    Args:
        text: The source, for example ``5n`` or ``["a", "b"]``.
        kind: The schema's type, a key of `JS_TYPES`.
        item_kind: The type of the items of an ``array``.
        keep_quotes: Not used; there so that Java and JavaScript are called alike.

    Raises:
        ValueError: An integer with more digits than Python converts, or an unknown type.
    """
    if kind == "String":
        return text[1:-1] if _quoted(text) else text
    if kind == "integer":
        return int(text) if _INTEGER.match(text) else text
    if kind == "float":
        return float(text) if _FLOAT.match(text) else text
    if kind == "Bigint":
        return int(text[:-1]) if _BIGINT.match(text) else text
    if kind == "Boolean":
        return {"true": True, "false": False}.get(text, text)
    if kind == "any":
        return text
    if kind == "array":
        return _array(text.strip(), item_kind)
    if kind == "dict":
        return _object(text.strip())
    raise ValueError(f"{kind} is not converted")


def _array(code: str, item_kind: str | None) -> Any:
    if len(code) > MAX_CHARS:
        return code
    nested = _nested_part(code)
    if nested is not None:
        rows = [row.strip() for row in _INNER.findall(nested)]
        if rows and rows[0].startswith("["):
            rows[0] = rows[0][1:]
        return [[_guessed(item.strip()) for item in row.split(",")] for row in rows]
    flat = _FLAT.match(code)
    if not flat:
        return code
    inside = (flat[1] if flat[1] is not None else flat[2]).strip()
    items = [item.strip() for item in inside.split(",")] if inside else []
    try:
        return [js_value(item, item_kind) if item_kind else _guessed(item) for item in items]
    except ValueError:
        return code


def _object(code: str) -> Any:
    if code == "{}":
        return {}
    found = _OBJECT.match(code) if len(code) <= MAX_CHARS else None
    if not found:
        return code
    return {key.strip().strip("'\""): _member(value.strip()) for key, value in _PAIR.findall(found[1])}


def _member(text: str) -> Any:
    if text.startswith("[") and text.endswith("]"):
        return _array(text, None)
    if text.startswith("{") and text.endswith("}"):
        return _object(text)
    return _guessed(text.strip("'\""))


def _nested_part(code: str) -> str | None:
    """The part of `code` that is an array of arrays, `[[..], [..]]` or `new Array([..], [..])`; None if there is none.

    Upstream's pattern needs exponential time on some texts; this finds the same part in one pass from the right.
    """
    for opening, closing in zip(_NESTED_OPEN, "])", strict=True):
        start = opening.match(code)
        if start:
            return _rows(code, start.end(), closing)
    return None


def _rows(code: str, first: int, closing: str) -> str | None:
    """`code` up to the bracket that closes the rows; rows end as early, and are as many, as can be."""
    ends = [index for index, char in enumerate(code) if char == "]" and index > first]
    whole: list[int | None] = [None] * len(ends)  # where everything ends if a row ends at ends[i]
    good = [len(ends)] * (len(ends) + 1)  # the first j >= i whose whole[j] is known

    def row_from(place: int) -> int | None:
        """Where everything ends if a row opens at `place`."""
        j = good[bisect_right(ends, place)]
        return None if j == len(ends) or "\n" in code[place : ends[j]] else whole[j]

    for i in range(len(ends) - 1, -1, -1):
        after = _past_space(code, ends[i] + 1)
        if code.startswith(",", after):
            place = _past_space(code, after + 1)
            whole[i] = row_from(place) if code.startswith("[", place) else None
        if whole[i] is None and code.startswith(closing, after):
            whole[i] = after + 1
        good[i] = good[i + 1] if whole[i] is None else i
    end = row_from(first)
    return None if end is None else code[:end]


def _past_space(code: str, at: int) -> int:
    while at < len(code) and code[at].isspace():
        at += 1
    return at


def _guessed(text: str) -> Any:
    """A value without a declared type: a boolean, a text in quotes, a number, else the text itself."""
    text = text.strip()
    if text in ("true", "false"):
        return text == "true"
    if _quoted(text):
        return text[1:-1]
    for convert in (int, float):
        try:
            return convert(text)
        except ValueError:
            continue
    return text


def _quoted(text: str) -> bool:
    return any(text.startswith(mark) and text.endswith(mark) for mark in "\"'")
