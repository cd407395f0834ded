"""What the RL side consumes, and how it becomes tensors."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import TYPE_CHECKING, Any, TypeVar

from forge_envs.core.errors import ConfigError, PolicyError
from forge_train.rollout.ledger import TokenRow

if TYPE_CHECKING:
    import torch
    from torch import Tensor

Item = TypeVar("Item")


@dataclass(frozen=True)
class Sample:
    """One row of one member of a group.

    Args:
        row: Its tokens.
        group: Members with the same name share one identical prompt.
        reward: The outcome reward of the episode.
        step_rewards: What `step` returned, one per assistant turn; the last one includes the outcome where the
            environment adds it there. Empty if no estimator needs it.
        masked: Truncated or failed: out of the group's statistics and out of the loss.
        episode: Rows with the same name in a group are one member (an episode whose conversation could not be
            extended has several). None: this row is a member of its own.

    Raises:
        ConfigError: A step reward is missing.
        PolicyError: The row can't be trained on: no sampled token, no prompt, or a log-probability that is not one.
    """

    row: TokenRow
    group: str
    reward: float
    step_rewards: tuple[float, ...] = ()
    masked: bool = False
    episode: str | None = None

    def __post_init__(self) -> None:
        if self.masked:
            return
        where = f"A row of group {self.group!r}"
        if not any(self.row.loss_mask):
            raise PolicyError(f"{where} has no sampled token: mark it masked.")
        if self.row.loss_mask[0]:
            raise PolicyError(f"{where} begins with a sampled token: give the policy a prompt of at least one token.")
        if not all(map(math.isfinite, self.row.logprobs)):
            raise PolicyError(
                f"{where} has a log-probability that is not finite: ask the sampler for log-probabilities."
            )
        if not all(map(math.isfinite, (self.reward, *self.step_rewards))):
            raise ConfigError(f"{where} has a reward that is not finite: mask the sample if it could not be graded.")
        if self.step_rewards and len(self.step_rewards) <= max(self.row.turn):
            raise ConfigError(f"{where} has {len(self.step_rewards)} step rewards: pass one per assistant turn.")


def span(row: TokenRow) -> tuple[int, int]:
    """Where the completion of a row begins and ends: from its first to after its last sampled token.

    What follows the last sampled token can't influence the loss and is left out of the tensors.
    """
    return row.loss_mask.index(True), len(row.ids) - row.loss_mask[::-1].index(True)


def pad_rows(
    rows: Sequence[TokenRow],
    *,
    pad_token_id: int,
    columns: "Mapping[str, Sequence[Sequence[float] | Tensor]] | None" = None,
) -> "dict[str, Tensor]":
    """Rows as the tensors that TRL's loss reads: prompts padded left, completions padded right.

    Args:
        rows: Each with at least one sampled token.
        pad_token_id: Fills `prompt_ids` and `completion_ids`.
        columns: More values per completion token and row, by name; padded with 0.

    Returns:
        `prompt_ids`, `prompt_mask` (B, P), `completion_ids`, `completion_mask`, `tool_mask` (B, T), all int64, and the
        columns (B, T) as float32. `completion_mask` is 1 at every real token, `tool_mask` at the sampled ones.
    """
    import torch

    prompts, prompt_masks, completions, real, sampled = [], [], [], [], []
    for row in rows:
        start, end = span(row)
        prompts.append(row.ids[:start])
        prompt_masks.append([1] * start)
        completions.append(row.ids[start:end])
        real.append([1] * (end - start))
        sampled.append(row.loss_mask[start:end])
    tensors = {
        "prompt_ids": _padded(prompts, pad_token_id, torch.long, left=True),
        "prompt_mask": _padded(prompt_masks, 0, torch.long, left=True),
        "completion_ids": _padded(completions, pad_token_id, torch.long),
        "completion_mask": _padded(real, 0, torch.long),
        "tool_mask": _padded(sampled, 0, torch.long),
    }
    for name, values in (columns or {}).items():
        tensors[name] = _padded(values, 0.0, torch.float32)
        if tensors[name].shape != tensors["tool_mask"].shape:
            raise ConfigError(f"Column {name!r} must have one value per completion token of every row.")
    return tensors


@dataclass(frozen=True)
class TrainRow:
    """A row with everything that multiplies its tokens' clipped terms folded into the advantages.

    Args:
        row: The tokens.
        advantages: (T,) float32 over the completion: advantage * min(pi_old / pi_sampler, C) / policy tokens of the
            group. 0 at tokens that were not sampled.
        old_logprobs: (T,) float32, log pi_old.
        tis: One truncated importance factor per sampled token.
    """

    row: TokenRow
    advantages: "Tensor"
    old_logprobs: "Tensor"
    tis: "Tensor"


def by_group(samples: Sequence[Sample]) -> list[list[Sample]]:
    """Samples by group, in order of first appearance. A group whose members are all masked is left out."""
    groups: dict[str, list[Sample]] = {}
    for sample in samples:
        groups.setdefault(sample.group, []).append(sample)
    return [group for group in groups.values() if not all(s.masked for s in group)]


def fold(group: Sequence[Sample], advantages: Sequence[Any]) -> list[TrainRow]:
    """The rows of a group that have a gradient, with the sampler as pi_old.

    Args:
        group: All its samples.
        advantages: As `turn_advantages` returns them.

    Returns:
        One per sample that is not masked and has an advantage other than 0; the others can't move the weights.
    """
    import torch

    tokens = sum(sum(s.row.loss_mask) for s in group if not s.masked)
    rows = []
    for sample, values in zip(group, advantages, strict=True):
        if sample.masked or not values.any():
            continue
        start, end = span(sample.row)
        rows.append(
            TrainRow(
                row=sample.row,
                advantages=torch.as_tensor(values[start:end] / tokens, dtype=torch.float32),
                old_logprobs=torch.tensor(sample.row.logprobs[start:end], dtype=torch.float32),
                tis=torch.ones(sum(sample.row.loss_mask)),
            )
        )
    return rows


def with_old(row: TrainRow, old_logprobs: "Tensor", *, cap: float) -> TrainRow:
    """A row from `fold` with another pi_old and the truncated importance factors that follow from it.

    Args:
        row: Its `old_logprobs` are still the sampler's.
        old_logprobs: (T,), of the trainer's weights.
        cap: C, the bound of pi_old / pi_sampler.
    """
    import torch

    start, end = span(row.row)
    sampled = torch.tensor(row.row.loss_mask[start:end])
    tis = (old_logprobs - row.old_logprobs).exp().clamp(max=cap)
    return replace(row, advantages=row.advantages * tis, old_logprobs=old_logprobs, tis=tis[sampled])


def pad_train_rows(rows: Sequence[TrainRow], *, pad_token_id: int, multiple: int) -> "dict[str, Tensor]":
    """The tensors of one update: those of `pad_rows`, `advantages` and `old_per_token_logps`.

    Args:
        rows: May be none.
        pad_token_id: Fills the padding.
        multiple: The number of rows is raised to a multiple of it, at least one, by rows without a policy token.
    """
    import torch

    blanks = -len(rows) % multiple or (0 if rows else multiple)
    blank = TokenRow(
        ids=(pad_token_id,) * 2, loss_mask=(False, True), turn=(-1, 0), logprobs=(0.0,) * 2, version=(-1,) * 2
    )
    nothing = torch.zeros(1)
    tensors = pad_rows(
        [*(r.row for r in rows), *[blank] * blanks],
        pad_token_id=pad_token_id,
        columns={
            "advantages": [*(r.advantages for r in rows), *[nothing] * blanks],
            "old_per_token_logps": [*(r.old_logprobs for r in rows), *[nothing] * blanks],
        },
    )
    tensors["tool_mask"][len(rows) :] = 0
    return tensors


def even_chunks(items: Sequence[Item], size: int) -> list[list[Item]]:
    """Split into the fewest chunks of at most `size`, as equal in length as possible, in order."""
    count = -(-len(items) // size)
    small, larger = divmod(len(items), count)
    ends = [i * small + min(i, larger) for i in range(count + 1)]
    return [list(items[a:b]) for a, b in pairwise(ends)]


def _padded(
    values: "Sequence[Sequence[float] | Tensor]", fill: float, dtype: "torch.dtype", left: bool = False
) -> "Tensor":
    import torch

    rows = [torch.as_tensor(v, dtype=dtype) for v in values]
    return torch.nn.utils.rnn.pad_sequence(
        rows, batch_first=True, padding_value=fill, padding_side="left" if left else "right"
    )
