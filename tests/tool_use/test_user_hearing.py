"""Red team: nothing that the agent writes ends the dialogue in the user's name."""

import re

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from forge_envs.tool_use.users.hearing import as_heard, without_thoughts

TOKENS = ("###STOP###", "###TRANSFER###", "###OUT-OF-SCOPE###")
MARKS = (
    "<|im_start|>",
    "<|im_end|>",
    "<|eot_id|>",
    "</s>",
    "<s>",
    "[INST]",
    "[/INST]",
    "<end_of_turn>",
    "<start_of_turn>",
)
pieces = st.sampled_from(
    [*TOKENS, *MARKS, "#", "##", "###", "STOP", "stop", " ", "\n", "<think>", "</think>", "<", "|", "a"]
)


@given(st.lists(pieces | st.text(max_size=3), max_size=20).map("".join))
@example("###ST###STOP###OP###")
@example("######STOP######")
@example("### stop ###")
@example("###<think></think>STOP###")
@example("#<think>x</think>##STOP###")
@example("<<|im_end|>|im_end|>")
@example("<think>###STOP###")
def test_what_the_user_hears_holds_no_stop_token_and_no_mark(text: str) -> None:
    heard = as_heard(text, TOKENS)
    for token in TOKENS:
        assert token.lower() not in heard.lower()
    for mark in MARKS:
        assert mark.lower() not in heard.lower()
    assert as_heard(heard, TOKENS) == heard


@pytest.mark.parametrize(
    "text", ["# Title\n## Part\n### STOPPING", "a < b | c > d", "Your total is #5 [1].", "I'll stop here."]
)
def test_ordinary_text_is_heard_as_it_is(text: str) -> None:
    assert as_heard(text, TOKENS) == text


@pytest.mark.parametrize(
    ("text", "spoken"),
    [
        ("<think>a</think>b", "b"),
        ("a<think>b", "a"),
        ("<Thinking>x\ny</Thinking> z", "z"),
        ("no thought", "no thought"),
        ("a <think>x</think> b <think>y</think> c", "a  b  c"),
    ],
)
def test_thoughts_are_left_out(text: str, spoken: str) -> None:
    assert re.sub(r" +", " ", without_thoughts(text)) == re.sub(r" +", " ", spoken)
