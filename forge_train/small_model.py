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
    words = r"\p{N}{1,2}| ?\p{L}+|[^\s\p{L}\p{N}]+|\s+"
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
    tokenizer: Any, *, hidden: int = 128, layers: int = 4, heads: int = 4, max_length: int = 2048, seed: int = 0
) -> Any:
    """A randomly initialised Qwen3 model with untied embeddings, float32.

    Args:
        tokenizer: Gives the vocabulary size and the stop token.
        hidden: Width; the feed-forward layers are three times as wide.
        layers: Transformer blocks.
        heads: Attention heads, half as many for keys and values.
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
        num_key_value_heads=heads // 2,
        head_dim=hidden // heads,
        max_position_embeddings=max_length,
        tie_word_embeddings=False,
        eos_token_id=tokenizer.eos_token_id,
        pad_token_id=tokenizer.pad_token_id,
    )
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        return Qwen3ForCausalLM(config)
