"""Python literals that stand for JSON values, read without Python's parser, which hostile text can crash."""

import re
import unicodedata
from typing import Any

from forge_envs.core.errors import ActionError
from forge_envs.core.messages import MAX_DEPTH

_SPACE = re.compile(r"\s*")
_NAME = re.compile(r"[^\W\d]\w*")
_DOTTED = re.compile(r"[^\W\d]\w*(?:\.[^\W\d]\w*)*")
_NUMBER = re.compile(
    r"0[xX][0-9a-fA-F_]+|0[oO][0-7_]+|0[bB][01_]+|(?:\d[\d_]*)?\.?\d[\d_]*\.?(?:[eE][+-]?\d+)?", re.ASCII
)
_STRING = re.compile(
    r'''([rRuU]?)(?:"""((?:[^\\]|\\.)*?)"""|\'\'\'((?:[^\\]|\\.)*?)\'\'\'|"((?:[^"\\\n]|\\.)*)"|'((?:[^'\\\n]|\\.)*)')''',
    re.DOTALL,
)
_ESCAPE = re.compile(
    r"\\(?:(\n)|([\\'\"abfnrtv])|([0-7]{1,3})|x([0-9a-fA-F]{2})|u([0-9a-fA-F]{4})|U([0-9a-fA-F]{8})|N\{([^}]*)\})"
)
_LETTERS = {"a": "\a", "b": "\b", "f": "\f", "n": "\n", "r": "\r", "t": "\t", "v": "\v"}
_CONSTANT = re.compile(r"(?:True|False|None)(?![\w.(\[])")
_CONSTANTS = {"True": True, "False": False, "None": None}
_NOTHING = object()


class Scanner:
    """A position in a text of calls.

    Args:
        text: What is read.
    """

    def __init__(self, text: str):
        self.text, self.position, self.depth = text, 0, 0

    def start(self) -> int:
        """Where the next thing begins, after white space."""
        space = _SPACE.match(self.text, self.position)
        return space.end() if space else self.position

    def match(self, pattern: re.Pattern[str]) -> re.Match[str] | None:
        """Take what the pattern matches after white space; None and no move where it does not match."""
        found = pattern.match(self.text, self.start())
        if found is not None:
            self.position = found.end()
        return found

    def peek(self, mark: str) -> bool:
        """Whether `mark` comes next."""
        return self.text.startswith(mark, self.start())

    def take(self, mark: str) -> bool:
        """Take `mark` if it comes next."""
        start = self.start()
        if not self.text.startswith(mark, start):
            return False
        self.position = start + len(mark)
        return True

    def expect(self, mark: str) -> None:
        """Take `mark`.

        Raises:
            ActionError: Something else comes next.
        """
        if not self.take(mark):
            raise ActionError(f"{mark!r} is missing in a tool call, before {self._rest()}")

    def expect_end(self) -> None:
        """Check that nothing is left.

        Raises:
            ActionError: Something is.
        """
        if self.text[self.position :].strip():
            raise ActionError(f"tool calls end before {self._rest()}; separate calls by commas")

    def dotted_name(self) -> str:
        """Take a tool's name.

        Raises:
            ActionError: There is none.
        """
        found = self.match(_DOTTED)
        if found is None:
            raise ActionError(f"a tool's name is missing before {self._rest()}")
        return found[0]

    def keyword(self, tool: str) -> str:
        """Take ``name=``.

        Raises:
            ActionError: The argument has no name.
        """
        found = self.match(_NAME)
        if found is None or not self.take("=") or self.peek("="):
            raise ActionError(f"name every argument of {tool[:80]}: {tool[:80]}(parameter=value)")
        return found[0]

    def refuse(self, what: str) -> ActionError:
        """The error for what comes next."""
        return ActionError(
            f"{self._rest()} is no {what}; write text in quotes, numbers, lists, dicts, True, False, None"
        )

    def _rest(self) -> str:
        left = self.text[self.position :].strip()
        return repr(left[:40]) if left else "the end"


def read_value(scanner: Scanner) -> Any:
    """Take one literal: text, a number, a constant, a list, a tuple (read as a list) or a dict with text keys.

    Raises:
        ActionError: Something else comes next, or it is nested deeper than `MAX_DEPTH`.
    """
    if scanner.depth >= MAX_DEPTH:
        raise ActionError(f"a value in a tool call is nested more than {MAX_DEPTH} levels deep")
    scanner.depth += 1
    try:
        if scanner.take("["):
            return _read_items(scanner, "]")
        if scanner.take("("):
            return _read_tuple(scanner)
        if scanner.take("{"):
            return _read_dict(scanner)
        return _read_atom(scanner)
    finally:
        scanner.depth -= 1


def _read_items(scanner: Scanner, closing: str) -> list[Any]:
    items: list[Any] = []
    while not scanner.peek(closing):
        items.append(read_value(scanner))
        if not scanner.take(","):
            break
    scanner.expect(closing)
    return items


def _read_tuple(scanner: Scanner) -> Any:
    start = scanner.position
    items = _read_items(scanner, ")")
    trailing = scanner.text[start : scanner.position - 1].rstrip().endswith(",")
    return items[0] if len(items) == 1 and not trailing else items


def _read_dict(scanner: Scanner) -> dict[str, Any]:
    read: dict[str, Any] = {}
    while not scanner.peek("}"):
        key = _read_text(scanner)
        if key is None:
            raise scanner.refuse("key of a dict (keys are text)")
        scanner.expect(":")
        read[key] = read_value(scanner)
        if not scanner.take(","):
            break
    scanner.expect("}")
    return read


def _read_atom(scanner: Scanner) -> Any:
    text = _read_text(scanner)
    if text is not None:
        return text
    sign = "-" if scanner.take("-") else "+" if scanner.take("+") else ""
    number = _read_number(scanner)
    if number is not _NOTHING:
        return -number if sign == "-" else number
    found = None if sign else scanner.match(_CONSTANT)
    if found is None:
        raise scanner.refuse("value")
    return _CONSTANTS[found[0]]


def _read_text(scanner: Scanner) -> str | None:
    """One or more string literals in a row, as Python joins them."""
    parts: list[str] = []
    while (found := scanner.match(_STRING)) is not None:
        body = next(group for group in found.groups()[1:] if group is not None)
        parts.append(body if found[1] in "rR" and found[1] else _ESCAPE.sub(_unescape, body))
    return "".join(parts) if parts else None


def _unescape(found: re.Match[str]) -> str:
    newline, letter, octal, *codes, name = found.groups()
    if newline is not None:
        return ""
    if letter is not None:
        return _LETTERS.get(letter, letter)
    try:
        if name is not None:
            return unicodedata.lookup(name)
        return chr(int(octal, 8) if octal is not None else int(next(code for code in codes if code is not None), 16))
    except (KeyError, ValueError, OverflowError):
        raise ActionError(f"{found[0][:40]} in a text is no character") from None


def _read_number(scanner: Scanner) -> Any:
    found = scanner.match(_NUMBER)
    if found is None:
        return _NOTHING
    written = found[0]
    try:
        if scanner.text[found.end() : found.end() + 1].isalnum():
            raise ValueError
        return int(written, 0) if not re.search(r"[.eE]", written) or written[:2] in ("0x", "0X") else float(written)
    except ValueError:
        raise ActionError(f"{written[:40]!r} is no number that a tool takes") from None
