"""Mock tools: deterministic rule-based backends (paper, section 2.1.2), written as data."""

import copy
import re
from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any, ClassVar

from forge_envs.core.errors import ConfigError, ToolError
from forge_envs.core.tools import Tool, Toolset
from forge_envs.tool_use.domain import Domain

Path = Sequence[str]
_PLACE = re.compile(r"\{(\w+)\}")
_RULE_KEYS = {"when", "has", "lacks", "set", "result", "error"}
_MISSING = object()


class MockDomain(Domain):
    """A domain whose tools are rules over the state. A subclass gives `name`, `policy` and `specs`.

    Each of `specs` is a tool: ``name``, ``description``, ``parameters`` (JSON Schema), optionally ``returns``, and
    ``rules``. The first rule that applies answers; without one the call is refused. A rule may have

    - ``when``: a JSON Schema that the arguments fulfil;
    - ``has``, ``lacks``: paths that are, or are not, in the state;
    - ``error``: the text of a refusal; or ``result``: the value returned, and ``set``: ``[path, value]`` pairs.

    A path is a list of keys. ``{parameter}`` in any text stands for that argument (with its type, where it is the whole
    text), and ``{"$state": path}`` for what the state holds there, before anything is set.
    """

    specs: ClassVar[Sequence[Mapping[str, Any]]]

    def toolset(self) -> Toolset:
        """The tools of `specs`.

        Raises:
            ConfigError: A rule has an unknown key, or both or neither of ``error`` and ``result``.
        """
        return Toolset(
            [tool_of(spec, partial(answer_by_rules, spec, self.state)) for spec in map(check_spec, self.specs)]
        )


def tool_of(spec: Mapping[str, Any], function: Any) -> Tool:
    """The tool that a spec describes; arguments that its schema does not name are refused."""
    parameters = {"type": "object", "properties": {}, "additionalProperties": False, **spec["parameters"]}
    return Tool(spec["name"], spec["description"], parameters, spec.get("returns", {}), function)


def check_spec(spec: Mapping[str, Any]) -> Mapping[str, Any]:
    """The spec of a mock tool, if its rules make sense.

    Raises:
        ConfigError: They don't.
    """
    for number, rule in enumerate(spec["rules"], start=1):
        where = f"Rule {number} of mock tool {spec['name']!r}"
        unknown = sorted(set(rule) - _RULE_KEYS)
        if unknown:
            raise ConfigError(f"{where}: unknown key {unknown[0]!r}; use {sorted(_RULE_KEYS)}.")
        if ("error" in rule) == ("result" in rule):
            raise ConfigError(f"{where}: give either 'result' or 'error'.")
        places = {
            name
            for key, part in rule.items()
            if key != "when"
            for text in _texts(part)
            for name in _PLACE.findall(text)
        }
        unnamed = sorted(places - set(spec["parameters"].get("properties", {})))
        if unnamed:
            raise ConfigError(f"{where}: {{{unnamed[0]}}} is none of its parameters.")
    return spec


def answer_by_rules(spec: Mapping[str, Any], state: dict[str, Any], **arguments: Any) -> Any:
    """The answer of a mock tool.

    Args:
        spec: The tool.
        state: Read, and written by ``set``.
        **arguments: Of the call.

    Raises:
        ToolError: The rule that applies refuses, or none applies.
    """
    for rule in spec["rules"]:
        if _applies(rule, state, arguments):
            if "error" in rule:
                raise ToolError(str(_filled(rule["error"], state, arguments)))
            result = copy.deepcopy(_filled(rule["result"], state, arguments))
            writes = [
                (_filled(path, state, arguments), _filled(value, state, arguments))
                for path, value in rule.get("set", [])
            ]
            for path, value in writes:
                write_path(state, path, value)
            return result
    raise ToolError(f"{spec['name']}: nothing found for these arguments")


def read_path(state: Any, path: Path, default: Any = None) -> Any:
    """What the state holds at a path of keys; `default` where there is nothing."""
    for key in path:
        if not isinstance(state, Mapping) or not isinstance(key, str) or key not in state:
            return default
        state = state[key]
    return state


def write_path(state: dict[str, Any], path: Path, value: Any) -> None:
    """Write a value at a path of keys; objects on the way are made where there are none."""
    *parents, last = map(str, path)
    for key in parents:
        if not isinstance(state.get(key), dict):
            state[key] = {}
        state = state[key]
    state[last] = copy.deepcopy(value)


def _applies(rule: Mapping[str, Any], state: Any, arguments: Mapping[str, Any]) -> bool:
    from jsonschema import Draft202012Validator

    def held(path: Any) -> bool:
        return read_path(state, _filled(path, state, arguments), _MISSING) is not _MISSING

    return (
        all(map(held, rule.get("has", [])))
        and not any(map(held, rule.get("lacks", [])))
        and Draft202012Validator(rule.get("when", {})).is_valid(dict(arguments))
    )


def _filled(value: Any, state: Any, arguments: Mapping[str, Any]) -> Any:
    """The value with its placeholders filled in. Arguments are put in as they are and never looked at again."""
    if isinstance(value, str):
        whole = _PLACE.fullmatch(value)
        if whole:
            return arguments.get(whole[1])
        return _PLACE.sub(lambda found: str(arguments.get(found[1], "")), value)
    if isinstance(value, Mapping):
        if set(value) == {"$state"}:
            return read_path(state, _filled(value["$state"], state, arguments))
        return {key: _filled(item, state, arguments) for key, item in value.items()}
    return [_filled(item, state, arguments) for item in value] if isinstance(value, list | tuple) else value


def _texts(value: Any) -> list[str]:
    if isinstance(value, str):
        return [value]
    parts = value.values() if isinstance(value, Mapping) else value if isinstance(value, list | tuple) else ()
    return [text for part in parts for text in _texts(part)]
