"""Groups of episodes become the samples that the trainer reads."""

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from forge_moody import Moody, moody_suite
from forge_tiny import renderer

from forge_envs.core.episode import End, Episode, Turn
from forge_envs.core.messages import assistant
from forge_train.policies.scripted import ScriptedPolicy
from forge_train.rl.batch import Sample
from forge_train.rl.groups import GroupSampler, shuffled, to_samples
from forge_train.rollout.engine import EngineLimits, Job, Rollout
from forge_train.rollout.ledger import TokenRow

ROW = TokenRow((5, 6, 7), (False, True, True), (-1, 0, 0), (0.0, -1.0, -2.0), (-1, 0, 0))
LIMITS = EngineLimits(concurrency=4)


def rollout(end: End, outcome: float | None, rows: Sequence[TokenRow] = (ROW,)) -> Rollout:
    """A rollout of one turn."""
    episode = Episode(
        id="t#0", env_id="e", suite="s", suite_hash="h", task_id="t", mode="outcome", seed=0, policy="p", prompt=(),
        tools=(), turns=(Turn("a", assistant("a"), (), outcome or 0.0),), end=end, outcome=outcome,
    )  # fmt: skip
    return Rollout(Job("t", mode="shaped", turn=None), episode, tuple(rows))


@pytest.mark.parametrize(
    ("end", "outcome", "masked"),
    [
        (End("completed"), 1.0, False),
        (End("completed"), 0.0, False),
        (End("completed"), None, True),
        (End("truncated", "max_steps"), 1.0, True),
        (End("truncated", "max_context"), 0.0, True),
        (End("failed", boundary="grader", error="x"), None, True),
    ],
)
def test_only_completed_episodes_are_trained_on(end: End, outcome: float | None, masked: bool) -> None:
    (sample,) = to_samples(rollout(end, outcome))
    assert sample == Sample(ROW, "t@shaped", outcome or 0.0, (outcome or 0.0,), masked, "t#0")


def test_every_row_of_an_episode_is_a_sample_of_one_member() -> None:
    samples = to_samples(rollout(End("completed"), 1.0, [ROW, ROW]))
    assert [s.episode for s in samples] == ["t#0"] * 2 and [s.reward for s in samples] == [1.0] * 2
    assert to_samples(rollout(End("failed", boundary="task", error="x"), None, [])) == []


@pytest.fixture(scope="module")
def make(tmp_path_factory: pytest.TempPathFactory) -> Callable[[], Moody]:
    """Makes the moody environment."""
    suite = moody_suite(tmp_path_factory.mktemp("suites") / "moody")
    return lambda: Moody(suite=str(suite))


def sampler(make: Callable[[], Moody], tasks: Sequence[str], **options: Any) -> GroupSampler:
    """Two groups of three, of a policy that says the same thing always."""
    policy = ScriptedPolicy(lambda task: ["one", "two", "three"], renderer=renderer("small"))
    chosen = {"groups": 2, "group_size": 3, "seed": 5, "limits": LIMITS, **options}
    return GroupSampler(make, policy, tasks, **chosen)


def test_groups_have_their_size_and_tasks_come_in_passes(make: Callable[[], Moody]) -> None:
    tasks = ["good-0", "good-1", "good-2", "good-3"]
    seen: list[tuple[int, list[str]]] = []
    draw = sampler(make, tasks, on_rollouts=lambda step, found: seen.append((step, [r.episode.id for r in found])))
    calls = [draw(step) for step in range(4)]
    assert [step for step, _ in seen] == [0, 1, 2, 3]
    for samples, (_, ids) in zip(calls, seen, strict=True):
        assert Counter(s.group for s in samples) == dict.fromkeys({s.group for s in samples}, 3)
        assert len({s.episode for s in samples}) == 6 == len(set(ids)) and {s.episode for s in samples} == set(ids)
        prompts = {(s.group, s.row.ids[: s.row.loss_mask.index(True)]) for s in samples}
        assert len(prompts) == len({s.group for s in samples})
    for first, second in ((0, 1), (2, 3)):
        groups = [s.group for s in [*calls[first], *calls[second]]]
        assert set(groups) == set(tasks)


def test_the_same_seed_draws_the_same_tasks(make: Callable[[], Moody]) -> None:
    tasks = ["good-0", "good-1", "good-2", "good-3"]

    def drawn(seed: int) -> list[list[tuple[str, int]]]:
        found: list[list[tuple[str, int]]] = []
        draw = sampler(
            make, tasks, seed=seed, on_rollouts=lambda step, rs: found.append([(r.job.task, r.job.seed) for r in rs])
        )
        for step in range(3):
            draw(step)
        return found

    assert drawn(1) == drawn(1) != drawn(2)
    assert len({seed for call in drawn(1) for _, seed in call}) == 3


def test_a_task_drawn_twice_forms_one_larger_group(make: Callable[[], Moody]) -> None:
    samples = sampler(make, ["good-0"])(0)
    assert Counter(s.group for s in samples) == {"good-0": 6} and len({s.episode for s in samples}) == 6


def test_failed_and_truncated_members_are_masked_and_the_others_go_on(make: Callable[[], Moody]) -> None:
    samples = sampler(make, ["good-0", "grade-raises"])(0)
    assert {(s.group, s.masked) for s in samples} == {("good-0", False), ("grade-raises", True)}
    cut = sampler(make, ["good-0", "good-1"], limits=EngineLimits(max_tokens=40))(0)
    assert len(cut) == 6 and all(s.masked for s in cut)
    lost = sampler(make, ["reset-sandbox", "step-sandbox"])(0)
    assert {(s.group, s.masked) for s in lost} == {("step-sandbox", True)}


def test_shuffled_rewards_are_a_permutation_over_the_episodes_of_a_group(make: Callable[[], Moody]) -> None:
    tasks = ["good-0", "good-1", "tools-change", "grade-raises"]
    drawn = sampler(make, tasks, groups=4, group_size=8)(0)
    # Every third episode of two groups has failed; all rows of an episode have one reward.
    plain = []
    for s in drawn:
        lost = s.group != "good-1" and int(str(s.episode).rpartition("#")[2]) % 3 == 0
        plain.append(s if s.masked or not lost else replace(s, reward=0.0, step_rewards=(0.0,) * len(s.step_rewards)))
    mixed = shuffled(plain, np.random.default_rng(0))
    assert [(s.row, s.group, s.masked, s.episode) for s in plain] == [
        (s.row, s.group, s.masked, s.episode) for s in mixed
    ]

    def rewards(samples: list[Sample], group: str) -> dict[str | None, float]:
        found: dict[str | None, float] = {}
        for sample in (s for s in samples if s.group == group and not s.masked):
            assert found.setdefault(sample.episode, sample.reward) == sample.reward  # all rows of one episode agree
        return found

    for group, lost in (("good-0", 3), ("tools-change", 3), ("good-1", 0)):
        before, after = rewards(plain, group), rewards(mixed, group)
        assert before.keys() == after.keys() and len(before) == 8 and (before != after) is (lost > 0)
        assert sorted(before.values()) == sorted(after.values()) == [0.0] * lost + [1.0] * (8 - lost)
    trained = [s for s in mixed if not s.masked]
    assert all(s.step_rewards[-1] == s.reward and not any(s.step_rewards[:-1]) for s in trained)
    assert len([s for s in mixed if s.group == "tools-change"]) == 16
