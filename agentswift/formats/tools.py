"""Declared tools of every spelling → Tools whose parameters are one JSON Schema of type object."""

import re
from collections.abc import Mapping
from typing import Any

from agentswift.conversation import Tool
from agentswift.errors import RowError
from agentswift.formats.values import parsed

_TYPES = {
    **dict.fromkeys(("string", "str", "text"), "string"),
    **dict.fromkeys(("integer", "int", "long"), "integer"),
    **dict.fromkeys(("number", "float", "double"), "number"),
    **dict.fromkeys(("boolean", "bool"), "boolean"),
    **dict.fromkeys(("array", "list", "tuple", "set"), "array"),
    **dict.fromkeys(("object", "dict", "json"), "object"),
    **dict.fromkeys(("null", "none"), "null"),
}
_PARAMETERS = ("parameters", "input_schema", "inputSchema", "input_parameters")  # Anthropic, MCP, API-Bank
_LITERAL = ("default", "const")  # here a null is a value
_LITERALS = ("enum", "examples")  # and here an item


def read_tools(declared: Any, path: str = "$.tools") -> tuple[Tool, ...]:
    """Return the tools that a row declares: a list, or the text of one; each bare or as {type, function}.

    Raises RowError bad-tools for what is no list of named tools.
    """
    if isinstance(declared, str) and declared.strip():
        try:
            declared = parsed(declared)
        except ValueError as error:
            raise bad_tools(f"tools are not JSON ({error}): {declared[:80]}", path) from error
    if isinstance(declared, Mapping):
        declared = [declared]
    if not declared:
        return ()
    if not isinstance(declared, list):
        raise bad_tools(f"tools must be a list, not {str(declared)[:80]}", path)
    return tuple(read_tool(tool, f"{path}[{i}]") for i, tool in enumerate(declared) if tool is not None)


def read_tool(tool: Any, path: str) -> Tool:
    """Return one tool, OpenAI's {type: function, function: {…}} or the inner object alone."""
    if isinstance(tool, str):
        try:
            tool = parsed(tool)
        except ValueError as error:
            raise bad_tools(f"a tool is not JSON ({error}): {tool[:80]}", path) from error
    inner = tool.get("function") or tool if isinstance(tool, Mapping) else None
    if not isinstance(inner, Mapping) or not isinstance(inner.get("name"), str) or not inner["name"]:
        raise bad_tools(f"a tool needs a name: {str(tool)[:80]}", path)
    key = next((key for key in _PARAMETERS if inner.get(key) is not None), "parameters")
    return Tool(
        name=inner["name"],
        description=str(inner.get("description") or ""),
        parameters=schema(inner.get(key), f"{path}.{key}", required=inner.get("required")),
    )


def schema(parameters: Any, path: str = "$.parameters", *, required: Any = None) -> dict[str, Any]:
    """Return the parameters as a JSON Schema of type object, in JSON Schema's own type names.

    Takes a schema, a bare map of properties, or ms_agent's list of {name, description, required}; `required` stands
    in where some write it beside the parameters. A null is dropped where it can be no value: Arrow's padding is gone
    before (rows/tables.py), but files written from such tables hold it as JSON (ms-swift #10125).
    """
    if isinstance(parameters, str):
        try:
            parameters = parsed(parameters)
        except ValueError as error:
            raise bad_tools(f"parameters are not JSON: {error}", path) from error
    if isinstance(parameters, list):
        parameters = _from_list(parameters, path)
    if not isinstance(parameters, Mapping | None):
        raise bad_tools(f"parameters must be a JSON Schema, not {str(parameters)[:80]}", path)
    whole = {key: value for key, value in (parameters or {}).items() if value is not None}
    if whole and "properties" not in whole and all(isinstance(value, Mapping) for value in whole.values()):
        whole = {"properties": whole}
    if isinstance(required, list) and required and not whole.get("required"):
        whole["required"] = required
    if not isinstance(whole.get("properties", {}), Mapping) or not isinstance(whole.get("required", []), list):
        raise bad_tools(f"properties must be an object and required a list: {str(whole)[:80]}", path)
    return {"properties": {}, **_cleaned(whole), "type": "object"}


def _from_list(parameters: list[Any], path: str) -> dict[str, Any]:
    """Return the schema of [{name, description, required, …}], where required may be the word "True"."""
    properties, required = {}, []
    for i, parameter in enumerate(parameters):
        if not isinstance(parameter, Mapping) or not isinstance(parameter.get("name"), str):
            raise bad_tools(f"a parameter needs a name: {str(parameter)[:80]}", f"{path}[{i}]")
        properties[parameter["name"]] = {k: v for k, v in parameter.items() if k not in ("name", "required", "schema")}
        if isinstance(parameter.get("schema"), Mapping):
            properties[parameter["name"]].update(parameter["schema"])
        if str(parameter.get("required")).lower() == "true":
            required.append(parameter["name"])
    return {"properties": properties, "required": required}


def _cleaned(part: Any) -> Any:
    """Drop padding and respell types, all the way down."""
    if isinstance(part, list | tuple):
        return [_cleaned(item) for item in part]
    if not isinstance(part, Mapping):
        return part
    clean: dict[str, Any] = {}
    for key, value in part.items():
        if key in _LITERAL or key.startswith("x-"):
            clean[key] = value
        elif value is None:
            continue
        elif key in _LITERALS:
            clean[key] = value
        elif key in ("properties", "$defs", "definitions", "patternProperties") and isinstance(value, Mapping):
            clean[key] = {name: _property(item) for name, item in value.items() if item is not None}
        elif key == "type":
            clean |= _typed(value)
        else:
            clean[key] = _cleaned(value)
    return clean


def _property(declared: Any) -> Any:
    return {"description": declared} if isinstance(declared, str) else _cleaned(declared)


def _typed(word: Any) -> dict[str, Any]:
    """Return the keywords that a type's name stands for: "List[int], optional" is an array of integers."""
    if not isinstance(word, str):
        return {"type": [_typed(w).get("type", w) for w in word] if isinstance(word, list) else word}
    plain = re.sub(r"\s*,\s*optional\s*$", "", word.strip(), flags=re.IGNORECASE).removeprefix("typing.")
    if inner := re.fullmatch(r"(?i)(list|array|tuple|set|optional)\[(.+)\]", plain):
        item = _typed(inner[2])
        return item if inner[1].lower() == "optional" else {"type": "array", "items": item}
    if inner := re.fullmatch(r"(?i)dict\[.+\]", plain):
        return {"type": "object"}
    known = _TYPES.get(plain.lower())
    return {"type": known} if known else {"format": plain}  # "date", "any": no type of JSON, yet worth reading


def bad_tools(message: str, path: str) -> RowError:
    """Return the error of a declaration that cannot be read."""
    return RowError(
        message, path=path, rule="bad-tools", fix='declare each as {"name": …, "description": …, "parameters": {…}}'
    )
