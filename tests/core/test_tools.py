"""Tools: schemas from signatures, validated arguments, results as text."""

import copy
from typing import Any, Literal

import pytest
from forge_toy import Notebook

from forge_envs import ConfigError, ToolError, tool
from forge_envs.core.tools import Tool, Toolset


def book(title: str, copies: int = 1, shelf: Literal["A", "B"] | None = None) -> dict[str, int]:
    """Order a book.

    It takes a week.

    Args:
        title: Full title.
        copies: How many.
        shelf: Where it goes.

    Returns:
        The order.
    """
    return {"order": copies}


def test_the_schema_comes_from_signature_and_docstring() -> None:
    made = Tool.from_function(book)
    assert made.schema() == {
        "type": "function",
        "function": {
            "name": "book",
            "description": "Order a book.\n\nIt takes a week.",
            "parameters": {
                "type": "object",
                "properties": {
                    "title": {"type": "string", "description": "Full title."},
                    "copies": {"type": "integer", "default": 1, "description": "How many."},
                    "shelf": {
                        "anyOf": [{"enum": ["A", "B"], "type": "string"}, {"type": "null"}],
                        "default": None,
                        "description": "Where it goes.",
                    },
                },
                "required": ["title"],
                "additionalProperties": False,
            },
        },
    }
    assert made.returns == {"additionalProperties": {"type": "integer"}, "type": "object"}


@pytest.mark.parametrize(
    ("arguments", "fault"),
    [
        ({}, "'title' is a required property"),
        ({"title": 3}, r"book\['title'\]: 3 is not of type 'string'"),
        ({"title": "x", "copies": "2"}, r"book\['copies'\]: '2' is not of type 'integer'"),
        ({"title": "x", "copies": True}, r"book\['copies'\]: True is not of type 'integer'"),
        ({"title": "x", "copies": 1.5}, r"book\['copies'\]: 1.5 is not of type 'integer'"),
        ({"title": "x", "copies": None}, r"book\['copies'\]"),
        ({"title": "x", "shelf": "C"}, r"book\['shelf'\]"),
        ({"title": "x", "pages": 3}, "'pages' was unexpected"),
        ({"title": ["x" * 1000]}, r"book\['title'\]"),
    ],
)
def test_arguments_of_the_wrong_type(arguments: dict[str, Any], fault: str) -> None:
    with pytest.raises(ToolError, match=fault) as refusal:
        Tool.from_function(book).call(arguments)
    assert len(str(refusal.value)) < 400


def test_good_arguments_reach_the_function() -> None:
    assert Tool.from_function(book).call({"title": "x", "copies": 3, "shelf": None}) == {"order": 3}


def unannotated(title) -> None:  # type: ignore[no-untyped-def]
    """Args:
    title: Full title.
    """


def undescribed(title: str) -> None:
    """Order a book."""


def strange(title: Tool) -> None:
    """Order a book.

    Args:
        title: Full title.
    """


@pytest.mark.parametrize(
    ("function", "fault"),
    [
        (unannotated, "Tool 'unannotated': annotate the parameter 'title'"),
        (undescribed, "Tool 'undescribed': describe the parameter 'title'"),
        (strange, "Tool 'strange': a type in its signature has no JSON Schema"),
    ],
)
def test_a_function_that_can_be_no_tool(function: Any, fault: str) -> None:
    with pytest.raises(ConfigError, match=fault):
        Tool.from_function(function)


class Base:
    @tool
    def first(self) -> str:
        """First."""
        return "text"

    def hidden(self) -> None:
        """No tool."""


class Derived(Base):
    @tool
    def second(self, n: list[int]) -> dict[str, Any]:
        """Second.

        Args:
            n: Numbers.
        """
        n.append(0)
        return {"é": n}


def test_a_toolset_keeps_the_order_and_gives_text() -> None:
    tools = Toolset.of(Derived())
    assert list(tools) == ["first", "second"] and len(tools) == 2
    assert tools.call("first", {}) == "text"
    numbers = [1]
    assert tools.call("second", {"n": numbers}) == '{"é": [1, 0]}'
    assert numbers == [1]
    with pytest.raises(ToolError, match="unknown tool 'hidden'; the tools are first, second"):
        tools.call("hidden", {})
    with pytest.raises(ConfigError, match="same name"):
        Toolset([tools["first"], tools["first"]])


def test_schemas_are_new_on_every_call() -> None:
    tools = Toolset.of(Notebook({"notes": {}}))
    one = tools.schemas()
    kept = copy.deepcopy(one)
    one[0]["function"]["parameters"]["properties"].clear()
    assert tools.schemas() == kept
