"""Amounts of money in cents. This file is right."""


def parse_amount(text):
    """Read an amount such as `12.50`, `-3` or `+0.05`; raises ValueError for anything else."""
    sign = -1 if text.startswith("-") else 1
    whole, point, cents = text.removeprefix("-").removeprefix("+").partition(".")
    if not (whole.isascii() and whole.isdigit()) or (point and not (len(cents) == 2 and cents.isdigit())):
        raise ValueError(f"not an amount: {text}")
    return sign * (100 * int(whole) + int(cents or 0))


def format_amount(cents):
    """Write an amount with two decimals."""
    return f"{'-' if cents < 0 else ''}{abs(cents) // 100}.{abs(cents) % 100:02}"
