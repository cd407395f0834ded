"""Logarithms and the circle's number to many digits, by arithmetic-geometric means on decimals.

Python's own decimal logarithm takes time that grows with the cube of the digits; this needs some forty products.
"""

import math
from decimal import Context, Decimal


def make_context(digits: int) -> Context:
    """A context of that precision whose exponents have no practical bound."""
    return Context(prec=digits, Emax=10**12, Emin=-(10**12))


def log_digits(value: Decimal, digits: int) -> Decimal:
    """The natural logarithm of a positive number, to about that many significant digits.

    Args:
        value: The number, exact.
        digits: More than 10.
    """
    if digits < 400:
        return make_context(digits).ln(value)
    # Near 1 the two terms below cancel: as many digits more as there are zeros after the point of value - 1.
    distance = abs(value - 1) if abs(value.adjusted()) <= 1 else Decimal(1)
    context = make_context(digits + max(0, -distance.adjusted()) + 20)
    shift = context.prec // 2 + 5 - value.adjusted()
    half_circle = context.divide(pi_digits(context.prec), Decimal(2))
    # log s = pi / 2 M(1, 4/s) up to 1/s^2, for s = value * 10^shift; the logarithm of 10 is made the same way.
    whole = context.divide(half_circle, _mean(context.divide(Decimal(4), value.scaleb(shift, context)), context))
    power = context.prec // 2 + 5
    of_ten = context.divide(half_circle, _mean(Decimal(4).scaleb(-power, context), context))
    return context.subtract(whole, context.multiply(context.divide(of_ten, Decimal(power)), Decimal(shift)))


def pi_digits(digits: int) -> Decimal:
    """The circle's number to that many digits (Gauss and Legendre)."""
    context = make_context(digits + 10)
    a, b, t, p = Decimal(1), root_digits(Decimal("0.5"), context), Decimal("0.25"), 1
    while abs(context.subtract(a, b)).adjusted() > -digits // 2 - 5:
        middle = context.divide(context.add(a, b), Decimal(2))
        b = root_digits(context.multiply(a, b), context)
        step = context.subtract(a, middle)
        t = context.subtract(t, context.multiply(Decimal(p), context.multiply(step, step)))
        a, p = middle, 2 * p
    total = context.add(a, b)
    # One more step, without its root.
    middle = context.divide(total, Decimal(2))
    step = context.subtract(a, middle)
    t = context.subtract(t, context.multiply(Decimal(p), context.multiply(step, step)))
    a, b = middle, root_digits(context.multiply(a, b), context)
    total = context.add(a, b)
    return context.divide(context.multiply(total, total), context.multiply(Decimal(4), t))


def root_digits(value: Decimal, context: Context) -> Decimal:
    """The square root, by Newton's steps for its inverse with doubling precision."""
    if context.prec < 200:
        return context.sqrt(value)
    even = value.adjusted() // 2 * 2
    scaled = value.scaleb(-even, context)  # in [1, 100)
    inverse = Decimal(1 / math.sqrt(float(scaled)))
    precision = 15
    while precision < context.prec:
        precision = min(2 * precision - 2, context.prec + 5)
        here = make_context(precision + 5)
        x = here.plus(scaled)
        miss = here.subtract(Decimal(1), here.multiply(x, here.multiply(inverse, inverse)))
        inverse = here.add(inverse, here.divide(here.multiply(inverse, miss), Decimal(2)))
    last = make_context(context.prec + 5)
    root = last.multiply(scaled, inverse)
    miss = last.subtract(scaled, last.multiply(root, root))
    root = last.add(root, last.divide(last.multiply(inverse, miss), Decimal(2)))
    return context.plus(root.scaleb(even // 2, last))


def _mean(small: Decimal, context: Context) -> Decimal:
    """Twice the arithmetic-geometric mean of 1 and `small`, halved: M(1, small)."""
    a, b = Decimal(1), small
    while True:
        difference = context.subtract(a, b)
        if not difference or abs(difference).adjusted() - a.adjusted() < -context.prec // 2 - 2:
            # The next mean agrees with the one after it to twice as many digits, which is all there are.
            return context.divide(context.add(a, b), Decimal(2))
        a, b = context.divide(context.add(a, b), Decimal(2)), root_digits(context.multiply(a, b), context)
