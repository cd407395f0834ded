"""The small model copies before it has learned anything; its tokenizer loses no character."""

from pathlib import Path
from typing import Any

import pytest
import torch
from forge_tiny import TEXTS
from hypothesis import given, settings
from hypothesis import strategies as st
from transformers import AutoModelForCausalLM, AutoTokenizer

from forge_train.rollout.template import Renderer
from forge_train.small_model import CHAT_TEMPLATE, build_model, build_tokenizer


@pytest.fixture(scope="module")
def tokenizer() -> Any:
    """A tokenizer of a few hundred tokens."""
    return build_tokenizer(TEXTS, vocab_size=512)


@settings(max_examples=300)
@given(text=st.text(max_size=40))
def test_any_text_survives_the_tokenizer(tokenizer: Any, text: str) -> None:
    ids = tokenizer.encode(text, add_special_tokens=False)
    assert tokenizer.decode(ids, skip_special_tokens=False) == text


@pytest.mark.parametrize("texts", [TEXTS, [], ["no digit at all"] * 50])
def test_digits_come_in_pairs(texts: list[str]) -> None:
    made = build_tokenizer(texts, vocab_size=512)
    for number in range(100):
        assert len(made.encode(f"{number:02d}", add_special_tokens=False)) == 1
    assert len(made.encode("20260117", add_special_tokens=False)) == 4
    assert made.encode("id 123456", add_special_tokens=False)[-3:] == [
        made.encode(pair, add_special_tokens=False)[0] for pair in ("12", "34", "56")
    ]


def test_special_tokens_and_marks_are_single_ids(tokenizer: Any) -> None:
    assert len(tokenizer) <= 512 + 2 and tokenizer.chat_template == CHAT_TEMPLATE
    assert tokenizer.eos_token == "<|im_end|>" and tokenizer.pad_token == "<|endoftext|>"
    assert tokenizer.eos_token_id != tokenizer.pad_token_id
    for mark in ("<|endoftext|>", "<|im_start|>", "<|im_end|>", "<tool_call>", "</tool_call>"):
        assert len(tokenizer.encode(mark, add_special_tokens=False)) == 1
    # The marks of a call are part of what a model says, so dropping special tokens must leave them.
    ids = tokenizer.encode("<tool_call>x</tool_call><|im_end|>", add_special_tokens=False)
    assert tokenizer.decode(ids, skip_special_tokens=True) == "<tool_call>x</tool_call>"


@pytest.mark.parametrize(("layers", "hidden", "heads"), [(2, 128, 2), (3, 128, 2), (3, 192, 3)])
def test_an_untrained_model_continues_a_repeated_sequence(tokenizer: Any, layers: int, hidden: int, heads: int) -> None:
    model = build_model(tokenizer, layers=layers, hidden=hidden, heads=heads).eval()
    draw = torch.Generator().manual_seed(1)
    for length in (20, 60, 140):
        once = torch.stack([torch.randperm(len(tokenizer), generator=draw)[:length] for _ in range(8)])
        ids = torch.cat([once, once], dim=1)
        with torch.no_grad():
            guessed = model(input_ids=ids).logits[:, length:-1].argmax(-1)
        assert (guessed == ids[:, length + 1 :]).float().mean() > 0.8, length
        chance = (guessed == ids[:, length:-1]).float().mean()
        assert chance < 0.2  # it continues, it does not merely repeat the token before


def test_embeddings_are_untied(tokenizer: Any) -> None:
    model = build_model(tokenizer)
    embedding, head = model.get_input_embeddings().weight, model.get_output_embeddings().weight
    assert not model.config.tie_word_embeddings and embedding.data_ptr() != head.data_ptr()
    assert embedding.shape == head.shape == (len(tokenizer), 128)
    assert type(model).__name__ == "Qwen3ForCausalLM" and all(p.requires_grad for p in model.parameters())
    assert {p.dtype for p in model.parameters()} == {torch.float32}


def test_the_seed_decides_and_the_global_generator_is_left_alone(tokenizer: Any) -> None:
    torch.manual_seed(123)
    before = torch.get_rng_state()
    first, again, other = (build_model(tokenizer, layers=2, seed=seed) for seed in (0, 0, 1))
    assert torch.equal(before, torch.get_rng_state())
    same = [torch.equal(a, b) for a, b in zip(first.parameters(), again.parameters(), strict=True)]
    assert all(same)
    assert not torch.equal(first.lm_head.weight, other.lm_head.weight)


def test_saving_and_loading_keeps_ids_and_logits(tokenizer: Any, tmp_path: Path) -> None:
    model = build_model(tokenizer, layers=2).eval()
    model.save_pretrained(tmp_path)
    tokenizer.save_pretrained(tmp_path)
    loaded = AutoModelForCausalLM.from_pretrained(tmp_path).eval()
    reloaded = AutoTokenizer.from_pretrained(tmp_path)
    messages = [{"role": "system", "content": "Be é 1234 🎉."}, {"role": "user", "content": "<tool_call> \n<|im_end|>"}]
    tools = [{"type": "function", "function": {"name": "look", "parameters": {"properties": {"note": {}}}}}]
    ids = Renderer(tokenizer).prompt(messages, tools, str)  # type: ignore[arg-type]
    assert Renderer(reloaded).prompt(messages, tools, str) == ids  # type: ignore[arg-type]
    assert Renderer(reloaded).action("<tool_call>1</tool_call>") == Renderer(tokenizer).action(
        "<tool_call>1</tool_call>"
    )
    assert (reloaded.eos_token_id, reloaded.pad_token_id) == (tokenizer.eos_token_id, tokenizer.pad_token_id)
    assert reloaded.chat_template == CHAT_TEMPLATE and len(reloaded) == len(tokenizer)
    with torch.no_grad():
        logits = [m(input_ids=torch.tensor([ids])).logits for m in (model, loaded)]
    assert torch.equal(*logits)
    assert loaded.lm_head.weight.data_ptr() != loaded.model.embed_tokens.weight.data_ptr()


def test_every_weight_can_learn(tokenizer: Any) -> None:
    model = build_model(tokenizer, layers=2)
    ids = torch.randint(3, len(tokenizer), (2, 24), generator=torch.Generator().manual_seed(0))
    model(input_ids=ids, labels=ids).loss.backward()
    for name, weight in model.named_parameters():
        assert weight.grad is not None and weight.grad.isfinite().all() and weight.grad.any(), name
