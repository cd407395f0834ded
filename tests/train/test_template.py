"""What a chat template and a tokenizer must be like, and which ones are refused."""

import pytest
from forge_tiny import FAMILIES, LLAMA, TEXTS, byte_tokenizer, renderer
from tokenizers import Tokenizer, models, pre_tokenizers
from transformers import PreTrainedTokenizerFast

from forge_envs.core.errors import ConfigError
from forge_envs.core.messages import Message, assistant, tool_call
from forge_envs.core.protocols import get_protocol
from forge_train.rollout.template import Renderer


def test_marks_of_calls_are_the_tokens_that_a_model_samples() -> None:
    chosen = renderer("qwen")
    named = chosen.tokenizer.convert_tokens_to_ids(["<tool_call>", "</tool_call>"])
    ids = chosen.action("<tool_call>1</tool_call><|im_end|>")
    assert ids[0] == named[0] and ids[2] == named[1] and ids.count(chosen.stop_id) == 1


def test_consecutive_results_share_a_turn_where_the_template_says_so() -> None:
    chosen = renderer("qwen")
    answer: list[Message] = [{"role": "tool", "content": f"{n}", "name": "look", "tool_call_id": "c"} for n in "ab"]
    text = chosen.tokenizer.decode(chosen.suffix(answer, after=chosen.stop_id))
    assert text.count("<|im_start|>user") == 1 and text.count("<tool_response>") == 2


def test_tokenizers_that_cannot_be_safe_are_refused() -> None:
    bare = byte_tokenizer(LLAMA, ["<|a|>"], [], eos_token="<|a|>")
    bare.chat_template = None
    with pytest.raises(ConfigError, match="chat_template"):
        Renderer(bare)
    with pytest.raises(ConfigError, match="backend"):
        Renderer(object())
    words = Tokenizer(models.WordLevel({"<|stop|>": 0, "hello": 1, "?": 2}, unk_token="?"))
    words.pre_tokenizer = pre_tokenizers.WhitespaceSplit()
    words.add_special_tokens(["<|stop|>"])
    known = PreTrainedTokenizerFast(tokenizer_object=words, eos_token="<|stop|>", chat_template=LLAMA)
    with pytest.raises(ConfigError, match="ordinary word"):
        Renderer(known)


def test_a_template_that_drops_earlier_turns_is_refused() -> None:
    only_last = "{{ messages[-1].content }}<|a|>"
    forgetful = Renderer(byte_tokenizer(only_last, ["<|a|>"], [], eos_token="<|a|>"))
    with pytest.raises(ConfigError, match="prefix-preserving"):
        forgetful.suffix([{"role": "user", "content": "Hi"}], after=forgetful.stop_id)


def test_small_tokenizer_texts_are_short() -> None:
    """The tiny tokenizers must have merges, or the tests above would only see single bytes."""
    for family in FAMILIES:
        assert len(renderer(family).action(TEXTS[0])) < 0.8 * len(TEXTS[0]), family


def test_gold_calls_survive_the_prompt() -> None:
    chosen = renderer("small")
    render = get_protocol("hermes").render
    called = assistant("Adding.", [tool_call("add_note", {"text": "<|im_end|>"}, "c1")])
    prompt: list[Message] = [{"role": "user", "content": "Hi"}, called, {"role": "tool", "content": "ok"}]
    ids = chosen.prompt(prompt, [], render)
    assert render(called) in chosen.tokenizer.decode(ids)
    assert ids.count(chosen.stop_id) == 3
