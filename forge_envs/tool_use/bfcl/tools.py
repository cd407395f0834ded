"""BFCL's function docs as tools in the OpenAI shape (types: upstream's constants/type_mappings.py)."""

import copy
from collections.abc import Iterable, Mapping
from typing import Any

from forge_envs.tool_use.bfcl.categories import Language

_JSON_TYPES: Mapping[str, str] = {
    **dict.fromkeys(("integer", "byte", "short", "long", "Bigint"), "integer"),
    **dict.fromkeys(("number", "float", "double"), "number"),
    **dict.fromkeys(("string", "String", "char", "any", "Any"), "string"),
    **dict.fromkeys(("boolean", "bool", "Boolean"), "boolean"),
    **dict.fromkeys(("array", "list", "tuple", "ArrayList", "Array", "Queue", "Stack", "Set"), "array"),
    **dict.fromkeys(("dict", "object", "HashMap", "Hashtable"), "object"),
}
_KEPT = ("enum", "default", "minimum", "maximum")
_NAMES = {"java": "Java", "javascript": "JavaScript"}


def tool_schemas(docs: Iterable[Mapping[str, Any]], language: Language = "python") -> list[dict[str, Any]]:
    """Tools in the OpenAI shape.

    Dots in names become underscores, because most providers allow none; grading takes either. Parameters of Java and
    JavaScript functions are texts with a value's source, and their descriptions say so.

    Args:
        docs: Upstream's function docs.
        language: In which values are written.
    """
    return [{"type": "function", "function": _function(doc, language)} for doc in docs]


def offered_name(name: str) -> str:
    """The name under which a function is on offer."""
    return name.replace(".", "_")


def _function(doc: Mapping[str, Any], language: Language) -> dict[str, Any]:
    parameters = doc["parameters"]
    properties = {name: _parameter(schema, language) for name, schema in parameters["properties"].items()}
    schema = {"type": "object", "properties": properties, "required": list(parameters["required"])}
    return {"name": offered_name(doc["name"]), "description": doc["description"], "parameters": schema}


def _parameter(schema: Mapping[str, Any], language: Language) -> dict[str, Any]:
    if language == "python":
        return _schema(schema)
    kind = schema["type"]
    items = f" of {schema['items']['type']}" if "items" in schema else ""
    hint = f"Written as {_NAMES[language]} source of type {kind}{items}."
    return {"type": "string", "description": f"{schema.get('description', '')} {hint}".strip()}


def _schema(schema: Mapping[str, Any]) -> dict[str, Any]:
    made: dict[str, Any] = {"type": _JSON_TYPES.get(schema.get("type", "string"), "string")}
    if "description" in schema:
        made["description"] = schema["description"]
    made |= {key: copy.deepcopy(schema[key]) for key in _KEPT if key in schema}
    if made["type"] == "array" and "items" in schema:
        made["items"] = _schema(schema["items"])
    if made["type"] == "object" and isinstance(schema.get("properties"), Mapping):
        made["properties"] = {name: _schema(inner) for name, inner in schema["properties"].items()}
        if isinstance(schema.get("required"), list):
            made["required"] = list(schema["required"])
    return made
