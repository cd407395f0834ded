"""When a returned value is right: rules over JSON, read on the host from text that the sandbox wrote."""

import json
from collections.abc import Callable
from typing import Any

from forge_envs.code_contest.compare import Options, close

JsonRule = Callable[[Any, Any, Options], bool]

MAX_DIGITS = 4000
"""Digits that are turned into an integer at once: Python refuses more than 4,300."""


MAX_KEY_BITS = 13_000
"""Bits of an integer that can be a key: no object has a key of so many digits."""


class Unreadable(ValueError):
    """The text is not JSON, or nested too deeply to be read."""


def read_json(text: bytes | str) -> Any:
    """A JSON value, with integers as long as they are.

    Raises:
        Unreadable: Not JSON, nested too deeply, or an integer of more than a million digits.
    """
    try:
        return json.loads(text, parse_int=_integer)
    except (ValueError, RecursionError) as error:
        raise Unreadable(str(error)) from error


def json_equal(got: Any, expected: Any, options: Options = Options()) -> bool:  # noqa: B008 (frozen)
    """Equal as JSON values: types count, and so does the order of lists.

    `true` is not 1, `"1"` is not 1, null is only null. JSON has one type of number, so 1 and 1.0 are equal (as they are
    for `==`), exactly: no tolerance, and an integer is never rounded. NaN equals nothing. What Python has and JSON has
    not is taken as `json.dumps` writes it: a tuple is a list, a key that is a number, a bool or None is its text. Sets,
    bytes and complex numbers equal nothing.
    """
    return _same(got, expected, lambda a, b: a == b)


def json_float(got: Any, expected: Any, options: Options = Options()) -> bool:  # noqa: B008 (frozen)
    """As `json_equal`, but two numbers of which one is a float are equal when they are close (testlib's rule)."""
    absolute, relative = options.tolerance

    def numbers(a: float, b: float) -> bool:
        if a == b or (type(a) is int and type(b) is int):
            return a == b
        try:
            x, y = float(a), float(b)
        except OverflowError:
            return False
        return abs(x) != float("inf") and abs(y) != float("inf") and close(x, y, absolute=absolute, relative=relative)

    return _same(got, expected, numbers)


JSON_RULES: dict[str, JsonRule] = {"json_equal": json_equal, "json_float": json_float}
"""The rules for what a function returns."""


def json_matches(rule: str, got: bytes, expected: Any, options: Options) -> bool:
    """Whether text that a program printed is JSON for a value that is right.

    Args:
        rule: A key of `JSON_RULES`.
        got: What the program wrote; what is not JSON equals nothing.
        expected: The value.
        options: Tolerance.
    """
    try:
        return JSON_RULES[rule](read_json(got), expected, options)
    except Unreadable:
        return False


def _same(got: Any, expected: Any, numbers: Callable[[float, float], bool]) -> bool:
    pairs = [(got, expected)]  # a stack, since a value may be nested deeply
    while pairs:
        a, b = pairs.pop()
        if type(a) in _NUMBERS and type(b) in _NUMBERS:
            if not numbers(a, b):
                return False
        elif type(a) in _LISTS and type(b) in _LISTS:
            if len(a) != len(b):
                return False
            pairs.extend(zip(a, b, strict=True))
        elif type(a) is not type(b):
            return False
        elif type(a) is dict:
            left, right = _with_text_keys(a), _with_text_keys(b)
            if left is None or right is None or left.keys() != right.keys():
                return False
            pairs.extend((left[key], right[key]) for key in right)
        elif type(a) not in (str, bool, type(None)) or a != b:
            return False
    return True


def _with_text_keys(items: dict[Any, Any]) -> dict[str, Any] | None:
    """As JSON would have the keys; None where that is impossible or makes two of them equal."""
    keys = [_key(key) for key in items]
    if None in keys or len(set(keys)) < len(keys):
        return None
    return dict(zip(keys, items.values(), strict=True))  # type: ignore[arg-type]


def _key(key: Any) -> str | None:
    if type(key) is str:
        return key
    if type(key) is int and key.bit_length() > MAX_KEY_BITS:  # Python refuses to write it
        return None
    return json.dumps(key) if key is None or type(key) in (bool, *_NUMBERS) else None


_LISTS = (list, tuple)
_NUMBERS = (int, float)


def _integer(digits: str) -> int:
    if len(digits) <= MAX_DIGITS:
        return int(digits)
    if len(digits) > 10**6:
        raise ValueError("an integer of more than a million digits")
    if digits.startswith("-"):
        return -_integer(digits[1:])
    half = len(digits) // 2
    return _integer(digits[:half]) * 10 ** (len(digits) - half) + _integer(digits[half:])
