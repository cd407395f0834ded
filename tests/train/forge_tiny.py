"""Tokenizers with three families of chat templates, and a tiny model: enough of each to test rollouts."""

from functools import cache
from typing import Any

from tokenizers import AddedToken, Tokenizer, models, normalizers, pre_tokenizers, trainers
from tokenizers.decoders import ByteLevel
from transformers import PreTrainedTokenizerFast

from forge_train.rollout.template import Renderer
from forge_train.small_model import build_model, build_tokenizer

TEXTS = ["You keep a notebook. Add a tag to note n1 for me.", '{"name": "tag_note", "arguments": {"note": "n1"}}'] * 9

LLAMA = """\
{{- bos_token }}
{%- if tools %}<|start_header_id|>system<|end_header_id|>

{% for tool in tools %}{{ tool | tojson }}
{% endfor %}<|eot_id|>{% endif %}
{%- for message in messages %}<|start_header_id|>{{ 'ipython' if message.role == 'tool' else message.role }}
{%- if message.name %} {{ message.name }}{% endif %}<|end_header_id|>

{{ message.content }}<|eot_id|>{% endfor %}
{%- if add_generation_prompt %}<|start_header_id|>assistant<|end_header_id|>

{% endif %}"""
"""Headers as in Llama 3, a begin token, JSON tools, and the name of a tool in the header."""

QWEN = """\
{%- if tools %}<|im_start|>system
{% if messages[0].role == 'system' %}{{ messages[0].content }}

{% endif %}<tools>{% for tool in tools %}

{{ tool | tojson }}{% endfor %}

</tools><|im_end|>
{% elif messages[0].role == 'system' %}<|im_start|>system
{{ messages[0].content }}<|im_end|>
{% endif %}
{%- set ns = namespace(query=-1) %}
{%- for message in messages %}{% if message.role == 'user' %}{% set ns.query = loop.index0 %}{% endif %}{% endfor %}
{%- for message in messages %}
{%- if message.role == 'user' %}<|im_start|>user
{{ message.content }}<|im_end|>
{% elif message.role == 'assistant' %}<|im_start|>assistant
{% if loop.index0 > ns.query and '</think>' not in message.content %}<think>

</think>

{% endif %}{{ message.content.split('</think>')[-1] }}<|im_end|>
{% elif message.role == 'tool' %}
{%- if messages[loop.index0 - 1].role != 'tool' %}<|im_start|>user{% endif %}

<tool_response>
{{ message.content }}
</tool_response>
{%- if loop.last or messages[loop.index0 + 1].role != 'tool' %}<|im_end|>
{% endif %}
{%- endif %}
{%- endfor %}
{%- if add_generation_prompt %}<|im_start|>assistant
{% if enable_thinking is false %}<think>

</think>

{% endif %}{% endif %}"""
"""As Qwen 3: results of one turn share a user turn, thoughts of earlier turns are dropped."""


def byte_tokenizer(template: str, special: list[str], marks: list[str], *, nfc: bool = False, **names: str) -> Any:
    """A byte-level BPE tokenizer whose special tokens come after its vocabulary, as those of Llama 3 and Qwen 3 do."""
    backend = Tokenizer(models.BPE(ignore_merges=True))
    backend.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    backend.decoder = ByteLevel()
    if nfc:
        backend.normalizer = normalizers.NFC()
    alphabet = pre_tokenizers.ByteLevel.alphabet()
    trainer = trainers.BpeTrainer(vocab_size=400, initial_alphabet=alphabet, show_progress=False)
    backend.train_from_iterator(TEXTS, trainer)
    backend.add_special_tokens([AddedToken(token, special=True, normalized=False) for token in special])
    backend.add_tokens([AddedToken(mark, special=False, normalized=False) for mark in marks])
    return PreTrainedTokenizerFast(
        tokenizer_object=backend, chat_template=template, clean_up_tokenization_spaces=False, **names
    )


@cache
def renderer(family: str) -> Renderer:
    """The renderer of a family: ``small``, ``llama``, ``qwen`` or ``qwen-no-thinking``."""
    if family == "small":
        return Renderer(build_tokenizer(TEXTS, vocab_size=512))
    if family == "llama":
        special = ["<|begin_of_text|>", "<|start_header_id|>", "<|end_header_id|>", "<|eot_id|>"]
        names = {"bos_token": special[0], "eos_token": special[3], "pad_token": special[0]}
        return Renderer(byte_tokenizer(LLAMA, special, [], **names))
    special = ["<|endoftext|>", "<|im_start|>", "<|im_end|>"]
    marks = ["<tool_call>", "</tool_call>", "<tool_response>", "</tool_response>", "<think>", "</think>"]
    names = {"eos_token": special[2], "pad_token": special[0]}
    kwargs = {"enable_thinking": False} if family == "qwen-no-thinking" else {}
    return Renderer(byte_tokenizer(QWEN, special, marks, nfc=True, **names), template_kwargs=kwargs)


FAMILIES = ("small", "llama", "qwen", "qwen-no-thinking")


def special_ids(family: str) -> set[int]:
    """Ids of the tokens that delimit turns."""
    added = renderer(family).tokenizer.backend_tokenizer.get_added_tokens_decoder()
    return {number for number, token in added.items() if token.special}


@cache
def small_model() -> Any:
    """A small model for the tokenizer of ``small``; shared, so leave its weights alone."""
    return build_model(renderer("small").tokenizer, layers=2, max_length=4096).eval()
