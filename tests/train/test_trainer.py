"""The TRL adapter against the reference objective: same weights, same samples, same gradient."""

import math
from collections.abc import Sequence
from copy import deepcopy
from functools import partial, wraps
from typing import Any

import numpy as np
import pytest
import torch
from tokenizers import Tokenizer, models
from transformers import PreTrainedTokenizerFast, Qwen3Config, Qwen3ForCausalLM, TrainerCallback
from trl import GRPOTrainer

from forge_envs.core.errors import ConfigError, PolicyError
from forge_train.rl.batch import Sample, by_group, even_chunks, span
from forge_train.rl.credit import turn_advantages
from forge_train.rl.objective import grpo_objective
from forge_train.rl.trainer import ForgeGRPOTrainer, grpo_config
from forge_train.rollout.ledger import TokenRow

VOCABULARY = 24
TEMPERATURE, LOW, HIGH, CAP = 0.7, 0.1, 0.15, 1.2


def tiny_model() -> Qwen3ForCausalLM:
    with torch.random.fork_rng():
        torch.manual_seed(0)
        return Qwen3ForCausalLM(
            Qwen3Config(
                vocab_size=VOCABULARY,
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
    words = {f"w{i}": i for i in range(VOCABULARY)}
    core = Tokenizer(models.WordLevel(words, unk_token="w2"))
    return PreTrainedTokenizerFast(tokenizer_object=core, pad_token="w0", eos_token="w1")


def random_row(draw: np.random.Generator, turns: int) -> TokenRow:
    """A prompt, then turns of sampled tokens with environment tokens after each, the last one included."""
    ids, mask, turn = list(draw.integers(3, VOCABULARY, draw.integers(2, 6))), [], []
    mask, turn = [False] * len(ids), [-1] * len(ids)
    for k in range(turns):
        for sampled, n in ((True, draw.integers(1, 5)), (False, draw.integers(1, 4))):
            ids += list(draw.integers(3, VOCABULARY, n))
            mask += [sampled] * int(n)
            turn += [k] * int(n)
    logprobs = tuple(float(-3 + draw.normal(0, 0.4)) if m else 0.0 for m in mask)
    return TokenRow(tuple(map(int, ids)), tuple(mask), tuple(turn), logprobs, tuple(0 if m else -1 for m in mask))


def random_samples(seed: int, groups: int) -> list[Sample]:
    """Groups of 3 or 4 with some members masked; the second group is flat, one more is masked altogether."""
    draw = np.random.default_rng(seed)
    samples = []
    for g in range(groups + 1):
        for i in range(int(draw.integers(3, 5))):
            turns = int(draw.integers(1, 4))
            steps = tuple(float(x) for x in draw.integers(0, 2, turns))
            samples.append(
                Sample(
                    row=random_row(draw, turns),
                    group=f"g{g}",
                    reward=1.0 if g == 1 else float(i == 0) + sum(steps),
                    step_rewards=(0.0,) * turns if g == 1 else steps,
                    masked=g == groups or (g != 1 and i == 2),
                )
            )
    return samples


def row_logprobs(model: Any, row: TokenRow) -> torch.Tensor:
    """Of the completion's tokens, one row at a time, without padding and without TRL."""
    start, end = span(row)
    ids = torch.tensor([row.ids[:end]])
    logits = model(input_ids=ids).logits[0, start - 1 : end - 1] / TEMPERATURE
    return logits.log_softmax(-1).gather(1, ids[0, start:end, None])[:, 0]


def stacked(values: Sequence[Any], dtype: torch.dtype = torch.float32) -> torch.Tensor:
    return torch.nn.utils.rnn.pad_sequence([torch.as_tensor(v, dtype=dtype) for v in values], batch_first=True)


def reference(model: Any, old_model: Any, groups: list[list[Sample]], credit: Any) -> tuple[torch.Tensor, Any]:
    """The gradient of the oracle on these groups, masked members included as rows of zero mask."""
    model.eval()
    model.zero_grad()
    samples = [s for group in groups for s in group]
    spans = [span(s.row) for s in samples]
    advantages = [a for group in groups for a in credit(group)]
    with torch.no_grad():
        old = stacked([row_logprobs(old_model, s.row) for s in samples])
    found = grpo_objective(
        stacked([row_logprobs(model, s.row) for s in samples]),
        old_logprobs=old,
        sampler_logprobs=stacked([s.row.logprobs[a:b] for s, (a, b) in zip(samples, spans, strict=True)]),
        advantages=stacked([v[a:b] for v, (a, b) in zip(advantages, spans, strict=True)]),
        mask=stacked(
            [[m and not s.masked for m in s.row.loss_mask[a:b]] for s, (a, b) in zip(samples, spans, strict=True)],
            torch.bool,
        ),
        group=torch.tensor([i for i, group in enumerate(groups) for _ in group]),
        epsilon_low=LOW,
        epsilon_high=HIGH,
        tis_cap=CAP,
    )
    found.loss.backward()
    return torch.cat([p.grad.flatten() for p in model.parameters()]), found


class Spy(TrainerCallback):
    """Keeps the weights and the gradient of every update, before the optimizer moves the weights."""

    def __init__(self) -> None:
        self.updates: list[tuple[Any, torch.Tensor]] = []

    def on_pre_optimizer_step(self, args: Any, state: Any, control: Any, model: Any = None, **_: Any) -> None:
        gradient = torch.cat([p.grad.flatten().clone() for p in model.parameters()])
        self.updates.append((deepcopy(model.state_dict()), gradient))


def trainer_for(tmp_path: Any, rollout: Any, *, max_steps: int, micro: int = 1, **options: Any) -> ForgeGRPOTrainer:
    args = grpo_config(
        str(tmp_path),
        max_steps=max_steps,
        learning_rate=1.0,
        epsilon=LOW,
        epsilon_high=HIGH,
        temperature=TEMPERATURE,
        gradient_accumulation_steps=micro,
        optim="sgd",
        max_grad_norm=0.0,
        disable_tqdm=True,
        use_cpu=True,
        bf16=False,
    )
    options = {"tis_cap": CAP, "logprob_batch_size": 3, **options}
    return ForgeGRPOTrainer(tiny_model(), args=args, rollout=rollout, processing_class=tiny_tokenizer(), **options)


@pytest.mark.parametrize(
    ("groups", "per_update", "micro", "estimator"),
    [
        (3, None, 1, "outcome"),
        (3, 3, 4, "return_to_go"),
        (4, 2, 2, "outcome"),
        (5, 2, 3, "return_to_go"),
        (3, 1, 2, "exact_match"),
    ],
)
def test_gradient_equals_the_reference(
    tmp_path: Any, groups: int, per_update: int | None, micro: int, estimator: str
) -> None:
    credit, spy = partial(turn_advantages, estimator=estimator), Spy()
    buffers: list[tuple[int, list[list[Sample]], Any]] = []

    def rollout(step: int) -> list[Sample]:
        assert not trainer.model.training
        samples = random_samples(seed=step, groups=groups)
        buffers.append((step, by_group(samples), deepcopy(trainer.model.state_dict())))
        return samples

    updates = -(-groups // (per_update or groups))
    trainer = trainer_for(
        tmp_path,
        rollout,
        max_steps=2 * updates,
        micro=micro,
        groups_per_update=per_update,
        credit=credit,
        callbacks=[spy],
    )
    trainer.train()

    assert [step for step, _, _ in buffers] == [0, updates]
    assert len(spy.updates) == 2 * updates
    model, old_model, clipped, capped = tiny_model(), tiny_model(), 0, 0
    for number, (weights, gradient) in enumerate(spy.updates):
        _, whole, old_weights = buffers[number // updates]
        assert len(whole) == groups  # the group that is masked altogether is none
        old_model.load_state_dict(old_weights)
        model.load_state_dict(weights)
        chunk = even_chunks(whole, per_update or groups)[number % updates]
        expected, found = reference(model, old_model, chunk, credit)
        clipped += int(((found.ratio - 1).abs() > max(LOW, HIGH)).sum())
        tis = found.weights[found.weights > 0]
        capped += int((tis == tis.max()).sum())
        assert (gradient - expected).norm() <= 1e-5 * expected.norm() + 1e-9
    assert capped > 2
    assert updates == 1 or clipped > 0  # later updates of a buffer are off-policy


def test_sampler_as_old_policy_needs_no_forward_pass(tmp_path: Any) -> None:
    spy, samples = Spy(), random_samples(seed=1, groups=2)
    trainer = trainer_for(tmp_path, lambda step: samples, max_steps=1, old_policy="sampler", callbacks=[spy])
    trainer._old_logprobs = None
    trainer.train()
    rows = [s for s in samples if not s.masked]
    model = tiny_model()
    model.load_state_dict(spy.updates[0][0])
    groups = by_group(rows)
    spans = [span(s.row) for s in rows]
    sampler = stacked([s.row.logprobs[a:b] for s, (a, b) in zip(rows, spans, strict=True)])
    grpo_objective(
        stacked([row_logprobs(model, s.row) for s in rows]),
        old_logprobs=sampler,
        sampler_logprobs=sampler,
        advantages=stacked(
            [v[a:b] for v, (a, b) in zip([a for g in groups for a in turn_advantages(g)], spans, strict=True)]
        ),
        mask=stacked([s.row.loss_mask[a:b] for s, (a, b) in zip(rows, spans, strict=True)], torch.bool),
        group=torch.tensor([i for i, g in enumerate(groups) for _ in g]),
        epsilon_low=LOW,
        epsilon_high=HIGH,
        tis_cap=math.inf,
    ).loss.backward()
    expected = torch.cat([p.grad.flatten() for p in model.parameters()])
    assert (spy.updates[0][1] - expected).norm() <= 1e-5 * expected.norm()


def test_tokens_off_the_mask_get_exactly_no_gradient(tmp_path: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[tuple[torch.Tensor, torch.Tensor]] = []
    compute, score = GRPOTrainer._compute_loss, GRPOTrainer._get_per_token_logps_and_entropies

    @wraps(score)
    def keep(self: Any, *args: Any, **kwargs: Any) -> Any:
        out = score(self, *args, **kwargs)
        if out[0].requires_grad:
            out[0].retain_grad()
            seen.append((out[0], masks[-1]))
        return out

    @wraps(compute)
    def watch(self: Any, model: Any, inputs: dict[str, torch.Tensor]) -> torch.Tensor:
        masks.append(inputs["tool_mask"].bool())
        return compute(self, model, inputs)

    masks: list[torch.Tensor] = []
    monkeypatch.setattr(GRPOTrainer, "_get_per_token_logps_and_entropies", keep)
    monkeypatch.setattr(GRPOTrainer, "_compute_loss", watch)
    trainer_for(tmp_path, lambda step: random_samples(seed=5, groups=3), max_steps=1, micro=4).train()
    assert len(seen) == 4
    assert sum(int((logps.grad != 0).sum()) for logps, _ in seen) > 0
    for logps, mask in seen:
        assert (logps.grad[~mask] == 0).all()


def test_update_without_any_advantage_leaves_the_weights_alone(tmp_path: Any) -> None:
    flat = [Sample(row=s.row, group=s.group, reward=0.5) for s in random_samples(seed=2, groups=2)]
    trainer = trainer_for(tmp_path, lambda step: flat, max_steps=2, micro=2)
    before = deepcopy(trainer.model.state_dict())
    trainer.train()
    assert all((before[name] == value).all() for name, value in trainer.model.state_dict().items())
    logs = trainer.state.log_history[0]
    assert logs["groups/zero_advantage"] == 1.0 and logs["reward/mean"] == 0.5


def test_metrics_describe_the_buffer(tmp_path: Any) -> None:
    samples = random_samples(seed=3, groups=3)
    trainer = trainer_for(tmp_path, lambda step: samples, max_steps=1)
    trainer.train()
    logs, kept = trainer.state.log_history[0], [s for s in samples if not s.masked]
    assert logs["reward/mean"] == pytest.approx(np.mean([s.reward for s in kept]))
    assert logs["samples/masked"] == pytest.approx(1 - len(kept) / len(samples))
    flat = [len({s.reward for s in group if not s.masked}) == 1 for group in by_group(samples)]
    assert len(flat) == 3 and logs["groups/zero_advantage"] == pytest.approx(np.mean(flat))
    assert logs["completions/policy_tokens"] == pytest.approx(np.mean([sum(s.row.loss_mask) for s in kept]))
    assert logs["tis/max"] == pytest.approx(CAP) and 0 < logs["tis/mean"] <= CAP


def test_refusals_name_the_cure(tmp_path: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(ConfigError, match="beta"):
        grpo_config(str(tmp_path), max_steps=1, beta=0.1)
    with pytest.raises(ConfigError, match="gradient_accumulation_steps"):
        grpo_config(str(tmp_path), max_steps=1, steps_per_generation=3)
    with pytest.raises(ConfigError, match="max_steps"):
        grpo_config(str(tmp_path), max_steps=-1)
    with pytest.raises(PolicyError, match="all were masked"):
        trainer_for(tmp_path, lambda step: random_samples(seed=1, groups=0), max_steps=1).train()
    monkeypatch.delattr(GRPOTrainer, "_compute_loss")
    with pytest.raises(ConfigError, match=r"TRL \d.*_compute_loss"):
        trainer_for(tmp_path, lambda step: [], max_steps=1)


def test_chunks_are_even() -> None:
    assert [len(c) for c in even_chunks(range(7), 3)] == [3, 2, 2]
    assert even_chunks([1, 2, 3], 8) == [[1, 2, 3]]
