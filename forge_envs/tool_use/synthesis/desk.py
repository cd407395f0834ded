"""Writes gold by playing it: calls run for real, so that later turns use what the tools returned."""

import json
from collections.abc import Sequence
from copy import deepcopy
from dataclasses import dataclass, field
from typing import Any

from forge_envs.core.errors import ToolError
from forge_envs.core.tools import Toolset
from forge_envs.tool_use.domain import Domain


@dataclass(frozen=True)
class Draft:
    """What a template writes of a task; `build.py` adds the rest of the row.

    Args:
        instruction: First message of the user.
        state: Initial state.
        gold: Turns of the assistant.
        user: Scripted replies.
        outputs: What the agent must say.
        changed: Whether gold leaves another state than the initial one.
    """

    instruction: str
    state: dict[str, Any]
    gold: list[dict[str, Any]]
    user: list[dict[str, Any]]
    outputs: list[str]
    changed: bool


@dataclass
class Desk:
    """Plays an agent on a state and records the turns.

    Args:
        domain: The domain whose tools are called.
        state: The initial state, which stays as it is.
    """

    domain: type[Domain]
    state: dict[str, Any]
    _gold: list[dict[str, Any]] = field(default_factory=list)
    _user: list[dict[str, Any]] = field(default_factory=list)

    def __post_init__(self) -> None:
        owner = self.domain(deepcopy(self.state))
        self._live = owner.state
        self._tools = Toolset.of(owner)

    def call(self, tool: str, **arguments: Any) -> Any:
        """Call a tool in a turn of its own.

        Returns:
            The decoded result, or the text where it is not JSON.

        Raises:
            ToolError: The tool refused; in gold that is a template's mistake.
        """
        return self.together((tool, arguments))[0]

    def together(self, *calls: tuple[str, dict[str, Any]]) -> list[Any]:
        """Call tools in one turn.

        Args:
            calls: Name and arguments of each.

        Raises:
            ToolError: As `call`.
        """
        self._gold.append({"calls": [{"name": name, "arguments": arguments} for name, arguments in calls]})
        return [_decoded(self._tools.call(name, arguments)) for name, arguments in calls]

    def refused(self, tool: str, **arguments: Any) -> None:
        """Call a tool that must refuse.

        Raises:
            ValueError: It did not.
        """
        self._gold.append({"calls": [{"name": tool, "arguments": arguments}]})
        try:
            self._tools.call(tool, arguments)
        except ToolError:
            return
        raise ValueError(f"{tool} was meant to refuse {arguments}")

    def say(self, text: str) -> None:
        """Say something to the user."""
        self._gold.append({"say": text})

    def ask(self, text: str, when: str, reply: str) -> None:
        """Say something that the scripted user replies to when `when` is said."""
        self.say(text)
        self._user.append({"when": [when], "say": reply})

    def draft(self, instruction: str, outputs: Sequence[str] = ()) -> Draft:
        """Finish the task."""
        return Draft(instruction, self.state, self._gold, self._user, list(outputs), self._live != self.state)


def _decoded(result: str) -> Any:
    try:
        return json.loads(result)
    except ValueError:
        return result
