"""What a template is made of: expressions have a value, statements write text."""

import operator
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from stencil.errors import TemplateError
from stencil.markup import Markup, concat, escape
from stencil.scope import Scope


class Expression(Protocol):
    def value(self, scope: Scope) -> Any: ...


class Statement(Protocol):
    def render(self, scope: Scope, out: list[str]) -> None: ...


def lookup(holder: Any, key: Any) -> Any:
    """A key of a mapping or sequence, else an attribute; None where there is neither."""
    if isinstance(key, str) and key.startswith("_"):
        raise TemplateError(f"{key!r} is private")
    try:
        return holder[key]
    except (TypeError, LookupError):
        return getattr(holder, key, None) if isinstance(key, str) else None


@dataclass(frozen=True)
class Literal:
    held: Any

    def value(self, scope: Scope) -> Any:
        return self.held


@dataclass(frozen=True)
class Items:
    parts: tuple[Expression, ...]

    def value(self, scope: Scope) -> Any:
        return [part.value(scope) for part in self.parts]


@dataclass(frozen=True)
class Name:
    name: str

    def value(self, scope: Scope) -> Any:
        return scope.get(self.name)


@dataclass(frozen=True)
class Member:
    holder: Expression
    key: Expression

    def value(self, scope: Scope) -> Any:
        return lookup(self.holder.value(scope), self.key.value(scope))


@dataclass(frozen=True)
class Filtered:
    subject: Expression
    name: str
    arguments: tuple[Expression, ...]

    def value(self, scope: Scope) -> Any:
        function = scope.environment.filters.get(self.name)
        if function is None:
            raise TemplateError(f"no filter {self.name!r}")
        given = [argument.value(scope) for argument in self.arguments]
        try:
            return function(self.subject.value(scope), *given)
        except (TypeError, ValueError) as error:
            raise TemplateError(f"filter {self.name!r}: {error}") from error


@dataclass(frozen=True)
class Super:
    """What the block that is being rendered replaces."""

    def value(self, scope: Scope) -> Any:
        name, level = scope.current_block
        out: list[str] = []
        with scope.block(name, level + 1) as version:
            render_all(version.body, scope, out)
        return Markup("".join(out))


BINARY: Mapping[str, Callable[[Any, Any], Any]] = {
    "==": operator.eq,
    "!=": operator.ne,
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
    "+": operator.add,
    "-": operator.sub,
    "*": operator.mul,
    "/": operator.truediv,
    "%": operator.mod,
    "in": lambda part, whole: part in whole,
    "~": lambda left, right: concat([left, right]),
}


@dataclass(frozen=True)
class Binary:
    sign: str
    left: Expression
    right: Expression

    def value(self, scope: Scope) -> Any:
        left, right = self.left.value(scope), self.right.value(scope)
        try:
            return BINARY[self.sign](left, right)
        except (TypeError, ZeroDivisionError) as error:
            raise TemplateError(f"{self.sign}: {error}") from error


@dataclass(frozen=True)
class Logic:
    """`and` and `or`, which look at the right side only where they have to, and `not`, which has no left one."""

    sign: str
    left: Expression | None
    right: Expression

    def value(self, scope: Scope) -> Any:
        if self.left is None:
            return not self.right.value(scope)
        left = self.left.value(scope)
        return left if bool(left) == (self.sign == "or") else self.right.value(scope)


@dataclass(frozen=True)
class Text:
    text: str

    def render(self, scope: Scope, out: list[str]) -> None:
        out.append(self.text)


@dataclass(frozen=True)
class Output:
    expression: Expression

    def render(self, scope: Scope, out: list[str]) -> None:
        out.append(escape(self.expression.value(scope)))


@dataclass(frozen=True)
class If:
    branches: tuple[tuple[Expression, tuple[Statement, ...]], ...]
    otherwise: tuple[Statement, ...]

    def render(self, scope: Scope, out: list[str]) -> None:
        for condition, body in self.branches:
            if condition.value(scope):
                render_all(body, scope, out)
                return
        render_all(self.otherwise, scope, out)


@dataclass(frozen=True)
class For:
    targets: tuple[str, ...]
    items: Expression
    body: tuple[Statement, ...]
    otherwise: tuple[Statement, ...]

    def render(self, scope: Scope, out: list[str]) -> None:
        held = self.items.value(scope)
        items = list(held.items() if isinstance(held, Mapping) and len(self.targets) == 2 else held or ())
        for number, item in enumerate(items):
            loop = {"index": number + 1, "first": number == 0, "last": number == len(items) - 1, "length": len(items)}
            with scope.frame(loop=loop, **self._names(item)):
                render_all(self.body, scope, out)
        if not items:
            render_all(self.otherwise, scope, out)

    def _names(self, item: Any) -> dict[str, Any]:
        if len(self.targets) == 1:
            return {self.targets[0]: item}
        parts = list(item)
        if len(parts) != len(self.targets):
            raise TemplateError(f"for: {len(parts)} values for {len(self.targets)} names")
        return dict(zip(self.targets, parts, strict=True))


@dataclass(frozen=True)
class Set:
    name: str
    expression: Expression

    def render(self, scope: Scope, out: list[str]) -> None:
        scope.set(self.name, self.expression.value(scope))


@dataclass(frozen=True)
class Include:
    name: Expression

    def render(self, scope: Scope, out: list[str]) -> None:
        out.append(scope.environment.render(str(self.name.value(scope)), scope.names()))


@dataclass(frozen=True)
class Block:
    """A part that templates which extend this one can replace."""

    name: str
    body: tuple[Statement, ...]

    def render(self, scope: Scope, out: list[str]) -> None:
        with scope.block(self.name, 0) as version:
            render_all(version.body, scope, out)


def render_all(body: Sequence[Statement], scope: Scope, out: list[str]) -> None:
    """Render statements one after the other."""
    for statement in body:
        statement.render(scope, out)
