"""``[tool(x=1), other.tool(y="a")]``: the format that BFCL asks of models which are prompted instead of given tools.

The format is BFCL's (``bfcl_eval/constants/default_prompts.py``); the reading is stricter than its decoder, which drops
positional arguments and turns names into text. Nothing is evaluated: `forge_envs.core.protocols.python_values` reads
literals by itself.
"""

import json
import re
from collections.abc import Mapping, Sequence
from typing import Any

from forge_envs.core.errors import ActionError, ConfigError
from forge_envs.core.messages import Message, assistant, calls_of, decode_json, tool_call
from forge_envs.core.protocols.base import Protocol, without_thought
from forge_envs.core.protocols.python_values import Scanner, read_value

_NAME = r"[^\W\d]\w*(?:\.[^\W\d]\w*)*"
_LIST, _CALL = re.compile(rf"\[\s*{_NAME}\("), re.compile(rf"{_NAME}\(")
_FENCED = re.compile(r"\A```(?:\w*\n)?(.*)```\Z", re.DOTALL)
_FULL_NAME, _KEYWORD = re.compile(rf"{_NAME}\Z"), re.compile(r"[^\W\d]\w*\Z")


def parse_calls(text: str) -> list[tuple[str, dict[str, Any]]]:
    """Read one or more calls, with or without the brackets of a list around them.

    Args:
        text: Nothing but calls.

    Returns:
        (name, arguments) pairs; arguments are JSON values.

    Raises:
        ActionError: It is something else; the model reads the message.
    """
    scanner = Scanner(text)
    bracket = scanner.take("[")
    calls = [_read_call(scanner)]
    while scanner.take(",") and not (bracket and scanner.peek("]")):
        calls.append(_read_call(scanner))
    if bracket:
        scanner.expect("]")
    scanner.expect_end()
    return calls


def render_calls(calls: Sequence[tuple[str, Mapping[str, Any]]]) -> str:
    """Calls in the form that `parse_calls` reads back; a parameter that is no Python name goes into ``**{...}``.

    Raises:
        ConfigError: A tool's name is no dotted Python name.
    """
    return f"[{', '.join(_render_call(name, arguments) for name, arguments in calls)}]"


def _parse(text: str) -> Message:
    said = without_thought(text).strip()
    fenced = _FENCED.match(said)
    body = (fenced[1] if fenced else said.strip("`")).strip()
    if _LIST.match(body) or (_CALL.match(body) and body.endswith(")")):
        calls = [tool_call(name, arguments, f"call_{i}") for i, (name, arguments) in enumerate(parse_calls(body))]
        return assistant("", calls)
    # Prose that only mentions a call goes to the user; a line that is nothing but calls was meant as calls.
    if any(_LIST.match(line) and line.rstrip().endswith(")]") for line in said.splitlines()):
        raise ActionError("tool calls stand alone: write [tool(parameter=value)] and no other text")
    return assistant(said)


def _read_call(scanner: Scanner) -> tuple[str, dict[str, Any]]:
    name = scanner.dotted_name()
    scanner.expect("(")
    arguments: dict[str, Any] = {}
    while not scanner.peek(")"):
        for parameter, value in _read_argument(scanner, name).items():
            if parameter in arguments:
                raise ActionError(f"the argument {parameter[:80]} of {name[:80]} is given twice")
            arguments[parameter] = value
        if not scanner.take(","):
            break
    scanner.expect(")")
    try:
        written = json.dumps(arguments)
    except ValueError:  # an integer with more digits than Python writes down
        raise ActionError(f"a number in the arguments of {name[:80]} is too long") from None
    return name, decode_json(written)


def _read_argument(scanner: Scanner, tool: str) -> dict[str, Any]:
    if not scanner.take("**"):
        return {scanner.keyword(tool): read_value(scanner)}
    spread = read_value(scanner)
    if not isinstance(spread, dict):
        raise ActionError(f"after ** the arguments of {tool[:80]} are a dict")
    return spread


def _render(message: Message) -> str:
    if "tool_calls" not in message:
        return message["content"]
    if message["content"]:
        raise ConfigError("The protocol 'python' has no place for text beside tool calls; use 'hermes'.")
    return render_calls(calls_of(message))


def _render_call(name: str, arguments: Mapping[str, Any]) -> str:
    if not _FULL_NAME.match(name):
        raise ConfigError(f"The protocol 'python' can't write {name[:80]!r} as a tool's name; use 'hermes'.")
    named = [f"{key}={value!r}" for key, value in arguments.items() if _KEYWORD.match(key)]
    spread = {key: value for key, value in arguments.items() if not _KEYWORD.match(key)}
    return f"{name}({', '.join([*named, *([f'**{spread!r}'] if spread else [])])})"


def _render_tools(tools: Sequence[Mapping[str, Any]]) -> str:
    listed = "\n".join(json.dumps(tool["function"], ensure_ascii=False) for tool in tools)
    return (
        f"You can call these functions, given as JSON Schemas:\n{listed}\n"
        "To call functions, reply with a Python list of calls, every argument named, and with nothing else:\n"
        "[function_a(parameter='text', other=1), function_b()]\n"
        "A reply in any other form goes to the user."
    )


def _render_results(results: Sequence[Message]) -> str:
    return "\n".join(f"{message.get('name', '')} returned: {message['content']}" for message in results)


PYTHON = Protocol("python", _parse, _render, _render_tools, _render_results)
