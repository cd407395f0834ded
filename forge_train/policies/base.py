"""What a policy is: a request in, one reply out. Policies never parse."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from forge_envs.core.messages import Message
from forge_train.rollout.template import Renderer


@dataclass(frozen=True)
class Request:
    """What a policy may look at to choose the next assistant message.

    Args:
        messages: The whole conversation.
        tools: JSON Schemas of the tools.
        ids: The conversation as token ids, for a policy with a `renderer`.
        seed: For sampling; differs for every turn of every episode.
        task_id: The task.
        turn: How many assistant turns of the task came before this one.
    """

    messages: Sequence[Message]
    tools: Sequence[Mapping[str, Any]]
    ids: tuple[int, ...]
    seed: int
    task_id: str
    turn: int


@dataclass(frozen=True)
class Reply:
    """One assistant message.

    Args:
        action: Raw text or a chat message; handed to `step` as it is.
        ids: The sampled ids, empty for a policy without tokens.
        logprobs: Of each id.
        version: Of the weights that sampled.
    """

    action: Any
    ids: tuple[int, ...] = ()
    logprobs: tuple[float, ...] = ()
    version: int = 0


class Policy(Protocol):
    """Anything that answers requests."""

    @property
    def name(self) -> str:
        """Recorded in episodes."""

    @property
    def renderer(self) -> Renderer | None:
        """None for a policy that deals in messages only."""

    async def act(self, request: Request) -> Reply:
        """Choose the next assistant message."""
        ...

    async def aclose(self) -> None:
        """Stop what the policy started in this event loop. It can be used again, in another one."""
        ...
