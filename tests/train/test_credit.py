"""Advantages: formulas, and what must hold for any group."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from forge_envs.core.errors import ConfigError, PolicyError
from forge_train.rl.batch import Sample
from forge_train.rl.credit import ESTIMATORS, turn_advantages
from forge_train.rollout.ledger import TokenRow


def row(turns: int, width: int = 2) -> TokenRow:
    """A prompt of two tokens, then per turn `width` sampled tokens and one of the environment."""
    ids, mask, turn = [1, 2], [False] * 2, [-1] * 2
    for k in range(turns):
        ids += [3] * width + [4]
        mask += [True] * width + [False]
        turn += [k] * (width + 1)
    n = len(ids)
    return TokenRow(tuple(ids), tuple(mask), tuple(turn), (0.0,) * n, tuple(0 if m else -1 for m in mask))


def member(rewards: list[float], **changes: object) -> Sample:
    return replace(
        Sample(row=row(len(rewards)), group="g", reward=sum(rewards), step_rewards=tuple(rewards)), **changes
    )


def per_turn(sample: Sample, advantages: np.ndarray) -> list[float]:
    turns = np.array(sample.row.turn)
    mask = np.array(sample.row.loss_mask)
    return [float(advantages[mask & (turns == k)][0]) for k in range(max(turns) + 1)]


rewards = st.lists(st.sampled_from([0.0, 0.25, 1.0, -1.0]), min_size=1, max_size=4)
groups = st.lists(st.tuples(rewards, st.booleans()), min_size=1, max_size=6).map(
    lambda rows: [member(r, masked=m) for r, m in rows]
)


def test_broadcast_is_the_grpo_formula_of_trl() -> None:
    group = [member([0.0, r]) for r in (1.0, 0.0, 0.0, 1.0, 1.0)]
    r = torch.tensor([s.reward for s in group])
    expected = (r - r.mean()) / (r.std() + 1e-4)
    for sample, found, value in zip(group, turn_advantages(group), expected, strict=True):
        assert found[np.array(sample.row.loss_mask)] == pytest.approx(float(value), rel=1e-6)


def test_ddof_and_eps_are_what_they_say() -> None:
    group = [member([1.0]), member([0.0])]
    found = turn_advantages(group, ddof=0, eps=0.5)
    assert per_turn(group[0], found[0]) == pytest.approx([0.5])


@settings(max_examples=60, deadline=None)
@given(groups, st.sampled_from(sorted(ESTIMATORS)))
def test_only_sampled_tokens_of_unmasked_members_have_credit(group: list[Sample], estimator: str) -> None:
    for sample, found in zip(group, turn_advantages(group, estimator=estimator), strict=True):
        assert len(found) == len(sample.row.ids)
        assert np.isfinite(found).all()
        assert (found[~np.array(sample.row.loss_mask)] == 0).all()
        assert not (sample.masked and found.any())


@settings(max_examples=60, deadline=None)
@given(groups, st.sampled_from(sorted(ESTIMATORS)), st.randoms(use_true_random=False))
def test_permuting_members_permutes_advantages(group: list[Sample], estimator: str, random: object) -> None:
    order = list(range(len(group)))
    random.shuffle(order)  # type: ignore[attr-defined]
    found = turn_advantages(group, estimator=estimator)
    again = turn_advantages([group[i] for i in order], estimator=estimator)
    for i, values in zip(order, again, strict=True):
        assert values == pytest.approx(found[i], abs=1e-9)


@settings(max_examples=60, deadline=None)
@given(groups, st.sampled_from(sorted(ESTIMATORS)))
def test_masked_members_do_not_enter_the_statistics(group: list[Sample], estimator: str) -> None:
    found = [a for s, a in zip(group, turn_advantages(group, estimator=estimator), strict=True) if not s.masked]
    alone = turn_advantages([s for s in group if not s.masked], estimator=estimator)
    for a, b in zip(found, alone, strict=True):
        assert (a == b).all()


@settings(max_examples=40, deadline=None)
@given(st.floats(-10, 10), st.integers(2, 6), st.sampled_from(sorted(ESTIMATORS)))
def test_a_group_of_equals_has_exactly_no_credit(reward: float, size: int, estimator: str) -> None:
    for found in turn_advantages([member([reward / 3, reward])] * size, estimator=estimator):
        assert (found == 0).all()


@settings(max_examples=60, deadline=None)
@given(st.lists(st.sampled_from([0.0, 0.5, 1.0]), min_size=1, max_size=6), st.integers(1, 4))
def test_return_to_go_is_the_broadcast_when_only_the_end_is_rewarded(outcomes: list[float], turns: int) -> None:
    group = [member([0.0] * (turns - 1) + [r]) for r in outcomes]
    for a, b in zip(turn_advantages(group), turn_advantages(group, estimator="return_to_go"), strict=True):
        assert a == pytest.approx(b, abs=1e-12)


def test_return_to_go_discounts_and_leaves_a_lonely_turn_alone() -> None:
    group = [member([1.0, 0.0, 4.0]), member([0.0, 2.0])]
    found = turn_advantages(group, estimator="return_to_go", discount=0.5, ddof=0, eps=0.0)
    # Returns: [1 + 0 + 1, 2, 4] and [0 + 1, 2]: the second turn is equal, only one member reached the third.
    assert per_turn(group[0], found[0]) == pytest.approx([1.0, 0.0, 0.0])
    assert per_turn(group[1], found[1]) == pytest.approx([-1.0, 0.0])


def test_exact_match_looks_at_the_turn_alone() -> None:
    group = [member([1.0, 0.0]), member([0.0, 1.0])]
    found = turn_advantages(group, estimator="exact_match", ddof=0, eps=0.0)
    assert per_turn(group[0], found[0]) == pytest.approx([1.0, -1.0])


def test_rows_of_one_episode_are_one_member() -> None:
    whole = [member([0.0, 1.0], episode="a"), member([0.0, 0.0], episode="b"), member([0.0, 0.0], episode="c")]
    split = [whole[0], whole[0], *whole[1:]]
    once, twice = turn_advantages(whole), turn_advantages(split)
    assert (twice[0] == once[0]).all() and (twice[1] == once[0]).all() and (twice[2] == once[1]).all()


def test_refusals_name_the_cure() -> None:
    with pytest.raises(ConfigError, match="outcome"):
        turn_advantages([member([1.0])], estimator="magic")
    with pytest.raises(ConfigError, match="step_rewards"):
        turn_advantages([member([1.0], step_rewards=())], estimator="return_to_go")
    with pytest.raises(ConfigError, match="one per assistant turn"):
        member([1.0, 0.0], step_rewards=(1.0,))
    with pytest.raises(PolicyError, match="mark it masked"):
        Sample(row=row(0), group="g", reward=0.0)
    with pytest.raises(PolicyError, match="not finite"):
        n = len(row(1).ids)
        Sample(row=replace(row(1), logprobs=(float("nan"),) * n), group="g", reward=0.0)
    with pytest.raises(ConfigError, match="could not be graded"):
        member([float("nan")])
