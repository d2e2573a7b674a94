"""Types of parameters that a row declares without one (iic/ms_agent's), from the arguments that calls give them."""

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from agentswift.conversation import Conversation, Tool

_TYPED = ("type", "enum", "const", "anyOf", "oneOf", "allOf", "$ref")
_NAMES = {bool: "boolean", int: "integer", float: "number", str: "string", type(None): "null"}


class Types:
    """What a file's calls tell of its tools' parameters; memory grows with the tools, not with the rows."""

    def __init__(self) -> None:
        self.seen: defaultdict[tuple[str, str], set[str]] = defaultdict(set)
        self.given: set[tuple[str, str]] = set()  # parameters that got a type
        self.untold: set[tuple[str, str]] = set()  # parameters that no call tells anything of

    def learn(self, conversation: Conversation) -> None:
        """Note the type of each argument of each call."""
        for step in conversation.steps():
            for name, value in step.arguments.items():
                self.seen[step.tool, name].add(_json_type(value))

    def fill(self, conversation: Conversation) -> Conversation:
        """Return the conversation with a type for each parameter that had none and that a call used."""
        return replace(conversation, tools=tuple(map(self._tool, conversation.tools)))

    def _tool(self, tool: Tool) -> Tool:
        properties = tool.parameters.get("properties")
        if not isinstance(properties, Mapping):
            return tool
        typed = {name: self._property((tool.name, name), declared) for name, declared in properties.items()}
        return replace(tool, parameters={**tool.parameters, "properties": typed})

    def _property(self, key: tuple[str, str], declared: Any) -> Any:
        if not isinstance(declared, Mapping) or any(word in declared for word in _TYPED):
            return declared
        if (kind := _union(self.seen.get(key, set()))) is None:
            self.untold.add(key)
            return declared
        self.given.add(key)
        return {"type": kind, **declared}


def _json_type(value: Any) -> str:
    return _NAMES.get(type(value)) or ("object" if isinstance(value, Mapping) else "array")


def _union(kinds: set[str]) -> str | list[str] | None:
    """Return one type, or the list of several; None where all that was ever given is null."""
    kinds = kinds - {"integer"} if "number" in kinds else kinds
    if not kinds - {"null"}:
        return None
    return next(iter(kinds)) if len(kinds) == 1 else sorted(kinds)
