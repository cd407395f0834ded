"""Reading templates."""

from collections.abc import Sequence
from dataclasses import dataclass, field

from stencil.errors import TemplateSyntaxError
from stencil.expressions import ExpressionReader
from stencil.lexer import Piece, split
from stencil.nodes import Block, For, If, Include, Output, Set, Statement, Text


@dataclass
class Template:
    """A template that was read: what it renders, its blocks and the name of the one that it extends."""

    body: tuple[Statement, ...] = ()
    blocks: dict[str, Block] = field(default_factory=dict)
    parent: str | None = None


def parse(source: str) -> Template:
    """Read a template."""
    return _Parser(list(split(source))).template()


class _Parser:
    def __init__(self, pieces: list[Piece]) -> None:
        self._pieces = pieces
        self._result = Template()
        self._depth = 0

    def template(self) -> Template:
        self._result.body, _ = self._body(())
        return self._result

    def _body(self, ends: Sequence[str], opened: Piece | None = None) -> tuple[tuple[Statement, ...], Piece | None]:
        """Statements up to one of the tags that end them, and that tag."""
        found: list[Statement] = []
        while self._pieces:
            piece = self._pieces.pop(0)
            if piece.kind == "text":
                found.append(Text(piece.text))
            elif piece.kind == "output":
                reader = ExpressionReader(piece.text, piece.line)
                found.append(Output(reader.expression()))
                reader.done()
            else:
                word = piece.text.partition(" ")[0]
                if word in ends:
                    return tuple(found), piece
                statement = self._statement(word, piece)
                if statement is not None:
                    found.append(statement)
        if ends:
            line = opened.line if opened else 1
            raise TemplateSyntaxError(f"no {ends[-1]!r} for this tag", line)
        return tuple(found), None

    def _statement(self, word: str, piece: Piece) -> Statement | None:
        reader = ExpressionReader(piece.text.removeprefix(word), piece.line)
        if word == "extends":
            if self._depth or self._result.parent is not None:
                raise TemplateSyntaxError("extends stands once, outside of other tags", piece.line)
            self._result.parent = self._template_name(piece, word)
            return None
        if word == "include":
            name = reader.expression()
            reader.done()
            return Include(name)
        if word == "set":
            target = reader.name()
            reader.expect("=")
            statement = Set(target, reader.expression())
            reader.done()
            return statement
        self._depth += 1
        try:
            if word == "if":
                return self._if(reader, piece)
            if word == "for":
                return self._for(reader, piece)
            if word == "block":
                return self._block(reader, piece)
        finally:
            self._depth -= 1
        raise TemplateSyntaxError(f"unknown tag {word!r}", piece.line)

    def _template_name(self, piece: Piece, word: str) -> str:
        text = piece.text.removeprefix(word).strip()
        if len(text) < 3 or text[0] not in "\"'" or text[-1] != text[0]:
            raise TemplateSyntaxError(f"{word} needs a name in quotes", piece.line)
        return text[1:-1]

    def _if(self, reader: ExpressionReader, piece: Piece) -> If:
        branches = []
        while True:
            condition = reader.expression()
            reader.done()
            body, end = self._body(("elif", "else", "endif"), piece)
            branches.append((condition, body))
            assert end is not None
            if end.text.startswith("elif"):
                reader = ExpressionReader(end.text.removeprefix("elif"), end.line)
                continue
            otherwise: tuple[Statement, ...] = ()
            if end.text == "else":
                otherwise, _ = self._body(("endif",), piece)
            return If(tuple(branches), otherwise)

    def _for(self, reader: ExpressionReader, piece: Piece) -> For:
        targets = [reader.name()]
        while reader.accept(","):
            targets.append(reader.name())
        reader.expect("in")
        items = reader.expression()
        reader.done()
        body, end = self._body(("else", "endfor"), piece)
        otherwise: tuple[Statement, ...] = ()
        if end is not None and end.text == "else":
            otherwise, _ = self._body(("endfor",), piece)
        return For(tuple(targets), items, body, otherwise)

    def _block(self, reader: ExpressionReader, piece: Piece) -> Block:
        name = reader.name()
        reader.done()
        if name in self._result.blocks:
            raise TemplateSyntaxError(f"a second block {name!r}", piece.line)
        body, _ = self._body(("endblock",), piece)
        block = Block(name, body)
        self._result.blocks[name] = block
        return block
