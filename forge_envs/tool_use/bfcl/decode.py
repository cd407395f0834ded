"""From what a model wrote to calls (upstream: the decode_ast and decode_execute of its handlers)."""

import json
import re
from typing import Any

from forge_envs.core.errors import ActionError, TaskError
from forge_envs.core.messages import calls_of
from forge_envs.core.protocols import get_protocol
from forge_envs.tool_use.bfcl.call_format import call_source, parse_calls_lax
from forge_envs.tool_use.bfcl.categories import language_of
from forge_envs.tool_use.bfcl.rules import Rules
from forge_envs.tool_use.bfcl.source_calls import parse_java_call, parse_javascript_call

MODES = ("prompt", "fc")
_TAGGED = re.compile(r"<tool_call>(.*?)</tool_call>", re.DOTALL)


def decode(raw: Any, mode: str, category: str, rules: Rules) -> Any:
    """One reply as ``[{name: {parameter: value}}]``.

    Args:
        raw: In mode ``prompt`` the text of the reply; in mode ``fc`` the calls, see `decode_fc`.
        mode: ``prompt`` or ``fc``.
        category: Java and JavaScript categories are written in their language.
        rules: Strict rules read Python calls as the protocol ``python`` does.

    Returns:
        The calls. Like upstream's decoders it may be something else, which then counts as a wrong format.

    Raises:
        ActionError: It can't be decoded.
        TaskError: No such mode.
    """
    if mode not in MODES:
        raise TaskError(f"mode: {mode!r} is unknown: use one of {list(MODES)}.")
    if mode == "fc":
        return decode_fc(raw)
    if not isinstance(raw, str):
        raise ActionError(f"a reply is text, not {type(raw).__name__}")
    language = language_of(category)
    if language == "python":
        return parse_calls_lax(raw) if rules.lax_calls else _strict(raw)
    text = raw.strip("`\n ")
    text = text if text.startswith("[") else "[" + text
    text = text if text.endswith("]") else text + "]"
    return (parse_java_call if language == "java" else parse_javascript_call)(text[1:-1])


def decode_fc(raw: Any) -> list[dict[str, Any]]:
    """Function calls as a provider returns them.

    Args:
        raw: A list of ``{name: arguments}``, of ``{"name": ..., "arguments": ...}`` or of OpenAI tool calls, arguments
            as an object or as JSON text; or a text with the JSON of such a list, or with ``<tool_call>`` tags.

    Raises:
        ActionError: It is none of these.
    """
    if isinstance(raw, str):
        tagged = _TAGGED.findall(raw)
        # As upstream reads Qwen's replies, a tag whose JSON is broken is passed over.
        found = [call for call in map(_json_or_none, tagged) if call is not None]
        raw = found if tagged else _json_or_none(raw)
    if isinstance(raw, dict):
        raw = [raw]
    if not isinstance(raw, list):
        raise ActionError("no list of function calls")
    return [_fc_call(call) for call in raw]


def decode_sources(raw: Any, mode: str, rules: Rules) -> list[str]:
    """One step of a multi-turn reply as the expressions that are executed; empty if it makes no call.

    Raises:
        TaskError: No such mode.
    """
    try:
        calls = decode(raw, mode, "multi_turn", rules)
        if mode == "fc":
            return [
                f"{name}({','.join(f'{key}={value!r}' for key, value in given.items())})"
                for call in calls
                for name, given in call.items()
            ]
        return [call_source(call) for call in calls]
    except (ActionError, AttributeError):
        return []


def _strict(raw: str) -> list[dict[str, Any]]:
    """Calls as the protocol ``python`` reads them; words to the user are none."""
    calls = [{name: arguments} for name, arguments in calls_of(get_protocol("python").parse(raw))]
    if not calls and raw.strip("`\n ") != "[]":
        raise ActionError("no list of calls")
    return calls


def _fc_call(call: Any) -> dict[str, Any]:
    if not isinstance(call, dict) or not call:
        raise ActionError("a function call is an object")
    function = call.get("function")
    call = function if isinstance(function, dict) and "name" in function else call
    if isinstance(call.get("name"), str) and "arguments" in call:
        name, given = call["name"], call["arguments"]
    else:
        name, given = next(iter(call.items()))
    if isinstance(given, str):
        try:
            given = json.loads(given)
        except (ValueError, RecursionError):
            raise ActionError(f"the arguments of {name[:80]} are not JSON") from None
    return {name: given}


def _json_or_none(text: str) -> Any:
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return None
