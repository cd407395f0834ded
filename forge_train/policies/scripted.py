"""A policy that plays a script: gold, or a replay."""

from collections.abc import Callable, Sequence
from typing import Any

from forge_envs.core.errors import PolicyError
from forge_train.policies.base import Reply, Request
from forge_train.rollout.template import Renderer


class ScriptedPolicy:
    """Plays the assistant turns that a function gives for each task.

    Args:
        script: Task id to the raw texts of its assistant turns.
        renderer: With one, replies carry token ids, so that rollouts give rows to train on.
        name: Recorded in episodes.
    """

    def __init__(
        self, script: Callable[[str], Sequence[str]], *, renderer: Renderer | None = None, name: str = "scripted"
    ):
        self.name, self.renderer, self._script = name, renderer, script

    @classmethod
    def gold(cls, env: Any, *, renderer: Renderer | None = None) -> "ScriptedPolicy":
        """Plays the gold turns of the tasks of an environment's suite."""
        inner = env.unwrapped
        return cls(lambda task_id: inner.gold_actions(inner.suite[task_id]), renderer=renderer, name="gold")

    async def act(self, request: Request) -> Reply:
        """The script's next turn."""
        script = self._script(request.task_id)
        if request.turn >= len(script):
            raise PolicyError(f"The script of task {request.task_id!r} has only {len(script)} turns.")
        text = script[request.turn]
        if self.renderer is None:
            return Reply(text)
        ids = tuple(self.renderer.action(text))
        return Reply(text, ids, (0.0,) * len(ids))

    async def aclose(self) -> None:
        """Nothing to stop."""
