"""What names mean while a template is rendered."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from stencil.errors import TemplateError

if TYPE_CHECKING:
    from stencil.environment import Environment
    from stencil.nodes import Block


class Scope:
    """Names, innermost frame last, and the blocks of the templates that take part.

    Args:
        environment: Where filters and other templates come from.
        data: What the caller gave.
        blocks: Name to the versions of a block, the one of the most derived template first.
    """

    def __init__(
        self, environment: "Environment", data: Mapping[str, Any], blocks: Mapping[str, list["Block"]]
    ) -> None:
        self.environment = environment
        self.blocks = blocks
        self._frames: list[dict[str, Any]] = [dict(data)]
        self._open: list[tuple[str, int]] = []

    def get(self, name: str) -> Any:
        """The value of a name, or None."""
        for frame in reversed(self._frames):
            if name in frame:
                return frame[name]
        return None

    def set(self, name: str, value: Any) -> None:
        """Give a name a value in the innermost frame."""
        self._frames[-1][name] = value

    def names(self) -> dict[str, Any]:
        """All names that can be seen here."""
        return {name: value for frame in self._frames for name, value in frame.items()}

    @contextmanager
    def frame(self, **names: Any) -> Iterator[None]:
        """A new innermost frame."""
        self._frames.append(names)
        try:
            yield
        finally:
            self._frames.pop()

    @contextmanager
    def block(self, name: str, level: int) -> Iterator["Block"]:
        """Enter one version of a block; level 0 is that of the most derived template."""
        versions = self.blocks.get(name, [])
        if level >= len(versions):
            raise TemplateError(f"super(): no template above has a block {name!r}")
        self._open.append((name, level))
        try:
            with self.frame():
                yield versions[level]
        finally:
            self._open.pop()

    @property
    def current_block(self) -> tuple[str, int]:
        """Name and level of the block that is being rendered."""
        if not self._open:
            raise TemplateError("super() is for use inside a block")
        return self._open[-1]
