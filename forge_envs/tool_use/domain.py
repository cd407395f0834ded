"""A domain: a policy text, and tools that read and write one JSON state."""

from collections.abc import Mapping
from importlib import import_module
from typing import Any, ClassVar

from forge_envs.core.errors import ConfigError
from forge_envs.core.tools import Toolset

DOMAINS: dict[str, str] = {
    "library": "forge_envs.tool_use.domains.library:Library",
    "courier": "forge_envs.tool_use.domains.courier:Courier",
}
"""Domain name to ``module:Class``; a domain module is imported when a task first needs it."""


class Domain:
    """Base of every domain. A subclass adds `name`, `policy` and methods marked with `@tool`.

    Args:
        state: The initial state, JSON values only. The domain owns and mutates it. Whatever a tool changes must be
            in it, and nothing else may be: success is decided by comparing it with the state that gold reaches.
    """

    name: ClassVar[str]
    policy: ClassVar[str]

    def __init__(self, state: dict[str, Any]):
        self.state = state

    def toolset(self) -> Toolset:
        """The domain's tools: its methods with `@tool`. Mock and simulated domains make theirs from data."""
        return Toolset.of(self)


def load_domain(name: str, registry: Mapping[str, str] | None = None) -> type[Domain]:
    """The class of a registered domain, or of one named as ``module:Class``.

    Raises:
        ConfigError: No such domain.
    """
    known = DOMAINS if registry is None else registry
    target = known.get(name, name)
    module, _, attribute = target.partition(":")
    if not attribute:
        raise ConfigError(f"Unknown domain {name!r}: use one of {sorted(known)} or 'module:Class'.")
    try:
        found = getattr(import_module(module), attribute)
    except (ImportError, AttributeError) as error:
        raise ConfigError(f"Domain {name!r} can't be loaded from {target!r}: {error}.") from error
    if not (isinstance(found, type) and issubclass(found, Domain)):
        raise ConfigError(f"Domain {name!r}: {target!r} is not a subclass of forge_envs.tool_use.Domain.")
    return found
