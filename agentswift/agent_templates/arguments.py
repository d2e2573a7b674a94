"""A call's arguments: read from the text a model wrote, and held against the tool's own JSON Schema."""

import re
from collections.abc import Iterator, Mapping
from typing import Any

from agentswift.agent_templates.json_text import read_json
from agentswift.agent_templates.spans import Problem
from agentswift.conversation import Tool
from agentswift.errors import did_you_mean

_FENCE = re.compile(r"```\w*\s*")
_PAIR = re.compile(r"(?:\A|[,，]\s*)([^\W\d]\w*)\s*=\s*")
_NOTHING = frozenset({"", "none", "null", "n/a", "无"})
# JSON Schema's names, and those that tools written for Python and for lagent use instead.
_TYPES: dict[str, tuple[type, ...]] = {
    **dict.fromkeys(("string", "str"), (str,)),
    **dict.fromkeys(("number", "float", "double"), (int, float)),
    **dict.fromkeys(("integer", "int"), (int,)),
    **dict.fromkeys(("boolean", "bool"), (bool,)),
    **dict.fromkeys(("array", "list"), (list, tuple)),
    **dict.fromkeys(("object", "dict"), (Mapping,)),
    "null": (type(None),),
}


def read_arguments(text: str) -> tuple[dict[str, Any] | None, tuple[Problem, ...]]:
    """Return the arguments written in `text` (None: unreadable) and what was not JSON about them. Never raises.

    Understood besides a JSON object: one in a code fence, in quotes, in Python's own notation, with text after it;
    `key=value` pairs; and nothing at all, which is no arguments.
    """
    text = text.strip()
    if (found := read_json(text)) and isinstance(found.value, dict):
        problems = _repaired("the arguments are not JSON as written") if found.repaired else ()
        if rest := text[found.end :].strip():
            problems += (Problem("stray_text", f"text after the arguments: {rest[:60]!r}"),)
        return found.value, problems
    arguments = _repair(text)
    if arguments is None:
        return None, (Problem("unparsable", f"the arguments are no JSON object: {text[:60]!r}"),)
    return arguments, _repaired(f"the arguments are not a JSON object: {text[:60]!r}")


def problems_of(tool: Tool, arguments: Mapping[str, Any]) -> list[Problem]:
    """Return where `arguments` break the tool's schema; none when it declares no parameters at all.

    The part of JSON Schema that tools use: type, enum, const, nullable, required, properties, additionalProperties,
    items, anyOf, oneOf. An argument that the schema does not name is a problem, unless additionalProperties lets it;
    inside nested objects only where additionalProperties is false. What is not understood is let pass.
    """
    schema = tool.parameters
    if not schema:
        return []
    properties = _mapping(schema.get("properties"))
    problems = list(_object_problems(schema, arguments, tool.name, ""))
    if not schema.get("additionalProperties"):
        for name in arguments:
            if name not in properties:
                problems.append(_unknown(tool.name, str(name), properties))
    return problems


def _repaired(message: str) -> tuple[Problem, ...]:
    return (Problem("repaired", message),)


def _repair(text: str) -> dict[str, Any] | None:
    """Return the object in a fence, in quotes, in pairs, or after other words; None where there is none."""
    if text.lower() in _NOTHING:
        return {}
    if fence := _FENCE.match(text):
        text = text[fence.end() :].removesuffix("```").strip()
    found = read_json(text)
    if found and isinstance(found.value, str):  # the object was quoted as a whole
        found = read_json(found.value)
    elif len(text) > 1 and text[0] == text[-1] and text[0] in "'\"`":
        found = read_json(text[1:-1])
    if found and isinstance(found.value, dict):
        return found.value
    if pairs := _pairs(text):
        return pairs
    found = read_json(text, text.find("{")) if "{" in text else None
    return found.value if found and isinstance(found.value, dict) else None


def _pairs(text: str) -> dict[str, Any]:
    """Read `city=北京, days=3`; a value that is no JSON is a string."""
    marks = list(_PAIR.finditer(text))
    if not marks or marks[0].start() > 0:
        return {}
    ends = [mark.start() for mark in marks[1:]] + [len(text)]
    return {mark.group(1): _scalar(text[mark.end() : end].strip()) for mark, end in zip(marks, ends, strict=True)}


def _scalar(text: str) -> Any:
    found = read_json(text)
    return found.value if found and found.end == len(text) else text


def _mapping(value: object) -> Mapping[str, Any]:
    return value if isinstance(value, Mapping) else {}


def _names(value: object) -> list[str]:
    return [name for name in value if isinstance(name, str)] if isinstance(value, (list, tuple)) else []


def _unknown(tool: str, path: str, known: Mapping[str, Any]) -> Problem:
    return Problem("unknown_argument", f"{tool} takes no argument {path!r}.{did_you_mean(path, known)}", path)


def _object_problems(schema: Mapping[str, Any], value: Mapping[str, Any], tool: str, path: str) -> Iterator[Problem]:
    properties = _mapping(schema.get("properties"))
    for name in _names(schema.get("required")):
        if name not in value:
            yield Problem("missing_argument", f"{tool} needs the argument {path + name!r}", path + name)
    for name, inner in properties.items():
        if name in value:
            yield from _value_problems(inner, value[name], tool, f"{path}{name}")
    if path and schema.get("additionalProperties") is False:
        yield from (_unknown(tool, path + name, properties) for name in value if name not in properties)


def _value_problems(schema: object, value: object, tool: str, path: str) -> Iterator[Problem]:
    if not isinstance(schema, Mapping) or (value is None and schema.get("nullable") is True):
        return
    branches = schema.get("anyOf") or schema.get("oneOf")
    if (
        isinstance(branches, (list, tuple))
        and branches
        and all(any(_value_problems(b, value, tool, path)) for b in branches)
    ):
        yield Problem("ill_typed_argument", f"{tool}: {path!r} fits none of its schema's alternatives", path)
    elif fault := _fault(schema, value):
        yield Problem("ill_typed_argument", f"{tool}: {path!r} {fault}", path)
    elif isinstance(value, Mapping):
        yield from _object_problems(schema, value, tool, f"{path}.")
    elif isinstance(value, (list, tuple)):
        for position, element in enumerate(value):
            yield from _value_problems(schema.get("items"), element, tool, f"{path}[{position}]")


def _fault(schema: Mapping[str, Any], value: object) -> str:
    """Say how a value breaks type, enum or const; "" when it does not."""
    declared = schema.get("type")
    types = [declared] if isinstance(declared, str) else _names(declared)
    if types and not any(_is_of(value, name) for name in types):
        return f"should be {' or '.join(types)}, is {_shown(value)}"
    allowed = [schema["const"]] if "const" in schema else schema.get("enum")
    if isinstance(allowed, (list, tuple)) and allowed and not any(_equal(value, one) for one in allowed):
        return f"should be one of {', '.join(map(_shown, allowed))}, is {_shown(value)}"
    return ""


def _is_of(value: object, name: str) -> bool:
    types = _TYPES.get(name.lower())
    if types is None:
        return True  # not JSON Schema's: nothing can be said
    if isinstance(value, bool):  # Python's bool is an int, JSON's is not
        return bool in types
    return isinstance(value, types) or (types == (int,) and isinstance(value, float) and value.is_integer())


def _equal(value: object, other: object) -> bool:
    return value == other and isinstance(value, bool) == isinstance(other, bool)


def _shown(value: object) -> str:
    if isinstance(value, (Mapping, list, tuple)):
        return "an object" if isinstance(value, Mapping) else "an array"
    return repr(value)[:60]
