"""Mistakes in expressions: each function yields the edits of one mutation of a node, if the node is of its kind."""

import ast
import re
from collections.abc import Callable, Iterator

from forge_envs.swe.synthesis.source import Edit, Source, Span

Edits = tuple[Edit, ...]
Operator = Callable[[Source, ast.AST], Iterator[Edits]]

_BOUNDARY: dict[type[ast.cmpop], tuple[bytes, bytes]] = {
    ast.Lt: (b"<", b"<="),
    ast.LtE: (b"<=", b"<"),
    ast.Gt: (b">", b">="),
    ast.GtE: (b">=", b">"),
}
_OPPOSITE: dict[type[ast.cmpop], tuple[bytes, bytes]] = {
    ast.Eq: (b"==", b"!="),
    ast.NotEq: (b"!=", b"=="),
    ast.In: (b"in", b"not in"),
    ast.NotIn: (rb"not\s+in", b"in"),
    ast.Is: (b"is", b"is not"),
    ast.IsNot: (rb"is\s+not", b"is"),
}
_ARITHMETIC: dict[type[ast.operator], tuple[bytes, bytes]] = {
    ast.Add: (b"+", b"-"),
    ast.Sub: (b"-", b"+"),
    ast.Mult: (b"*", b"//"),
    ast.FloorDiv: (b"//", b"%"),
    ast.Div: (b"/", b"//"),
    ast.Mod: (b"%", b"//"),
    ast.BitAnd: (b"&", b"|"),
    ast.BitOr: (b"|", b"&"),
    ast.LShift: (b"<<", b">>"),
    ast.RShift: (b">>", b"<<"),
}
_NAMES = {
    left: right
    for pair in (
        ("min", "max"),
        ("any", "all"),
        ("startswith", "endswith"),
        ("lstrip", "rstrip"),
        ("split", "rsplit"),
        ("partition", "rpartition"),
        ("find", "rfind"),
        ("append", "extend"),
        ("upper", "lower"),
        ("keys", "values"),
    )
    for left, right in (pair, pair[::-1])
}


def comparison_boundary(source: Source, node: ast.AST) -> Iterator[Edits]:
    """``<`` and ``<=``, ``>`` and ``>=``."""
    yield from _compared(source, node, _BOUNDARY)


def comparison_opposite(source: Source, node: ast.AST) -> Iterator[Edits]:
    """``==`` and ``!=``, ``in`` and ``not in``, ``is`` and ``is not``."""
    yield from _compared(source, node, _OPPOSITE)


def arithmetic(source: Source, node: ast.AST) -> Iterator[Edits]:
    """Another arithmetic or bitwise operator; what joins or formats text is left alone."""
    if isinstance(node, ast.BinOp) and type(node.op) in _ARITHMETIC and not _textual(node.left, node.right):
        old, new = _ARITHMETIC[type(node.op)]
        yield from _between(source, source.span(node.left)[1], source.span(node.right)[0], re.escape(old), new)
    elif isinstance(node, ast.AugAssign) and type(node.op) in _ARITHMETIC and not _textual(node.value):
        old, new = _ARITHMETIC[type(node.op)]
        gap = source.span(node.target)[1], source.span(node.value)[0]
        yield from _between(source, *gap, re.escape(old) + b"=", new + b"=")
        yield from _between(source, *gap, re.escape(old) + b"=", b"=")


def boolean(source: Source, node: ast.AST) -> Iterator[Edits]:
    """``and`` and ``or``."""
    if isinstance(node, ast.BoolOp):
        old, new = (b"and", b"or") if isinstance(node.op, ast.And) else (b"or", b"and")
        for left, right in zip(node.values, node.values[1:], strict=False):
            yield from _between(source, source.span(left)[1], source.span(right)[0], rb"\b" + old + rb"\b", new)


def operand_dropped(source: Source, node: ast.AST) -> Iterator[Edits]:
    """One side of ``and`` and ``or``, one arm of ``a if c else b``."""
    if isinstance(node, ast.BoolOp) and len(node.values) == 2:
        for kept in node.values:
            yield (Edit(*source.span(node), _wrapped(source, kept)),)
    elif isinstance(node, ast.IfExp):
        for kept in (node.body, node.orelse):
            yield (Edit(*source.span(node), _wrapped(source, kept)),)


def negation(source: Source, node: ast.AST) -> Iterator[Edits]:
    """The condition of ``if``, ``while`` and ``a if c else b`` the other way round, and any dropped ``not``."""
    if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.Not):
        yield (Edit(*source.span(node), _wrapped(source, node.operand)),)
    elif isinstance(node, ast.If | ast.While | ast.IfExp) and not isinstance(node.test, ast.UnaryOp | ast.Constant):
        simple = isinstance(node.test, ast.Name | ast.Attribute | ast.Call | ast.Subscript)
        text = source.text(node.test)
        yield (Edit(*source.span(node.test), b"not " + text if simple else b"not (" + text + b")"),)


def constant(source: Source, node: ast.AST) -> Iterator[Edits]:
    """A number off by one, ``True`` and ``False``."""
    if not isinstance(node, ast.Constant) or isinstance(source.parents.get(node), ast.FormattedValue | ast.JoinedStr):
        return
    if isinstance(node.value, bool):
        yield (Edit(*source.span(node), str(not node.value).encode()),)
    elif isinstance(node.value, int) and source.text(node).isdigit():
        below = [node.value - 1] if node.value > 0 else []
        for value in (node.value + 1, *below):
            yield (Edit(*source.span(node), str(value).encode()),)


def off_by_one(source: Source, node: ast.AST) -> Iterator[Edits]:
    """A bound of ``range`` or of a slice, one more or one less."""
    bounds: list[ast.expr] = []
    if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "range":
        bounds = node.args[:2]
    elif isinstance(node, ast.Slice):
        bounds = [bound for bound in (node.lower, node.upper) if bound is not None]
    for bound in bounds:
        if not isinstance(bound, ast.Constant | ast.Starred):
            text = source.text(bound)
            text = text if isinstance(bound, ast.Name | ast.Attribute | ast.Call) else b"(" + text + b")"
            yield (Edit(*source.span(bound), text + b" + 1"),)
            yield (Edit(*source.span(bound), text + b" - 1"),)


def arguments(source: Source, node: ast.AST) -> Iterator[Edits]:
    """Two neighbouring arguments swapped, or a keyword argument left out."""
    if not isinstance(node, ast.Call):
        return
    for left, right in zip(node.args, node.args[1:], strict=False):
        texts = source.text(left), source.text(right)
        if not isinstance(left, ast.Starred | ast.GeneratorExp) and not isinstance(
            right, ast.Starred | ast.GeneratorExp
        ):
            yield Edit(*source.span(left), texts[1]), Edit(*source.span(right), texts[0])
    for keyword in node.keywords:
        start, end = source.span(keyword)
        before = re.search(rb",\s*\Z", source.content[:start][-200:])
        if before is not None:
            yield (Edit(start - len(before[0]), end, b""),)


def name(source: Source, node: ast.AST) -> Iterator[Edits]:
    """A function or method with a similar name: ``min`` and ``max``, ``lstrip`` and ``rstrip``."""
    if not isinstance(node, ast.Call):
        return
    called = node.func
    if isinstance(called, ast.Name) and called.id in _NAMES:
        yield (Edit(*source.span(called), _NAMES[called.id].encode()),)
    elif isinstance(called, ast.Attribute) and called.attr in _NAMES:
        end = source.span(called)[1]
        yield (Edit(end - len(called.attr), end, _NAMES[called.attr].encode()),)


def await_dropped(source: Source, node: ast.AST) -> Iterator[Edits]:
    """``await`` left out."""
    if isinstance(node, ast.Await):
        yield (Edit(*source.span(node), _wrapped(source, node.value)),)


EXPRESSIONS: dict[str, Operator] = {
    one.__name__: one
    for one in (
        comparison_boundary,
        comparison_opposite,
        arithmetic,
        boolean,
        operand_dropped,
        negation,
        constant,
        off_by_one,
        arguments,
        name,
        await_dropped,
    )
}


def _compared(source: Source, node: ast.AST, swaps: dict[type[ast.cmpop], tuple[bytes, bytes]]) -> Iterator[Edits]:
    if isinstance(node, ast.Compare):
        sides = [node.left, *node.comparators]
        for left, operator, right in zip(sides, node.ops, node.comparators, strict=False):
            if type(operator) in swaps:
                old, new = swaps[type(operator)]
                word = rb"\b" + old + rb"\b" if old[-1:].isalpha() else old
                yield from _between(source, source.span(left)[1], source.span(right)[0], word, new)


def _between(source: Source, start: int, end: int, pattern: bytes, new: bytes) -> Iterator[Edits]:
    """Replace the operator in the gap between two operands, where the gap has no comment that could hold it too."""
    gap = source.content[start:end]
    found = re.search(pattern, gap)
    if found is not None and b"#" not in gap:
        yield (Edit(start + found.start(), start + found.end(), new),)


def _textual(*nodes: ast.expr) -> bool:
    """Whether an operand is text or a display: adding those is not arithmetic."""
    shown = (ast.JoinedStr, ast.List, ast.Tuple, ast.ListComp)
    return any(
        isinstance(node, shown) or (isinstance(node, ast.Constant) and isinstance(node.value, str | bytes))
        for node in nodes
    )


def _wrapped(source: Source, node: ast.expr) -> bytes:
    """A node's text as it may stand anywhere."""
    text = source.text(node)
    simple = isinstance(node, ast.Name | ast.Attribute | ast.Call | ast.Subscript | ast.Constant | ast.List | ast.Dict)
    parent = source.parents.get(node)
    start, end = source.span(node)
    around: Span = source.span(parent) if isinstance(parent, ast.expr) else (start, end)
    multiline = b"\n" in source.content[around[0] : around[1]]
    return text if simple or (isinstance(node, ast.Compare) and not multiline) else b"(" + text + b")"
