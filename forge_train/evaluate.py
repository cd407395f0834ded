"""Means over tasks with bootstrap intervals."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from forge_envs.core.errors import ConfigError
from forge_train.rollout.engine import Rollout


@dataclass(frozen=True)
class Interval:
    """A mean and its 95% percentile bootstrap interval (Efron 1979)."""

    mean: float
    low: float
    high: float

    def __str__(self) -> str:
        return f"{100 * self.mean:.1f}% [{100 * self.low:.1f}, {100 * self.high:.1f}]"


def task_scores(rollouts: Sequence[Rollout]) -> dict[str, float]:
    """Mean outcome reward of each task, over its episodes. Failed episodes don't count; truncated ones were graded.

    Raises:
        ConfigError: Every episode of a task failed, so it has no score.
    """
    outcomes: dict[str, list[float]] = {rollout.job.task: [] for rollout in rollouts}
    for rollout in rollouts:
        if rollout.episode.outcome is not None:
            outcomes[rollout.job.task].append(rollout.episode.outcome)
    for task, found in outcomes.items():
        if not found:
            raise ConfigError(f"Every episode of task {task!r} failed: see failures.jsonl and run again.")
    return {task: float(np.mean(found)) for task, found in outcomes.items()}


def mean_interval(scores: Sequence[float], *, resamples: int = 10_000, seed: int = 0) -> Interval:
    """The mean of the scores, resampling tasks.

    Args:
        scores: One for each task.
        resamples: Bootstrap samples.
        seed: Of the resampling.

    Raises:
        ConfigError: There are no scores.
    """
    if not len(scores):
        raise ConfigError("There are no scores to average; evaluate at least one task.")
    values = np.asarray(scores, dtype=float)
    drawn = np.random.default_rng(seed).integers(len(values), size=(resamples, len(values)))
    low, high = np.percentile(values[drawn].mean(axis=1), [2.5, 97.5])
    return Interval(float(values.mean()), float(low), float(high))


def paired_interval(after: dict[str, float], before: dict[str, float], *, seed: int = 0) -> Interval:
    """The mean difference of two policies on the same tasks, resampling tasks.

    Raises:
        ConfigError: They were not scored on the same tasks.
    """
    if after.keys() != before.keys():
        raise ConfigError("A paired comparison needs the same tasks on both sides.")
    return mean_interval([after[task] - before[task] for task in before], seed=seed)
