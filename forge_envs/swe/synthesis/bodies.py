"""Whole functions: a body that is missing, and a body as somebody writes it who thinks of the usual case only."""

import ast
from collections.abc import Iterator

from forge_envs.swe.synthesis.expressions import Edits
from forge_envs.swe.synthesis.source import Edit, Function, Source, body_of, own_nodes
from forge_envs.swe.synthesis.statements import branch_removed, guard_removed, handler_narrowed

SHORTEST = 3
"""Statements of a body that is worth to be written again."""


def removed_body(source: Source, function: Function) -> Iterator[Edits]:
    """The body raises NotImplementedError; the docstring stays."""
    body = body_of(function)
    if _size(function) < SHORTEST or body[0].lineno == function.lineno or _generated(body):
        return
    start = source.span(body[0])[0]
    end = source.span(body[-1])[1]
    yield (Edit(start, end, b"raise NotImplementedError"),)


def rewritten_bodies(source: Source, function: Function) -> Iterator[tuple[str, Edits]]:
    """Several things that go together are forgotten at once, by kind.

    ``plain``: guards, branches and handlers, all of them. ``unguarded``: guards only. ``unbranched``: branches only.
    """
    if _size(function) < SHORTEST:
        return
    kinds = {"plain": (guard_removed, branch_removed, handler_narrowed), "unguarded": (guard_removed,)}
    kinds["unbranched"] = (branch_removed,)
    for kind, operators in kinds.items():
        chosen: list[Edit] = []
        for node in own_nodes(function):
            for operator in operators:
                edits = next(iter(operator(source, node)), ())
                if edits and not any(_meets(edit, other) for edit in edits for other in chosen):
                    chosen += edits
        if len(chosen) > 1:
            yield kind, tuple(sorted(chosen))


def _size(function: Function) -> int:
    return sum(isinstance(node, ast.stmt) for node in own_nodes(function))


def _generated(body: list[ast.stmt]) -> bool:
    """Whether there is nothing to write: it only raises already."""
    return len(body) == 1 and isinstance(body[0], ast.Raise)


def _meets(one: Edit, other: Edit) -> bool:
    return one.start < other.end and other.start < one.end
