"""The AST checker: upstream's verdicts, and each place where the strict rules differ from them."""

import time
from collections.abc import Callable
from typing import Any

import pytest

from forge_envs import ConfigError
from forge_envs.tool_use.bfcl.ast_check import check_calls
from forge_envs.tool_use.bfcl.categories import CATEGORIES, is_multi_turn, is_relevance
from forge_envs.tool_use.bfcl.data import Entry
from forge_envs.tool_use.bfcl.gold import gold_calls, relevant_call
from forge_envs.tool_use.bfcl.grading import grade_calls
from forge_envs.tool_use.bfcl.java_values import java_value
from forge_envs.tool_use.bfcl.js_values import js_value
from forge_envs.tool_use.bfcl.rules import STRICT, UPSTREAM, rules_of

UNSOLVABLE = {
    "simple_java_36": "value_error:list/tuple",
    "live_simple_106-63-0": "type_error:simple",
    "live_simple_112-68-0": "type_error:simple",
    "live_multiple_862-181-3": "simple_function_checker:unexpected_param",
    "live_multiple_964-207-0": "simple_function_checker:missing_required",
}
"""Entries of the shared half whose ground truth upstream's own checker can't accept, and what it says."""

MALFORMED = {"live_multiple_862-181-3", "live_multiple_964-207-0"}
"""Of these the schema and the answers contradict each other, so that no rules can accept anything."""


@pytest.mark.parametrize("category", [name for name in CATEGORIES if not is_multi_turn(name)])
def test_gold_is_accepted_and_silence_is_not(category: str, entries: Callable[[str], list[Entry]]) -> None:
    for entry in entries(category):
        docs = entry.row["function"]
        gold = gold_calls(entry.row, entry.gold, category) if entry.gold else []
        if category == "live_relevance":
            gold = [relevant_call(docs)]
        upstream, strict = (grade_calls(entry, gold, rules=rules) for rules in (UPSTREAM, STRICT))
        assert upstream.error_type == UNSOLVABLE.get(entry.id), entry.id
        assert strict.valid is (entry.id not in MALFORMED), (entry.id, strict)
        for rules in (UPSTREAM, STRICT):
            nothing = grade_calls(entry, [], rules=rules)
            assert nothing.valid is ("irrelevance" in category)
            undecoded = grade_calls(entry, None, rules=rules, fault="no calls")
            assert undecoded.valid is ("irrelevance" in category)
            if not is_relevance(category):
                assert undecoded.error_type == "ast_decoder:decoder_failed"


def _schema(kind: str, items: str | None = None, **more: Any) -> dict[str, Any]:
    return {"type": kind, **({"items": {"type": items}} if items else {}), **more}


def _verdict(
    schema: dict[str, Any], answers: list[Any], value: Any, rules: Any, category: str = "simple_python"
) -> Any:
    docs = [{"name": "f", "parameters": {"properties": {"x": schema}, "required": []}}]
    result = check_calls(docs, [{"f": {"x": value}}], [{"f": {"x": answers}}], category=category, rules=rules)
    return result.error_type


BOTH = [
    (_schema("string"), ["April 1, 2024"], "april 1 2024", None),
    (_schema("string"), ["a-b"], "A_B", None),
    (_schema("string"), ["it's"], 'it"s', None),
    (_schema("string"), ["a b"], "a\tb", "value_error:string"),
    (_schema("string"), ["a"], "a!", "value_error:string"),
    (_schema("integer"), [5], 5.0, "type_error:simple"),
    (_schema("integer"), [1], True, "type_error:simple"),
    (_schema("integer"), [5], 6, "value_error:others"),
    (_schema("integer"), ["n"], "n", None),
    (_schema("integer"), ["n"], "N", "value_error:others"),
    (_schema("float"), [5.0], 5, None),
    (_schema("float"), [5], 5, None),
    (_schema("float"), [5.0], 10**400, "upstream_raises:OverflowError"),
    (_schema("boolean"), [True], 1, "type_error:simple"),
    (_schema("array", "string"), [["New York", "b"]], ["newyork", "B"], None),
    (_schema("array", "string"), [["a", "b"]], ["b", "a"], "value_error:list/tuple"),
    (_schema("array", "string"), [["a"]], [1], "type_error:nested"),
    (_schema("array", "float"), [[1.0]], [1], "type_error:nested"),
    (_schema("tuple", "integer"), [[1, 2]], [1, 2], None),
    (_schema("tuple", "integer"), [[1, 2]], (1, 2), None),
    (_schema("array", "integer"), [[1, 2]], (1, 2), "type_error:simple"),
    (_schema("dict"), [{"a": [1], "b": ["", "x"]}], {"a": 1}, None),
    (_schema("dict"), [{"a": [1], "b": ["", "x"]}], {"a": 1, "b": "X"}, None),
    (_schema("dict"), [{"a": [1], "b": ["", "x"]}], {"b": "x"}, "value_error:dict_key"),
    (_schema("dict"), [{"a": [1]}], {"a": 1, "c": 2}, "value_error:dict_key"),
    (_schema("dict"), [{"a": [1]}], {"a": 2}, "value_error:dict_value"),
    (_schema("array", "dict"), [[{"a": [1]}]], [{"a": 1}], None),
    (_schema("array", "dict"), [[{"a": [1]}]], [], "value_error:list_dict_count"),
    (_schema("array", "dict"), [[{"a": [1]}, {"a": [2]}]], [{"a": 2}, {"a": 1}], "value_error:dict_value"),
    (_schema("string"), ["", None], None, None),
    (_schema("string"), ["a"], [], "type_error:simple"),
    (_schema("any"), ["a"], "a", None),
    (_schema("number"), [1], 1, "upstream_raises:KeyError"),
    (_schema("array"), [[1]], [1], "upstream_raises:KeyError"),
]


@pytest.mark.parametrize(("schema", "answers", "value", "error"), BOTH)
def test_values(schema: dict[str, Any], answers: list[Any], value: Any, error: str | None) -> None:
    assert _verdict(schema, answers, value, UPSTREAM) == error
    assert _verdict(schema, answers, value, STRICT) == error


DIFFERENT = [
    (_schema("string"), ["a", ""], "", None, "value_error:string"),
    (_schema("string", default=""), ["a", ""], "", None, None),
    (_schema("string"), ["a", ""], " - ", None, "value_error:string"),
    (_schema("array", "string"), [["a"], ""], [], None, "value_error:list/tuple"),
    (_schema("array", "string"), [["a"], ""], [1], "value_error:list/tuple", "type_error:nested"),
    (_schema("array", "dict"), [[{"a": [1]}], ""], [5], "upstream_raises:AttributeError", "type_error:nested"),
    (_schema("dict"), [{"a": [1]}], {"a": True}, None, "value_error:dict_value"),
    (_schema("dict"), [{"a": ["", "x"]}], {"a": ""}, None, "value_error:dict_value"),
    (_schema("dict"), [{"a": [[0, 1]]}], {"a": [False, True]}, None, "value_error:dict_value"),
    (_schema("string"), ["1.5"], "15", None, "value_error:string"),
    (_schema("string"), ["-5"], "5", None, "value_error:string"),
    (_schema("string"), ["Mr. A"], "mr a", None, None),
    (_schema("array", "string"), [], [], "type_error:simple", None),
]


@pytest.mark.parametrize(("schema", "answers", "value", "upstream", "strict"), DIFFERENT)
def test_values_on_which_the_rules_differ(
    schema: dict[str, Any], answers: list[Any], value: Any, upstream: str | None, strict: str | None
) -> None:
    assert _verdict(schema, answers, value, UPSTREAM) == upstream
    assert _verdict(schema, answers, value, STRICT) == strict


SOURCES = [
    ("simple_java", _schema("integer"), [5], "5", None),
    ("simple_java", _schema("integer"), [5], 5, "type_error:java"),
    ("simple_java", _schema("integer"), [5], "5L", "type_error:simple"),
    ("simple_java", _schema("long"), [5], "5L", None),
    ("simple_java", _schema("float"), [1.5], "1.5f", None),
    ("simple_java", _schema("double"), [1500.0], "1.5e3", None),
    ("simple_java", _schema("boolean"), [True], "true", None),
    ("simple_java", _schema("boolean"), [True], "True", "type_error:simple"),
    ("simple_java", _schema("any"), ["x.y()"], "x.y()", None),
    ("simple_java", _schema("ArrayList", "String"), [["a", "b"]], 'new ArrayList<>(Arrays.asList("a", "b"))', None),
    ("simple_java", _schema("ArrayList", "integer"), [[1, 2]], "new ArrayList<Integer>() {{ add(1); add(2); }}", None),
    ("simple_java", _schema("Array", "integer"), [[1, 2]], "new int[]{1, 2}", None),
    ("simple_java", _schema("Array", "integer"), [[1, 2]], "[1, 2]", "type_error:simple"),
    ("simple_java", _schema("HashMap"), [{"k": ["v"]}], 'new HashMap<String, String>() {{ put("k", "v"); }}', None),
    ("simple_javascript", _schema("String"), ["a"], "'a'", None),
    ("simple_javascript", _schema("Bigint"), [5], "5n", None),
    ("simple_javascript", _schema("float"), [1.5], "1.5", None),
    ("simple_javascript", _schema("float"), [1.5], 1.5, "type_error:js"),
    ("simple_javascript", _schema("Boolean"), [True], "true", None),
    ("simple_javascript", _schema("array", "String"), [["a", "b"]], "['a', \"b\"]", None),
    ("simple_javascript", _schema("array", "integer"), [[1, 2]], "new Array(1, 2)", None),
    ("simple_javascript", _schema("dict"), [{"a": [1], "b": [[1, 2]]}], "{a: 1, 'b': [1, 2]}", None),
]


@pytest.mark.parametrize(("category", "schema", "answers", "value", "error"), SOURCES)
def test_java_and_javascript(category: str, schema: dict[str, Any], answers: list[Any], value: Any, error: Any) -> None:
    assert _verdict(schema, answers, value, UPSTREAM, category) == error
    assert _verdict(schema, answers, value, STRICT, category) == error


def test_the_strict_rules_accept_right_java_arrays() -> None:
    text = _schema("Array", "String"), [["a", "b"]], 'new String[]{"a", "b"}'
    assert _verdict(*text, UPSTREAM, "simple_java") == "value_error:list/tuple"
    assert _verdict(*text, STRICT, "simple_java") is None
    mixed = _schema("ArrayList", "any"), [["a", 42, True]], 'new ArrayList<>(Arrays.asList("a", 42, true))'
    assert _verdict(*mixed, UPSTREAM, "simple_java") == "value_error:list/tuple"
    assert _verdict(*mixed, STRICT, "simple_java") is None


def test_parallel_calls_are_matched() -> None:
    docs = [{"name": "f", "parameters": {"properties": {"x": _schema("integer")}, "required": ["x"]}}]
    calls = [{"f": {"x": 1}}, {"f": {"x": 2}}]

    def verdict(gold: list[list[int]], rules: Any) -> Any:
        answers = [{"f": {"x": acceptable}} for acceptable in gold]
        return check_calls(docs, calls, answers, category="parallel", rules=rules).error_type

    assert verdict([[2], [1]], UPSTREAM) is verdict([[2], [1]], STRICT) is None
    # The first gold call takes what only the second could use; there is a one-to-one assignment all the same.
    assert verdict([[1, 2], [1]], UPSTREAM) == "parallel_function_checker_no_order:cannot_find_match"
    assert verdict([[1, 2], [1]], STRICT) is None
    assert verdict([[1], [1]], STRICT) == "parallel_function_checker_no_order:cannot_find_match"
    assert verdict([[1]], STRICT) == "parallel_function_checker_no_order:wrong_count"


def test_relevance(entries: Callable[[str], list[Entry]]) -> None:
    entry = entries("live_relevance")[0]
    assert grade_calls(entry, [{"no_such": {}}], rules=UPSTREAM).valid
    assert grade_calls(entry, [{"no_such": {}}], rules=STRICT).error_type == "relevance_error:no_such_call"
    silent = entries("irrelevance")[0]
    for rules in (UPSTREAM, STRICT):
        assert grade_calls(silent, [{"f": {}}], rules=rules).error_type == "irrelevance_error:decoder_success"
        assert grade_calls(silent, ["not a call"], rules=rules).valid


@pytest.mark.parametrize(
    ("dots", "name", "valid"),
    [
        ("keep", "a.b", True),
        ("keep", "a_b", False),
        ("underscore", "a_b", True),
        ("underscore", "a.b", False),
        ("either", "a_b", True),
        ("either", "a.b", True),
        ("either", "A.b", False),
    ],
)
def test_dots_in_names(dots: str, name: str, valid: bool) -> None:
    docs = [{"name": "a.b", "parameters": {"properties": {}, "required": []}}]
    result = check_calls(docs, [{name: {}}], [{"a.b": {}}], category="simple_python", rules=STRICT, dots=dots)
    assert result.valid is valid


def test_hostile_sources_cost_no_time() -> None:
    """Upstream's patterns need exponential or cubic time on some of these."""
    start = time.perf_counter()
    for text in ("[[" + "],[" * 1200, "[" * 4000, "{" + "a:" * 1900 + "}", "{" + "," * 3900, "new Array(" + "[" * 3900):
        js_value(text, "array", "integer")
        js_value(text, "dict")
    for text in ("new HashMap<" * 300, "new HashMap<>(){" * 200, "new ArrayList<>() {{" + " " * 3000, "new " * 900):
        for kind in ("Array", "ArrayList", "HashMap"):
            java_value(text, kind, "String")
    assert time.perf_counter() - start < 5.0


def test_unknown_rules_are_named() -> None:
    assert rules_of("strict") is STRICT and rules_of(UPSTREAM) is UPSTREAM
    with pytest.raises(ConfigError, match=r"Unknown compat 'lax': use one of \['strict', 'upstream'\]"):
        rules_of("lax")
