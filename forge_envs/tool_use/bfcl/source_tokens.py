"""Tokens of Java and JavaScript source, and whether they can be an expression."""

import re
from collections.abc import Sequence
from dataclasses import dataclass

from forge_envs.core.errors import ActionError

MAX_CHARS = 20_000
MAX_DEPTH = 64

_TOKEN = re.compile(
    r"""(?P<space>(?:\s|//[^\n]*|/\*[\s\S]*?\*/)+)
    |(?P<text>"(?:\\.|[^"\\\n])*"|'(?:\\.|[^'\\\n])*'|`(?:\\.|[^`\\])*`)
    |(?P<word>[^\W\d][\w$]*|\$[\w$]*)
    |(?P<number>\d[\w.]*(?:(?<=[eE])[+-]\d\w*)?|\.\d\w*)
    |(?P<mark>===|!==|==|!=|<=|>=|=>|->|&&|\|\||\+\+|--|[-+*/%&|^]=|[^\w\s"'`])""",
    re.VERBOSE,
)
_OPENING_WORDS = ("new", "function", "typeof", "instanceof", "await", "void")
_PREFIXES = ("-", "+", "!", "~", "++", "--")
INFIX = ("+", "-", "*", "/", "%", "==", "!=", "<", ">", "<=", ">=", "&&", "||")
NO_NAMES = ("false", "null", "this", "undefined", "super", "true")
_JAVA_NUMBER = re.compile(r"0[xXbB][\da-fA-F_]+[lL]?|(\d[\d_]*\.?[\d_]*|\.\d[\d_]*)([eE][+-]?\d+)?[lLfFdD]?")
_JS_NUMBER = re.compile(r"0[xXbBoO][\da-fA-F_]+n?|(\d[\d_]*\.?[\d_]*|\.\d[\d_]*)([eE][+-]?\d+)?n?")
PAIRS = {"(": ")", "[": "]", "{": "}"}


@dataclass(frozen=True)
class Token:
    """A token and where it is in the source."""

    kind: str
    text: str
    start: int
    end: int


def tokens_of(source: str) -> list[Token]:
    if len(source) > MAX_CHARS:
        raise ActionError(f"{len(source)} characters are too long for a call")
    tokens, at = [], 0
    while at < len(source):
        found = _TOKEN.match(source, at)
        if found is None:
            raise ActionError(f"unreadable at character {at + 1}")
        if found.lastgroup != "space":
            tokens.append(Token(str(found.lastgroup), found[0], at, found.end()))
        at = found.end()
    return tokens


def closers_of(tokens: Sequence[Token]) -> dict[int, int]:
    """Where each bracket is closed."""
    closers: dict[int, int] = {}
    opened: list[int] = []
    for index, token in enumerate(tokens):
        if token.text in PAIRS:
            opened.append(index)
            if len(opened) > MAX_DEPTH:
                raise ActionError("nested too deep")
        elif token.text in PAIRS.values():
            if not opened or PAIRS[tokens[opened[-1]].text] != token.text:
                raise ActionError(f"an unmatched {token.text}")
            closers[opened.pop()] = index
    if opened:
        raise ActionError("a bracket is not closed")
    return closers


def check_expression(tokens: Sequence[Token], java: bool) -> None:
    """Refuse what no expression is: operands side by side, an operator without an operand, another language's values.

    Raises:
        ActionError: It is none.
    """
    close = closers_of(tokens)
    complete, index = False, 0  # Whether an operand is complete, so that an operator comes next.
    while index < len(tokens):
        token = tokens[index]
        if token.text in PAIRS:
            if token.text != "(" and not complete and java:
                raise ActionError(f"no value begins with {token.text} in Java")
            inside = tokens[index + 1 : close[index]]
            if complete and (token.text == "{" or (token.text == "[" and not inside)):
                raise ActionError(f"a misplaced {token.text}")
            cast = java and token.text == "(" and not complete and len(inside) == 1 and inside[0].kind == "word"
            after = tokens[close[index] + 1 : close[index] + 2]
            arrow = bool(after) and after[0].text in ("=>", "->")
            if token.text == "(" and inside and not cast and not arrow:
                for part in _parts(inside):
                    check_expression(part, java)
            index = close[index] + 1
            complete = not (cast and after and after[0].kind in ("word", "text", "number"))
        elif token.text in _OPENING_WORDS:
            if java and token.text == "function":
                raise ActionError("no function in Java")
            if complete and token.text != "instanceof":
                raise ActionError(f"an operator is missing before {token.text}")
            if token.text == "new" and not java:
                index = _js_new(tokens, index, close)
                complete = True
            elif token.text in ("new", "function"):  # A type or a function follows: its brackets are passed over.
                while index < len(tokens) and tokens[index].text not in PAIRS:
                    index += 1
                while index < len(tokens) and tokens[index].text in PAIRS:
                    index = close[index] + 1
                complete = True
            else:
                complete, index = False, index + 1
        elif token.kind != "mark":
            if token.kind == "number" and not (_JAVA_NUMBER if java else _JS_NUMBER).fullmatch(token.text):
                raise ActionError(f"no number: {token.text[:40]}")
            if complete:
                raise ActionError(f"an operator is missing before {token.text[:40]}")
            complete, index = True, index + 1
        elif token.text in ("=>", "->"):
            if not complete or java == (token.text == "=>"):
                raise ActionError(f"a misplaced {token.text}")
            complete, index = False, index + 1
        else:
            if token.text in ("@", "#"):
                raise ActionError(f"a misplaced {token.text}")
            if not complete and token.text not in _PREFIXES:
                raise ActionError(f"an operand is missing before {token.text}")
            complete, index = complete and token.text in ("++", "--"), index + 1
    if not complete:
        raise ActionError("an operand is missing")


def _parts(tokens: Sequence[Token]) -> list[list[Token]]:
    """Token lists between the commas of the outermost level."""
    parts: list[list[Token]] = [[]]
    depth = 0
    for token in tokens:
        depth += (token.text in PAIRS) - (token.text in PAIRS.values())
        if token.text == "," and depth == 0:
            parts.append([])
        else:
            parts[-1].append(token)
    return parts


def _js_new(tokens: Sequence[Token], index: int, close: dict[int, int]) -> int:
    """The token after ``new Name.Name(...)``."""
    index += 1
    while index < len(tokens) and (tokens[index].kind == "word" or tokens[index].text == "."):
        index += 1
    return close[index] + 1 if index < len(tokens) and tokens[index].text == "(" else index
