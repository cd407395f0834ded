"""The TRL adapter: GRPOTrainer's optimizer loop around Forge's samples.

TRL shuffles the rows of a generation batch and its loss normalisers differ between versions. So one generation batch is
one optimizer update of whole groups (`steps_per_generation` = `gradient_accumulation_steps`), which makes shuffling
permute micro-batches only, and everything that multiplies a token's clipped term is folded into its advantage: positive
factors commute with min and clip. What remains for TRL is -sum(min(r A, clip(r) A)) / num_items_in_batch.
"""

import inspect
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import fields
from typing import Any, Literal

import numpy as np
import torch
import trl
from datasets import Dataset
from torch import Tensor
from trl import GRPOConfig, GRPOTrainer

from forge_envs.core.errors import ConfigError, PolicyError
from forge_train.rl.batch import Sample, TrainRow, by_group, even_chunks, fold, pad_rows, pad_train_rows, with_old
from forge_train.rl.credit import turn_advantages

FIXED: dict[str, Any] = {
    "beta": 0.0,
    "loss_type": "dapo",
    "num_iterations": 1,
    "importance_sampling_level": "token",
    "use_vllm": False,
    "use_liger_kernel": False,
    "disable_dropout": True,
    "delta": None,
    "top_entropy_quantile": 1.0,
    "entropy_coef": 0.0,
    "use_adaptive_entropy": False,
    "off_policy_mask_threshold": None,
    "router_aux_loss_coef": 0.0,
    "neftune_noise_alpha": None,
    "sync_ref_model": False,
}
"""What the configuration must say so that the gradient is the one of Eq 5. A TRL without a field lacks the effect."""

SEAM: dict[str, set[str]] = {
    "_generate_and_score_completions": {"inputs"},
    "_get_per_token_logps_and_entropies": {"model", "input_ids", "attention_mask", "logits_to_keep"},
    "_compute_loss": {"model", "inputs"},
}
"""Methods of GRPOTrainer that the adapter overrides, calls or relies on, with the parameters that it counts on."""


def grpo_config(
    output_dir: str,
    *,
    max_steps: int,
    learning_rate: float = 1e-6,
    epsilon: float = 0.2,
    epsilon_high: float = 0.28,
    temperature: float = 1.0,
    gradient_accumulation_steps: int = 1,
    **options: Any,
) -> GRPOConfig:
    """A GRPOConfig whose gradient is the one of Eq 5.

    Args:
        output_dir: Where TRL writes.
        max_steps: Optimizer updates.
        learning_rate: Constant unless `lr_scheduler_type` says otherwise.
        epsilon: Lower clip distance.
        epsilon_high: Upper clip distance; 0.28 is DAPO's, the paper gives none.
        temperature: Of the sampler; the trainer divides its logits by the same.
        gradient_accumulation_steps: Micro-batches of an update. The rows of an update are split evenly over them;
            `per_device_train_batch_size` has no influence.
        **options: Other fields of GRPOConfig.

    Returns:
        The configuration: no GPU means `use_cpu` and float32; no checkpoints and no reports unless asked for.

    Raises:
        ConfigError: An option would change the objective.
    """
    on_gpu = torch.cuda.is_available()
    known = {f.name for f in fields(GRPOConfig)}
    settings: dict[str, Any] = {
        "learning_rate": learning_rate,
        "lr_scheduler_type": "constant",
        "epsilon": epsilon,
        "epsilon_high": epsilon_high,
        "temperature": temperature,
        "gradient_accumulation_steps": gradient_accumulation_steps,
        "steps_per_generation": gradient_accumulation_steps,
        # Two and two: the smallest numbers that TRL accepts with any number of micro-batches.
        "per_device_train_batch_size": 2,
        "num_generations": 2,
        # Transformers 5.23 renamed the field and warns about the old name.
        "activation_checkpointing" if "activation_checkpointing" in known else "gradient_checkpointing": False,
        "logging_steps": 1,
        "save_strategy": "no",
        "report_to": "none",
        "use_cpu": not on_gpu,
        "bf16": on_gpu and torch.cuda.is_bf16_supported(),
        "dataloader_pin_memory": on_gpu,
        **{name: value for name, value in FIXED.items() if name in known},
        **options,
    }
    config = GRPOConfig(output_dir=output_dir, max_steps=max_steps, **settings)
    check_config(config)
    return config


def check_config(args: GRPOConfig) -> None:
    """Refuse a configuration under which TRL's gradient would not be the one of Eq 5.

    Raises:
        ConfigError: Names the field.
    """
    for name, value in FIXED.items():
        if getattr(args, name, value) != value:
            raise ConfigError(f"GRPOConfig({name}={getattr(args, name)!r}) changes the objective: set it to {value!r}.")
    if args.steps_per_generation != args.gradient_accumulation_steps:
        raise ConfigError("Set GRPOConfig.steps_per_generation to gradient_accumulation_steps: one batch, one update.")
    if args.max_steps <= 0:
        raise ConfigError("Set GRPOConfig.max_steps: the number of optimizer updates can't be read from a dataset.")


def check_seam() -> None:
    """Refuse a TRL whose GRPOTrainer lacks what the adapter needs.

    Raises:
        ConfigError: Names the version and the method.
    """
    for name, wanted in SEAM.items():
        method = getattr(GRPOTrainer, name, None)
        if method is None or not wanted <= set(inspect.signature(method).parameters):
            raise ConfigError(
                f"TRL {trl.__version__} has no GRPOTrainer.{name}({', '.join(sorted(wanted))}): install trl>=1.3,<2."
            )


def _no_reward(completions: Sequence[Any], **_: Any) -> list[float]:
    """TRL asks for a reward function; the rewards are in the samples, and this one is never called."""
    return [0.0] * len(completions)


class ForgeGRPOTrainer(GRPOTrainer):
    """GRPOTrainer that trains on the groups that a rollout function collects.

    Each time its buffer is empty the trainer calls `rollout` with the current weights in place, computes advantages
    and pi_old once for all N groups, and then makes one update per `groups_per_update` groups. A group whose
    advantages are all 0 is not run through the model and still counts as one group in an update's mean.

    Args:
        model: A causal language model or the path of one.
        args: From `grpo_config`.
        rollout: Called with the number of updates made so far, while the model is in eval mode; returns the samples of
            N groups. With several processes each calls its own and must return equally many groups.
        groups_per_update: M <= N; None takes all. If M doesn't divide N the updates are made as equal as possible.
        credit: Advantages per token of one group; `functools.partial(turn_advantages, estimator=...)` to choose.
        tis_cap: C, the bound of pi_old / pi_sampler; infinity leaves it unbounded.
        old_policy: `trainer` recomputes pi_old; `sampler` takes the sampler's log-probabilities as pi_old, so that the
            clip sees the sampler and no truncated importance sampling is left to do.
        logprob_batch_size: Rows per forward pass. Those of an update are sorted by length, so that little is padding.
        processing_class: The tokenizer; loaded from the model's path if None.
        **options: `callbacks`, `optimizers`, `peft_config`, `quantization_config` as GRPOTrainer takes them.

    Raises:
        ConfigError: The installed TRL lacks the seam, or `args` would change the objective.
    """

    def __init__(
        self,
        model: Any,
        *,
        args: GRPOConfig,
        rollout: Callable[[int], Sequence[Sample]],
        groups_per_update: int | None = None,
        credit: Callable[[Sequence[Sample]], list[np.ndarray]] = turn_advantages,
        tis_cap: float = 2.0,
        old_policy: Literal["trainer", "sampler"] = "trainer",
        logprob_batch_size: int = 8,
        processing_class: Any = None,
        **options: Any,
    ):
        check_seam()
        check_config(args)
        if groups_per_update is not None and groups_per_update < 1:
            raise ConfigError("groups_per_update must be at least 1, or None for all groups.")
        if old_policy not in ("trainer", "sampler"):
            raise ConfigError(f"Unknown old_policy {old_policy!r}: use 'trainer' or 'sampler'.")
        # The rows of this dataset only tick: with too few of them TRL would stop early without an error.
        rows = min(args.max_steps, 1000) * (args.generation_batch_size // args.num_generations)
        super().__init__(
            model,
            _no_reward,
            args=args,
            train_dataset=Dataset.from_dict({"prompt": ["tick"] * rows}),
            processing_class=processing_class,
            **options,
        )
        self._rollout, self._credit = rollout, credit
        self._groups_per_update, self._tis_cap, self._old_policy = groups_per_update, tis_cap, old_policy
        self._logprob_batch_size = logprob_batch_size
        self._updates: deque[list[list[TrainRow]]] = deque()
        tokenizer: Any = self.processing_class
        self._pad_id: int = getattr(tokenizer, "tokenizer", tokenizer).pad_token_id

    def _generate_and_score_completions(self, inputs: list[dict[str, Any]]) -> dict[str, Tensor]:
        if not self.model.training:
            raise ConfigError("ForgeGRPOTrainer has no evaluation loop: evaluate with `forge eval` or a callback.")
        if not self._updates:
            self._updates.extend(self._fill())
        groups = self._updates.popleft()
        device = self.accelerator.device
        tensors = pad_train_rows(
            [row for group in groups for row in group],
            pad_token_id=self._pad_id,
            multiple=self.args.steps_per_generation,
        )
        count = self.accelerator.gather(torch.tensor([len(groups)], dtype=torch.float32, device=device)).sum()
        return {name: tensor.to(device) for name, tensor in tensors.items()} | {"num_items_in_batch": count}

    def _fill(self) -> list[list[list[TrainRow]]]:
        """Collect N groups with the current weights; a list of updates, each a list of groups of rows."""
        self.model.eval()
        try:
            samples = list(self._rollout(self.state.global_step))
            groups = by_group(samples)
            if not groups:
                raise PolicyError(
                    f"Of {len(samples)} samples at step {self.state.global_step} all were masked: raise the episode "
                    "limits, or the number of attempts that a group may spend."
                )
            rows = [fold(group, self._credit(group)) for group in groups]
            if self._old_policy == "trainer":
                old = iter(self._old_logprobs([row for group in rows for row in group]))
                rows = [[with_old(row, next(old), cap=self._tis_cap) for row in group] for group in rows]
        finally:
            self.model.train()
        self._record(samples, rows)
        return even_chunks(rows, self._groups_per_update or len(rows))

    @torch.no_grad()
    def _old_logprobs(self, rows: Sequence[TrainRow]) -> list[Tensor]:
        """Log-probabilities of the completions under the current weights: float32 (T,) on the CPU, one per row."""
        # Rows of like length share a forward pass, so that little of it is padding.
        order = sorted(range(len(rows)), key=lambda i: len(rows[i].row.ids))
        found: dict[int, Tensor] = {}
        for start in range(0, len(order), self._logprob_batch_size):
            chosen = order[start : start + self._logprob_batch_size]
            batch = pad_rows([rows[i].row for i in chosen], pad_token_id=self._pad_id)
            ids = torch.cat([batch["prompt_ids"], batch["completion_ids"]], dim=1)
            mask = torch.cat([batch["prompt_mask"], batch["completion_mask"]], dim=1)
            device, width = self.accelerator.device, batch["completion_ids"].shape[1]
            logprobs = self._get_per_token_logps_and_entropies(self.model, ids.to(device), mask.to(device), width)[0]
            for i, values in zip(chosen, logprobs.float().cpu(), strict=True):
                found[i] = values[: len(rows[i].advantages)]
        return [found[i] for i in range(len(rows))]

    def _get_per_token_logps_and_entropies(
        self, model: Any, input_ids: Tensor, attention_mask: Tensor, logits_to_keep: int, *args: Any, **options: Any
    ) -> Any:
        """TRL's, with rows of like length in a forward pass of their own, without the padding that none of them needs.

        With several processes it is TRL's alone: each would make another number of passes, and wait for the others.
        """
        score = super()._get_per_token_logps_and_entropies
        size = self._logprob_batch_size
        more = [
            v for name, v in options.items() if name not in ("batch_size", "compute_entropy") and v not in (None, False)
        ]
        if len(input_ids) <= size or self.accelerator.num_processes > 1 or args or more:
            return score(model, input_ids, attention_mask, logits_to_keep, *args, **options)
        found: list[tuple[Any, ...]] = []
        order = attention_mask.sum(1).argsort()
        for rows in order.split(size):
            used = attention_mask[rows].any(0).nonzero()
            start, end = int(used[0]), int(used[-1]) + 1
            cut = input_ids.shape[1] - end
            scored = score(
                model, input_ids[rows, start:end], attention_mask[rows, start:end], logits_to_keep - cut, **options
            )
            found.append(tuple(v if v is None else torch.nn.functional.pad(v, (0, cut)) for v in scored))
        back = order.argsort()
        return tuple(column[0] if column[0] is None else torch.cat(column)[back] for column in zip(*found, strict=True))

    def _record(self, samples: Sequence[Sample], rows: Sequence[Sequence[TrainRow]]) -> None:
        """Append what the buffer looks like to TRL's training metrics."""
        kept = [s for s in samples if not s.masked]
        rewards = np.array([s.reward for s in kept])
        lengths = np.array([sum(s.row.loss_mask) for s in kept])
        tis = torch.cat([row.tis for group in rows for row in group] or [torch.ones(1)])
        for name, value in {
            "reward/mean": rewards.mean(),
            "reward/std": rewards.std(),
            "groups/zero_advantage": np.mean([not group for group in rows]),
            "samples/masked": 1 - len(kept) / len(samples),
            "completions/policy_tokens": lengths.mean(),
            "completions/policy_tokens_max": lengths.max(),
            "completions/turns": np.mean([max(s.row.turn) + 1 for s in kept]),
            "tis/mean": tis.mean(),
            "tis/max": tis.max(),
            "tis/capped": (tis >= self._tis_cap).float().mean(),
        }.items():
            self._metrics["train"][name].append(float(value))
