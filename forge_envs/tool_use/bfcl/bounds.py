"""Operations on values that a model wrote, with bounds where Python's own would take all time or all memory."""

import ast
import operator
from collections.abc import Callable
from typing import Any

MAX_BITS = 16_384
"""Size of an integer that a power or a shift may make: more digits than Python prints."""
MAX_PRINTED_BITS = 14_280
"""Size of an integer that Python prints: 4300 digits."""
MAX_ITEMS = 100_000
"""Length of what repetition may make, once printed."""

_BINARY: dict[type[ast.operator], Callable[[Any, Any], Any]] = {
    ast.Add: operator.add,
    ast.Sub: operator.sub,
    ast.Div: operator.truediv,
    ast.FloorDiv: operator.floordiv,
    ast.BitAnd: operator.and_,
    ast.BitOr: operator.or_,
    ast.BitXor: operator.xor,
    ast.RShift: operator.rshift,
}
_UNARY: dict[type[ast.unaryop], Callable[[Any], Any]] = {
    ast.UAdd: operator.pos,
    ast.USub: operator.neg,
    ast.Not: operator.not_,
    ast.Invert: operator.invert,
}


def bounded_power(base: Any, exponent: Any) -> Any:
    """`base ** exponent`; an integer too long to print is refused with the words Python has for printing it.

    Raises:
        ValueError: The result has more than `MAX_BITS` bits.
    """
    whole = isinstance(base, int) and isinstance(exponent, int) and exponent > 0 and abs(base) > 1
    if whole and (abs(base).bit_length() - 1) * exponent > MAX_BITS:
        raise ValueError("Exceeds the limit (4300 digits) for integer string conversion")
    return base**exponent


def binary(op: ast.operator, left: Any, right: Any) -> Any:
    """Apply a binary operator to two literals.

    Integers stay short enough to print.

    Raises:
        Exception: What Python raises for these operands, or ValueError for an unsupported or oversized operation.
    """
    made = _applied(op, left, right)
    if isinstance(made, int) and made.bit_length() > MAX_PRINTED_BITS:
        raise ValueError("the number is too large")
    return made


def _applied(op: ast.operator, left: Any, right: Any) -> Any:
    if isinstance(op, ast.Pow):
        return bounded_power(left, right)
    if isinstance(op, ast.LShift):
        if isinstance(right, int) and isinstance(left, int) and left.bit_length() + right > MAX_BITS:
            raise ValueError("the shifted number is too large")
        return left << right
    if isinstance(op, ast.Mult):
        for one, other in ((left, right), (right, left)):
            repeats = isinstance(one, str | bytes | list | tuple) and isinstance(other, int)
            if repeats and _weight(one) * other > MAX_ITEMS:
                raise ValueError("the repeated value is too long")
        return left * right
    if isinstance(op, ast.Add):
        joined = [side for side in (left, right) if isinstance(side, str | bytes | list | tuple)]
        if sum(map(len, joined)) > 10 * MAX_ITEMS:
            raise ValueError("the joined value is too long")
    if isinstance(op, ast.Mod):
        if isinstance(left, str | bytes):
            raise ValueError("formatting with % is not supported")
        return left % right
    if type(op) not in _BINARY:
        raise ValueError(f"the operator {type(op).__name__} is not supported")
    return _BINARY[type(op)](left, right)


def _weight(value: Any) -> int:
    """About how long a value is once printed; repeated lists of lists are long. Counting ends at the bound."""
    total, stack = 0, [value]
    while stack and total <= MAX_ITEMS:
        one = stack.pop()
        total += len(one) if isinstance(one, str | bytes | list | tuple) else 1
        if isinstance(one, list | tuple):
            stack += one[:MAX_ITEMS]
    return total


def unary(op: ast.unaryop, value: Any) -> Any:
    """Apply a unary operator to a literal."""
    return _UNARY[type(op)](value)
