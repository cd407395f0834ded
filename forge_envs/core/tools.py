"""Tools: Python callables with a JSON Schema made from their signature."""

import copy
import inspect
import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import cache, cached_property
from types import MethodType
from typing import Any, TypeVar

from forge_envs.core.errors import ArgumentsError, ConfigError, UnknownToolError

_MARK = "__forge_tool__"
F = TypeVar("F", bound=Callable[..., Any])


def tool(function: F) -> F:
    """Mark a function or method as a tool that `Toolset.of` collects.

    The tool's name is the function's name; the description and the description of each parameter come from its
    Google-style docstring; types come from the annotations, so every parameter needs one.
    """
    setattr(function, _MARK, True)
    return function


@dataclass(frozen=True)
class Tool:
    """A callable with a rigorous signature (paper, section 2.1.2).

    Args:
        name: What a model calls it.
        description: What a model reads about it.
        parameters: JSON Schema of the arguments, an object schema that allows no other property.
        returns: JSON Schema of the result, or an empty schema where the function has no annotation.
        function: Called with the validated arguments as keywords.
    """

    name: str
    description: str
    parameters: Mapping[str, Any]
    returns: Mapping[str, Any]
    function: Callable[..., Any]

    @classmethod
    def from_function(cls, function: Callable[..., Any]) -> "Tool":
        """Make a tool from an annotated, documented function.

        Raises:
            ConfigError: A parameter has no annotation, is not described, or its type has no JSON Schema.
        """
        if isinstance(function, MethodType):
            return cls(*_describe(function.__func__, True), function)
        return cls(*_describe(function, False), function)

    def schema(self) -> dict[str, Any]:
        """The tool in the OpenAI `tools` shape, which chat templates take too."""
        function = {"name": self.name, "description": self.description, "parameters": dict(self.parameters)}
        return {"type": "function", "function": function}

    @cached_property
    def _validator(self) -> Any:
        from jsonschema import Draft202012Validator

        return Draft202012Validator(self.parameters)

    def call(self, arguments: Mapping[str, Any]) -> Any:
        """Validate the arguments, then call.

        Args:
            arguments: Keyword arguments as decoded from JSON.

        Raises:
            ArgumentsError: The arguments don't fit the schema.
            ToolError: The function refused them.
        """
        from jsonschema.exceptions import best_match

        fault = best_match(self._validator.iter_errors(arguments))
        if fault is not None:
            where = "".join(f"[{part!r}]" for part in fault.absolute_path)
            raise ArgumentsError(f"invalid arguments for {self.name}{where}: {fault.message[:300]}")
        return self.function(**copy.deepcopy(dict(arguments)))  # a tool may keep and change what it got


@cache
def _describe(function: Any, method: bool) -> tuple[str, str, dict[str, Any], dict[str, Any]]:
    """Name, description, parameters and result of a function; made once, since an environment asks at every reset."""
    from docstring_parser import parse_from_object
    from pydantic import PydanticUserError, TypeAdapter
    from pydantic.errors import PydanticInvalidForJsonSchema

    name = function.__name__
    documented = parse_from_object(function)
    described = {p.arg_name: p.description or "" for p in documented.params}
    # Bound to anything, so that `self` is no parameter.
    function = MethodType(function, object()) if method else function
    signature = inspect.signature(function)
    for parameter in signature.parameters.values():
        if parameter.annotation is inspect.Parameter.empty:
            raise ConfigError(f"Tool {name!r}: annotate the parameter {parameter.name!r} with its type.")
        if parameter.name not in described:
            raise ConfigError(f"Tool {name!r}: describe the parameter {parameter.name!r} in the docstring's Args.")
    try:
        schema = _without_titles(TypeAdapter(function).json_schema())
        annotation = signature.return_annotation
        returns = {} if annotation is inspect.Signature.empty else TypeAdapter(annotation).json_schema()
    except (PydanticUserError, PydanticInvalidForJsonSchema) as error:
        raise ConfigError(f"Tool {name!r}: a type in its signature has no JSON Schema ({error}).") from error
    schema.setdefault("properties", {})
    for parameter_name, parameter_schema in schema["properties"].items():
        parameter_schema["description"] = described[parameter_name]
    schema["additionalProperties"] = False
    return name, (documented.description or "").strip(), schema, _without_titles(returns)


class Toolset(Mapping[str, Tool]):
    """Tools by name, in the order in which they were given."""

    def __init__(self, tools: list[Tool]):
        self._tools = {t.name: t for t in tools}
        if len(self._tools) != len(tools):
            raise ConfigError("Two tools have the same name; rename one.")

    @classmethod
    def of(cls, owner: object) -> "Toolset":
        """The methods of `owner` that carry `@tool`, in the order of their definition."""
        names = [name for base in reversed(type(owner).__mro__) for name in vars(base)]
        methods = [getattr(owner, name) for name in dict.fromkeys(names) if not name.startswith("__")]
        return cls([Tool.from_function(m) for m in methods if getattr(m, _MARK, False)])

    def __getitem__(self, name: str) -> Tool:
        return self._tools[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._tools)

    def __len__(self) -> int:
        return len(self._tools)

    def schemas(self) -> list[dict[str, Any]]:
        """JSON Schemas of all tools in the OpenAI shape; a new object on every call."""
        return [json.loads(json.dumps(t.schema())) for t in self._tools.values()]

    def call(self, name: str, arguments: Mapping[str, Any]) -> str:
        """Call a tool and give its result as the text that the model reads.

        Raises:
            ToolError: No such tool (`UnknownToolError`), bad arguments (`ArgumentsError`), or the tool refused.
        """
        if name not in self._tools:
            raise UnknownToolError(f"unknown tool {name[:80]!r}; the tools are {', '.join(self._tools)}")
        result = self._tools[name].call(arguments)
        return result if isinstance(result, str) else json.dumps(result, ensure_ascii=False)


def _without_titles(schema: Any) -> Any:
    """Drop the titles that pydantic derives from names: a model would pay tokens for them and learn nothing."""
    if isinstance(schema, dict):
        kept = {k: v for k, v in schema.items() if k != "title" or not isinstance(v, str)}
        return {k: _without_titles(v) for k, v in kept.items()}
    return [_without_titles(item) for item in schema] if isinstance(schema, list) else schema
