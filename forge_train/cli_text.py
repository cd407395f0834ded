"""How the command line shows things. Text from models and tasks is hostile: never markup, never control."""

import json
import unicodedata
from collections.abc import Mapping, Sequence
from typing import Any

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from forge_envs.core.messages import Message, calls_of

ROLE_STYLES = {"system": "dim", "user": "green", "assistant": "cyan", "tool": "yellow"}


def plain(text: object) -> str:
    """Untrusted text as it may be printed inside rich markup.

    Control and format characters (terminal escapes, direction overrides) become the replacement character; line breaks
    and tabs stay. Markup is escaped.
    """
    return escape("".join(c if _harmless(c) else "\N{REPLACEMENT CHARACTER}" for c in str(text)))


def _harmless(character: str) -> bool:
    return character in "\n\t" or unicodedata.category(character) not in ("Cc", "Cf", "Cs")


def make_table(title: str, columns: Sequence[str], rows: Sequence[Sequence[object]]) -> Table:
    """A table of untrusted cells; columns whose cells are all numbers are aligned to the right."""
    table = Table(title=plain(title), title_justify="left", title_style="bold")
    for index, column in enumerate(columns):
        numeric = bool(rows) and all(isinstance(row[index], int | float) for row in rows)
        table.add_column(plain(column), justify="right" if numeric else "left", overflow="fold")
    for row in rows:
        table.add_row(*(f"{cell:.3f}" if isinstance(cell, float) else plain(cell) for cell in row))
    return table


def print_message(console: Console, message: Message) -> None:
    """One chat message: its role, its text and its calls."""
    style = ROLE_STYLES.get(message["role"], "")
    name = f" {plain(message['name'])}" if "name" in message else ""
    console.print(f"[bold {style}]{plain(message['role'])}{name}[/]")
    if message["content"]:
        console.print(plain(message["content"]), style=style, highlight=False)
    for tool, arguments in calls_of(message):
        console.print(f"  → {plain(tool)} {plain(json.dumps(arguments, ensure_ascii=False))}", highlight=False)


def print_tools(console: Console, tools: Sequence[Mapping[str, Any]]) -> None:
    """Tool schemas as a table: name, parameters (required ones with a star), description."""
    rows = []
    for tool in tools:
        function = tool["function"]
        parameters = function["parameters"]
        required = parameters.get("required", [])
        shown = [f"{name}{'*' if name in required else ''}" for name in parameters.get("properties", {})]
        rows.append((function["name"], ", ".join(shown), function["description"].split("\n")[0]))
    console.print(make_table("Tools (* required)", ("name", "parameters", "what it does"), rows))
