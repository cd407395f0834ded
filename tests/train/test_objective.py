"""The reference objective against Eq 5 written with Python loops."""

import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from forge_train.rl.objective import grpo_objective


def batch(seed: int, rows: int, tokens: int, groups: int, spread: float = 0.5) -> dict[str, torch.Tensor]:
    draw = torch.Generator().manual_seed(seed)
    shape = (rows, tokens)
    logprobs = -torch.rand(shape, generator=draw, dtype=torch.float64) * 3
    old = logprobs + spread * torch.randn(shape, generator=draw, dtype=torch.float64)
    return {
        "logprobs": logprobs.requires_grad_(),
        "old_logprobs": old,
        "sampler_logprobs": old + spread * torch.randn(shape, generator=draw, dtype=torch.float64),
        "advantages": torch.randn(shape, generator=draw, dtype=torch.float64),
        "mask": torch.rand(shape, generator=draw) < 0.6,
        "group": torch.randint(groups, (rows,), generator=draw),
    }


def by_hand(b: dict[str, torch.Tensor], low: float, high: float, cap: float) -> float:
    values = []
    for g in b["group"].unique():
        total, tokens = 0.0, 0
        for i in range(len(b["group"])):
            for t in range(b["mask"].shape[1]):
                if b["group"][i] == g and b["mask"][i, t]:
                    ratio = math.exp(b["logprobs"][i, t] - b["old_logprobs"][i, t])
                    tis = min(math.exp(b["old_logprobs"][i, t] - b["sampler_logprobs"][i, t]), cap)
                    a = float(b["advantages"][i, t])
                    total += tis * min(ratio * a, min(max(ratio, 1 - low), 1 + high) * a)
                    tokens += 1
        if tokens:
            values.append(total / tokens)
    return -sum(values) / len(values) if values else 0.0


@settings(max_examples=40, deadline=None)
@given(
    st.integers(0, 10**6),
    st.integers(1, 6),
    st.integers(1, 7),
    st.integers(1, 3),
    st.sampled_from([1.0, 2.0, math.inf]),
)
def test_equals_eq_5_written_by_hand(seed: int, rows: int, tokens: int, groups: int, cap: float) -> None:
    b = batch(seed, rows, tokens, groups)
    found = grpo_objective(**b, epsilon_low=0.2, epsilon_high=0.28, tis_cap=cap)
    assert found.loss.item() == pytest.approx(by_hand(b, 0.2, 0.28, cap), rel=1e-9, abs=1e-12)


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 10**6))
def test_masked_tokens_have_exactly_no_gradient_whatever_they_hold(seed: int) -> None:
    b = batch(seed, 4, 5, 2)
    for name in ("old_logprobs", "sampler_logprobs", "advantages"):
        b[name] = b[name].masked_fill(~b["mask"], -1e9 if name != "advantages" else math.inf)
    found = grpo_objective(**b, epsilon_low=0.2, epsilon_high=0.28, tis_cap=2.0)
    found.loss.backward()
    assert torch.isfinite(b["logprobs"].grad).all()
    assert (b["logprobs"].grad[~b["mask"]] == 0).all()
    assert (found.weights[~b["mask"]] == 0).all()
    assert (found.ratio[~b["mask"]] == 1).all()


def test_rows_may_come_in_any_order() -> None:
    b = batch(3, 6, 5, 3)
    order = torch.tensor([4, 2, 0, 5, 1, 3])
    same = {name: value[order] for name, value in b.items()}
    losses = [grpo_objective(**x, epsilon_low=0.2, epsilon_high=0.28, tis_cap=2.0).loss for x in (b, same)]
    assert losses[0].item() == pytest.approx(losses[1].item(), rel=1e-12)


def test_on_policy_gradient_is_the_plain_policy_gradient() -> None:
    b = batch(1, 4, 5, 2, spread=0.0)
    found = grpo_objective(**b, epsilon_low=0.2, epsilon_high=0.28, tis_cap=2.0)
    found.loss.backward()
    assert torch.allclose(b["logprobs"].grad, -(found.weights * b["advantages"] * b["mask"]))


def test_the_clip_is_asymmetric() -> None:
    old = torch.zeros(1, 4, dtype=torch.float64)
    ratio = torch.tensor([[1.25, 1.35, 0.75, 0.75]], dtype=torch.float64)
    b = {
        "logprobs": ratio.log().requires_grad_(),
        "old_logprobs": old,
        "sampler_logprobs": old,
        "advantages": torch.tensor([[1.0, 1.0, -1.0, 1.0]], dtype=torch.float64),
        "mask": torch.ones(1, 4, dtype=torch.bool),
        "group": torch.zeros(1, dtype=torch.long),
    }
    grpo_objective(**b, epsilon_low=0.2, epsilon_high=0.28, tis_cap=2.0).loss.backward()
    # Only the first and the last are inside the trust region, or outside on the side that the minimum keeps.
    assert (b["logprobs"].grad != 0).tolist() == [[True, False, False, True]]


def test_each_group_weighs_the_same_and_a_flat_one_still_counts() -> None:
    b = batch(2, 3, 6, 1, spread=0.0)
    b["group"] = torch.tensor([0, 1, 2])
    b["mask"] = torch.ones(3, 6, dtype=torch.bool)
    b["mask"][0, 1:] = False
    b["mask"][2] = False
    found = grpo_objective(**b, epsilon_low=0.2, epsilon_high=0.28, tis_cap=2.0)
    # The third group has no policy token and does not count; long and short groups weigh 1/2 each.
    assert found.weights.sum(1).tolist() == pytest.approx([0.5, 0.5, 0.0])
    b["advantages"] = b["advantages"] * torch.tensor([[0.0], [1.0], [1.0]])
    flat = grpo_objective(**b, epsilon_low=0.2, epsilon_high=0.28, tis_cap=2.0)
    assert flat.weights.sum(1).tolist() == pytest.approx([0.5, 0.5, 0.0])
