"""The python-call protocol: what is rendered is read back, what Python means is what is read, the rest is named."""

import ast
import keyword
import time
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from forge_envs import ConfigError
from forge_envs.core.errors import ActionError
from forge_envs.core.messages import assistant, calls_of, tool_call
from forge_envs.core.protocols import get_protocol
from forge_envs.core.protocols.python_values import Scanner, read_value

PYTHON = get_protocol("python")

texts = st.text() | st.sampled_from(["')]", '"', "\\", "\\N{BULLET}", "[f(x=1)]", "\n", "a\u2028b", "```"])
numbers = st.integers(-(10**40), 10**40) | st.floats(allow_nan=False, allow_infinity=False)
values = st.recursive(
    st.none() | st.booleans() | numbers | texts,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(texts, inner, max_size=4),
    max_leaves=12,
)
words = st.from_regex(r"[a-zA-Z_][a-zA-Z0-9_]{0,8}", fullmatch=True)
names = st.lists(words, min_size=1, max_size=3).map(".".join)
calls = st.lists(st.tuples(names, st.dictionaries(words, values, max_size=4)), min_size=1, max_size=3)
any_named = st.lists(st.tuples(names, st.dictionaries(words | texts, values, max_size=4)), min_size=1, max_size=3)


@given(any_named)
def test_what_is_rendered_is_read_back(named: list[tuple[str, dict[str, Any]]]) -> None:
    message = assistant("", [tool_call(n, a, f"call_{i}") for i, (n, a) in enumerate(named)])
    assert PYTHON.parse(PYTHON.render(message)) == message


@given(calls, st.sampled_from(["[{}]", "{}", "`[{}]`", "```python\n[{}]\n```", "<think>x</think>\n [\n{}\n]", "[{},]"]))
def test_calls_mean_what_python_says(named: list[tuple[str, dict[str, Any]]], frame: str) -> None:
    named = [(name, {k: v for k, v in a.items() if not keyword.iskeyword(k)}) for name, a in named]
    named = [(".".join(f"{part}_" for part in name.split(".")), a) for name, a in named]  # never a keyword
    written = ", ".join(f"{name}({', '.join(f'{k} = {v!r}' for k, v in a.items())})" for name, a in named)
    listed = ast.parse(f"[{written}]", mode="eval").body
    assert isinstance(listed, ast.List)
    expected = []
    for node in listed.elts:
        assert isinstance(node, ast.Call)
        arguments = {str(k.arg): ast.literal_eval(k.value) for k in node.keywords}
        expected.append((ast.unparse(node.func), arguments))
    assert calls_of(PYTHON.parse(frame.replace("{}", written))) == expected


@pytest.mark.parametrize(
    "literal",
    [
        "0", "-0", "007.5", "1_000", "0x1F", "0o17", "0b101", "1.", ".5", "1e3", "1E-3", "-2.5e+3", "- 3", "+1",
        "''", '""', "'a' 'b'", '"""a"b"""', r"r'\d'", r"u'\n'", "'''x\n'y'\n'''",
        r"'\x41\u00e9\U0001F600\N{BULLET}\101\7'",
        "'\\\na'", r"'\\'", r"'\q'", "True", "None", "[]", "[1, 2,]", "()", "(1,)", "(1)", "(1, 2)", "{}",
        "{'a': (1, [2]), }", "[[], {'b': [{}]}]",
    ],
)  # fmt: skip
@pytest.mark.filterwarnings("ignore:.*invalid escape sequence")
def test_a_literal_means_what_python_says(literal: str) -> None:
    def plain(value: Any) -> Any:
        if isinstance(value, list | tuple):
            return [plain(item) for item in value]
        return {k: plain(v) for k, v in value.items()} if isinstance(value, dict) else value

    scanner = Scanner(literal)
    read, expected = read_value(scanner), plain(ast.literal_eval(literal))
    scanner.expect_end()
    assert (type(read), read) == (type(expected), expected)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "Hello.",
        "[]",
        "[1, 2]",
        "Call f(x=1) for me.",
        "f (x=1)",
        "See f(x) and then g.",
        "[see below](https://x.example)",
    ],
)
def test_other_text_goes_to_the_user(text: str) -> None:
    assert PYTHON.parse(f"<think>[f(x=1)]</think>{text}") == assistant(text)


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ("[f(1)]", r"name every argument of f: f\(parameter=value\)"),
        ("[f(x=1, *y)]", "name every argument of f"),
        ("[f(**{'x': 1}, x=2)]", "the argument x of f is given twice"),
        ("[f(**[1])]", r"after \*\* the arguments of f are a dict"),
        ("[f(**x)]", "is no value"),
        ("[f(x==1)]", "name every argument of f"),
        ("[f(x=1, x=2)]", "the argument x of f is given twice"),
        ("[f(x=g(1))]", r"'g\(1\)\)\]' is no value"),
        ("[f(x=true)]", "is no value; write text in quotes, numbers, lists, dicts, True, False, None"),
        ("[f(x=None.real)]", "is no value"),
        ("[f(x=b'a')]", "is no value"),
        ("[f(x=f'{y}')]", "is no value"),
        ("[f(x=-True)]", "is no value"),
        ("[f(x={1: 2})]", "is no key of a dict"),
        ("[f(x={1, 2})]", "is no key of a dict"),
        ("[f(x=1 + 1)]", r"'\)' is missing in a tool call, before '\+ 1\)\]'"),
        ("[f(x=[1 for i in y])]", "']' is missing"),
        ("[f(x='a)]", "is no value"),
        ("[f(x=1", r"'\)' is missing in a tool call, before the end"),
        ("[f(x=1)", "']' is missing in a tool call, before the end"),
        ("[f(x=1) g()]", "']' is missing in a tool call, before 'g"),
        ("f(x=1) + g()", r"tool calls end before '\+ g"),
        ("[f(x=1)](y)", "tool calls end before"),
        ("[f(x=1), 2]", "a tool's name is missing before '2]'"),
        ("[f(x=1j)]", "'1' is no number that a tool takes"),
        ("[f(x=012)]", "'012' is no number"),
        ("[f(x=1e999)]", "Infinity"),
        ("[f(x=" + "9" * 5000 + ")]", "'9{40}' is no number"),
        ("[f(x=0x" + "f" * 5000 + ")]", "a number in the arguments of f is too long"),
        (r"[f(x='\ud83d')]", "surrogate"),
        (r"[f(x='\U00110000')]", "is no character"),
        (r"[f(x='\N{NO SUCH}')]", "is no character"),
        ("[f(x=" + "[" * 80 + "]" * 80 + ")]", "nested more than 64 levels deep"),
        ("I will look.\n[f(x=1)]", "tool calls stand alone"),
    ],
)
def test_a_fault_is_named(text: str, fault: str) -> None:
    with pytest.raises(ActionError, match=fault) as caught:
        PYTHON.parse(text)
    assert len(str(caught.value)) < 250


@pytest.mark.parametrize(
    "piece", ["[", "(", "-", "'", '"""', "{'a':", "f(x=", "\\", "1", "not ", "a.", "'' ", "[f(x=1)]\n"]
)
def test_hostile_text_takes_linear_time(piece: str) -> None:
    start = time.perf_counter()
    for text in (f"[f(x={piece * 50_000}", piece * 50_000, f"[f(x={piece * 50_000})]"):
        try:
            PYTHON.parse(text)
        except ActionError as error:
            assert len(str(error)) < 250
    assert time.perf_counter() - start < 5


def test_what_the_format_cannot_say_is_refused() -> None:
    with pytest.raises(ConfigError, match="no place for text beside tool calls"):
        PYTHON.render(assistant("Look:", [tool_call("f", {}, "1")]))
    for name in ("f g", "f(", "", "f.", "1f"):
        with pytest.raises(ConfigError, match="can't write"):
            PYTHON.render(assistant("", [tool_call(name, {}, "1")]))


def test_tools_and_results_have_a_text_form() -> None:
    schema = {"type": "function", "function": {"name": "f", "description": "Does é.", "parameters": {}}}
    shown = PYTHON.render_tools([schema])
    assert '{"name": "f", "description": "Does é.", "parameters": {}}' in shown
    results: Any = [{"role": "tool", "tool_call_id": "1", "name": "f", "content": "7"}]
    assert PYTHON.render_results(results) == "f returned: 7"
