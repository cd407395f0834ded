"""A new environment in one file: a panel of linked switches that the agent brings into a wanted position.

Flipping a switch flips the switches that are linked to it, too. Everything an environment has to say is here: its
tools, how an episode starts, what a reply does, how the result is graded, and the gold turns.
"""

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

import forge_envs
from forge_envs.core.env import ForgeEnv, Reaction
from forge_envs.core.errors import ToolError
from forge_envs.core.messages import Message, assistant, calls_of, tool_call
from forge_envs.core.rewards import StepFacts, Verdict
from forge_envs.core.task import Task
from forge_envs.core.tools import Toolset, tool

POLICY = "You stand at a panel of switches. Flip switches until the panel shows what is asked for, then say so."


class Panel:
    """The switches, and the tools that read and change them."""

    def __init__(self, on: Sequence[str], links: Mapping[str, Sequence[str]]):
        self.on, self._links = set(on), links

    @tool
    def read_panel(self) -> dict[str, Any]:
        """Show which switches are on, and which switches each of them flips with it."""
        return {"on": sorted(self.on), "links": {name: list(linked) for name, linked in self._links.items()}}

    @tool
    def flip_switch(self, switch: str) -> dict[str, Any]:
        """Flip a switch and those linked to it.

        Args:
            switch: Its name.
        """
        if switch not in self._links:
            raise ToolError(f"there is no switch {switch[:40]!r}; the panel has {', '.join(self._links)}")
        self.on ^= {switch, *self._links[switch]}
        return {"on": sorted(self.on)}


def grade(task: Task, artifact: Mapping[str, Any]) -> Verdict:
    """1 if every reply was well-formed and exactly the wanted switches are on, else 0."""
    parts = {
        "format_correct": float(artifact["format_faults"] == 0),
        "panel_match": float(sorted(artifact["on"]) == sorted(task.data["goal"])),
    }
    return Verdict(float(all(parts.values())), parts)


class SwitchesEnv(ForgeEnv):
    """A reply with tool calls acts on the panel; a reply without one ends the episode."""

    default_suite: ClassVar[Sequence[str]] = ()

    def _start(self, task: Task) -> Sequence[Message]:
        self._panel = Panel(task.data["on"], task.data["links"])
        self._toolset = Toolset.of(self._panel)
        wanted = ", ".join(task.data["goal"]) or "no switch"
        return [
            {"role": "system", "content": POLICY},
            {"role": "user", "content": f"Please leave exactly this on: {wanted}."},
        ]

    def _tools(self) -> list[dict[str, Any]]:
        return self._toolset.schemas()

    def _react(self, message: Message) -> Reaction:
        if "tool_calls" not in message:
            return Reaction(done=True)
        results: list[Message] = []
        failed = 0
        for call, (name, arguments) in zip(message["tool_calls"], calls_of(message), strict=True):
            try:
                content = self._toolset.call(name, arguments)
            except ToolError as error:
                content, failed = f"Error: {error}", failed + 1
            results.append({"role": "tool", "tool_call_id": call["id"], "name": name[:80], "content": content})
        return Reaction(results, facts=StepFacts(True, len(results), failed))

    def _artifact(self) -> dict[str, Any]:
        return {"on": sorted(self._panel.on)}

    def _grade(self, task: Task, artifact: Mapping[str, Any]) -> Verdict:
        return grade(task, artifact)

    def _gold(self, task: Task) -> Sequence[Message]:
        look = assistant("", [tool_call("read_panel", {}, "gold_look")])
        flips = [
            assistant("", [tool_call("flip_switch", {"switch": name}, f"gold_{i}")])
            for i, name in enumerate(task.data["gold"])
        ]
        return [look, *flips, assistant("The panel is set.")]

    def _matches(self, message: Message, gold: Message) -> bool:
        return calls_of(message) == calls_of(gold)


# The one line that makes it a Gymnasium id, with thread-based `make_vec` included.
forge_envs.register_environment("examples/Switches-v0", "switches:SwitchesEnv")
