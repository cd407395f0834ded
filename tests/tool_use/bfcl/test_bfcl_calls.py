"""Reading and executing what a model wrote: upstream's quirks, bounds, and that nothing is ever evaluated."""

import threading
import time
from pathlib import Path
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from forge_envs.core.errors import ActionError
from forge_envs.tool_use.bfcl.ast_check import check_calls
from forge_envs.tool_use.bfcl.backend import make_backends, state_of
from forge_envs.tool_use.bfcl.call_format import call_source, parse_calls_lax
from forge_envs.tool_use.bfcl.decode import decode, decode_fc, decode_sources
from forge_envs.tool_use.bfcl.evaluator import execute
from forge_envs.tool_use.bfcl.rules import STRICT, UPSTREAM

LAX = [
    ("[f(a=1, b='x')]", [{"f": {"a": 1, "b": "x"}}]),
    ("f(a=1)", [{"f": {"a": 1}}]),
    ("```\n[a.b.c(x=[1, {'k': (2, 3)}])]\n```", [{"a.b.c": {"x": [1, {"k": (2, 3)}]}}]),
    ("'[f(a=1)]'", None),
    ("[]", []),
    ("[f(1, 2, a=3)]", [{"f": {"a": 3}}]),
    ("[f(a=+1, b=~1, c=not True, d=-2.5)]", [{"f": {"a": -1, "b": -1, "c": -1, "d": -2.5}}]),
    ("[f(a=true, b=null, c=...)]", [{"f": {"a": "true", "b": "null", "c": "..."}}]),
    ("[f(a=g(1, 2), b=g(x=1), c=x[0])]", [{"f": {"a": "g(1, 2)", "b": {"g": {"x": 1}}, "c": "x[0]"}}]),
    ("[f(a=2 * 3 + 1, b='a' + 'b', c=2 ** 10)]", [{"f": {"a": 7, "b": "ab", "c": 1024}}]),
    ("[f(a=2 * [[1], 'x'])]", [{"f": {"a": [[1], "x", [1], "x"]}}]),
    ("[f(a=1, a=2)]", [{"f": {"a": 2}}]),
    ("[f(a=1), g()]", [{"f": {"a": 1}}, {"g": {}}]),
    ("[f(a=x.y)]", None),
    ("[f(a={1, 2})]", None),
    ("[f(a=[1, 2] if x else 3)]", None),
    ("[f(a=lambda: 1)]", None),
    ("[f(a=x + 1)]", None),
    ("[1, 2]", None),
    ("I can't do that.", None),
    ("[f(a=10 ** 10 ** 10)]", None),
    ("[f(a='x' * 10 ** 10)]", None),
    ("[f(a='%1000000000d' % 1)]", None),
    ("[f(a=1 << 10 ** 10)]", None),
    ("[f(a=[[1]] * 10 ** 9)]", None),
]


@pytest.mark.parametrize(("text", "calls"), LAX)
def test_upstreams_reading(text: str, calls: Any) -> None:
    if calls is None:
        with pytest.raises(ActionError):
            parse_calls_lax(text)
    else:
        assert parse_calls_lax(text) == calls


def test_calls_as_upstream_executes_them() -> None:
    assert call_source({"f": {"a": 1, "b": {"k": [1, "x"]}}}) == "f(a=1, b={'k': [1, 'x']})"
    assert call_source({"f": {"a": {"g": {"x": 1}}}}) == "f(a=g(x=1))"
    with pytest.raises(ActionError):
        call_source({"f": {"a": {}}})
    assert decode_sources("[cd(folder='x')]", "prompt", UPSTREAM) == ["cd(folder='x')"]
    assert decode_sources("Done.", "prompt", UPSTREAM) == decode_sources("Done.", "prompt", STRICT) == []
    assert decode_sources([{"cd": '{"folder": "x"}'}], "fc", UPSTREAM) == ["cd(folder='x')"]


@pytest.mark.parametrize(
    ("raw", "calls"),
    [
        ([{"f": '{"a": 1}'}], [{"f": {"a": 1}}]),
        ([{"f": {"a": 1}}], [{"f": {"a": 1}}]),
        ([{"name": "f", "arguments": '{"a": 1}'}], [{"f": {"a": 1}}]),
        ([{"id": "c", "type": "function", "function": {"name": "f", "arguments": "{}"}}], [{"f": {}}]),
        ('[{"name": "f", "arguments": {"a": 1}}]', [{"f": {"a": 1}}]),
        ('<tool_call>\n{"name": "f", "arguments": {}}\n</tool_call><tool_call>{</tool_call>', [{"f": {}}]),
        ([], []),
        ([{"f": "{"}], None),
        ([{}], None),
        (["f"], None),
        ("Done.", None),
        (5, None),
    ],
)
def test_function_calls(raw: Any, calls: Any) -> None:
    if calls is None:
        with pytest.raises(ActionError):
            decode_fc(raw)
    else:
        assert decode_fc(raw) == calls


JAVA = [
    ('[a.b(x="s", y=5L, z=true)]', [{"a.b": {"x": "s", "y": "5L", "z": "true"}}]),
    ("[f(x=new int[]{1, 2}, y = 'c')]", [{"f": {"x": "new int[]{1,2}", "y": "c"}}]),
    ('[f(x=new String[]{"a b", "c"})]', [{"f": {"x": 'new String[]{"a b","c"}'}}]),
    ('[f(m=new HashMap<String, Object>() {{ put("k", 1); }})]', [{"f": {"m": "new HashMap<String,Object>()"}}]),
    ("[f(x=new ArrayList<>(Arrays.asList(1, 2)))]", [{"f": {"x": "new ArrayList<>(Arrays.asList(1, 2))"}}]),
    ("[f(a, 1)]", [{"f": {None: "a"}}]),
    ("[f(x=1, x=2)]", None),
    ("[f(x=1), g(y=2)]", None),
    ("[f(x=]", None),
    ("Sorry, I can't.", None),
]
JAVASCRIPT = [
    ("[f(x='s', y=[1, 2], z={a: 1})]", [{"f": {"x": "s", "y": "[1, 2]", "z": "{a: 1}"}}]),
    ("[f(x=() => g(1))]", [{"f": {"x": "() => g(1)"}}]),
    ("[f(x=5n, true)]", [{"f": {"x": "5n", None: "true"}}]),
    ("[f(a=1), g(b=2)]", "not one call"),
    ("[f(a=[1, 2]", None),
    ("I am sorry, no.", None),
]


@pytest.mark.parametrize(("text", "calls"), JAVA)
def test_java_calls(text: str, calls: Any) -> None:
    _check_source(text, calls, "simple_java")


@pytest.mark.parametrize(("text", "calls"), JAVASCRIPT)
def test_javascript_calls(text: str, calls: Any) -> None:
    _check_source(text, calls, "simple_javascript")


def _check_source(text: str, calls: Any, category: str) -> None:
    if calls is None:
        with pytest.raises(ActionError):
            decode(text, "prompt", category, UPSTREAM)
    else:
        assert decode(text, "prompt", category, UPSTREAM) == (None if isinstance(calls, str) else calls)


EXECUTED = [
    ("no_such(a=1)", "Error during execution: name 'no_such' is not defined"),
    ("cd()", "Error during execution: GorillaFileSystem.cd() missing 1 required positional argument: 'folder'"),
    ("cd(1, 2)", "Error during execution: GorillaFileSystem.cd() takes 2 positional arguments but 3 were given"),
    ("ls(zz=1)", "Error during execution: GorillaFileSystem.ls() got an unexpected keyword argument 'zz'"),
    ("remove('x')", "Error during execution: Function call remove is not allowed."),
    ("os.kill(1)", "Error during execution: Function call kill is not allowed."),
    ("os.system('x')", "Error during execution: name 'os' is not defined"),
    ("cd(folder=x)", "Error during execution: name 'x' is not defined"),
    ("cd(folder='x'", "Error during execution: '(' was never closed (<string>, line 1)"),
    ("cd(folder='a', folder='b')", "Error during execution: keyword argument repeated: folder (<string>, line 1)"),
    ("", "Error during execution: invalid syntax (<string>, line 0)"),
    ("5", "5"),
    ("'text'", "text"),
    ("{'a': [1]}", '{"a": [1]}'),
    ("[True, None]", "[True, None]"),
    ("-5 + 2", "-3"),
    ("  ls()", '{"current_directory_content": ["a"]}'),
    ("ls(**{'a': True})", '{"current_directory_content": ["a"]}'),
    ("ls(*[True])", '{"current_directory_content": ["a"]}'),
    ("echo(content=ls()['current_directory_content'][0])", '{"terminal_output": "a"}'),
    ("add(a=add(1, 2)['result'], b=4)", '{"result": 7}'),
    ("'a'()", "Error during execution: 'str' object is not callable"),
    ("ls().keys()", "Error during execution: 'dict' object has no attribute 'keys'"),
]


def _backends() -> dict[str, Any]:
    root = {"w": {"type": "directory", "contents": {"a": {"type": "file", "content": "x"}}}}
    return make_backends(["GorillaFileSystem", "MathAPI"], {"GorillaFileSystem": {"root": root}}, None)


@pytest.mark.parametrize(("call", "answer"), EXECUTED)
def test_execution(call: str, answer: str) -> None:
    assert execute(call, _backends()) == answer


HOSTILE = [
    "__import__('os').system('touch {0}')",
    "open('{0}', 'w')",
    "eval(\"open('{0}', 'w')\")",
    "cd(folder=open('{0}', 'w'))",
    "cd.__globals__['__builtins__']['open']('{0}', 'w')",
    "().__class__.__base__.__subclasses__()",
    "[x for x in open('{0}', 'w')]",
    "(lambda: open('{0}', 'w'))()",
    'f\'{{open("{0}", "w")}}\'',
    'echo(content=f\'{{open("{0}", "w")}}\')',
    "GorillaFileSystem._load()",
    "ls.__func__.__code__",
    "(x := open('{0}', 'w'))",
    "cd(folder='a' if open('{0}', 'w') else 'b')",
    "ls() and open('{0}', 'w')",
    "add(a=2**2**2**2**2**2, b=1)",
    "echo(content='a' * 10**12)",
    "echo(content=str([[[0] * 1000] * 1000] * 1000))",
    "display_log(messages=[[[0] * 1000] * 1000] * 1000)",
    "[['a' * 90000] * 90000] * 90000",
]


@pytest.mark.parametrize("hostile", HOSTILE)
def test_nothing_that_a_model_writes_is_executed(hostile: str, tmp_path: Path) -> None:
    canary = tmp_path / "canary"
    text = hostile.format(canary)
    backends = _backends()
    assert execute(text, backends).startswith("Error during execution: ")
    for raw in (f"[f(a={text})]", f"[{text}]", text):
        for rules in (UPSTREAM, STRICT):
            for category in ("simple_python", "simple_java", "simple_javascript"):
                _decoded(raw, category, rules)
    assert not canary.exists()


def _decoded(raw: str, category: str, rules: Any) -> Any:
    try:
        return decode(raw, "prompt", category, rules)
    except ActionError:
        return None


def test_deep_and_long_input_is_refused_in_time() -> None:
    """In a thread, whose stack is smaller than the main one."""
    start = time.perf_counter()
    answers: list[str] = []

    def run() -> None:
        for part in (
            "(",
            "[",
            "{1:",
            "-",
            "not ",
            "~",
            "lambda:",
            "f(",
            "a.",
            "a(x=",
            "1+",
            "1**",
            "x if y else ",
            "*",
            "'",
        ):
            for count in (50, 150, 90_000 // len(part)):
                for text in (part * count, part * count + "1", f"f(a={part * count}1"):
                    answers.append(execute(text, backends))
                    for category in ("simple_python", "simple_java", "simple_javascript"):
                        _decoded(text, category, UPSTREAM)

    backends = _backends()
    thread = threading.Thread(target=run)
    thread.start()
    thread.join()
    assert len(answers) == 15 * 9
    assert time.perf_counter() - start < 60


values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=4), inner, max_size=3),
    max_leaves=8,
)
texts = st.text(max_size=60) | st.text("fgab(=),[]{}'\"\\ 1.-*\n:", max_size=60)


@given(texts)
@example("[f(a='\\ud800')]")
@example("[f(a=1e999)]")
@example("\x00")
def test_no_exception_leaves_the_readers(text: str) -> None:
    assert isinstance(execute(text, _backends()), str)
    assert isinstance(execute(text, _backends(), owner="model"), str)
    for category in ("simple_python", "simple_java", "simple_javascript"):
        for rules in (UPSTREAM, STRICT):
            _decoded(text, category, rules)
    for mode in ("prompt", "fc"):
        assert isinstance(decode_sources(text, mode, UPSTREAM), list)


SCHEMAS = [
    {"type": "string"},
    {"type": "integer"},
    {"type": "float"},
    {"type": "dict"},
    {"type": "array", "items": {"type": "string"}},
    {"type": "array", "items": {"type": "dict"}},
    {"type": "tuple", "items": {"type": "float"}},
]
ANSWERS: list[list[Any]] = [
    ["a", ""],
    [1],
    [1.5, ""],
    [{"a": [1, ""], "b": ["x"]}],
    [["a", "b"], ""],
    [[{"a": [1]}]],
    [[1.0]],
]


@given(values, st.sampled_from(SCHEMAS), st.sampled_from(ANSWERS))
def test_no_exception_leaves_the_checker(value: Any, schema: dict[str, Any], answers: list[Any]) -> None:
    docs = [{"name": "f", "parameters": {"properties": {"x": schema}, "required": ["x"]}}]
    gold = [{"f": {"x": answers}}]
    for rules in (UPSTREAM, STRICT):
        if _fits(schema, answers):
            result = check_calls(docs, [{"f": {"x": value}}], gold, category="simple_python", rules=rules)
            assert result.valid is (result.error_type is None)
    for category, kinds in (("simple_java", ("HashMap", "long")), ("simple_javascript", ("dict", "String"))):
        for kind in kinds:
            docs[0]["parameters"]["properties"] = {"x": {"type": kind}}
            check_calls(docs, [{"f": {"x": value}}], gold, category=category, rules=STRICT)


def _fits(schema: dict[str, Any], answers: list[Any]) -> bool:
    """Gold is of the schema's type: contradictory data is not what a model controls."""
    kinds = {"string": str, "integer": int, "float": float, "dict": dict, "array": list, "tuple": list}
    first = answers[0]
    of_items = isinstance(first, list) and isinstance(first[0], dict)
    return type(first) is kinds[schema["type"]] and of_items is (schema.get("items", {}).get("type") == "dict")


@given(st.lists(texts, max_size=6))
def test_calls_never_touch_the_other_side(calls: list[str]) -> None:
    one, two = _backends(), _backends()
    before = state_of(two["GorillaFileSystem"])["root"]
    for call in calls:
        execute(call, one)
    assert state_of(two["GorillaFileSystem"])["root"] == before == state_of(_backends()["GorillaFileSystem"])["root"]
