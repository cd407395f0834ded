"""What a task environment fills in; `forge_envs.core.env.ForgeEnv` does the rest."""

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from forge_envs.core.errors import ConfigError
from forge_envs.core.messages import Message
from forge_envs.core.rewards import Progress, StepFacts, Verdict
from forge_envs.core.task import Task


@dataclass(frozen=True)
class Reaction:
    """What a task environment answers to one well-formed assistant message.

    Args:
        messages: New messages for the agent.
        done: The task has ended: submitted, answered, or the user left.
        facts: What step components may look at.
    """

    messages: Sequence[Message] = ()
    done: bool = False
    facts: StepFacts = field(default_factory=lambda: StepFacts(format_correct=True))


class TaskHooks(ABC):
    """Five hooks that every task environment has, and six that some have."""

    @abstractmethod
    def _start(self, task: Task) -> Sequence[Message]:
        """Start the task from its initial state; return the first messages."""

    @abstractmethod
    def _tools(self) -> list[dict[str, Any]]:
        """Schemas of the tools that the agent may call now; a new object on every call."""

    @abstractmethod
    def _react(self, message: Message) -> Reaction:
        """Carry out one well-formed assistant message."""

    @abstractmethod
    def _artifact(self) -> dict[str, Any]:
        """What `_grade` needs: JSON values only, enough to grade again later."""

    @abstractmethod
    def _grade(self, task: Task, artifact: Mapping[str, Any]) -> Verdict:
        """Grade; call the environment's plain function `grade(task, artifact)`."""

    def _gold(self, task: Task) -> Sequence[Message]:
        """The task's gold assistant messages; environments without any can't run step-wise."""
        raise ConfigError(f'{type(self).__name__} has no gold turns, so reward="stepwise" does not apply to it.')

    def _matches(self, message: Message, gold: Message) -> bool:
        """ExactMatch of Eq 8; an environment that has gold turns says what equal means."""
        raise ConfigError(f"{type(self).__name__} has gold turns but no _matches; define it to run step-wise.")

    def _scored_turns(self, gold: Sequence[Message]) -> list[int]:
        """Gold turns that step-wise mode may pick: by default those with tool calls."""
        return [i for i, message in enumerate(gold) if "tool_calls" in message]

    def _progress(self) -> Progress | None:
        """How far the episode is, for step components that compare with gold; None where it is not measured."""
        return None

    def _doubts(
        self, task: Task, gold: Sequence[Message], seen: Sequence[Sequence[Message]]
    ) -> Iterable[tuple[str, str]]:
        """More that is wrong with a task, as (check, sentence); `forge tasks validate` asks after replaying gold.

        Args:
            task: The task.
            gold: Its gold messages.
            seen: What the agent sees before each of them, and after the last.
        """
        return ()

    def _release(self) -> Callable[[], None] | None:
        """A function that stops what `_start` started. It must not refer to the environment itself."""
        return None
