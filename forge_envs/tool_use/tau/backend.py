"""What the two backends share: carrying out one call by name, with upstream's answers to whatever is wrong with it."""

import inspect
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any, ClassVar

from forge_envs.core.errors import ToolError
from forge_envs.tool_use.tau import calculate
from forge_envs.tool_use.tau.tables import Record, Tables, clone
from forge_envs.tool_use.tau.version import TauVersion


@dataclass(frozen=True)
class Answer:
    """What a tool answered.

    Args:
        text: As the agent reads it.
        failed: The call was refused or broke.
    """

    text: str
    failed: bool = False


class Backend:
    """A domain's tools over its tables. Each method that `reads` or `writes` names is one tool.

    Args:
        tables: The database; the backend's only state.
        version: Whose behaviour.
    """

    domain: ClassVar[str]
    reads: ClassVar[frozenset[str]]
    """Tools of every version that change nothing."""
    writes: ClassVar[frozenset[str]]
    """Tools that may change the tables; replaying gold needs these only."""
    only_in: ClassVar[Mapping[str, str]] = {}
    """Tool to the one version that has it."""

    def __init__(self, tables: Tables, version: TauVersion):
        self.tables = tables
        self.version = version

    def has(self, name: str) -> bool:
        """Whether this version has the tool."""
        return name in self.reads | self.writes and self.only_in.get(name, self.version.name) == self.version.name

    def call(self, name: str, arguments: Mapping[str, Any]) -> Answer:
        """Carry out one call. Nothing that a caller gives raises.

        Every exception becomes text, as upstream does it (v1 ``Env.step``, tau2 ``Environment.get_response``):
        arguments of wrong types fail where the backend's own code trips over them, and the agent reads Python's words.
        What was changed before the exception stays changed.

        Args:
            name: The tool.
            arguments: JSON values by parameter; the backend keeps no reference to them.
        """
        if not self.has(name) and not self.version.typed:
            return Answer(f"Unknown action {name}", True)
        try:
            fault = self.fault(name, arguments)
            if fault is not None:
                raise ToolError(fault)
            result = getattr(self, name)(**clone(dict(arguments)))
            if isinstance(result, str):
                return Answer(result)
            return Answer("" if result is None else json.dumps(result))
        except Exception as error:
            return Answer(f"Error: {error}", True)

    def fault(self, name: str, arguments: Mapping[str, Any]) -> str | None:
        """CPython's words for arguments whose names don't fit, qualified as in upstream's package; None if they do.

        In tau2 an unknown tool is such a fault too, since some arguments are refused before the tool is looked up.
        """
        if self.version.typed:
            function, hidden = f"{self.domain.title()}Tools.{name}", ("self",)
            outer = "Environment.make_tool_call()"
            if "requestor" in arguments:
                return f"tau2.environment.environment.{outer} got multiple values for keyword argument 'requestor'"
            for taken in ("self", "tool_name"):
                if taken in arguments:
                    return f"{outer} got multiple values for argument {taken!r}"
            if not self.has(name):
                return f"Tool '{name}' not found."
        else:
            function, hidden = f"{name.title().replace('_', '')}.invoke", ("data",)
            if "data" in arguments:
                path = f"tau_bench.envs.{self.domain}.tools.{name}.{function}()"
                return f"{path} got multiple values for keyword argument 'data'"
        return argument_fault(function, _parameters(getattr(type(self), name)), arguments, hidden)

    def calculate(self, expression: str) -> str:
        """Work out an arithmetic expression."""
        if not all(char in calculate.CHARACTERS for char in expression):
            raise self._refuse(calculate.BAD_CHARACTERS)
        return calculate.calculate(expression)

    def think(self, thought: str) -> str:
        """Take a note that goes nowhere."""
        return ""

    def transfer_to_human_agents(self, summary: str) -> str:
        """Hand the user over."""
        return "Transfer successful"

    def _get(self, table: str, key: Any, missing: tuple[str, str]) -> Record:
        """A record, to be read only, or an error that says which one is missing."""
        if not self.tables.has(table, key):
            raise self._refuse(missing, key=key)
        return self.tables.read(table, key)

    def _record(self, model: str, parts: Record) -> Record:
        """A part of the database, made of arguments; tau2 validates and normalises it as one of its `records`."""
        if not self.version.typed:
            return parts
        from forge_envs.tool_use.tau import records

        made: Record = getattr(records, model).model_validate(parts).model_dump()
        return made

    def _refuse(self, texts: tuple[str, str], **parts: Any) -> ToolError:
        """An error in this version's words; braces in `texts` take `parts`."""
        return ToolError(self.version.pick(texts).format(**parts))


def cased(text: str) -> tuple[str, str]:
    """A text of both versions: tau2 begins most of v1's with a capital letter."""
    return text, text[0].upper() + text[1:]


def argument_fault(
    function: str, parameters: tuple[str, ...], arguments: Mapping[str, Any], hidden: tuple[str, ...] = ()
) -> str | None:
    """What CPython 3.10 to 3.12 says when a function is called with these keywords; None if they fit.

    Args:
        function: The function's qualified name.
        parameters: Its parameters, all of them required.
        arguments: Keywords and values.
        hidden: Parameters that the caller has bound already.
    """
    for name in arguments:
        if name in hidden:
            return f"{function}() got multiple values for argument {name!r}"
        if name not in parameters:
            return f"{function}() got an unexpected keyword argument {name!r}"
    missing = [repr(name) for name in parameters if name not in arguments]
    if not missing:
        return None
    listed = missing[0]
    if len(missing) > 1:
        listed = ", ".join(missing[:-1]) + ("," if len(missing) > 2 else "") + f" and {missing[-1]}"
    plural = "s" if len(missing) > 1 else ""
    return f"{function}() missing {len(missing)} required positional argument{plural}: {listed}"


@cache
def _parameters(method: Callable[..., Any]) -> tuple[str, ...]:
    return tuple(inspect.signature(method).parameters)[1:]
