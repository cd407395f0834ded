"""tau-bench as a domain of ``forge/ToolUse-v0``."""

import json
from collections.abc import Mapping
from functools import partial
from typing import Any, ClassVar

from forge_envs.core.errors import ArgumentsError, ToolError, UnknownToolError
from forge_envs.core.tools import Tool, Toolset
from forge_envs.tool_use.domain import Domain
from forge_envs.tool_use.tau.backend import Backend
from forge_envs.tool_use.tau.data import World, load_world
from forge_envs.tool_use.tau.grading import differing_records, open_backend


class Tau(Domain):
    """A domain of tau-bench, of either version.

    The state of an episode is what was written to the database, so it costs as much as the agent did; the database
    itself is shared and never changes.

    Args:
        world: The domain's data.
    """

    name: ClassVar[str] = "tau"

    def __init__(self, world: World):
        self._backend = open_backend(world)
        self._world = world
        self.policy = world.policy  # type: ignore[misc]
        self.reads = self._backend.reads
        self.terminating = world.version.terminating
        self.one_call = world.version.one_call
        self.said_beside_calls = world.version.said_beside_calls
        self.user_guidelines = world.user_guidelines
        self.stop_tokens = world.version.stop_tokens

    @classmethod
    def open(cls, data: Mapping[str, Any]) -> "Tau":
        """The domain of a task's row, whose ``world`` is (data folder, domain, version)."""
        return cls(load_world(*data["world"]))

    @property
    def state(self) -> Any:
        """A copy of the records that the agent wrote, by table and key."""
        return self._backend.tables.changes()

    @state.setter
    def state(self, value: Any) -> None:
        raise AttributeError("the state of a tau-bench domain is changed by its tools only")

    def toolset(self) -> "TauToolset":
        """The benchmark's tools with upstream's schemas and answers."""
        return TauToolset(self._world, self._backend)

    def refusal(self, error: ToolError) -> str:
        """Upstream's answers are complete as they are."""
        return str(error)

    @classmethod
    def differing(cls, data: Mapping[str, Any], goal: Any, state: Any) -> list[str]:
        """Records that differ, by upstream's rule of equality."""
        return list(differing_records(load_world(*data["world"]), goal, state))


class TauToolset(Toolset):
    """The benchmark's tools. Arguments are not validated here: upstream lets its tools trip over what is wrong."""

    def __init__(self, world: World, backend: Backend):
        self._world, self._backend = world, backend
        super().__init__([_tool(schema, backend) for schema in world.schemas])

    def schemas(self) -> list[dict[str, Any]]:
        """Upstream's schemas; a new object on every call."""
        return json.loads(json.dumps(self._world.schemas))  # type: ignore[no-any-return]

    def call(self, name: str, arguments: Mapping[str, Any]) -> str:
        """Call a tool.

        Raises:
            ToolError: The call failed; the text is upstream's whole answer.
        """
        answer = self._backend.call(name, arguments)
        if not answer.failed:
            return answer.text
        if not self._backend.has(name):
            raise UnknownToolError(answer.text)
        raise (ArgumentsError if self._backend.fault(name, arguments) else ToolError)(answer.text)


def _tool(schema: Mapping[str, Any], backend: Backend) -> Tool:
    function = schema["function"]
    carry_out = partial(_carry_out, backend, function["name"])
    return Tool(function["name"], function["description"], function["parameters"], {}, carry_out)


def _carry_out(backend: Backend, tool_name: str, /, **arguments: Any) -> str:
    return backend.call(tool_name, arguments).text
