"""lagent: the ReAct of lagent 0.2 (agents/react.py), English protocol; a result is a system message of its own.

    Thought:…                                    } generated, then
    Action:get_weather                           } the stop token
    Action Input:{"city": "北京"}
    Response:RESULT                              } a system message in the middle of the conversation

The tools are the Python list of dicts that lagent prints. A chat template without role names has no such message: there
the result goes into the user's slot.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from agentswift.agent_templates.react import React
from agentswift.agent_templates.sections import Labels
from agentswift.conversation import Tool

_TYPES = {"string": "STRING", "integer": "NUMBER", "number": "FLOAT", "boolean": "BOOLEAN", "array": "Array"}
_PASSED = (
    "If you call this tool, you must pass arguments in the JSON format {key: value}, "
    "where the key is the parameter name."
)


@dataclass(eq=False, kw_only=True)
class Lagent(React):
    """ReAct whose tools are printed as lagent prints its own."""

    def names(self, tools: Sequence[Tool]) -> str:
        """Return the names as a Python list, which stands in brackets once more."""
        return repr([tool.name for tool in tools])

    def tool_line(self, number: int, tool: Tool) -> str:
        """Return the tool as a Python dict; the list's brackets are the instructions'."""
        properties, required = tool.parameters.get("properties"), tool.parameters.get("required")
        named = properties.items() if isinstance(properties, Mapping) else ()
        described = {
            "name": tool.name,
            "description": tool.description,
            "parameters": [_parameter(name, inner if isinstance(inner, Mapping) else {}) for name, inner in named],
            "required": list(required) if isinstance(required, (list, tuple)) else [],
            "parameter_description": _PASSED,
        }
        return repr(described)


def _parameter(name: str, schema: Mapping[str, Any]) -> dict[str, Any]:
    kind = schema.get("type", "string")
    more = {key: value for key, value in schema.items() if key not in ("type", "description")}
    spelled = _TYPES.get(kind, kind.upper()) if isinstance(kind, str) else kind
    return {"name": name, "type": spelled, "description": schema.get("description", ""), **more}


LAGENT = Lagent(
    name="lagent",
    labels=Labels(observation="Response", space=""),
    stop=(),
    observation_place="system",
    between=", ",
    instructions="""You are a assistant who can utilize external tools.
[{tools}]
To use a tool, please use the following format:
```
Thought:Think what you need to solve, do you need to use tools?
Action:the tool name, should be one of [{names}]
Action Input:the input to the action
```
The response after utilizing tools should using the following format:
```
Response:the results after call the tool.
```
If you already know the answer, or you do not need to use tools,
please using the following format to reply:
```
Thought:the thought process to get the final answer
Final Answer:final answer
```
Begin!""",
)
