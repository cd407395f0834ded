"""Amounts of money as whole cents."""

import re
from collections.abc import Sequence
from fractions import Fraction

_AMOUNT = re.compile(r"(-?)(\d+)(?:\.(\d\d))?")


def parse_amount(text: str) -> int:
    """Cents of `12`, `12.50` or `-3.00`."""
    match = _AMOUNT.fullmatch(text)
    if not match:
        raise ValueError(f"not an amount: {text!r}")
    sign, whole, cents = match.groups()
    amount = int(whole) * 100 + int(cents or 0)
    return -amount if sign else amount


def format_amount(cents: int) -> str:
    """As `1,234.50`."""
    sign = "-" if cents < 0 else ""
    return f"{sign}{abs(cents) // 100:,}.{abs(cents) % 100:02}"


def allocate(total: int, weights: Sequence[int]) -> list[int]:
    """Share cents in proportion to weights, so that the shares add up to the total.

    The cents that are left after rounding down go to the shares that lost most by it, the first of them first.
    """
    whole = sum(weights)
    if whole <= 0 or min(weights) < 0:
        raise ValueError("weights are not negative, and not all nothing")
    sign = -1 if total < 0 else 1
    exact = [Fraction(abs(total) * weight, whole) for weight in weights]
    shares = [int(share) for share in exact]
    order = sorted(range(len(shares)), key=lambda index: (shares[index] - exact[index], index))
    for index in order[: abs(total) - sum(shares)]:
        shares[index] += 1
    return [sign * share for share in shares]
