"""Supervised fine-tuning on token rows: exactly the sampled tokens are learned, nothing is rendered again."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal, Protocol

from forge_envs.core.errors import ConfigError

IGNORED = -100
"""The label that PyTorch's cross-entropy leaves out."""


class Row(Protocol):
    """What is read of a row; `TokenRow` has it."""

    @property
    def ids(self) -> Sequence[int]:
        """Token ids."""

    @property
    def loss_mask(self) -> Sequence[bool]:
        """True at the tokens to learn; as long as `ids`."""


@dataclass(frozen=True)
class SFTReport:
    """What a run did.

    Args:
        losses: Mean loss per learned token of each logged span of updates, in nats.
        steps: Optimizer updates.
        rows: Rows that were trained on.
        dropped: Rows left out for their length.
        learned_tokens: Tokens with a label, in one epoch.
        seconds: Wall time of training.
    """

    losses: tuple[float, ...]
    steps: int
    rows: int
    dropped: int
    learned_tokens: int
    seconds: float


def labelled(
    rows: Sequence[Row],
    *,
    max_length: int,
    overlong: Literal["error", "drop", "truncate"] = "error",
    learn: Literal["sampled", "all"] = "sampled",
) -> list[dict[str, list[int]]]:
    """Rows as `input_ids` and `labels`; a label is the token itself where it is learned and -100 elsewhere.

    Args:
        rows: Token rows.
        max_length: In tokens.
        overlong: What to do with a longer row: refuse, leave it out, or cut its end off.
        learn: The tokens of the mask, or every token.

    Raises:
        ConfigError: A row has no token to learn (within `max_length`), or is too long and `overlong` is `error`.
    """
    examples = []
    for number, row in enumerate(rows):
        if len(row.ids) != len(row.loss_mask):
            raise ConfigError(f"Row {number} has {len(row.ids)} ids and a loss mask of {len(row.loss_mask)}.")
        if len(row.ids) > max_length:
            if overlong == "error":
                raise ConfigError(
                    f"Row {number} has {len(row.ids)} tokens and max_length is {max_length}: raise it, or pass "
                    "overlong='drop' or overlong='truncate'."
                )
            if overlong == "drop":
                continue
        ids = list(row.ids[:max_length])
        labels = [i if m or learn == "all" else IGNORED for i, m in zip(ids, row.loss_mask, strict=False)]
        # A causal model predicts each token from those before it, so the first one is never learned.
        if all(label == IGNORED for label in labels[1:]):
            raise ConfigError(f"Row {number} has no token to learn within {max_length} tokens: leave it out.")
        examples.append({"input_ids": ids, "labels": labels})
    return examples


def train_sft(
    model: Any,
    tokenizer: Any,
    rows: Sequence[Row],
    *,
    output_dir: str,
    max_length: int,
    overlong: Literal["error", "drop", "truncate"] = "error",
    learn: Literal["sampled", "all"] = "sampled",
    learning_rate: float = 1e-5,
    epochs: float = 1.0,
    batch_size: int = 8,
    gradient_accumulation_steps: int = 1,
    packing: bool = False,
    seed: int = 0,
    optimizer: Any = None,
    callbacks: Sequence[Any] = (),
    **options: Any,
) -> SFTReport:
    """Fine-tune a model in place with TRL's SFTTrainer.

    Args:
        model: A causal language model.
        tokenizer: Gives the padding token; nothing is tokenized.
        rows: Ids with a loss mask.
        output_dir: Where TRL writes.
        max_length: In tokens. Has no default, since TRL's would cut rows without a word.
        overlong: See `labelled`.
        learn: The tokens of the mask; or `all`: plain language modelling, to pretrain a new model on what it will read.
        learning_rate: Peak; linear decay unless `lr_scheduler_type` says otherwise.
        epochs: Passes over the rows; `max_steps` among the options overrides it.
        batch_size: Rows per device and forward pass.
        gradient_accumulation_steps: Forward passes per update.
        packing: Put several rows into one sequence of `max_length` (needs attention that keeps them apart).
        seed: Of the order of the rows.
        optimizer: A torch optimizer of the model's weights with learning rates of its own (`learning_rate` is ignored);
            None takes the one that `optim` among the options names, AdamW by default.
        callbacks: Of Transformers' Trainer.
        **options: Other fields of SFTConfig, such as `warmup_steps`, `max_steps` or `report_to`.

    Returns:
        Losses and counts.

    Raises:
        ConfigError: No row is left, or a row can't be learned.
    """
    examples = labelled(rows, max_length=max_length, overlong=overlong, learn=learn)
    if not examples:
        raise ConfigError("There is no row to train on: collect some, or raise max_length.")

    from dataclasses import fields

    import torch
    from datasets import Dataset
    from trl import SFTConfig, SFTTrainer

    on_gpu = torch.cuda.is_available()
    known = {f.name for f in fields(SFTConfig)}
    settings: dict[str, Any] = {
        "max_length": max_length,
        "packing": packing,
        "learning_rate": learning_rate,
        "num_train_epochs": epochs,
        "per_device_train_batch_size": batch_size,
        "gradient_accumulation_steps": gradient_accumulation_steps,
        "seed": seed,
        "logging_steps": 1,
        "save_strategy": "no",
        "report_to": "none",
        "use_cpu": not on_gpu,
        "bf16": on_gpu and torch.cuda.is_bf16_supported(),
        "dataloader_pin_memory": on_gpu,
        # Transformers 5.23 and 5.0 renamed these fields.
        "activation_checkpointing" if "activation_checkpointing" in known else "gradient_checkpointing": False,
        **options,
    }
    trainer = SFTTrainer(
        model,
        args=SFTConfig(output_dir=output_dir, **settings),
        train_dataset=Dataset.from_list(examples),
        processing_class=tokenizer,
        callbacks=list(callbacks),
        optimizers=(optimizer, None),
    )
    outcome = trainer.train()
    return SFTReport(
        losses=tuple(float(entry["loss"]) for entry in trainer.state.log_history if "loss" in entry),
        steps=outcome.global_step,
        rows=len(examples),
        dropped=len(rows) - len(examples),
        learned_tokens=sum(label != IGNORED for e in examples for label in e["labels"][1:]),
        seconds=float(outcome.metrics["train_runtime"]),
    )
