"""Calls of backends written as Python expressions: evaluated by walking the syntax tree, with nothing but the tools.

Upstream hands the text to `eval` (eval_checker/multi_turn_eval/multi_turn_utils.py). Here a name is a tool or it does
not exist, values are literals, and every other construct is refused. The texts of errors are those that `eval` gives.
"""

import ast
import json
import re
from collections.abc import Callable, Mapping
from functools import lru_cache
from typing import Any

from forge_envs.tool_use.bfcl.backend import tool_names
from forge_envs.tool_use.bfcl.bounds import binary, unary
from forge_envs.tool_use.bfcl.syntax import MAX_DEPTH, parse_expression

REFUSED = ("kill", "exit", "quit", "remove", "unlink", "popen", "Popen", "run")
"""Names that upstream refuses before it evaluates."""

_CALLED = re.compile(r"\b([a-zA-Z_]\w*)\s*(?=\()")
_OBJECT = re.compile(r"[-./:]")


def execute(source: str, backends: Mapping[str, Any], *, owner: str | None = None) -> str:
    """Carry out one call and give its result as upstream's response checker sees it.

    Args:
        source: A call expression, for example ``cd(folder='x')``; arguments may be calls too.
        backends: The instances by class name.
        owner: Rewrite what looks like a call even inside texts, as upstream does; the names that it puts there begin
            with this text. None leaves texts alone.

    Returns:
        A text is given as it is, an object as JSON, anything else as Python prints it; a fault as
        ``Error during execution: ...``.
    """
    tools = {name: getattr(instance, name) for kind, instance in backends.items() for name in tool_names(kind)}
    if owner is not None:
        source = _rewrite(source, backends, owner)
        for kind in backends:
            tools |= {f"{_object(owner, kind)}.{name}": tools[name] for name in tool_names(kind)}
    try:
        name = source.partition("(")[0]
        name = name.split(".")[1] if "." in name else name
        if name in REFUSED:
            raise ValueError(f"Function call {name} is not allowed.")
        return _as_text(_evaluate(_parsed(source), tools, 0))
    except Exception as error:  # Whatever a tool raises is its answer: upstream shows it to the model.
        return f"Error during execution: {error}"


def _as_text(result: Any) -> str:
    if type(result) is str:
        return result
    if type(result) is dict:
        try:
            return json.dumps(result)
        except (TypeError, ValueError, RecursionError):
            return str(result)
    return str(result)


def _object(owner: str, kind: str) -> str:
    return _OBJECT.sub("_", f"{owner}_{kind}_instance")


def _rewrite(source: str, backends: Mapping[str, Any], owner: str) -> str:
    home = {name: _object(owner, kind) for kind in backends for name in tool_names(kind)}
    return _CALLED.sub(lambda called: f"{home[called[1]]}.{called[1]}" if called[1] in home else called[1], source)


@lru_cache(maxsize=4096)
def _parsed_short(source: str) -> ast.expr:
    return parse_expression(source)


def _parsed(source: str) -> ast.expr:
    return _parsed_short(source) if len(source) <= 300 else parse_expression(source)


def _evaluate(node: ast.expr, tools: Mapping[str, Callable[..., Any]], depth: int) -> Any:
    if depth > MAX_DEPTH:
        raise ValueError(f"nested more than {MAX_DEPTH} levels deep")

    def inner(part: ast.expr) -> Any:
        return _evaluate(part, tools, depth + 1)

    match node:
        case ast.Constant(value=value):
            return value
        case ast.Call():
            return _call(node, tools, inner)
        case ast.Name(id=name):
            raise NameError(f"name '{name}' is not defined")
        case ast.List(elts=items):
            return _items(items, inner)
        case ast.Tuple(elts=items):
            return tuple(_items(items, inner))
        case ast.Set(elts=items):
            return set(_items(items, inner))
        case ast.Dict(keys=keys, values=values):
            made: dict[Any, Any] = {}
            for key, value in zip(keys, values, strict=True):
                made.update(inner(value) if key is None else {inner(key): inner(value)})
            return made
        case ast.UnaryOp(op=op, operand=operand):
            return unary(op, inner(operand))
        case ast.BinOp(left=left, op=op, right=right):
            return binary(op, inner(left), inner(right))
        case ast.Subscript(value=value, slice=part):
            return inner(value)[inner(part)]
        case ast.Attribute(value=value, attr=name):
            raise AttributeError(f"'{type(inner(value)).__name__}' object has no attribute '{name}'")
    raise ValueError(f"{type(node).__name__} is not supported in a call")


def _items(nodes: list[ast.expr], inner: Callable[[ast.expr], Any]) -> list[Any]:
    made: list[Any] = []
    for node in nodes:
        made += inner(node.value) if isinstance(node, ast.Starred) else [inner(node)]
    return made


def _call(node: ast.Call, tools: Mapping[str, Callable[..., Any]], inner: Callable[[ast.expr], Any]) -> Any:
    names = [keyword.arg for keyword in node.keywords if keyword.arg is not None]
    if repeated := next((name for at, name in enumerate(names) if name in names[:at]), None):
        raise SyntaxError(f"keyword argument repeated: {repeated} (<string>, line {node.lineno})")
    function = tools.get(_dotted(node.func) or "")
    if function is None:
        called = inner(node.func)  # A name raises; a value can't be called.
        raise TypeError(f"'{type(called).__name__}' object is not callable")
    positional = _items(node.args, inner)
    given: dict[str, Any] = {}
    for keyword in node.keywords:
        value = inner(keyword.value)
        given |= value if keyword.arg is None else {keyword.arg: value}
    return function(*positional, **given)


def _dotted(node: ast.expr) -> str | None:
    """`name` or `object.name`."""
    if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name):
        return f"{node.value.id}.{node.attr}"
    return node.id if isinstance(node, ast.Name) else None
