"""Step-wise mode (Eq 8): the gold prefix is the observation, one gold turn is the episode."""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from forge_envs.core.actions import number_calls
from forge_envs.core.errors import ConfigError, TaskError
from forge_envs.core.messages import Message
from forge_envs.core.rewards import Verdict
from forge_envs.core.task import Task, TaskSuite


def draw_scorable(suite: TaskSuite, scored: Callable[[Task], Sequence[int]], rng: np.random.Generator) -> Task:
    """A random task that has a gold turn to score.

    Args:
        suite: Where to draw from.
        scored: Gives the gold turns of a task that can be scored.
        rng: Draws.

    Raises:
        TaskError: No task has one.
    """
    drawn = (suite[int(i)] for i in rng.permutation(len(suite)))
    task = next((task for task in drawn if scored(task)), None)
    if task is None:
        raise TaskError(f"No task of {suite.name} has a gold turn that step-wise mode can score.")
    return task


def choose_turn(task: Task, scored: Sequence[int], wanted: Any, rng: np.random.Generator) -> int:
    """The gold turn to score: the wanted one, or a random one of `scored` where it is None.

    Raises:
        TaskError: The task has none.
        ConfigError: The wanted one is not among them.
    """
    if not scored:
        raise TaskError(f"Task {task.id!r} has no gold turn that step-wise mode can score.")
    if wanted is None:
        return scored[int(rng.integers(len(scored)))]
    if wanted not in scored:
        raise ConfigError(f"Turn {wanted} of task {task.id!r} can't be scored: use one of {list(scored)}.")
    return int(wanted)


def gold_prefix(gold: Sequence[Message], turn: int, react: Callable[[Message], Any]) -> list[Message]:
    """The conversation before a gold turn, made by playing the turns before it.

    Args:
        gold: The task's gold messages.
        turn: The turn that the agent will write.
        react: Carries out a message and gives the environment's reaction.
    """
    prefix: list[Message] = []
    for number, message in enumerate(gold[:turn], start=1):
        # The ids that a free-running episode gives, so that both modes see one conversation.
        prefix += [number_calls(message, number), *react(message).messages]
    return prefix


def score_turn(matched: bool, fault: str | None) -> Verdict:
    """Eq 8: 1 if the format is right and the turn equals gold's exactly, else 0."""
    parts = {"format_correct": float(fault is None), "exact_match": float(matched and fault is None)}
    return Verdict(parts["exact_match"], parts)
