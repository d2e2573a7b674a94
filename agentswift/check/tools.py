"""Rules over the tools that a row declares."""

import json
from collections.abc import Callable, Iterator, Mapping
from functools import lru_cache
from typing import Any

from agentswift.check.rules import Hit
from agentswift.conversation import Conversation


def faulty_tools(conversation: Conversation) -> Iterator[Hit]:
    """Find names declared twice, and parameters that no JSON Schema reader would take."""
    seen = set[str]()
    for i, tool in enumerate(conversation.tools):
        if tool.name in seen:
            yield Hit("duplicate-tool", f"$.tools[{i}].name", {"tool": tool.name})
        seen.add(tool.name)
        if place_and_trouble := _fault(tool.parameters):
            place, trouble = place_and_trouble
            yield Hit("invalid-schema", f"$.tools[{i}].parameters{place}", {"tool": tool.name, "trouble": trouble})


def _fault(schema: Mapping[str, Any]) -> tuple[str, str] | None:
    """Return the place in `schema` and what is wrong there; {} is a tool that takes nothing or says nothing."""
    if not schema:
        return None
    if schema.get("type", "object") != "object":
        return ".type", f"it says type {schema['type']!r}"
    # The library takes a millisecond a schema: it is asked only about what is out of the ordinary, and once.
    return None if _is_ordinary(schema) else _asked(json.dumps(schema, ensure_ascii=False, default=str))


def _is_ordinary(schema: object) -> bool:
    """Whether `schema` is made of the everyday keywords alone, each with a value of its kind."""
    return isinstance(schema, Mapping) and all(
        key in _KEYWORDS and _KEYWORDS[key](value) for key, value in schema.items()
    )


def _is_word(value: object) -> bool:
    return isinstance(value, str)


def _are_names(value: object) -> bool:
    return isinstance(value, list) and all(map(_is_word, value)) and len(set(value)) == len(value)


_TYPES = frozenset({"object", "array", "string", "integer", "number", "boolean", "null"})
_KEYWORDS: dict[str, Callable[[Any], bool]] = {
    "type": lambda value: isinstance(value, str) and value in _TYPES,
    "properties": lambda value: isinstance(value, Mapping) and all(map(_is_ordinary, value.values())),
    "items": _is_ordinary,
    "required": _are_names,
    "enum": lambda value: isinstance(value, list),
    "additionalProperties": lambda value: isinstance(value, bool),
    **dict.fromkeys(("title", "description", "format"), _is_word),
    **dict.fromkeys(("default", "const", "example"), lambda value: True),
}


@lru_cache(maxsize=4096)
def _asked(schema: str) -> tuple[str, str] | None:
    from jsonschema import Draft202012Validator
    from jsonschema.exceptions import best_match

    fault = best_match(Draft202012Validator(Draft202012Validator.META_SCHEMA).iter_errors(json.loads(schema)))
    if fault is None:
        return None
    place = "".join(f"[{key}]" if isinstance(key, int) else f".{key}" for key in fault.absolute_path)
    return place, fault.message if len(fault.message) < 160 else fault.message[:160] + "…"
