"""SFT learns the masked-in tokens, all of them and nothing else."""

from dataclasses import dataclass
from typing import Any

import pytest
import torch
from tokenizers import Tokenizer, models
from transformers import PreTrainedTokenizerFast, Qwen3Config, Qwen3ForCausalLM

from forge_envs.core.errors import ConfigError
from forge_train.rollout.ledger import TokenRow
from forge_train.sft import IGNORED, labelled, train_sft


@dataclass(frozen=True)
class Plain:
    """The least that SFT reads."""

    ids: tuple[int, ...]
    loss_mask: tuple[bool, ...]


def tiny_model() -> Qwen3ForCausalLM:
    with torch.random.fork_rng():
        torch.manual_seed(0)
        return Qwen3ForCausalLM(
            Qwen3Config(
                vocab_size=24,
                hidden_size=16,
                intermediate_size=32,
                num_hidden_layers=2,
                num_attention_heads=2,
                num_key_value_heads=1,
                head_dim=8,
                tie_word_embeddings=False,
                pad_token_id=0,
                eos_token_id=1,
            )
        )


def tiny_tokenizer() -> PreTrainedTokenizerFast:
    core = Tokenizer(models.WordLevel({f"w{i}": i for i in range(24)}, unk_token="w2"))
    return PreTrainedTokenizerFast(tokenizer_object=core, pad_token="w0", eos_token="w1")


def alternating(start: int, turns: int) -> Plain:
    """A prompt of three tokens, then turns of two learned tokens and one of the environment."""
    ids = [3 + (start + k) % 20 for k in range(3 + 3 * turns)]
    return Plain(tuple(ids), (False,) * 3 + (True, True, False) * turns)


ROWS = [alternating(start, turns) for start in range(5) for turns in (1, 2, 4)]


def masked_loss(model: Any, rows: list[Plain]) -> float:
    """Mean negative log-likelihood of the learned tokens, one row at a time."""
    total, tokens = 0.0, 0
    with torch.no_grad():
        for row in rows:
            ids = torch.tensor([row.ids])
            logprobs = model(input_ids=ids).logits[0, :-1].log_softmax(-1)
            kept = torch.tensor(row.loss_mask[1:])
            total -= logprobs.gather(1, ids[0, 1:, None])[kept].sum().item()
            tokens += int(kept.sum())
    return total / tokens


def test_trained_spans_are_exactly_the_mask(tmp_path: Any) -> None:
    model, seen = tiny_model(), []

    def watch(module: Any, args: Any, kwargs: dict[str, torch.Tensor]) -> None:
        for ids, labels, real in zip(kwargs["input_ids"], kwargs["labels"], kwargs["attention_mask"], strict=True):
            length = int(real.sum())
            assert (labels[length:] == IGNORED).all()
            kept = labels[:length] != IGNORED
            assert (labels[:length][kept] == ids[:length][kept]).all()
            seen.append((tuple(ids[:length].tolist()), tuple(kept.tolist())))

    model.register_forward_pre_hook(watch, with_kwargs=True)
    expected = masked_loss(tiny_model(), ROWS)
    report = train_sft(
        model, tiny_tokenizer(), ROWS, output_dir=str(tmp_path), max_length=64, batch_size=4, max_steps=4, epochs=9
    )
    assert len(seen) == len(ROWS) and sorted(seen) == sorted((r.ids, r.loss_mask) for r in ROWS)
    assert report.rows == len(ROWS) and report.steps == 4 and report.dropped == 0
    assert report.learned_tokens == sum(sum(r.loss_mask) for r in ROWS)
    assert report.losses[0] == pytest.approx(expected, rel=0.05)


def test_first_loss_is_the_mean_over_learned_tokens(tmp_path: Any) -> None:
    report = train_sft(
        tiny_model(), tiny_tokenizer(), ROWS, output_dir=str(tmp_path), max_length=64, batch_size=len(ROWS), max_steps=1
    )
    assert report.losses == pytest.approx((masked_loss(tiny_model(), ROWS),), abs=1e-4)


def test_loss_falls_on_token_rows(tmp_path: Any) -> None:
    rows = [
        TokenRow(r.ids, r.loss_mask, (-1,) * 3 + (0,) * (len(r.ids) - 3), (0.0,) * len(r.ids), (-1,) * len(r.ids))
        for r in ROWS
    ]
    model = tiny_model()
    before = masked_loss(model, ROWS)
    report = train_sft(
        model, tiny_tokenizer(), rows, output_dir=str(tmp_path), max_length=64, learning_rate=0.02, epochs=12
    )
    model.eval()
    assert report.losses[-1] < 0.5 * report.losses[0]
    assert masked_loss(model, ROWS) < 0.5 * before


def test_rows_that_cannot_be_learned_are_refused(tmp_path: Any) -> None:
    with pytest.raises(ConfigError, match="Row 1 has no token to learn"):
        labelled([ROWS[0], Plain((3, 4, 5), (False,) * 3)], max_length=8)
    with pytest.raises(ConfigError, match="no token to learn"):
        labelled([Plain((3, 4, 5), (True, False, False))], max_length=8)
    with pytest.raises(ConfigError, match="overlong"):
        labelled(ROWS, max_length=8)
    with pytest.raises(ConfigError, match="loss mask of 1"):
        labelled([Plain((3, 4, 5), (True,))], max_length=8)
    with pytest.raises(ConfigError, match="no row"):
        train_sft(None, None, ROWS, output_dir=str(tmp_path), max_length=2, overlong="drop")


def test_overlong_rows_are_dropped_or_cut_when_asked() -> None:
    assert {len(e["input_ids"]) for e in labelled(ROWS, max_length=9, overlong="drop")} == {6, 9}
    cut = labelled([ROWS[2]], max_length=7, overlong="truncate")[0]
    assert cut["input_ids"] == list(ROWS[2].ids[:7])
    assert [label != IGNORED for label in cut["labels"]] == list(ROWS[2].loss_mask[:7])


def test_a_new_model_can_learn_every_token() -> None:
    (plain,) = labelled(ROWS[:1], max_length=64, learn="all")
    assert plain["labels"] == plain["input_ids"] == list(ROWS[0].ids)
