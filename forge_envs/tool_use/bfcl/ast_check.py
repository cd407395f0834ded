"""The AST checker of the single-turn categories (upstream: eval_checker/ast_eval/ast_checker.py)."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from forge_envs.tool_use.bfcl.categories import Language, language_of
from forge_envs.tool_use.bfcl.java_values import JAVA_TYPES, java_value
from forge_envs.tool_use.bfcl.js_values import JS_TYPES, js_value
from forge_envs.tool_use.bfcl.rules import VALID, Result, Rules, shown
from forge_envs.tool_use.bfcl.values import MARKER, check_dict, check_dicts, check_list, check_text, same

Call = Mapping[str, Mapping[str, Any]]
"""One call: the function's name to its arguments."""

PYTHON_TYPES: dict[str, type] = {
    "string": str,
    "integer": int,
    "float": float,
    "boolean": bool,
    "array": list,
    "tuple": list,
    "dict": dict,
    "any": str,
}
_TYPES: dict[Language, Mapping[str, type]] = {"python": PYTHON_TYPES, "java": JAVA_TYPES, "javascript": JS_TYPES}
_CONVERT: dict[Language, Callable[..., Any]] = {"java": java_value, "javascript": js_value}
_WITH_ITEMS: dict[Language, frozenset[str]] = {
    "python": frozenset({"array", "tuple"}),
    "java": frozenset({"Array", "ArrayList"}),
    "javascript": frozenset({"array"}),
}


def is_call_list(output: Any) -> bool:
    """Whether an output is a list of one-key objects {name: {parameter: value}}; an empty list is one."""
    return type(output) is list and all(
        type(item) is dict and len(item) == 1 and type(next(iter(item.values()))) is dict for item in output
    )


def check_calls(
    docs: Sequence[Mapping[str, Any]],
    calls: Sequence[Call],
    gold: Sequence[Mapping[str, Any]],
    *,
    category: str,
    rules: Rules,
    dots: str = "keep",
) -> Result:
    """Compare the calls of an output with the acceptable answers.

    Args:
        docs: The entry's functions.
        calls: The decoded output; `is_call_list` holds.
        gold: The entry's ground truth: one {function: {parameter: [acceptable values]}} for each call.
        category: Decides how many calls there may be and in which language values are written.
        rules: The rules.
        dots: How a model writes a function's name that has dots: ``keep``, ``underscore`` (upstream's flag
            underscore_to_dot, set for providers that allow no dots), or ``either``.

    Returns:
        Valid, or upstream's error type.
    """
    language = language_of(category)
    if "parallel" in category:
        if len(calls) != len(gold):
            return Result(False, "parallel_function_checker_no_order:wrong_count", f"{len(calls)}, not {len(gold)}")
        return _check_parallel(docs, calls, gold, language, rules, dots)
    if "multiple" in category:
        if len(calls) != len(gold):
            return Result(False, "multiple_function_checker:wrong_count", f"{len(calls)}, not {len(gold)}")
        return _check_call(_doc_of(docs, gold[0]), calls[0], gold[0], language, rules, dots)
    if len(calls) != 1:
        return Result(False, "simple_function_checker:wrong_count", f"{len(calls)} calls, not 1")
    return _check_call(docs[0], calls[0], gold[0], language, rules, dots)


def accepts_name(doc: Mapping[str, Any], name: str, dots: str = "keep") -> bool:
    """Whether `name` names the function of `doc`, given how dots are written."""
    known: str = doc["name"]
    return (dots != "underscore" and name == known) or (dots != "keep" and name == known.replace(".", "_"))


def _doc_of(docs: Sequence[Mapping[str, Any]], gold: Mapping[str, Any]) -> Mapping[str, Any]:
    return next(doc for doc in docs if doc["name"] == next(iter(gold)))


def _check_parallel(
    docs: Sequence[Mapping[str, Any]],
    calls: Sequence[Call],
    gold: Sequence[Mapping[str, Any]],
    language: Language,
    rules: Rules,
    dots: str,
) -> Result:
    owner: dict[int, int] = {}  # output to the gold call that has it

    def fits(want: int, output: int) -> bool:
        return _check_call(_doc_of(docs, gold[want]), calls[output], gold[want], language, rules, dots).valid

    def place(want: int, tried: set[int]) -> bool:
        for output in range(len(calls)):
            if output in tried or (rules.greedy_parallel and output in owner) or not fits(want, output):
                continue
            tried.add(output)
            if output not in owner or place(owner[output], tried):
                owner[output] = want
                return True
        return False

    for want in range(len(gold)):
        if not place(want, set()):
            error = "parallel_function_checker_no_order:cannot_find_match"
            return Result(False, error, f"no output fits gold call {want}")
    return VALID


def _check_call(
    doc: Mapping[str, Any], call: Call, gold: Mapping[str, Any], language: Language, rules: Rules, dots: str
) -> Result:
    answers: Mapping[str, list[Any]] = next(iter(gold.values()))
    name, arguments = next(iter(call.items()))
    if not accepts_name(doc, name, dots):
        return Result(False, "simple_function_checker:wrong_func_name", f"{doc['name']!r} was not called")
    parameters = doc["parameters"]["properties"]
    for parameter in doc["parameters"]["required"]:
        if parameter not in arguments:
            return Result(False, "simple_function_checker:missing_required", f"{parameter!r} is missing")
    for parameter, value in arguments.items():
        if parameter not in parameters or parameter not in answers:
            return Result(False, "simple_function_checker:unexpected_param", f"{parameter!r} is unexpected")
        result = _check_value(value, parameters[parameter], answers[parameter], language, rules)
        if not result.valid:
            return Result(False, result.error_type, f"{parameter}: {result.detail}")
    for parameter, acceptable in answers.items():
        if parameter not in arguments and MARKER not in acceptable:
            return Result(False, "simple_function_checker:missing_optional", f"{parameter!r} is missing")
    return VALID


def _check_value(value: Any, schema: Mapping[str, Any], answers: list[Any], language: Language, rules: Rules) -> Result:
    kind, types = schema.get("type", ""), _TYPES[language]
    item_kind = schema.get("items", {}).get("type", "") if kind in _WITH_ITEMS[language] else None
    if kind not in types or item_kind not in {None, *types}:
        return Result(False, "upstream_raises:KeyError", f"the schema has the unknown type {kind!r} of {item_kind!r}")
    expected = types[kind]
    items = None if item_kind is None else types[item_kind]
    if item_kind == "any" and language != "python" and not rules.any_items_are_texts:
        item_kind = items = None
    if not answers and not rules.empty_answers_fail:
        answers = [[]]
    if language != "python":
        if type(value) is not str:
            return Result(
                False, "type_error:java" if language == "java" else "type_error:js", f"{shown(value)} is no text"
            )
        try:
            convert = _CONVERT[language]
            value = convert(value, kind, item_kind, keep_quotes=rules.quoted_java_items)
        except ValueError as error:
            return Result(False, "upstream_raises:ValueError", str(error)[:200])
    elif kind == "tuple" and type(value) is tuple:
        value = list(value)
    elif kind == "float" and type(value) is int:
        try:
            value = float(value)
        except OverflowError:
            return Result(False, "upstream_raises:OverflowError", "the integer is too large for a float")
    if not rules.marker_is_a_value and schema.get("default", None) != value:
        answers = [answer for answer in answers if answer != MARKER] if MARKER in answers else answers
    fault, variable = _check_type(value, answers, expected, items, rules)
    if fault is not None:
        return fault
    if not variable:
        if expected is dict:
            return check_dict(value, answers, rules)
        if expected is list:
            return check_dicts(value, answers, rules) if items is dict else check_list(value, answers, rules)
        if expected is str:
            return check_text(value, answers, rules)
    if any(same(value, answer, rules) for answer in answers):
        return VALID
    return Result(False, "value_error:others", f"{shown(value)} is none of {answers}")


def _check_type(
    value: Any, answers: Sequence[Any], expected: type, items: type | None, rules: Rules
) -> tuple[Result | None, bool]:
    """The type fault, if any, and whether gold is a variable: of another type than the schema says."""
    known = next((type(answer) for answer in answers if answer != MARKER), None)
    variable = known is not None and known is not expected
    fault: Result | None = None
    if type(value) is expected:
        if items is None or not isinstance(value, list):
            return None, variable
        fault = Result(False, "type_error:nested", f"{shown(value)} has items that are not {items.__name__}")
        for answer in answers:
            if type(answer) is not list:
                if rules.marker_opens_items or variable:
                    return None, variable
            elif all(_check_type(item, answer, items, None, rules)[0] is None for item in value):
                return None, variable
    if known is not None and type(value) is known:
        return fault, True
    return Result(
        False, "type_error:simple", f"{shown(value)} is {type(value).__name__}, not {expected.__name__}"
    ), False
