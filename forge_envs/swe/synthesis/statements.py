"""Mistakes in statements: something that was forgotten, or does not stop where it should."""

import ast
import re
from collections.abc import Iterator

from forge_envs.swe.synthesis.expressions import Edits, Operator
from forge_envs.swe.synthesis.source import Edit, Function, Source

_LEAVES = (ast.Return, ast.Raise, ast.Continue, ast.Break)


def guard_removed(source: Source, node: ast.AST) -> Iterator[Edits]:
    """An ``if`` without ``else``: it is gone, or its body always runs."""
    if isinstance(node, ast.If) and not node.orelse and not _is_elif(source, node):
        yield from removal(source, node)
        if not isinstance(node.body[-1], _LEAVES):
            yield from unwrapped(source, node, node.body)


def branch_removed(source: Source, node: ast.AST) -> Iterator[Edits]:
    """An ``elif`` or an ``else`` is gone."""
    if not isinstance(node, ast.If | ast.For | ast.While | ast.Try) or not node.orelse:
        return
    first = node.orelse[0]
    if isinstance(node, ast.If) and isinstance(first, ast.If) and _is_elif(source, first):
        yield (Edit(*source.whole_lines(first.lineno, _last(first.body)), b""),)
        return
    above = node.handlers[-1].body if isinstance(node, ast.Try) and node.handlers else node.body
    line = _line_of(source, rb"[ \t]*else[ \t]*:", _last(above) + 1, first.lineno)
    if line is not None:
        yield (Edit(*source.whole_lines(line, _last(node.orelse)), b""),)


def return_removed(source: Source, node: ast.AST) -> Iterator[Edits]:
    """A ``return`` is gone, or returns nothing."""
    if isinstance(node, ast.Return):
        yield from removal(source, node)
        if node.value is not None and not isinstance(node.value, ast.Constant):
            yield (Edit(*source.span(node), b"return None"),)


def loop_control(source: Source, node: ast.AST) -> Iterator[Edits]:
    """``break`` and ``continue``: gone, or the other one."""
    if isinstance(node, ast.Break | ast.Continue):
        yield (Edit(*source.span(node), b"continue" if isinstance(node, ast.Break) else b"break"),)
        yield from removal(source, node)


def statement_removed(source: Source, node: ast.AST) -> Iterator[Edits]:
    """A call, a change of something or a ``raise`` is gone."""
    changes = isinstance(node, ast.Assign) and any(isinstance(t, ast.Attribute | ast.Subscript) for t in node.targets)
    calls = isinstance(node, ast.Expr) and isinstance(node.value, ast.Call | ast.Yield | ast.YieldFrom | ast.Await)
    if changes or calls or isinstance(node, ast.AugAssign | ast.Raise | ast.Delete):
        assert isinstance(node, ast.stmt)
        yield from removal(source, node)


def assignment_removed(source: Source, node: ast.AST) -> Iterator[Edits]:
    """A name is not set again: ``x = f(x)``."""
    if isinstance(node, ast.Assign) and len(node.targets) == 1 and isinstance(node.targets[0], ast.Name):
        again = node.targets[0].id
        if any(isinstance(used, ast.Name) and used.id == again for used in ast.walk(node.value)):
            yield from removal(source, node)


def handler_narrowed(source: Source, node: ast.AST) -> Iterator[Edits]:
    """``except (A, B)`` catches one of them only; or what is caught is not handled: the ``try`` is gone."""
    if isinstance(node, ast.ExceptHandler) and isinstance(node.type, ast.Tuple):
        for kept in node.type.elts:
            yield (Edit(*source.span(node.type), source.text(kept)),)
    elif isinstance(node, ast.Try) and not node.orelse and not node.finalbody:
        yield from unwrapped(source, node, node.body)


def decorator_removed(source: Source, function: Function) -> Iterator[Edits]:
    """A decorator is gone."""
    for decorator in function.decorator_list:
        assert decorator.end_lineno is not None
        yield (Edit(*source.whole_lines(decorator.lineno, decorator.end_lineno), b""),)


def default_changed(source: Source, function: Function) -> Iterator[Edits]:
    """Another default: ``True`` and ``False``, a number off by one."""
    for default in (*function.args.defaults, *function.args.kw_defaults):
        if isinstance(default, ast.Constant) and isinstance(default.value, bool):
            yield (Edit(*source.span(default), str(not default.value).encode()),)
        elif isinstance(default, ast.Constant) and isinstance(default.value, int):
            yield (Edit(*source.span(default), str(default.value + 1).encode()),)


STATEMENTS: dict[str, Operator] = {
    one.__name__: one
    for one in (
        guard_removed,
        branch_removed,
        return_removed,
        loop_control,
        statement_removed,
        assignment_removed,
        handler_narrowed,
    )
}
HEADERS = {one.__name__: one for one in (decorator_removed, default_changed)}
"""Of a function as a whole; they act when it is defined."""


def removal(source: Source, node: ast.stmt) -> Iterator[Edits]:
    """The statement's lines are gone; where nothing else is in its block, ``pass`` stands for it."""
    siblings = _block(source, node)
    span = source.whole_lines(node.lineno, node.end_lineno or node.lineno)
    start, end = source.span(node)
    alone = (
        source.content[span[0] : start].strip()
        or re.match(rb"\s*(#[^\n]*)?\s*\Z", source.content[end : span[1]]) is None
    )
    if len(siblings) > 1 and not alone:
        yield (Edit(*span, b""),)
    else:
        yield (Edit(start, end, b"pass"),)


def unwrapped(source: Source, node: ast.stmt, body: list[ast.stmt]) -> Iterator[Edits]:
    """The body stands where the statement stood, with its indentation; not where a text spans lines."""
    first, last = body[0].lineno, _last(body)
    column = body[0].col_offset - node.col_offset
    start, end = source.whole_lines(first, last)
    if (
        first == node.lineno
        or column <= 0
        or b'"""' in source.content[start:end]
        or b"'''" in source.content[start:end]
    ):
        return
    lines = source.content[start:end].splitlines(keepends=True)
    if all(not line[:column].strip() for line in lines):
        moved = b"".join(line[column:] if line.strip() else line for line in lines)
        yield (Edit(*source.whole_lines(node.lineno, node.end_lineno or last), moved),)


def _block(source: Source, node: ast.stmt) -> list[ast.stmt]:
    parent = source.parents[node]
    blocks = (getattr(parent, field, []) for field in ("body", "orelse", "finalbody"))
    return next((block for block in blocks if isinstance(block, list) and node in block), [node])


def _is_elif(source: Source, node: ast.If) -> bool:
    start = source.span(node)[0]
    return source.content[start : start + 4] == b"elif"


def _last(block: list[ast.stmt]) -> int:
    return block[-1].end_lineno or block[-1].lineno


def _line_of(source: Source, pattern: bytes, first: int, last: int) -> int | None:
    for line in range(first, last + 1):
        start, end = source.whole_lines(line, line)
        if re.match(pattern, source.content[start:end]):
            return line
    return None
