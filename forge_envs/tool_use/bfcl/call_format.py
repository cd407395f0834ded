"""The python-call format of BFCL's prompting mode as upstream reads it, with its quirks, without running anything.

Upstream: model_handler/utils.py, ast_parse and what it calls. The strict reader, which tells a model what is wrong
with its calls, is the protocol ``python`` in `forge_envs.core.protocols`.
"""

import ast
from collections.abc import Mapping
from typing import Any

from forge_envs.core.errors import ActionError
from forge_envs.tool_use.bfcl.bounds import binary, unary
from forge_envs.tool_use.bfcl.syntax import MAX_DEPTH, parse_expression

Decoded = list[dict[str, Any]]
"""Calls as {name: {parameter: value}}."""


def parse_calls_lax(text: str) -> Decoded:
    """Read calls as upstream does, quirks included.

    Missing outer brackets are added. Positional arguments are dropped; any unary operator reads as minus; a bare name
    is a text; a call without keywords is its own source; a call with keywords is an object.

    Raises:
        ActionError: Upstream can't decode it either, or it is out of bounds.
    """
    text = text.strip("`\n ")
    text = text if text.startswith("[") else "[" + text
    text = text if text.endswith("]") else text + "]"
    body = _parsed(text.strip().strip("'"))
    items = [body] if isinstance(body, ast.Call) else getattr(body, "elts", None)
    if items is None or not all(isinstance(item, ast.Call) for item in items):
        raise ActionError("not a list of calls")
    try:
        return [_lax_call(item, 0) for item in items]
    except (TypeError, ValueError, ArithmeticError, RecursionError) as error:
        raise ActionError(f"an argument can't be read: {str(error)[:120]}") from None


def call_source(call: Mapping[str, Any]) -> str:
    """A decoded call as the expression that upstream executes; an object of objects turns into a call there."""
    (name, arguments), *_ = call.items()
    return f"{name}({', '.join(f'{key}={_value_source(value)}' for key, value in arguments.items())})"


def _value_source(value: Any) -> str:
    if isinstance(value, dict):
        if all(isinstance(inner, dict) for inner in value.values()):
            if not value:
                raise ActionError("an empty object can't be an argument")  # Upstream fails on it too.
            name = next(iter(value))
            return f"{name}({', '.join(f'{k}={_value_source(v)}' for k, v in value[name].items())})"
        return "{" + ", ".join(f"'{key}': {_value_source(one)}" for key, one in value.items()) + "}"
    return repr(value)


def _parsed(source: str) -> ast.expr:
    try:
        return parse_expression(source)
    except SyntaxError as error:
        raise ActionError(f"not Python calls ({str(error.msg)[:120]})") from None


def _lax_call(node: ast.Call, depth: int) -> dict[str, Any]:
    parts: list[str] = []
    function = node.func
    while isinstance(function, ast.Attribute):
        parts.insert(0, function.attr)
        function = function.value
    name = ".".join([*([function.id] if isinstance(function, ast.Name) else []), *parts])
    return {name: {keyword.arg: _lax_value(keyword.value, depth + 1) for keyword in node.keywords}}


def _lax_value(node: ast.expr | None, depth: int) -> Any:
    if depth > MAX_DEPTH:
        raise ActionError(f"nested more than {MAX_DEPTH} levels deep")
    match node:
        case ast.Constant(value=value):
            return "..." if value is Ellipsis else value
        case ast.UnaryOp(operand=ast.Constant(value=value)):
            return unary(ast.USub(), value)
        case ast.List(elts=items):
            return [_lax_value(item, depth + 1) for item in items]
        case ast.Tuple(elts=items):
            return tuple(_lax_value(item, depth + 1) for item in items)
        case ast.Dict(keys=keys, values=values):
            return {_lax_value(k, depth + 1): _lax_value(v, depth + 1) for k, v in zip(keys, values, strict=True)}
        case ast.BinOp():
            return _computed(node, depth)
        case ast.Name(id=name):
            return name
        case ast.Call(keywords=[]):
            return ast.unparse(node)
        case ast.Call():
            return _lax_call(node, depth)
        case ast.Subscript(value=value, slice=part):
            return f"{ast.unparse(value)}[{ast.unparse(part)}]"
    raise ValueError(f"{type(node).__name__} is not supported")


def _computed(node: ast.expr, depth: int) -> Any:
    """Arithmetic on literals, which upstream evaluates; a name in it is unknown there too."""
    if depth > MAX_DEPTH:
        raise ActionError(f"nested more than {MAX_DEPTH} levels deep")
    match node:
        case ast.Constant(value=value):
            return value
        case ast.UnaryOp(op=op, operand=operand):
            return unary(op, _computed(operand, depth + 1))
        case ast.BinOp(left=left, op=operation, right=right):
            return binary(operation, _computed(left, depth + 1), _computed(right, depth + 1))
        case ast.List(elts=items):
            return [_computed(item, depth + 1) for item in items]
        case ast.Tuple(elts=items):
            return tuple(_computed(item, depth + 1) for item in items)
    raise ValueError(f"{type(node).__name__} in arithmetic is not supported")
