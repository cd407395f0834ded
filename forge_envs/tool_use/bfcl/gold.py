"""Gold outputs: what the ground truth accepts, as calls and as the messages of an agent."""

import ast
import json
from collections.abc import Mapping, Sequence
from typing import Any

from forge_envs.core.errors import TaskError
from forge_envs.core.messages import Message, assistant, tool_call
from forge_envs.tool_use.bfcl.categories import is_multi_turn, language_of
from forge_envs.tool_use.bfcl.tools import offered_name
from forge_envs.tool_use.bfcl.values import MARKER

DECLINED = "None of the functions does what you ask for."
DONE = "Done."
_PLACEHOLDERS: Mapping[str, Any] = {
    "integer": 1,
    "float": 1.0,
    "boolean": True,
    "array": [],
    "tuple": [],
    "dict": {},
}


def gold_calls(entry: Mapping[str, Any], gold: Sequence[Mapping[str, Any]], category: str) -> list[dict[str, Any]]:
    """Calls that a single-turn ground truth accepts: of each parameter that is needed, the first acceptable value.

    Args:
        entry: The entry, with its function docs.
        gold: Its ground truth.
        category: Decides in which language values are written.
    """
    docs = {doc["name"]: doc["parameters"] for doc in entry["function"]}
    language = language_of(category)
    made = []
    for one in gold:
        name, answers = next(iter(one.items()))
        needed = docs[name]["required"]
        wanted = {key: one for key, one in answers.items() if key in needed or MARKER not in one}
        given = {key: _first(acceptable) for key, acceptable in wanted.items()}
        if language != "python":
            given = {key: value_source(value, docs[name]["properties"][key], language) for key, value in given.items()}
        made.append({name: given})
    return made


def relevant_call(docs: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """A call that upstream's relevance check accepts: the first function with a value for each required parameter."""
    parameters = docs[0]["parameters"]
    given = {}
    for name in parameters["required"]:
        schema = parameters["properties"][name]
        first = (schema.get("enum") or [_PLACEHOLDERS.get(schema["type"], "text")])[0]
        given[name] = schema.get("default", first)
    return {docs[0]["name"]: given}


def gold_messages(entry: Mapping[str, Any], gold: Any, category: str) -> list[Message]:
    """The gold turns of an agent.

    A single-turn entry is one message: the calls, or a text where no call is right. Of a multi-turn entry each turn is
    a message with all calls of the turn, if there are any, and a text that gives the word back to the user.
    """
    if not is_multi_turn(category):
        if "irrelevance" in category:
            return [assistant(DECLINED)]
        calls = [relevant_call(entry["function"])] if gold is None else gold_calls(entry, gold, category)
        pairs = [(offered_name(name), given) for call in calls for name, given in call.items()]
        return [assistant("", [tool_call(name, given, f"gold_0_{i}") for i, (name, given) in enumerate(pairs)])]
    later = [doc for docs in entry["missed_function"].values() for doc in docs]
    parameters = {doc["name"]: list(doc["parameters"]["properties"]) for doc in [*entry["function"], *later]}
    messages = []
    for turn, sources in enumerate(gold):
        calls_made = [read_call(source, parameters) for source in sources]
        if calls_made:
            made = [tool_call(name, given, f"gold_{turn}_{i}") for i, (name, given) in enumerate(calls_made)]
            messages.append(assistant("", made))
        messages.append(assistant(DONE))
    return messages


def read_call(source: str, parameters: Mapping[str, Sequence[str]]) -> tuple[str, dict[str, Any]]:
    """A gold call string as a name and named arguments.

    Args:
        source: For example ``cd(folder='x')`` or ``sort('x')``.
        parameters: The parameters of every function, in order.

    Raises:
        TaskError: It is no call with literal arguments.
    """
    try:
        node = ast.parse(source.strip(), mode="eval").body
        if not isinstance(node, ast.Call) or not isinstance(node.func, ast.Name):
            raise ValueError("no call")
        given = dict(zip(parameters[node.func.id], map(ast.literal_eval, node.args), strict=False))
        given |= {str(keyword.arg): ast.literal_eval(keyword.value) for keyword in node.keywords}
    except (ValueError, SyntaxError, KeyError) as error:
        raise TaskError(
            f"ground_truth: {source[:80]!r} is no call of a known function with literals: {error}"
        ) from error
    return node.func.id, given


def value_source(value: Any, schema: Mapping[str, Any], language: str) -> str:
    """A value as Java or JavaScript source of a schema's type."""
    kind, java = schema["type"], language == "java"
    if isinstance(value, str):
        return value
    if isinstance(value, bool) or value is None:
        return json.dumps(value)
    if isinstance(value, list):
        inner = {"type": schema["items"]["type"]} if "items" in schema else {"type": "any"}
        if java and kind == "Array":
            # Upstream keeps the quotes of array items, so that what it accepts has none.
            return f"new Object[]{{{', '.join(value_source(one, inner, language) for one in value)}}}"
        items = ", ".join(
            json.dumps(one, ensure_ascii=False) if isinstance(one, str) else value_source(one, inner, language)
            for one in value
        )
        if not java:
            return f"[{items}]"
        return f"new ArrayList<>(Arrays.asList({items}))" if value else "new ArrayList<>()"
    if isinstance(value, dict):
        if not java:
            return json.dumps(value, ensure_ascii=False)
        puts = " ".join(f"put({json.dumps(k)}, {json.dumps(v, ensure_ascii=False)});" for k, v in value.items())
        return f"new HashMap<String, Object>() {{{{ {puts} }}}}"
    suffix = {"long": "L", "float": "f"}.get(kind, "") if java else {"Bigint": "n"}.get(kind, "")
    return f"{value}{suffix}"


def _first(acceptable: Sequence[Any]) -> Any:
    """The first acceptable value; inside objects, every key has a list of them too."""
    return _chosen(next((one for one in acceptable if one != MARKER), MARKER)) if acceptable else []


def _chosen(value: Any) -> Any:
    if isinstance(value, list):
        return [_chosen(item) if isinstance(item, dict) else item for item in value]
    if not isinstance(value, dict):
        return value
    return {key: one[0] if isinstance(one, list) else one for key, one in value.items() if one and MARKER not in one}
