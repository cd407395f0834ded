"""Logarithms as upstream prints them: binary floating point of a chosen precision, in the notation of mpmath.

Upstream's MathAPI.logarithm returns an object of mpmath 1.3, and its answers hold that object's text. The two numbers
that such a text needs, bits for digits and digits for bits, are mpmath's (libmp/libmpf.py: dps_to_prec, repr_dps).
"""

from dataclasses import dataclass
from decimal import Context, Decimal
from fractions import Fraction

from forge_envs.tool_use.bfcl.backends.digits import log_digits, make_context, pi_digits

MAX_DIGITS = 100_000
"""A logarithm takes at most this precision, which costs about as long as with mpmath: ten seconds."""

_BITS_PER_DIGIT = 3.3219280948873626


@dataclass(frozen=True)
class Mpf:
    """A number of `bits` bits that prints like mpmath's ``mpf``; an infinity or not-a-number is its name."""

    value: Fraction | str
    bits: int

    def __repr__(self) -> str:
        return f"mpf('{digits_text(self.value, self.bits)}')"


@dataclass(frozen=True)
class Mpc:
    """A complex number that prints like mpmath's ``mpc``."""

    real: Fraction | str
    imag: Fraction | str
    bits: int

    def __repr__(self) -> str:
        real, imag = (digits_text(part, self.bits) for part in (self.real, self.imag))
        return f"mpc(real='{real}', imag='{imag}')"


def bits_for(digits: int) -> int:
    """How many bits mpmath uses for that many decimal digits."""
    return max(1, round((digits + 1) * _BITS_PER_DIGIT))


def rounded(value: Fraction, bits: int) -> Fraction:
    """The nearest number with `bits` bits, ties to even."""
    if not value:
        return value
    size = abs(value)
    exponent = size.numerator.bit_length() - size.denominator.bit_length() - bits
    unit = Fraction(2) ** exponent
    while round(size / unit).bit_length() > bits:
        unit *= 2
    while size / unit < 1 << (bits - 1):
        unit /= 2
    return round(value / unit) * unit


def natural_log(value: Fraction, bits: int) -> Fraction:
    """The natural logarithm of a positive number, rounded to `bits` bits."""
    if value == 1:
        return Fraction(0)
    # Exact: the number is an int or a float, so its denominator is a power of two.
    exact = make_context(5000 + value.numerator.bit_length())
    number = exact.divide(Decimal(value.numerator), Decimal(value.denominator))
    return rounded(Fraction(log_digits(number, int(bits * 0.302) + 30)), bits)


def pi(bits: int) -> Fraction:
    """The circle's number rounded to `bits` bits."""
    return rounded(Fraction(pi_digits(int(bits * 0.302) + 30)), bits)


def digits_text(value: Fraction | str, bits: int) -> str:
    """The shortest notation mpmath gives: fixed point near 1, else with an exponent; zeros at the end go."""
    if isinstance(value, str):
        return value
    if not value:
        return "0.0"
    digits = max(1, round(bits / _BITS_PER_DIGIT - 1))
    digits = 17 if digits == 15 else digits + 3
    context = Context(prec=digits + 3, rounding="ROUND_DOWN", Emax=10**9, Emin=-(10**9))
    cut = context.divide(Decimal(value.numerator), Decimal(value.denominator))
    # Three guard digits are cut, then the last digit is rounded half up, as mpmath does.
    number = Context(prec=digits, rounding="ROUND_HALF_UP", Emax=10**9, Emin=-(10**9)).plus(cut)
    sign, figures, _ = number.as_tuple()
    exponent = number.adjusted()
    text = "".join(map(str, figures)).ljust(digits, "0")
    power = ""
    if min(-(digits // 3), -5) < exponent < digits:
        text = "0" * -exponent + text if exponent < 0 else text.ljust(exponent + 1, "0")
        split = 1 if exponent < 0 else exponent + 1
    else:
        split, power = 1, f"e{exponent:+d}"
    fraction = text[split:].rstrip("0") or "0"
    return f"{'-' if sign else ''}{text[:split]}.{fraction}{power}"
