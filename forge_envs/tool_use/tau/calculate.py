"""The calculator tool: what Python makes of an arithmetic expression, without evaluating anything as Python."""

import ast
import operator
from collections.abc import Callable
from typing import Any

CHARACTERS = "0123456789+-*/(). "
"""All that upstream lets through (``calculate.py``); a text, so that what is no character fails as it does there."""
BAD_CHARACTERS = ("invalid characters in expression", "Invalid characters in expression")
"""The refusal of anything else, in v1 and in tau2."""
MAX_CHARS = 10_000
MAX_BITS = 100_000
"""Largest integer that is worked out; every larger one is too large for the result, which is a float."""

_BINARY: dict[type[ast.operator], Callable[[Any, Any], Any]] = {
    ast.Add: operator.add,
    ast.Sub: operator.sub,
    ast.Mult: operator.mul,
    ast.Div: operator.truediv,
    ast.FloorDiv: operator.floordiv,
    ast.Pow: operator.pow,
}
_UNARY: dict[type[ast.unaryop], Callable[[Any], Any]] = {ast.UAdd: operator.pos, ast.USub: operator.neg}


def calculate(expression: str) -> str:
    """The value of an arithmetic expression, rounded to two decimals, as text.

    Errors are those of Python's own evaluation, since upstream shows their text to the agent. The differences: a power
    too large for a float fails at once instead of being worked out, and very long expressions are refused.

    Args:
        expression: Only of `CHARACTERS`; the caller checks.

    Raises:
        Exception: As Python would: SyntaxError, ZeroDivisionError, OverflowError, TypeError, ValueError.
    """
    if not isinstance(expression, str):
        raise TypeError("eval() arg 1 must be a string, bytes or code object")
    if len(expression) > MAX_CHARS:
        raise RecursionError("maximum recursion depth exceeded during compilation")
    tree = ast.parse(expression.lstrip(" "), "<string>", "eval")
    return str(round(float(_value(tree.body)), 2))


def _value(node: ast.expr) -> Any:
    if isinstance(node, ast.Constant):
        return node.value
    if isinstance(node, ast.BinOp):
        left, right = _value(node.left), _value(node.right)
        if isinstance(node.op, ast.Pow | ast.Mult):
            _refuse_giants(node.op, left, right)
        return _BINARY[type(node.op)](left, right)
    if isinstance(node, ast.UnaryOp):
        return _UNARY[type(node.op)](_value(node.operand))
    if isinstance(node, ast.Tuple) and not node.elts:
        return ()
    if isinstance(node, ast.Call):  # "2(3)": nothing that can be written with these characters can be called
        raise TypeError(f"'{type(_value(node.func)).__name__}' object is not callable")
    raise SyntaxError("invalid syntax (<string>, line 1)")


def _refuse_giants(op: ast.operator, left: Any, right: Any) -> None:
    if isinstance(left, tuple) or isinstance(right, tuple):
        if max((abs(n) for n in (left, right) if isinstance(n, int)), default=0) > MAX_BITS and (left or right):
            raise MemoryError
        return
    if not (isinstance(left, int) and isinstance(right, int)):
        return
    bits = left.bit_length() * right if isinstance(op, ast.Pow) else left.bit_length() + right.bit_length()
    if bits > MAX_BITS and abs(left) > 1:
        raise OverflowError("int too large to convert to float")
