"""Benchmarks whose tasks bring their own episode: what `ToolUseEnv` asks of them, and where they are."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from importlib import import_module
from typing import Any, Protocol, runtime_checkable

from forge_envs.core.errors import TaskError
from forge_envs.core.hooks import Reaction
from forge_envs.core.messages import Message
from forge_envs.core.rewards import Verdict
from forge_envs.core.task import Task

BENCHMARKS: dict[str, str] = {
    "bfcl": "forge_envs.tool_use.bfcl.play:BENCHMARK",
    "tau": "forge_envs.tool_use.tau.play:BENCHMARK",
}
"""The ``benchmark`` of a task to ``module:name`` of its `Benchmark`; imported when a task first needs it."""


class Session(Protocol):
    """One running episode."""

    def start(self) -> Sequence[Message]:
        """The first messages."""

    def tools(self) -> list[dict[str, Any]]:
        """Schemas of the tools on offer now; a new object on every call."""

    def react(self, message: Message) -> Reaction:
        """Carry out one well-formed assistant message."""

    def artifact(self) -> dict[str, Any]:
        """What `grade` needs: JSON values only."""


@runtime_checkable
class Attended(Protocol):
    """A session with a user who can be played by a model."""

    def set_user(self, spec: Mapping[str, Any] | None) -> None:
        """Who plays the user (`forge_envs.tool_use.users.make_user`); called before `start`."""


@dataclass(frozen=True)
class Benchmark:
    """How the tasks of a benchmark are played and graded.

    Args:
        session: A task to its episode, from the initial state.
        grade: A task and an artifact to a verdict.
        gold: A task to its gold assistant messages.
        matches: ExactMatch of Eq 8: a task, a message and the gold message.
    """

    session: Callable[[Task], Session]
    grade: Callable[[Task, Mapping[str, Any]], Verdict]
    gold: Callable[[Task], Sequence[Message]]
    matches: Callable[[Task, Message, Message], bool]


def benchmark_of(task: Task) -> Benchmark | None:
    """The benchmark that a task names in ``benchmark``; None for tasks of a domain.

    Raises:
        TaskError: There is no such benchmark.
    """
    name = task.data.get("benchmark")
    return None if name is None else _load(name)


@cache
def _load(name: str) -> Benchmark:
    if name not in BENCHMARKS:
        raise TaskError(f"benchmark: {name!r} is unknown: use one of {sorted(BENCHMARKS)}.")
    module, _, attribute = BENCHMARKS[name].partition(":")
    found = getattr(import_module(module), attribute)
    assert isinstance(found, Benchmark)
    return found
