"""From prompts to groups of samples: what the trainer's `rollout` argument does in one process."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from forge_train.policies.base import Policy
from forge_train.rl.batch import Sample
from forge_train.rollout.engine import EngineLimits, Job, Rollout, run_episodes


def to_samples(rollout: Rollout, *, mask_truncated: bool = True) -> list[Sample]:
    """The samples of one episode, one for each of its rows. Failed episodes are masked.

    Args:
        rollout: The episode and its rows.
        mask_truncated: Mask truncated episodes too (paper, section 2.3.2). Otherwise they count with the outcome that
            their unfinished work earned.
    """
    episode = rollout.episode
    masked = episode.outcome is None or (mask_truncated and episode.end.status != "completed")
    rewards = tuple(turn.reward for turn in episode.turns)
    return [Sample(row, rollout.job.group, episode.outcome or 0.0, rewards, masked, episode.id) for row in rollout.rows]


class GroupSampler:
    """Runs G episodes of each of N prompts and gives their samples; prompts come in shuffled passes over the list.

    Args:
        make_env: Makes one environment.
        policy: Samples; it shares the trainer's weights.
        prompts: What to draw from: task ids, or jobs where a prompt has a mode or a gold turn of its own (their index
            and seed are set here).
        groups: N, prompts for one call.
        group_size: G, episodes of each.
        seed: Of the order of prompts, and of every episode.
        limits: The engine's bounds.
        on_rollouts: Called with the rollouts of each call.
        mask_truncated: As in `to_samples`.
        shuffle_rewards: Permute the rewards over the episodes of each group: a control that must not learn. Over all
            episodes of a call it would reinforce groups in which nothing is right.
    """

    def __init__(
        self,
        make_env: Callable[[], Any],
        policy: Policy,
        prompts: Sequence[str | Job],
        *,
        groups: int,
        group_size: int,
        seed: int,
        limits: EngineLimits,
        on_rollouts: Callable[[int, Sequence[Rollout]], None] = lambda step, rollouts: None,
        mask_truncated: bool = True,
        shuffle_rewards: bool = False,
    ):
        self._make_env, self._policy = make_env, policy
        self._prompts = [Job(p) if isinstance(p, str) else p for p in prompts]
        self._groups, self._size, self._limits = groups, group_size, limits
        self._random = np.random.default_rng(seed)
        self._on_rollouts, self._shuffle, self._mask_truncated = on_rollouts, shuffle_rewards, mask_truncated
        self._queue: list[Job] = []

    def __call__(self, step: int) -> list[Sample]:
        """The samples of the next N groups."""
        while len(self._queue) < self._groups:
            self._queue += [self._prompts[i] for i in self._random.permutation(len(self._prompts))]
        chosen, self._queue = self._queue[: self._groups], self._queue[self._groups :]
        seed = int(self._random.integers(2**31))
        # A prompt that ends one pass and begins the next may be drawn twice: its members then form one larger group.
        counts: dict[str, int] = {}
        jobs = []
        for prompt in chosen:
            first = counts.get(prompt.group, 0)
            jobs += [replace(prompt, index=first + member, seed=seed) for member in range(self._size)]
            counts[prompt.group] = first + self._size
        rollouts = run_episodes(self._make_env, self._policy, jobs, limits=self._limits)
        self._on_rollouts(step, rollouts)
        samples = [
            sample for rollout in rollouts for sample in to_samples(rollout, mask_truncated=self._mask_truncated)
        ]
        return shuffled(samples, self._random) if self._shuffle else samples


def shuffled(samples: Sequence[Sample], random: np.random.Generator) -> list[Sample]:
    """The samples with the rewards of each group permuted over its episodes.

    All rows of an episode keep one reward; masked episodes have none to give or to take. What an episode earned in
    steps moves with its outcome, in one sum that its new owner earns in the last turn.
    """
    groups: dict[str, dict[str | None, tuple[float, float]]] = {}
    for s in samples:
        if not s.masked:
            groups.setdefault(s.group, {})[s.episode] = (s.reward, sum(s.step_rewards))
    mixed: dict[str | None, tuple[float, float]] = {}
    for earned in groups.values():
        values = list(earned.values())
        mixed |= {episode: values[i] for episode, i in zip(earned, random.permutation(len(values)), strict=True)}
    return [s if s.masked else _paid(s, *mixed[s.episode]) for s in samples]


def _paid(sample: Sample, reward: float, total: float) -> Sample:
    return replace(sample, reward=reward, step_rewards=(0.0,) * (len(sample.step_rewards) - 1) + (total,))
