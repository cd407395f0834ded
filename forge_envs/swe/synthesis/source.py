"""A Python file with its tree, and edits of its bytes: what is not edited keeps its formatting."""

import ast
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property

Function = ast.FunctionDef | ast.AsyncFunctionDef
Span = tuple[int, int]
DEEPEST = 200
"""Levels of a tree."""

_NEWLINE = re.compile(rb"\r\n|\r|\n")
_CODING = re.compile(rb"^[ \t\f]*#.*?coding[:=][ \t]*([-\w.]+)")
_SCOPES = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)


@dataclass(frozen=True, order=True)
class Edit:
    """Bytes from `start` to `end` become `text`."""

    start: int
    end: int
    text: bytes


@dataclass(frozen=True)
class Source:
    """A file of Python in UTF-8.

    Args:
        path: In the repository, with ``/``.
        content: Its bytes.
        tree: Of them.
    """

    path: str
    content: bytes
    tree: ast.Module

    @cached_property
    def starts(self) -> tuple[int, ...]:
        """Offset of the first byte of each line, and one past the last byte."""
        return (0, *(match.end() for match in _NEWLINE.finditer(self.content)), len(self.content))

    @cached_property
    def parents(self) -> dict[ast.AST, ast.AST]:
        """The node above each node."""
        return {child: node for node in ast.walk(self.tree) for child in ast.iter_child_nodes(node)}

    def span(self, node: ast.expr | ast.stmt | ast.keyword | ast.ExceptHandler) -> Span:
        """Where a node's text begins and ends."""
        assert node.end_lineno is not None and node.end_col_offset is not None
        return self.starts[node.lineno - 1] + node.col_offset, self.starts[node.end_lineno - 1] + node.end_col_offset

    def text(self, node: ast.expr | ast.stmt | ast.keyword) -> bytes:
        """A node's text, without parentheses around it."""
        start, end = self.span(node)
        return self.content[start:end]

    def whole_lines(self, first: int, last: int) -> Span:
        """From the beginning of one line to the end of another; lines count from 1."""
        return self.starts[first - 1], self.starts[last] if last < len(self.starts) else len(self.content)

    def functions(self) -> Iterator[tuple[str, Function]]:
        """Every function and method, also those in functions, by qualified name."""
        yield from _functions(self.tree, "")


def read_source(path: str, content: bytes) -> Source | None:
    """Parse a file; None where it is not Python of this version in plain UTF-8."""
    if content.startswith(b"\xef\xbb\xbf") or b"\0" in content:
        return None
    for line in content.split(b"\n", 2)[:2]:
        named = _CODING.match(line)
        if named and named[1].lower() not in (b"utf-8", b"utf8", b"ascii", b"us-ascii"):
            return None
    try:
        content.decode()
        tree = ast.parse(content)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return None
    return Source(path, content, tree) if _flat(tree) else None


def apply_edits(content: bytes, edits: Sequence[Edit]) -> bytes:
    """The content with all edits made.

    Raises:
        ValueError: Two of them overlap.
    """
    parts, done = [], 0
    for edit in sorted(edits):
        if edit.start < done or edit.end < edit.start:
            raise ValueError("edits overlap")
        parts += [content[done : edit.start], edit.text]
        done = edit.end
    return b"".join([*parts, content[done:]])


def own_nodes(function: Function) -> Iterator[ast.AST]:
    """The nodes of a function's body, without those of functions and classes in it."""
    held: list[ast.AST] = list(reversed(body_of(function)))
    while held:
        node = held.pop()
        if not isinstance(node, _SCOPES):
            yield node
            held.extend(reversed(list(ast.iter_child_nodes(node))))


def body_of(function: Function) -> list[ast.stmt]:
    """A function's statements after its docstring."""
    first = function.body[0]
    if isinstance(first, ast.Expr) and isinstance(first.value, ast.Constant) and isinstance(first.value.value, str):
        return function.body[1:]
    return function.body


def _flat(tree: ast.Module) -> bool:
    """Whether a walk through all of it does not exhaust the stack."""
    level: list[ast.AST] = [tree]
    for _ in range(DEEPEST):
        level = [child for node in level for child in ast.iter_child_nodes(node)]
    return not level


def _functions(node: ast.AST, above: str) -> Iterator[tuple[str, Function]]:
    for child in ast.iter_child_nodes(node):
        if isinstance(child, _SCOPES):
            name = f"{above}.{child.name}" if above else child.name
            if not isinstance(child, ast.ClassDef):
                yield name, child
            yield from _functions(child, name)
        else:
            yield from _functions(child, above)
