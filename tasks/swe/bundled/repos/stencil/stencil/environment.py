"""Templates by name, and rendering them."""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from stencil.errors import TemplateError, TemplateMissing
from stencil.filters import FILTERS
from stencil.markup import Markup
from stencil.nodes import Block, Set, render_all
from stencil.parser import Template, parse
from stencil.scope import Scope

MAX_INCLUDES = 40


class Environment:
    """Where templates and filters come from.

    Args:
        sources: Name to text, or a folder of files.
        filters: Filters besides those that there always are.
    """

    def __init__(
        self, sources: Mapping[str, str] | Path, filters: Mapping[str, Callable[..., Any]] | None = None
    ) -> None:
        self._sources = sources
        self._read: dict[str, Template] = {}
        self._open = 0
        self.filters = {**FILTERS, **(filters or {})}

    def template(self, name: str) -> Template:
        """A template by its name; it is read once."""
        if name not in self._read:
            self._read[name] = parse(self._source(name))
        return self._read[name]

    def render(self, name: str, data: Mapping[str, Any] | None = None, /, **names: Any) -> str:
        """Render a template with data."""
        chain = self._chain(name)
        scope = Scope(self, {**(data or {}), **names}, _versions(chain))
        out: list[str] = []
        if self._open >= MAX_INCLUDES:
            raise TemplateError(f"{name!r}: templates include each other without end")
        self._open += 1
        try:
            # Of a template that extends another one, only what it sets and its blocks count.
            for template in reversed(chain[:-1]):
                render_all([one for one in template.body if isinstance(one, Set)], scope, out)
            render_all(chain[-1].body, scope, out)
        finally:
            self._open -= 1
        return Markup("".join(out))

    def _chain(self, name: str) -> list[Template]:
        """The template and those that it extends, the root last."""
        names: list[str] = []
        current: str | None = name
        while current is not None:
            if current in names:
                raise TemplateError(f"templates extend each other: {' -> '.join([*names, current])}")
            names.append(current)
            current = self.template(current).parent
        return [self.template(one) for one in names]

    def _source(self, name: str) -> str:
        if isinstance(self._sources, Path):
            path = (self._sources / name).resolve()
            if not path.is_relative_to(self._sources.resolve()) or not path.is_file():
                raise TemplateMissing(name)
            return path.read_text(encoding="utf-8")
        if name not in self._sources:
            raise TemplateMissing(name)
        return self._sources[name]


def _versions(chain: list[Template]) -> dict[str, list[Block]]:
    """Name to the versions of each block, the one of the most derived template first."""
    found: dict[str, list[Block]] = {}
    for template in chain:
        for name, block in template.blocks.items():
            found.setdefault(name, []).append(block)
    return found
