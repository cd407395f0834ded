"""Scores and their intervals on known cases."""

import math

import numpy as np
import pytest

from forge_envs.core.episode import End, Episode
from forge_envs.core.errors import ConfigError
from forge_train.evaluate import Interval, mean_interval, paired_interval, task_scores
from forge_train.rollout.engine import Job, Rollout


def rollout(task: str, index: int, outcome: float | None, status: str = "completed") -> Rollout:
    """A finished job."""
    job = Job(task, index=index)
    episode = Episode(
        id=job.id, env_id="e", suite="s", suite_hash="h", task_id=task, mode="outcome", seed=0, policy="p", prompt=(),
        tools=(), turns=(), end=End(status), outcome=outcome,
    )  # fmt: skip
    return Rollout(job, episode)


def test_a_task_scores_the_mean_of_its_graded_episodes() -> None:
    rollouts = [
        rollout("a", 0, 1.0),
        rollout("b", 0, 0.5, "truncated"),
        rollout("a", 1, 0.0),
        rollout("a", 2, None, "failed"),
    ]
    assert task_scores(rollouts) == {"a": 0.5, "b": 0.5} and list(task_scores(rollouts)) == ["a", "b"]
    assert task_scores([]) == {}


def test_a_task_without_a_graded_episode_has_no_score() -> None:
    with pytest.raises(ConfigError, match="'b' failed"):
        task_scores([rollout("a", 0, 1.0), rollout("b", 0, None, "failed")])


def test_intervals_of_constants_are_points() -> None:
    assert mean_interval([1.0] * 7) == Interval(1.0, 1.0, 1.0)
    assert mean_interval([0.25]) == Interval(0.25, 0.25, 0.25)
    with pytest.raises(ConfigError, match="no scores"):
        mean_interval([])


def test_an_interval_of_a_proportion_is_the_binomials() -> None:
    """The bootstrap of zeros and ones draws from Binomial(n, p) / n, whose normal interval is known."""
    found = mean_interval([1.0] * 60 + [0.0] * 140)
    half = 1.96 * math.sqrt(0.3 * 0.7 / 200)
    assert found.mean == pytest.approx(0.3) and found.low < found.mean < found.high
    assert (found.low, found.high) == pytest.approx((0.3 - half, 0.3 + half), abs=0.006)
    assert mean_interval([1.0] * 60 + [0.0] * 140) == found
    assert mean_interval([1.0] * 60 + [0.0] * 140, seed=1) != found


def test_an_interval_covers_the_truth_at_its_rate() -> None:
    draw = np.random.default_rng(0)
    covered = 0
    for seed in range(300):
        found = mean_interval(draw.normal(0.5, 0.2, 60).tolist(), resamples=500, seed=seed)
        covered += found.low <= 0.5 <= found.high
    assert 0.90 <= covered / 300 <= 0.98


def test_a_paired_interval_uses_the_pairs() -> None:
    draw = np.random.default_rng(0)
    before = {f"t{i}": float(v) for i, v in enumerate(draw.random(100))}
    after = {task: before[task] + 0.1 for task in reversed(before)}
    found = paired_interval(after, before)
    assert (found.mean, found.low, found.high) == pytest.approx((0.1, 0.1, 0.1))
    back = paired_interval(before, after)
    assert (back.mean, back.low, back.high) == pytest.approx((-0.1, -0.1, -0.1))
    assert paired_interval(before, before) == Interval(0.0, 0.0, 0.0)


@pytest.mark.parametrize("other", [{}, {"a": 1.0}, {"a": 1.0, "c": 0.0}, {"a": 1.0, "b": 0.0, "c": 0.0}])
def test_pairs_must_match(other: dict[str, float]) -> None:
    with pytest.raises(ConfigError, match="same tasks"):
        paired_interval(other, {"a": 0.0, "b": 1.0})


def test_an_interval_reads_as_percent() -> None:
    assert str(Interval(0.5, 0.25, 0.755)) == "50.0% [25.0, 75.5]"
