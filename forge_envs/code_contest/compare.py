"""When an output is right: named rules over the bytes that a program wrote. Every rule takes linear time."""

import re
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import chain, zip_longest

NUMBER = re.compile(rb"[+-]?(?:[0-9]+(?:\.[0-9]*)?|\.[0-9]+)(?:[eE][+-]?[0-9]+)?")
"""What counts as a number: ASCII digits only, so no `nan`, `inf`, `1_0`, hexadecimal or Arabic digits."""

MAX_NUMBER = 1000
"""Characters of a number; a longer token is right only when it is the same text."""

DEFAULT_TOLERANCE = 1e-6
"""Of `float` and `json_float` when a checker names neither `abs` nor `rel` (testlib's rcmp6)."""

_SPACE = re.compile(rb"\s")
_PIECE = 2**20


@dataclass(frozen=True)
class Options:
    """What a rule may be told.

    Args:
        abs: Largest absolute error, for `float`.
        rel: Largest relative error, for `float`. When neither is given both are 1e-6; when one is given the other is 0.
        case_insensitive: ASCII letters are equal in either case.
    """

    abs: float | None = None
    rel: float | None = None
    case_insensitive: bool = False

    @property
    def tolerance(self) -> tuple[float, float]:
        """Absolute and relative error that are allowed."""
        if self.abs is None and self.rel is None:
            return DEFAULT_TOLERANCE, DEFAULT_TOLERANCE
        return self.abs or 0.0, self.rel or 0.0


Rule = Callable[[bytes, bytes, Options], bool]


def close(got: float, expected: float, *, absolute: float, relative: float) -> bool:
    """Whether a number is within the absolute or the relative error, each widened by 1e-15.

    The rule is `doubleCompare` of testlib.h; there both errors are one number. Infinity and NaN are never close.
    """
    difference = abs(got - expected)
    return difference <= absolute + 1e-15 or difference <= (relative + 1e-15) * abs(expected)


def _tokens(got: bytes, expected: bytes, options: Options) -> bool:
    """The same words in the same order; white space does not matter (testlib's wcmp.cpp)."""
    return _spaced_once(got) == _spaced_once(expected)


def _lines(got: bytes, expected: bytes, options: Options) -> bool:
    """The same lines; white space at the end of a line (so also CR) and empty lines at the end do not matter."""
    return _stripped_lines(got) == _stripped_lines(expected)


def _exact(got: bytes, expected: bytes, options: Options) -> bool:
    """The same bytes."""
    return got == expected


def _float(got: bytes, expected: bytes, options: Options) -> bool:
    """Tokens; where the expected one is a number, the other has to be a number that is close.

    Which tokens are numbers is decided by the expected output, as in Kattis' default validator; how close is testlib's
    rule (`close`).
    """
    absolute, relative = options.tolerance
    return all(a == b or _close_tokens(a, b, absolute, relative) for a, b in _pairs(got, expected))


def _yes_no(got: bytes, expected: bytes, options: Options) -> bool:
    """Tokens, with `yes` and `no` in any letter case (testlib's nyesno.cpp); other tokens as they are."""
    return all(a == b or (a.lower() == b.lower() and b.lower() in (b"yes", b"no")) for a, b in _pairs(got, expected))


def _unordered(got: bytes, expected: bytes, options: Options) -> bool:
    """The same lines, each as often, in any order; a line is its tokens, empty lines do not matter (DMOJ's sorted)."""
    return _bag_of_lines(got) == _bag_of_lines(expected)


def _unordered_tokens(got: bytes, expected: bytes, options: Options) -> bool:
    """The same tokens, each as often, in any order (testlib's uncmp.cpp, for any words)."""
    return Counter(_words(got)) == Counter(_words(expected))


RULES: dict[str, Rule] = {
    "tokens": _tokens,
    "lines": _lines,
    "exact": _exact,
    "float": _float,
    "yes_no": _yes_no,
    "unordered": _unordered,
    "unordered_tokens": _unordered_tokens,
}
"""The rules for what a program prints. `json_compare.JSON_RULES` has those for what a function returns."""


def matches(rule: str, got: bytes, expected: bytes, options: Options) -> bool:
    """Whether an output is right.

    Args:
        rule: A key of `RULES`.
        got: What the program wrote.
        expected: What it should have written.
        options: Tolerance and letter case.
    """
    if got == expected:
        return True
    if options.case_insensitive:
        got, expected = got.lower(), expected.lower()
    return RULES[rule](got, expected, options)


def _close_tokens(got: bytes, expected: bytes, absolute: float, relative: float) -> bool:
    a, b = _number(got), _number(expected)
    return a is not None and b is not None and close(a, b, absolute=absolute, relative=relative)


def _number(token: bytes) -> float | None:
    if len(token) > MAX_NUMBER or not NUMBER.fullmatch(token):
        return None
    value = float(token)
    return value if abs(value) != float("inf") else None


def _pairs(got: bytes, expected: bytes) -> Iterator[tuple[bytes, bytes]]:
    """Tokens side by side; the shorter output is filled up with a token that equals none."""
    return zip_longest(_words(got), _words(expected), fillvalue=b"")


def _words(text: bytes) -> Iterator[bytes]:
    return chain.from_iterable(piece.split() for piece in _pieces(text))


def _spaced_once(text: bytes) -> bytes:
    return b" ".join(words for piece in _pieces(text) if (words := b" ".join(piece.split())))


def _pieces(text: bytes) -> Iterator[bytes]:
    """The text in pieces cut at white space, so that a large output never exists as one list of words."""
    start = 0
    while start < len(text):
        cut = _SPACE.search(text, start + _PIECE)
        end = cut.start() if cut else len(text)
        yield text[start:end]
        start = end


def _stripped_lines(text: bytes) -> list[bytes]:
    return [line.rstrip() for line in text.rstrip().split(b"\n")]


def _bag_of_lines(text: bytes) -> Counter[tuple[bytes, ...]]:
    return Counter(words for line in text.split(b"\n") if (words := tuple(line.split())))
