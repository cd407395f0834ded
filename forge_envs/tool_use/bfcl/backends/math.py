"""Arithmetic (upstream class: MathAPI). It has no state."""

import contextlib
import math
from collections.abc import Callable, Mapping
from decimal import Context, Decimal, InvalidOperation
from fractions import Fraction
from typing import Any

from forge_envs.tool_use.bfcl.backends.binary_float import MAX_DIGITS, Mpc, Mpf, bits_for, natural_log, pi, rounded
from forge_envs.tool_use.bfcl.bounds import bounded_power

MAX_ROOT_DIGITS = 100_000
"""A square root takes at most this precision, which costs about a second."""

_PAIR = "Both inputs must be numbers"
_ITEMS = "All elements in the list must be numbers"
_METRES: Mapping[str, float] = {"km": 1000, "m": 1, "cm": 0.01, "mm": 0.001, "um": 1e-6, "nm": 1e-9}
_IMPERIAL: Mapping[tuple[str, str], float] = {
    ("cm", "in"): 0.393701,
    ("in", "cm"): 2.54,
    ("m", "ft"): 3.28084,
    ("ft", "m"): 0.3048,
    ("m", "yd"): 1.09361,
    ("yd", "m"): 0.9144,
    ("km", "miles"): 0.621371,
    ("miles", "km"): 1.60934,
    ("kg", "lb"): 2.20462,
    ("lb", "kg"): 0.453592,
}


def _or_error(compute: Callable[[], Any], message: str) -> dict[str, Any]:
    try:
        return {"result": compute()}
    except TypeError:
        return {"error": message}


class MathAPI:
    """The tools of arithmetic; integers stay integers."""

    def __init__(self, config: Mapping[str, Any], extra: Mapping[str, Any] | None = None):
        pass

    def logarithm(self, value: float, base: float, precision: int) -> dict[str, Any]:
        try:
            return {"result": _logarithm(value, base, int(precision))}
        except ZeroDivisionError:
            return {"error": ""}
        except (TypeError, ValueError, ArithmeticError) as error:
            return {"error": str(error)}

    def mean(self, numbers: list[float]) -> dict[str, Any]:
        if not numbers:
            return {"error": "Cannot calculate mean of an empty list"}
        return _or_error(lambda: sum(numbers) / len(numbers), _ITEMS)

    def standard_deviation(self, numbers: list[float]) -> dict[str, Any]:
        if not numbers:
            return {"error": "Cannot calculate standard deviation of an empty list"}

        def deviation() -> float:
            mean = sum(numbers) / len(numbers)
            return math.sqrt(sum((number - mean) ** 2 for number in numbers) / len(numbers))

        return _or_error(deviation, _ITEMS)

    def si_unit_conversion(self, value: float, unit_in: str, unit_out: str) -> dict[str, Any]:
        if not isinstance(value, int | float):
            return {"error": "Value must be a number"}
        if unit_in not in _METRES or unit_out not in _METRES:
            return {"error": f"Conversion from '{unit_in}' to '{unit_out}' is not supported"}
        try:
            return {"result": value * _METRES[unit_in] * (1 / _METRES[unit_out])}
        except OverflowError:
            return {"error": "Conversion resulted in a value too large to represent"}

    def imperial_si_conversion(self, value: float, unit_in: str, unit_out: str) -> dict[str, Any]:
        if not isinstance(value, int | float):
            return {"error": "Value must be a number"}
        if unit_in == unit_out:
            return {"result": value}
        units = (f"{unit_in}", f"{unit_out}")
        try:
            if units == ("celsius", "fahrenheit"):
                return {"result": value * 1.8 + 32}
            if units == ("fahrenheit", "celsius"):
                return {"result": (value - 32) * (5 / 9)}
            if units in _IMPERIAL:
                return {"result": value * _IMPERIAL[units]}
        except OverflowError:
            return {"error": "Conversion resulted in a value too large to represent"}
        return {"error": f"Conversion from '{unit_in}' to '{unit_out}' is not supported"}

    def add(self, a: float, b: float) -> dict[str, Any]:
        return _or_error(lambda: a + b, _PAIR)

    def subtract(self, a: float, b: float) -> dict[str, Any]:
        return _or_error(lambda: a - b, _PAIR)

    def multiply(self, a: float, b: float) -> dict[str, Any]:
        numbers = isinstance(a, int | float) and isinstance(b, int | float)
        return {"result": a * b} if numbers else {"error": _PAIR}

    def divide(self, a: float, b: float) -> dict[str, Any]:
        if b == 0:
            return {"error": "Cannot divide by zero"}
        return _or_error(lambda: a / b, _PAIR)

    def power(self, base: float, exponent: float) -> dict[str, Any]:
        return _or_error(lambda: bounded_power(base, exponent), _PAIR)

    def square_root(self, number: float, precision: int) -> dict[str, Any]:
        try:
            if number < 0:
                return {"error": "Cannot calculate square root of a negative number"}
            if not isinstance(precision, int):
                raise TypeError(precision)
            context = Context(prec=precision)
            if precision > MAX_ROOT_DIGITS:
                raise MemoryError  # What upstream runs into; its text is empty.
            return {"result": context.sqrt(Decimal(number))}
        except (TypeError, InvalidOperation):
            return {"error": "Input must be a number or computation resulted in an invalid operation"}

    def absolute_value(self, number: float) -> dict[str, Any]:
        return _or_error(lambda: abs(number), "Input must be a number")

    def round_number(self, number: float, decimal_places: int = 0) -> dict[str, Any]:
        message = "First input must be a number, second input must be an integer"
        if isinstance(number, int) and isinstance(decimal_places, int) and decimal_places < -5000:
            return {"result": 0}  # What rounding gives for every number that can be written, without the long way.
        return _or_error(lambda: round(number, decimal_places), message)

    def percentage(self, part: float, whole: float) -> dict[str, Any]:
        if whole == 0:
            return {"error": "Whole value cannot be zero"}
        return _or_error(lambda: (part / whole) * 100, _PAIR)

    def min_value(self, numbers: list[float]) -> dict[str, Any]:
        if not numbers:
            return {"error": "Cannot find minimum of an empty list"}
        return _or_error(lambda: min(numbers), _ITEMS)

    def max_value(self, numbers: list[float]) -> dict[str, Any]:
        if not numbers:
            return {"error": "Cannot find maximum of an empty list"}
        return _or_error(lambda: max(numbers), _ITEMS)

    def sum_values(self, numbers: list[float]) -> dict[str, Any]:
        if not numbers:
            return {"error": "Cannot calculate sum of an empty list"}
        return _or_error(lambda: sum(numbers), _ITEMS)


def _logarithm(value: Any, base: Any, digits: int) -> Mpf | Mpc:
    bits = bits_for(digits)
    arguments = [_number(argument, bits) for argument in (value, base)]
    if arguments[1] == 1:
        raise ZeroDivisionError
    if digits > MAX_DIGITS:
        raise ValueError(f"a precision above {MAX_DIGITS} digits is not computed")
    (top, top_angle), (bottom, bottom_angle) = (_log(number, bits) for number in arguments)
    if not top_angle and not bottom_angle:
        return Mpf(_quotient(top, bottom, bits), bits)
    if isinstance(bottom, str) or isinstance(top, str):
        if isinstance(bottom, str):
            return Mpc(Fraction(0), Fraction(0), bits)
        return Mpc("-inf" if bottom else "nan", "+inf", bits)
    size = bottom * bottom + bottom_angle * bottom_angle
    real = rounded((top * bottom + top_angle * bottom_angle) / size, bits)
    return Mpc(real, rounded((top_angle * bottom - top * bottom_angle) / size, bits), bits)


def _quotient(top: Fraction | str, bottom: Fraction | str, bits: int) -> Fraction | str:
    if isinstance(bottom, str):
        return "nan" if isinstance(top, str) else Fraction(0)
    if isinstance(top, str):
        if not bottom:
            raise ZeroDivisionError
        return "+inf" if bottom < 0 else "-inf"
    return rounded(top / bottom, bits)


def _number(value: Any, bits: int) -> Fraction:
    if isinstance(value, int | float):
        return Fraction(value)
    if isinstance(value, str):
        with contextlib.suppress(InvalidOperation):
            number = Decimal(value)
            if number.is_finite() and abs(number.adjusted()) < 5000:
                return rounded(Fraction(number), bits)
    raise TypeError(f"cannot create mpf from {value!r}")


def _log(value: Fraction, bits: int) -> tuple[Fraction | str, Fraction]:
    """Real and imaginary part of the principal logarithm."""
    if not value:
        return "-inf", Fraction(0)
    return natural_log(abs(value), bits), Fraction(0) if value > 0 else pi(bits)
