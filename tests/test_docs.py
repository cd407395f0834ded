"""The Python in the documentation runs as it stands."""

import json
import re
from collections.abc import Callable
from pathlib import Path

import pytest

DOCS = Path(__file__).resolve().parents[1] / "docs"
BLOCK = re.compile(r"^```(\w+)\n(.*?)^```$", re.DOTALL | re.MULTILINE)


def _blocks(page: str, language: str) -> list[str]:
    return [body for kind, body in BLOCK.findall((DOCS / page).read_text(encoding="utf-8")) if kind == language]


@pytest.mark.parametrize("page", ["new_domain.md"])
def test_code_runs(page: str, python: Callable[..., str]) -> None:
    code = _blocks(page, "python")
    assert code
    python("\n".join(code))


def test_the_task_of_the_page_is_one() -> None:
    from jsonschema import Draft202012Validator

    schema = json.loads((DOCS.parent / "tasks" / "schemas" / "tool_use.schema.json").read_text(encoding="utf-8"))
    (row,) = (json.loads(body) for body in _blocks("new_domain.md", "json"))
    assert not list(Draft202012Validator(schema).iter_errors(row))
