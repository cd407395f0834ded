"""The policy objective, Eq 5 of the paper, in plain torch. It is the oracle that the TRL adapter must equal."""

from dataclasses import dataclass

import torch
from torch import Tensor


@dataclass(frozen=True)
class Objective:
    """A loss and how its tokens were weighted. B rows, T completion tokens.

    Args:
        loss: To be minimised; a scalar with a gradient if the log-probabilities had one.
        weights: (B, T), what each token's clipped term was multiplied by: truncated importance factor over the group's
            policy tokens and over the number of groups; 0 where the mask is False.
        ratio: (B, T), pi_theta / pi_old, 1 where the mask is False.
    """

    loss: Tensor
    weights: Tensor
    ratio: Tensor


def grpo_objective(
    logprobs: Tensor,
    *,
    old_logprobs: Tensor,
    sampler_logprobs: Tensor,
    advantages: Tensor,
    mask: Tensor,
    group: Tensor,
    epsilon_low: float,
    epsilon_high: float,
    tis_cap: float,
) -> Objective:
    """Eq 5: clipped policy gradient with truncated importance sampling, normalised by the policy tokens of a group.

    Per token: min(pi_old / pi_sampler, C) * min(r A, clip(r, 1 - eps_low, 1 + eps_high) A) with r = pi_theta / pi_old.
    A group's terms are summed and divided by its policy tokens, then averaged over the groups, so each prompt weighs
    the same. There is no KL term. A group whose advantages are all 0 adds 0 and still counts as one group; a group
    without a policy token (all members masked) does not count.

    Args:
        logprobs: (B, T), of the weights that are being trained.
        old_logprobs: (B, T), of the weights at the time when the samples were consumed (pi_old).
        sampler_logprobs: (B, T), of the policy that sampled the tokens.
        advantages: (B, T).
        mask: (B, T), True at policy tokens of members that are not masked.
        group: (B,), an integer per row that names its group.
        epsilon_low: Lower clip distance.
        epsilon_high: Upper clip distance.
        tis_cap: C, the bound of pi_old / pi_sampler; infinity leaves it unbounded.

    Returns:
        Loss, weights and ratios.
    """
    mask = mask.bool()
    # Off the mask the values may be anything, so they are replaced before exp: inf * 0 would be NaN.
    ratio = torch.where(mask, logprobs - old_logprobs, 0.0).exp()
    tis = torch.where(mask, old_logprobs - sampler_logprobs, 0.0).detach().exp().clamp(max=tis_cap)

    _, index = torch.unique(group, return_inverse=True)
    tokens = torch.zeros(int(index.max()) + 1, dtype=logprobs.dtype, device=logprobs.device)
    tokens = tokens.index_add(0, index, mask.sum(1).to(logprobs.dtype))
    groups = (tokens > 0).sum().clamp(min=1)
    weights = tis * mask / (tokens.clamp(min=1)[index].unsqueeze(1) * groups)

    kept = torch.where(mask, advantages, 0.0)
    clipped = ratio.clamp(1 - epsilon_low, 1 + epsilon_high)
    loss = -(weights * torch.minimum(ratio * kept, clipped * kept)).sum()
    return Objective(loss=loss, weights=weights, ratio=ratio)
