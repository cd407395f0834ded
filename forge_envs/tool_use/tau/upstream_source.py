"""Reading tasks and tool schemas out of upstream's Python files. They are parsed as data; nothing in them is run."""

import ast
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from forge_envs.core.errors import TaskError


def read_tasks(file: Path) -> list[dict[str, Any]]:
    """The tasks of a ``tasks_*.py``: a module that assigns a list of ``Task(...)`` calls with literal arguments.

    Returns:
        Rows with ``user_id``, ``instruction``, ``actions`` (``name`` and ``kwargs``) and ``outputs``.

    Raises:
        TaskError: The file is not of that form.
    """
    for node in _parse(file).body:
        value = node.value if isinstance(node, ast.Assign | ast.AnnAssign) else None
        if isinstance(value, ast.List) and value.elts and all(_is_call(one, "Task") for one in value.elts):
            return [_literal(one, file) for one in value.elts]
    raise TaskError(f"{file}: no list of Task(...) in it")


def read_schemas(files: Iterable[Path]) -> list[dict[str, Any]]:
    """The schemas that the tools' ``get_info`` functions return, sorted by file name.

    Raises:
        TaskError: A `get_info` does not return a literal.
    """
    found = []
    for file in files:
        for node in ast.walk(_parse(file)):
            if isinstance(node, ast.FunctionDef) and node.name == "get_info":
                returned = [part.value for part in node.body if isinstance(part, ast.Return)]
                found += [_literal(value, file) for value in returned if value is not None]
    return found


def _parse(file: Path) -> ast.Module:
    try:
        return ast.parse(file.read_text(encoding="utf-8"), str(file))
    except (OSError, ValueError, SyntaxError, RecursionError) as error:
        raise TaskError(f"{file}: can't be read as Python: {error}") from error


def _is_call(node: ast.expr, name: str) -> bool:
    return isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == name


def _literal(node: ast.expr, file: Path) -> Any:
    """A literal, in which ``Task(a=1)`` and ``Action(a=1)`` stand for a dict of their keywords."""
    if _is_call(node, "Task") or _is_call(node, "Action"):
        assert isinstance(node, ast.Call)
        return {word.arg: _literal(word.value, file) for word in node.keywords if word.arg is not None}
    if isinstance(node, ast.List):
        return [_literal(one, file) for one in node.elts]
    try:
        return ast.literal_eval(node)
    except (ValueError, TypeError, SyntaxError, RecursionError) as error:
        raise TaskError(f"{file}:{node.lineno}: not a literal") from error
