"""The JSON of values: one text for one value, and back."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from forge_envs.core.errors import ConfigError
from forge_envs.sandbox.judge import values

LEAVES = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False)
    | st.text()
    | st.binary()
    | st.complex_numbers(allow_nan=False)
)
KEYS = st.integers() | st.text() | st.tuples(st.integers(), st.text())
VALUES = st.recursive(
    LEAVES,
    lambda inner: (
        st.lists(inner)
        | st.lists(inner).map(tuple)
        | st.dictionaries(KEYS, inner)
        | st.sets(KEYS)
        | st.frozensets(KEYS)
    ),
    max_leaves=20,
)


def shape(value: Any) -> Any:
    """A value with every type spelled out, since 1, 1.0 and True are equal."""
    if isinstance(value, list | tuple):
        return (type(value).__name__, [shape(item) for item in value])
    if isinstance(value, dict):
        return ("dict", [(shape(key), shape(item)) for key, item in value.items()])
    return (type(value).__name__, value)


@given(VALUES)
def test_a_value_comes_back_as_it_was(value: Any) -> None:
    assert shape(values.decode(values.encode(value))) == shape(value)


@given(st.recursive(st.none() | st.integers() | st.text(), lambda x: st.lists(x) | st.dictionaries(st.text(), x)))
def test_hostile_texts_give_a_value_or_a_value_error(data: Any) -> None:
    for text in (
        json.dumps(data),
        json.dumps({"$tuple": data}),
        json.dumps({"$dict": data}),
        json.dumps({"$set": data}),
    ):
        try:
            values.decode(text)
        except ValueError:
            continue


def test_plain_data_is_plain_json() -> None:
    assert values.encode([1, "a", None, {"k": [True]}]) == '[1,"a",null,{"k":[true]}]'


def test_depth_is_bounded() -> None:
    deep: list[Any] = []
    for _ in range(values.DEPTH + 1):
        deep = [deep]
    with pytest.raises(ConfigError, match="nested"):
        values.encode(deep)
    with pytest.raises(ValueError):
        values.decode("[" * 100_000)
