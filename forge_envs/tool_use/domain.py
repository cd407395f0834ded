"""A domain: a policy text, and tools that read and write one JSON state."""

import copy
from collections.abc import Mapping
from importlib import import_module
from typing import Any, ClassVar, Self

from forge_envs.core.errors import ConfigError, ToolError
from forge_envs.core.tools import Toolset

DOMAINS: dict[str, str] = {
    "library": "forge_envs.tool_use.domains.library:Library",
    "courier": "forge_envs.tool_use.domains.courier:Courier",
    "tau": "forge_envs.tool_use.tau.domain:Tau",
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
    reads: frozenset[str] = frozenset()
    """Tools known to change nothing; they are left out where gold is replayed only for its state."""
    terminating: frozenset[str] = frozenset()
    """Tools that end the episode."""
    one_call: bool = False
    """Of several calls in one message only the first is carried out."""
    said_beside_calls: bool = True
    """Text beside calls counts as said."""
    user_guidelines: str = ""
    """What a played user is told about its part; empty means Forge's own text."""
    stop_tokens: tuple[str, ...] = ("###STOP###",)
    """Texts by which a played user leaves."""

    def __init__(self, state: dict[str, Any]):
        self.state = state

    @classmethod
    def open(cls, data: Mapping[str, Any]) -> Self:
        """The domain in the initial state of a task's row."""
        return cls(copy.deepcopy(data["state"]))

    @classmethod
    def differing(cls, data: Mapping[str, Any], goal: Any, state: Any) -> list[str]:
        """The parts in which a state differs from the goal of a task's row; none means that they are equal."""
        return sorted(key for key in {*goal, *state} if goal.get(key) != state.get(key))

    def refusal(self, error: ToolError) -> str:
        """A failed call as the agent reads it."""
        return f"Error: {error}"

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
