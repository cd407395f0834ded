"""Protocols: what is rendered is read back; nothing that a model writes raises anything but `ActionError`."""

import contextlib
import json
import time
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from forge_envs import ConfigError
from forge_envs.core.errors import ActionError
from forge_envs.core.messages import MAX_DEPTH, Message, assistant, decode_json, tool_call
from forge_envs.core.protocols import PROTOCOLS, get_protocol

HERMES = PROTOCOLS["hermes"]
TAGS = ("<tool_call>", "</tool_call>", "<think>", "</think>")

texts = st.text() | st.sampled_from([*TAGS, "\u2028", "<|im_end|>", "\\u003c/tool_call>", "</tool_call"])
numbers = st.integers() | st.floats(allow_nan=False, allow_infinity=False)
values = st.recursive(
    st.none() | st.booleans() | numbers | texts,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(texts, inner, max_size=4),
    max_leaves=12,
)
spoken = st.text().map(str.strip).filter(lambda text: not any(tag in text for tag in TAGS))
calls = st.lists(st.tuples(texts.filter(bool), st.dictionaries(texts, values, max_size=4)), max_size=3)

nested = st.integers(1, 3000).flatmap(
    lambda depth: st.sampled_from(['{"a":' * depth + "1" + "}" * depth, "[" * depth + "]" * depth, "[" * depth])
)
bodies = st.one_of(
    nested,
    values.map(json.dumps),
    st.text(),
    st.sampled_from(["NaN", "Infinity", "1e999", "-1e999", "9" * 5000, '"\\ud800"', '{"\\udfff": 1}', ""]),
)
written = st.builds(lambda body: f'<tool_call>{{"name": "f", "arguments": {body}}}</tool_call>', bodies)
pieces = st.one_of(st.sampled_from(TAGS), st.text(), bodies, written)
replies = st.lists(pieces, max_size=6).map("".join)


@given(spoken, calls)
def test_hermes_reads_back_what_it_renders(content: str, named: list[tuple[str, dict[str, Any]]]) -> None:
    message = assistant(content, [tool_call(n, a, f"call_{i}") for i, (n, a) in enumerate(named)])
    assert HERMES.parse(HERMES.render(message)) == message


@given(replies)
@example("<tool_call>" + "[" * 100_000 + "</tool_call>")
@example("<think>" * 1000)
def test_any_text_is_read_or_refused(text: str) -> None:
    for protocol in PROTOCOLS.values():
        try:
            message = protocol.parse(text)
        except ActionError as error:
            assert len(str(error)) < 500
        else:
            assert message["role"] == "assistant" and isinstance(message["content"], str)
            json.dumps(message, allow_nan=False, ensure_ascii=False).encode()
            for call in message.get("tool_calls", []):
                assert call["function"]["name"] and isinstance(call["function"]["arguments"], dict)


def _call(text: str) -> str:
    return f"<tool_call>{text}</tool_call>"


@pytest.mark.parametrize(
    ("text", "content", "named"),
    [
        ("hello", "hello", []),
        ("", "", []),
        ("<think>hm <tool_call></think> yes", "yes", []),
        ("\n<think>a</think>b<think>c</think>", "b<think>c</think>", []),
        (_call('{"name": "f"}'), "", [("f", {})]),
        ("a" + _call('{"name": "f", "arguments": {"x": 1}}') + "b", "ab", [("f", {"x": 1})]),
        (_call('{"name": "f"}') + "\n" + _call('{"name": "g", "arguments": {}}'), "", [("f", {}), ("g", {})]),
        (_call('{"name": "f", "arguments": {"x": "<tool_call>"}}'), "", [("f", {"x": "<tool_call>"})]),
    ],
)
def test_what_hermes_reads(text: str, content: str, named: list[tuple[str, dict[str, Any]]]) -> None:
    assert HERMES.parse(text) == assistant(content, [tool_call(n, a, f"call_{i}") for i, (n, a) in enumerate(named)])


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ("<tool_call>", "not closed"),
        ("</tool_call>", "never opened"),
        (_call('{"name": "f"}') + "</tool_call>", "never opened"),
        (_call("{"), "not valid JSON"),
        (_call("[]"), "one JSON object"),
        (_call('{"name": 1}'), "one JSON object"),
        (_call('{"name": ""}'), "one JSON object"),
        (_call('{"name": "f", "arguments": "{}"}'), "arguments of f are a JSON object"),
        (_call('{"name": "f", "arguments": {"x": NaN}}'), "NaN"),
        (_call('{"name": "f", "arguments": {"x": 1e999}}'), "1e999"),
        (_call('{"name": "f", "arguments": {"x": ' + "9" * 5000 + "}}"), "not valid JSON"),
        (_call('{"name": "f", "arguments": {"x": "\\ud83d"}}'), "surrogate"),
        (_call('{"name": "f", "arguments": ' + '{"x":' * 200 + "1" + "}" * 201), "levels deep"),
    ],
)
def test_what_hermes_refuses(text: str, fault: str) -> None:
    with pytest.raises(ActionError, match=fault):
        HERMES.parse(text)


def test_nesting_is_counted_exactly() -> None:
    assert decode_json("[" * (MAX_DEPTH - 1) + "1" + "]" * (MAX_DEPTH - 1))
    with pytest.raises(ActionError):
        decode_json("[" * MAX_DEPTH + "1" + "]" * MAX_DEPTH)


@pytest.mark.parametrize("tag", TAGS)
def test_tags_without_end_take_linear_time(tag: str) -> None:
    start = time.perf_counter()
    for text in (tag * 100_000, (tag + " ") * 100_000 + "</tool_call>"):
        with contextlib.suppress(ActionError):
            HERMES.parse(text)
    assert time.perf_counter() - start < 1


def test_tools_are_rendered_as_schemas() -> None:
    schema = {"type": "function", "function": {"name": "f", "description": "Does é.", "parameters": {}}}
    text = HERMES.render_tools([schema, schema])
    assert text.count(json.dumps(schema, ensure_ascii=False)) == 2
    assert PROTOCOLS["openai"].render_tools([schema]) == ""


def test_openai_takes_calls_from_the_message_only() -> None:
    protocol = get_protocol("openai")
    said: Message = assistant("hi")
    assert protocol.parse(_call('{"name": "f"}')) == assistant(_call('{"name": "f"}'))
    assert protocol.parse(protocol.render(said)) == said
    with pytest.raises(ConfigError, match="use 'hermes'"):
        protocol.render(assistant("", [tool_call("f", {}, "1")]))


def test_unknown_protocol() -> None:
    with pytest.raises(ConfigError, match=r"Unknown protocol 'xml': use one of \['hermes', 'openai', 'python'\]"):
        get_protocol("xml")
