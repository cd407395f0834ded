"""Reading expressions, from the operator that binds least to the one that binds most."""

from stencil.errors import TemplateSyntaxError
from stencil.lexer import Token, tokenize
from stencil.nodes import Binary, Expression, Filtered, Items, Literal, Logic, Member, Name, Super

_LEVELS = (("==", "!=", "<", "<=", ">", ">=", "in"), ("+", "-", "~"), ("*", "/", "%"))
_CONSTANTS = {"true": True, "false": False, "none": None}


class ExpressionReader:
    """Reads expressions from one text; `done` says that nothing may be left."""

    def __init__(self, text: str, line: int) -> None:
        self._tokens = tokenize(text, line)
        self._line = line

    @property
    def _next(self) -> Token:
        return self._tokens[0]

    def _take(self) -> Token:
        return self._tokens.pop(0)

    def accept(self, *texts: str) -> str:
        """Take the next token if it is one of these; returns its text or nothing."""
        if self._next.kind in ("operator", "name") and self._next.text in texts:
            return self._take().text
        return ""

    def expect(self, text: str) -> None:
        if not self.accept(text):
            raise self._error(f"expected {text!r}")

    def name(self) -> str:
        if self._next.kind != "name":
            raise self._error("expected a name")
        return self._take().text

    def done(self) -> None:
        if self._next.kind != "end":
            raise self._error("expected the end")

    def expression(self) -> Expression:
        left = self._conjunction()
        while self.accept("or"):
            left = Logic("or", left, self._conjunction())
        return left

    def _conjunction(self) -> Expression:
        left = self._negation()
        while self.accept("and"):
            left = Logic("and", left, self._negation())
        return left

    def _negation(self) -> Expression:
        if self.accept("not"):
            return Logic("not", None, self._negation())
        return self._binary(0)

    def _binary(self, level: int) -> Expression:
        if level == len(_LEVELS):
            return self._signed()
        left = self._binary(level + 1)
        while sign := self.accept(*_LEVELS[level]):
            left = Binary(sign, left, self._binary(level + 1))
        return left

    def _signed(self) -> Expression:
        if self.accept("-"):
            return Binary("-", Literal(0), self._signed())
        return self._filtered()

    def _filtered(self) -> Expression:
        subject = self._member()
        while self.accept("|"):
            name = self.name()
            arguments = self._arguments(")") if self.accept("(") else ()
            subject = Filtered(subject, name, arguments)
        return subject

    def _member(self) -> Expression:
        holder = self._atom()
        while sign := self.accept(".", "["):
            if sign == ".":
                holder = Member(holder, Literal(self.name()))
            else:
                holder = Member(holder, self.expression())
                self.expect("]")
        return holder

    def _atom(self) -> Expression:
        token = self._take()
        if token.kind == "number":
            return Literal(float(token.text) if "." in token.text else int(token.text))
        if token.kind == "string":
            return Literal(token.text)
        if token.kind == "name":
            if token.text == "super" and self.accept("("):
                self.expect(")")
                return Super()
            return Literal(_CONSTANTS[token.text]) if token.text in _CONSTANTS else Name(token.text)
        if token.text == "(":
            inner = self.expression()
            self.expect(")")
            return inner
        if token.text == "[":
            return Items(self._arguments("]"))
        self._tokens.insert(0, token)
        raise self._error("expected a value")

    def _arguments(self, closing: str) -> tuple[Expression, ...]:
        found: list[Expression] = []
        while not self.accept(closing):
            if found:
                self.expect(",")
            found.append(self.expression())
        return tuple(found)

    def _error(self, message: str) -> TemplateSyntaxError:
        return TemplateSyntaxError(f"{message}, found {self._next.text or 'the end'!r}", self._line)
