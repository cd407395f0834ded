"""Every mutation of a file that one of the operators makes: what a candidate is before it has run."""

import ast
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

from forge_envs.swe.synthesis.bodies import removed_body, rewritten_bodies
from forge_envs.swe.synthesis.expressions import EXPRESSIONS, Edits
from forge_envs.swe.synthesis.source import Function, Source, apply_edits, body_of, own_nodes, read_source
from forge_envs.swe.synthesis.statements import HEADERS, STATEMENTS

Strategy = Literal["mutation", "removal", "rewrite", "combination", "reversal"]
STRATEGIES: tuple[Strategy, ...] = ("mutation", "removal", "rewrite", "combination", "reversal")


@dataclass(frozen=True)
class Change:
    """A change of one function.

    Args:
        strategy: What made it.
        operator: Which of its ways.
        path: The file.
        function: Qualified name.
        edits: Of the file's bytes.
        lines: Those whose tests may notice, as they are numbered in the original.
    """

    strategy: Strategy
    operator: str
    path: str
    function: str
    edits: Edits
    lines: frozenset[int]


def changes_of(source: Source, covered: frozenset[int]) -> Iterator[Change]:
    """Every single change of the file's functions that tests run. `changed_content` says whether it is one.

    Args:
        source: The file.
        covered: Its lines that tests run.
    """
    for function, node in source.functions():
        body = _lines(body_of(node)[0], body_of(node)[-1]) if body_of(node) else frozenset()
        if body & covered:
            for strategy, operator, edits, lines in _all(source, node, body):
                if lines & covered:
                    yield Change(strategy, operator, source.path, function, edits, lines & covered)


def changed_content(source: Source, edits: Edits) -> bytes | None:
    """The file with the edits; None where it is no Python any more, or the same program."""
    try:
        content = apply_edits(source.content, edits)
        changed = read_source(source.path, content)
        if changed is None or ast.dump(changed.tree) == ast.dump(source.tree):
            return None
        compile(content, source.path, "exec", dont_inherit=True)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return None
    return content


def _all(
    source: Source, function: Function, body: frozenset[int]
) -> Iterator[tuple[Strategy, str, Edits, frozenset[int]]]:
    for node in own_nodes(function):
        for operator, mutate in (*EXPRESSIONS.items(), *STATEMENTS.items()):
            for edits in mutate(source, node):
                yield "mutation", operator, edits, _near(source, node)
    for operator, change in HEADERS.items():
        for edits in change(source, function):
            yield "mutation", operator, edits, body
    for edits in removed_body(source, function):
        yield "removal", "body", edits, body
    for operator, edits in rewritten_bodies(source, function):
        yield "rewrite", operator, edits, body


def _near(source: Source, node: ast.AST) -> frozenset[int]:
    """The lines of a node and the first one of its statement, which is what tracing reports."""
    above = node
    while not isinstance(above, ast.stmt) and above in source.parents:
        above = source.parents[above]
    return _lines(node, node) | _lines(above, above, first_only=True)


def _lines(first: ast.AST, last: ast.AST, *, first_only: bool = False) -> frozenset[int]:
    start = getattr(first, "lineno", 0)
    end = start if first_only else getattr(last, "end_lineno", start)
    return frozenset(range(start, end + 1)) - {0}
