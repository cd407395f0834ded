"""A small Qwen3-architecture model and tokenizer, made from nothing: for a laptop, for tests, for the main example."""

from collections.abc import Iterable
from typing import Any

CHAT_TEMPLATE = """\
{%- if tools %}<|im_start|>tools
{% for tool in tools %}{{ tool.function.name }}({{ tool.function.parameters.properties | list | join(', ') }})
{% endfor %}<|im_end|>
{% endif %}
{%- for message in messages %}<|im_start|>{{ message.role }}
{{ message.content }}
{%- if message.tool_calls %}{% for call in message.tool_calls %}
<tool_call>
{{ {'name': call.function.name, 'arguments': call.function.arguments} | tojson }}
</tool_call>{% endfor %}{% endif %}<|im_end|>
{% endfor %}
{%- if add_generation_prompt %}<|im_start|>assistant
{% endif %}"""
"""ChatML with Hermes tool calls. Tools are listed by signature only: a small model learns what they do from SFT."""

_SPECIAL = ["<|endoftext|>", "<|im_start|>", "<|im_end|>"]
_MARKS = ["<tool_call>", "</tool_call>"]


def build_tokenizer(texts: Iterable[str], *, vocab_size: int = 2048) -> Any:
    """Train a byte-level BPE tokenizer with pairs of digits, so that a number is copied pair by pair.

    Args:
        texts: What the model will read and write.
        vocab_size: Upper bound, bytes and special tokens included.

    Returns:
        A `PreTrainedTokenizerFast` with `CHAT_TEMPLATE`; its end-of-sequence token ends an assistant turn.
    """
    from tokenizers import AddedToken, Regex, Tokenizer, decoders, models, pre_tokenizers, trainers
    from transformers import PreTrainedTokenizerFast

    backend = Tokenizer(models.BPE())
    # The letter of an id stands alone, so that it is one token after a space and after a quotation mark.
    words = r"\p{N}{1,2}|\p{L}(?=\p{N})| ?\p{L}+(?!\p{N})|[^\s\p{L}\p{N}]+|\s"
    backend.pre_tokenizer = pre_tokenizers.Sequence(
        [pre_tokenizers.Split(Regex(words), "isolated"), pre_tokenizers.ByteLevel(False, use_regex=False)]
    )
    backend.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=vocab_size,
        special_tokens=_SPECIAL,
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    # Every pair of digits becomes one token, whether or not it occurs in the texts.
    pairs = [f"{number:02d}" for number in range(100)] * 1000
    backend.train_from_iterator([*texts, *pairs], trainer)
    backend.add_tokens([AddedToken(mark, special=False, normalized=False) for mark in _MARKS])
    return PreTrainedTokenizerFast(
        tokenizer_object=backend,
        eos_token="<|im_end|>",
        pad_token="<|endoftext|>",
        chat_template=CHAT_TEMPLATE,
        clean_up_tokenization_spaces=False,
    )


def build_model(
    tokenizer: Any, *, hidden: int = 128, layers: int = 3, heads: int = 2, max_length: int = 2048, seed: int = 0
) -> Any:
    """A Qwen3 model with untied embeddings, float32, initialised at random but for two heads that copy.

    An induction head (one head that looks at the previous token, one in the next layer that looks for what followed
    the current token earlier) takes a small model millions of tokens to grow; without one it can't repeat an id. Both
    heads are written into the initial weights, in the spirit of mimetic initialisation (Trockman and Kolter,
    arXiv 2305.09828); everything stays trainable.

    Args:
        tokenizer: Gives the vocabulary size and the stop token.
        hidden: Width, at least 128; the feed-forward layers are three times as wide.
        layers: Transformer blocks, at least 2.
        heads: Attention heads of 64 dimensions each.
        max_length: Longest context in tokens.
        seed: Of the initial weights; the global generator is left as it was.
    """
    import torch
    from transformers import Qwen3Config, Qwen3ForCausalLM

    config = Qwen3Config(
        vocab_size=len(tokenizer),
        hidden_size=hidden,
        intermediate_size=3 * hidden,
        num_hidden_layers=layers,
        num_attention_heads=heads,
        num_key_value_heads=heads,
        head_dim=_HEAD,
        max_position_embeddings=max_length,
        tie_word_embeddings=False,
        rope_parameters={"rope_type": "default", "rope_theta": _THETA},
        eos_token_id=tokenizer.eos_token_id,
        pad_token_id=tokenizer.pad_token_id,
    )
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        model = Qwen3ForCausalLM(config)
        with torch.no_grad():
            _write_copying_heads(model)
    return model


_HEAD, _THETA = 64, 1_000_000.0
_CODE = 36
"""Dimensions of a token's code: as many of a head's rotary dimensions turn less than a radian in 300 positions."""


def _write_copying_heads(model: Any) -> None:
    """Write a previous-token head into block 0 and an induction head into block 1.

    The residual stream holds a constant (dimension 0), the token's code, the previous token's code, and the code of
    the token to copy. The final matrix reads the latter with the same codes as the embedding.
    """
    import torch

    half = _HEAD // 2
    constant, code = 0, slice(1, 1 + _CODE)
    previous, copied = slice(1 + _CODE, 1 + 2 * _CODE), slice(1 + 2 * _CODE, 1 + 3 * _CODE)
    embedding, reader = model.model.embed_tokens.weight, model.lm_head.weight
    codes = torch.randn(embedding.shape[0], _CODE)
    embedding[:, constant], embedding[:, code] = 2.0, codes
    reader[:, copied] = 0.25 * codes

    first, second = model.model.layers[0].self_attn, model.model.layers[1].self_attn
    for attention in (first, second):
        attention.q_norm.weight.fill_(1.7)
        attention.k_norm.weight.fill_(1.7)
        for projection in (attention.q_proj, attention.k_proj, attention.v_proj):
            projection.weight[:_HEAD] = 0.0
        attention.o_proj.weight[:, :_HEAD] = 0.0

    # Queries and keys are the same vector everywhere; the key is turned by one position, so the best match is the
    # token before. Only quickly turning dimensions tell neighbours apart.
    quick = torch.arange(5)
    angle = _THETA ** (-quick / half)
    first.q_proj.weight[quick, constant] = 1.0
    first.k_proj.weight[quick, constant] = torch.cos(angle)
    first.k_proj.weight[quick + half, constant] = torch.sin(angle)
    eye = torch.eye(_CODE)
    first.v_proj.weight[:_CODE, code] = eye
    first.o_proj.weight[previous, :_CODE] = eye

    # The query is the current token, the key is the token before: a match is where the current token stood earlier.
    slow = torch.arange(half - _CODE // 2, half)
    slow = torch.cat([slow, slow + half])
    second.q_proj.weight[slow, code] = eye
    second.k_proj.weight[slow, previous] = eye
    second.v_proj.weight[:_CODE, code] = eye
    second.o_proj.weight[copied, :_CODE] = eye
