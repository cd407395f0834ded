"""Chat messages: mappings, and the objects that the openai client returns."""

import json
from types import SimpleNamespace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from openai.types.chat import ChatCompletionMessage, ChatCompletionMessageFunctionToolCall
from openai.types.chat.chat_completion_message_function_tool_call import Function

from forge_envs.core.errors import ActionError
from forge_envs.core.messages import assistant, calls_of, from_chat, to_openai, tool_call


def _client(arguments: str, content: str | None = None) -> ChatCompletionMessage:
    function = Function(name="f", arguments=arguments)
    call = ChatCompletionMessageFunctionToolCall(id="abc", type="function", function=function)
    return ChatCompletionMessage(role="assistant", content=content, tool_calls=[call])


def test_the_clients_object_is_read() -> None:
    assert from_chat(_client('{"x": [1, "é"]}', "hm")) == assistant("hm", [tool_call("f", {"x": [1, "é"]}, "abc")])
    assert from_chat(_client("")) == assistant("", [tool_call("f", {}, "abc")])
    assert from_chat(ChatCompletionMessage(role="assistant", content="hi")) == assistant("hi")


def test_mappings_are_read_with_arguments_as_text_or_as_objects() -> None:
    for arguments in ('{"x": 1}', {"x": 1}):
        call = {"id": "1", "type": "function", "function": {"name": "f", "arguments": arguments}}
        message = from_chat({"role": "assistant", "content": None, "tool_calls": [call]})
        assert message == assistant("", [tool_call("f", {"x": 1}, "1")])
    assert from_chat({"role": "assistant", "content": "x", "tool_calls": None, "refusal": None}) == assistant("x")


def test_what_is_sent_to_an_endpoint_comes_back() -> None:
    message = assistant("hm", [tool_call("f", {"x": {"y": None}}, "1"), tool_call("g", {}, "2")])
    (sent,) = to_openai([message])
    assert json.loads(sent["tool_calls"][0]["function"]["arguments"]) == {"x": {"y": None}}
    assert from_chat(json.loads(json.dumps(sent))) == message
    assert calls_of(message) == [("f", {"x": {"y": None}}), ("g", {})]


def test_what_is_no_chat_message() -> None:
    assert all(from_chat(x) is None for x in (42, None, b"x", object(), [], "text", SimpleNamespace(role="assistant")))


loop: dict[str, Any] = {}
loop["loop"] = loop
deep: dict[str, Any] = {}
for _ in range(500):
    deep = {"deep": deep}


def _said(**fields: Any) -> dict[str, Any]:
    return {"role": "assistant", "content": "", **fields}


def _calling(arguments: Any, name: Any = "f") -> dict[str, Any]:
    return _said(tool_calls=[{"id": "1", "function": {"name": name, "arguments": arguments}}])


@pytest.mark.parametrize(
    ("action", "fault"),
    [
        ({}, "role of a reply is 'assistant', not 'None'"),
        ({"role": "user", "content": "x"}, "not 'user'"),
        (_said(content=[{"type": "text"}]), "content of a reply is text, not list"),
        (_said(content="\ud800"), "surrogate"),
        (_said(tool_calls=7), "tool_calls is a list, not int"),
        (_said(tool_calls=[None]), "tool call 1 has no function name"),
        (_said(tool_calls=["x"]), "tool call 1 has no function name"),
        (_calling({}, name=3), "tool call 1 has no function name"),
        (_calling([1]), "arguments of f are a JSON object, not list"),
        (_calling("[1]"), "arguments of f are a JSON object, not list"),
        (_calling("{"), "not valid JSON"),
        (_calling({"x": float("nan")}), "NaN"),
        (_calling({"x": float("inf")}), "Infinity"),
        (_calling({"x": object()}), "not JSON values"),
        (_calling({"x": b"y"}), "not JSON values"),
        (_calling({(1, 2): 3}), "not JSON values"),
        (_calling(loop), "not JSON values"),
        (_calling(deep), "levels deep"),
        (_calling({"x": "\udfff"}), "surrogate"),
    ],
)
def test_a_malformed_chat_message_is_refused(action: Any, fault: str) -> None:
    with pytest.raises(ActionError, match=fault) as refusal:
        from_chat(action)
    assert len(str(refusal.value)) < 300


junk = st.recursive(
    st.none() | st.integers() | st.floats() | st.text() | st.binary() | st.builds(object),
    lambda inner: st.lists(inner) | st.dictionaries(st.sampled_from(["function", "name", "arguments", "id"]), inner),
)


@given(st.fixed_dictionaries({"role": st.just("assistant") | junk, "content": junk, "tool_calls": junk}))
def test_any_mapping_is_read_or_refused(action: dict[str, Any]) -> None:
    try:
        message = from_chat(action)
    except ActionError:
        return
    json.dumps(message, allow_nan=False, ensure_ascii=False).encode()
