"""Copy-on-write tables: what one view writes, no other sees, and the database never changes."""

import copy
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from forge_envs.tool_use.tau.tables import Tables, clone

BASE = {"users": {"a": {"name": "A", "cards": [{"id": 1}]}, "b": {"name": "B", "cards": []}}, "orders": {}}


def test_a_view_copies_what_it_edits_and_nothing_else() -> None:
    before = copy.deepcopy(BASE)
    one, other = Tables(BASE), Tables(BASE)
    assert one.read("users", "b") is BASE["users"]["b"]
    one.edit("users", "a")["cards"][0]["id"] = 2
    one.put("orders", "x", {"n": 1})
    assert one.read("users", "a")["cards"] == [{"id": 2}] and one.has("orders", "x")
    assert other.read("users", "a")["cards"] == [{"id": 1}] and not other.has("orders", "x")
    assert before == BASE


def test_records_keep_the_order_of_the_database_and_new_ones_come_last() -> None:
    view = Tables(BASE)
    view.put("users", "c", {"name": "C"})
    view.edit("users", "b")["name"] = "BB"
    assert [(key, record["name"]) for key, record in view.records("users")] == [("a", "A"), ("b", "BB"), ("c", "C")]


def test_changes_are_a_copy() -> None:
    view = Tables(BASE)
    view.edit("users", "a")
    view.changes()["users"]["a"]["name"] = "changed"
    assert view.read("users", "a")["name"] == "A"
    assert set(view.changes()) == {"users"}


def test_an_unhashable_key_fails_as_in_a_dict() -> None:
    with pytest.raises(TypeError, match="unhashable type: 'list'"):
        Tables(BASE).has("users", [])


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
)


@given(json_values)
def test_a_clone_is_equal_and_shares_no_container(value: Any) -> None:
    def containers(one: Any) -> list[int]:
        parts = one.values() if isinstance(one, dict) else one if isinstance(one, list) else None
        return [] if parts is None else [id(one), *(number for part in parts for number in containers(part))]

    made = clone(value)
    assert made == value and not set(containers(made)) & set(containers(value))
