"""Which token gets how much credit: the rewards of a group become advantages per token.

An estimator gives every member one value per turn; the value is repeated on the turn's sampled tokens. Every other
token, and every token of a masked member, gets exactly 0. Masked members don't enter the statistics.
"""

from collections.abc import Callable, Sequence

import numpy as np

from forge_envs.core.errors import ConfigError
from forge_train.rl.batch import Sample

Array = np.ndarray


def normalise(values: Array, *, ddof: int, eps: float) -> Array:
    """(x - mean) / (std + eps), Eq 6; exactly 0 where all values are equal or fewer than two are there.

    Args:
        values: (G,).
        ddof: What the standard deviation subtracts from G; 1 is TRL's choice, 0 the population's.
        eps: Added to the standard deviation.
    """
    spread = 0.0 if len(values) < 2 or np.ptp(values) == 0 else values.std(ddof=ddof)
    if spread == 0:
        return np.zeros_like(values)
    return (values - values.mean()) / (spread + eps)


def _per_turn(returns: list[Array], ddof: int, eps: float) -> list[Array]:
    """Normalise each turn over the members that reached it; a turn that fewer than two reached gets 0."""
    advantages = [np.zeros_like(r) for r in returns]
    for turn in range(max(map(len, returns), default=0)):
        reached = [i for i, r in enumerate(returns) if len(r) > turn]
        column = normalise(np.array([returns[i][turn] for i in reached]), ddof=ddof, eps=eps)
        for i, value in zip(reached, column, strict=True):
            advantages[i][turn] = value
    return advantages


def outcome(members: Sequence[Sample], turns: Sequence[int], discount: float, ddof: int, eps: float) -> list[Array]:
    """Eq 6: the group-normalised outcome reward, the same for each turn of a member."""
    values = normalise(np.array([m.reward for m in members], dtype=float), ddof=ddof, eps=eps)
    return [np.full(count, value) for count, value in zip(turns, values, strict=True)]


def return_to_go(
    members: Sequence[Sample], turns: Sequence[int], discount: float, ddof: int, eps: float
) -> list[Array]:
    """What a turn and the turns after it earned: sum over j >= k of discount^(j - k) * r_j, normalised per turn.

    With discount 1 and rewards of 0 before the last turn it equals `outcome` on every turn that all members reached.
    """
    returns = []
    for rewards in _step_rewards(members, "return_to_go"):
        sums = np.zeros(len(rewards))
        tail = 0.0
        for k in reversed(range(len(rewards))):
            tail = sums[k] = rewards[k] + discount * tail
        returns.append(sums)
    return _per_turn(returns, ddof, eps)


def exact_match(members: Sequence[Sample], turns: Sequence[int], discount: float, ddof: int, eps: float) -> list[Array]:
    """The reward of the turn alone, as of Eq 8, normalised over the members that reached it."""
    return _per_turn([np.array(r, dtype=float) for r in _step_rewards(members, "exact_match")], ddof, eps)


def _step_rewards(members: Sequence[Sample], estimator: str) -> list[tuple[float, ...]]:
    for member in members:
        if not member.step_rewards:
            raise ConfigError(f"Credit {estimator!r} needs step rewards: pass Sample(step_rewards=...).")
    return [m.step_rewards for m in members]


Estimator = Callable[[Sequence[Sample], Sequence[int], float, int, float], list[Array]]

ESTIMATORS: dict[str, Estimator] = {"outcome": outcome, "return_to_go": return_to_go, "exact_match": exact_match}
"""Estimators by name: (members, turns of each, discount, ddof, eps) -> one array per member, one value per turn."""


def turn_advantages(
    group: Sequence[Sample],
    *,
    estimator: str = "outcome",
    discount: float = 1.0,
    ddof: int = 1,
    eps: float = 1e-4,
) -> list[Array]:
    """The advantage of every token of a group.

    Args:
        group: All rows of one group, masked members included.
        estimator: A key of `ESTIMATORS`.
        discount: Per turn, in [0, 1]; read by `return_to_go`.
        ddof: Of the standard deviation. The paper does not say; 1 with eps 1e-4 is what TRL's GRPOTrainer does.
        eps: Added to the standard deviation.

    Returns:
        One float64 array per row, as long as the row; 0 except on sampled tokens of members that are not masked.

    Raises:
        ConfigError: The estimator is unknown, or it needs step rewards that are missing.
    """
    if estimator not in ESTIMATORS:
        raise ConfigError(f"Unknown credit estimator {estimator!r}: use one of {sorted(ESTIMATORS)}.")
    # A member is an episode; it may own several rows, and must enter the statistics once.
    owner = [i if s.episode is None else s.episode for i, s in enumerate(group)]
    first: dict[int | str, Sample] = {}
    turns: dict[int | str, int] = {}
    for key, sample in zip(owner, group, strict=True):
        if not sample.masked:
            first.setdefault(key, sample)
            turns[key] = max(turns.get(key, 0), max(sample.row.turn) + 1)
    values = ESTIMATORS[estimator](list(first.values()), list(turns.values()), discount, ddof, eps)
    by_owner = dict(zip(first, values, strict=True))

    advantages = []
    for key, sample in zip(owner, group, strict=True):
        tokens = np.zeros(len(sample.row.ids))
        if not sample.masked:
            sampled = np.array(sample.row.loss_mask, dtype=bool)
            tokens[sampled] = by_owner[key][np.array(sample.row.turn)[sampled]]
        advantages.append(tokens)
    return advantages
