"""Java source text to a value (upstream: eval_checker/ast_eval/type_convertor/java_type_converter.py).

A text that is not of its type's form stays a text, and the type check then refuses it.
"""

import re
from collections.abc import Mapping
from typing import Any

JAVA_TYPES: Mapping[str, type] = {
    **dict.fromkeys(("byte", "short", "integer", "long"), int),
    **dict.fromkeys(("float", "double"), float),
    "boolean": bool,
    **dict.fromkeys(("char", "String", "any"), str),
    **dict.fromkeys(("Array", "ArrayList", "Queue", "Stack"), list),
    "Set": set,
    **dict.fromkeys(("HashMap", "Hashtable"), dict),
}
"""Upstream's types of Java (constants/type_mappings.py)."""

MAX_CHARS = 4000
"""Longer collections stay texts: the patterns below take quadratic time on text made to be slow."""

_INTEGER = re.compile(r"-?\d+$")
_LONG = re.compile(r"-?\d+[lL]$")
_DOUBLE = re.compile(r"-?\d+(\.\d+)?([eE][+-]?\d+)?$")
_FLOAT = re.compile(r"-?\d+(\.\d+)?([eE][+-]?\d+)?[fF]$")
_AS_LIST = re.compile(r"new\s++ArrayList<\w*+>\(Arrays\.asList\((.+?)\)\)")
_ADDS = re.compile(r"new\s++ArrayList<\w*+>\(\)\s*+\{\{\s*+(.+?)\s*+\}\}", re.DOTALL)
_ADD = re.compile(r"add\((.+?)\)")
_EMPTY_LIST = re.compile(r"new\s++ArrayList<\w*+>\(\)")
_ARRAY = re.compile(r"new\s++\w++\[\]\s*+\{(.*?)\}")
_PUTS = re.compile(r"new\s++HashMap<.*?>\s*+\(\)\s*+\{\s*+\{?+\s*+(.*?)\s*+\}?\s*+\}", re.DOTALL)
_PUT = re.compile(r"put\(\"(.*?)\",\s*(.*?)\)")
_EMPTY_MAP = re.compile(r"new\s++HashMap<.*?>\s*+\(\)")


def java_value(text: str, kind: str, item_kind: str | None = None, *, keep_quotes: bool = True) -> Any:
    """The value that a Java source text stands for.

    Args:
        text: The source, for example ``5L`` or ``new ArrayList<>(Arrays.asList(1, 2))``.
        kind: The schema's type, a key of `JAVA_TYPES`.
        item_kind: The type of the items of an ``Array`` or ``ArrayList``.
        keep_quotes: Keep the quotes of texts and characters in an ``Array``, as upstream does.

    Raises:
        ValueError: An integer with more digits than Python converts, or a type that upstream converts neither.
    """
    if kind in ("byte", "short", "integer"):
        return int(text) if _INTEGER.match(text) else text
    if kind == "long":
        return int(text.rstrip("\n")[:-1]) if _LONG.match(text) else text
    if kind == "float":
        return float(text.rstrip("\n")[:-1]) if _FLOAT.match(text) else text
    if kind == "double":
        return float(text) if _DOUBLE.match(text) else text
    if kind == "boolean":
        return {"true": True, "false": False}.get(text, text)
    if kind in ("char", "String", "any"):
        return text
    if len(text) > MAX_CHARS:
        return text
    if kind == "Array":
        return _array(text, item_kind, keep_quotes)
    if kind == "ArrayList":
        return _array_list(text, item_kind)
    if kind == "HashMap":
        return _hash_map(text)
    raise ValueError(f"{kind} is not converted")


def _array(text: str, item_kind: str | None, keep_quotes: bool) -> Any:
    found = _ARRAY.search(text)
    if not found:
        return text
    items = [item.strip() for item in found[1].split(",") if item.strip()]
    if item_kind in ("String", "char") and not keep_quotes:
        return [_unquoted(item) for item in items]
    return [_item(item, item_kind) for item in items]


def _array_list(text: str, item_kind: str | None) -> Any:
    found = _AS_LIST.search(text)
    if found:
        items = [item.strip() for item in found[1].split(",")]
    else:
        found = _ADDS.search(text)
        if not found:
            return [] if _EMPTY_LIST.search(text) else text
        items = [item.strip() for item in _ADD.findall(found[1])]
    # The first and last character go, whatever they are.
    return [item[1:-1] if item_kind in ("String", "char") else _item(item, item_kind) for item in items]


def _hash_map(text: str) -> Any:
    found = _PUTS.search(text) if "}" in text else None
    if found:
        return {key: _guessed(value.strip()) for key, value in _PUT.findall(found[1])}
    return {} if _EMPTY_MAP.search(text) else text


def _item(text: str, kind: str | None) -> Any:
    return java_value(text, kind) if kind else _guessed(text)


def _guessed(text: str) -> Any:
    """A value without a declared type: a boolean, a text in quotes, a number, else the text itself."""
    if text in ("true", "false"):
        return text == "true"
    if text.startswith('"') and text.endswith('"'):
        return text[1:-1]
    if _LONG.match(text):
        return int(text[:-1])
    if _FLOAT.match(text):
        return float(re.sub(r"[fF]$", "", text))
    for convert in (int, float):
        try:
            return convert(text)
        except ValueError:
            continue
    return text


def _unquoted(text: str) -> str:
    return text[1:-1] if len(text) > 1 and text[0] == text[-1] and text[0] in "\"'" else text
