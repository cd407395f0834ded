"""From a template's text to pieces, and from an expression's text to tokens."""

import re
from collections.abc import Iterator
from dataclasses import dataclass

from stencil.errors import TemplateSyntaxError

_PIECE = re.compile(r"\{\{(?P<output>.*?)\}\}|\{%(?P<tag>.*?)%\}|\{#(?P<comment>.*?)#\}", re.DOTALL)
_TOKEN = re.compile(
    r"""\s*(?:
        (?P<number>\d+(?:\.\d+)?)
      | (?P<string>"(?:[^"\\]|\\.)*"|'(?:[^'\\]|\\.)*')
      | (?P<name>[A-Za-z_]\w*)
      | (?P<operator>==|!=|<=|>=|[-+*/%~<>|.,:()\[\]=])
    )""",
    re.VERBOSE,
)
_ESCAPES = {"n": "\n", "t": "\t"}


@dataclass(frozen=True)
class Piece:
    """Part of a template: `text`, `output` or `tag`, with the line that it begins on."""

    kind: str
    text: str
    line: int


@dataclass(frozen=True)
class Token:
    """Part of an expression: `number`, `string`, `name`, `operator` or `end`."""

    kind: str
    text: str


def split(source: str) -> Iterator[Piece]:
    """The pieces of a template. A newline right after a tag belongs to the tag; comments leave nothing."""
    position, line = 0, 1
    for match in _PIECE.finditer(source):
        text = source[position : match.start()]
        if text:
            yield Piece("text", text, line)
        line += text.count("\n")
        kind = str(match.lastgroup)
        if kind != "comment":
            yield Piece(kind, match[kind].strip(), line)
        position = match.end()
        line += match[0].count("\n")
        if kind == "tag" and source[position : position + 1] == "\n":
            position += 1
            line += 1
    rest = source[position:]
    for opening in ("{{", "{%", "{#"):
        if opening in rest:
            raise TemplateSyntaxError(f"{opening} is not closed", line + rest[: rest.index(opening)].count("\n"))
    if rest:
        yield Piece("text", rest, line)


def tokenize(text: str, line: int) -> list[Token]:
    """The tokens of an expression; the last one is `end`."""
    tokens = []
    position = 0
    while text[position:].strip():
        match = _TOKEN.match(text, position)
        if not match:
            raise TemplateSyntaxError(f"unexpected {text[position:].strip()[0]!r}", line)
        kind = str(match.lastgroup)
        tokens.append(Token(kind, _unquote(match[kind]) if kind == "string" else match[kind]))
        position = match.end()
    return [*tokens, Token("end", "")]


def _unquote(text: str) -> str:
    return re.sub(r"\\(.)", lambda match: _ESCAPES.get(match[1], match[1]), text[1:-1], flags=re.DOTALL)
