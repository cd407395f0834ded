"""The rules for returned values."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from forge_envs.code_contest.compare import Options
from forge_envs.code_contest.json_compare import Unreadable, json_equal, json_float, read_json

VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=3),
    max_leaves=10,
)
NAN = float("nan")


@pytest.mark.parametrize(
    ("got", "expected", "verdict"),
    [
        (True, 1, False),
        (1, True, False),
        (0, False, False),
        (1, 1.0, True),
        (1.0, 1, True),
        ("1", 1, False),
        (None, False, False),
        (None, 0, False),
        (None, [], False),
        ([True], [1], False),
        ({"a": 1}, {"a": True}, False),
        ((1, (2, 3)), [1, [2, 3]], True),
        ([1, 2], [2, 1], False),
        ([1], [1, 1], False),
        ({1: "a", 2: "b"}, {"2": "b", "1": "a"}, True),
        ({True: 1, None: 2}, {"true": 1, "null": 2}, True),
        ({1: 0, "1": 0}, {"1": 0}, False),
        ({(1, 2): 3}, {"(1, 2)": 3}, False),
        ({1, 2}, [1, 2], False),
        (frozenset(), [], False),
        (b"a", "a", False),
        (1 + 0j, 1, False),
        (NAN, NAN, False),
        (0.1 + 0.2, 0.3, False),
        (2**53 + 1, float(2**53), False),
        (10**400, 10**400, True),
        (10**400, 1e308, False),
        (float("inf"), float("inf"), True),
        (-0.0, 0, True),
        ("é", "e\u0301", False),
    ],
)
def test_json_equal(got: Any, expected: Any, verdict: bool) -> None:
    assert json_equal(got, expected) is verdict


@pytest.mark.parametrize(
    ("got", "expected", "options", "verdict"),
    [
        (0.1 + 0.2, 0.3, Options(), True),
        (3, 3.0000001, Options(), True),
        (2.9999999, 3, Options(), True),
        (10**9, 10**9 + 1, Options(), False),
        (1e9, 1e9 + 1, Options(), True),
        (1e9, 1e9 + 1, Options(abs=1e-6), False),
        (True, 1.0, Options(), False),
        ([0.3, "a"], [0.1 + 0.2, "a"], Options(), True),
        ({"x": [0.30001]}, {"x": [0.3]}, Options(), False),
        (NAN, 0.5, Options(abs=1e300), False),
        (float("inf"), 1e308, Options(rel=1e9), False),
        (10**400, 1e308, Options(rel=1e9), False),
    ],
)
def test_json_float(got: Any, expected: Any, options: Options, verdict: bool) -> None:
    assert json_float(got, expected, options) is verdict


@given(VALUES, VALUES)
def test_equal_values_have_equal_json_and_the_other_way_round(a: Any, b: Any) -> None:
    assert json_equal(read_json(json.dumps(a)), a)
    assert json_equal(a, b) is json_equal(b, a)
    if json.dumps(a, sort_keys=True) == json.dumps(b, sort_keys=True):
        assert json_equal(a, b) and json_float(a, b)


def test_deep_values_are_compared_without_recursion() -> None:
    deep: Any = 1
    other: Any = 2
    for _ in range(100_000):
        deep, other = [deep], [other]
    assert not json_equal(deep, other)
    while isinstance(deep, list):  # freed step by step: the interpreter's own recursion is not what is tested
        deep, other = deep[0], other[0]


@given(st.integers(min_value=1, max_value=20_000), st.booleans())
def test_long_integers_are_read(digits: int, negative: bool) -> None:
    value = 7 * 10 ** (digits - 1) + 3
    text = ("-" if negative else "") + ("7" + "0" * (digits - 2) + "3" if digits > 1 else "10")
    assert read_json(text) == (-value if negative else value)


@pytest.mark.parametrize("text", ["", "{", "[" * 100_000, "1" * (10**6 + 1), b"\xff", "{'a': 1}", "1 2"])
def test_what_is_no_json_is_unreadable(text: str | bytes) -> None:
    with pytest.raises(Unreadable):
        read_json(text)
