"""ms_agent: ReAct with the prompt of the data set iic/ms_agent (ModelScope-Agent's, English around any language).

Tools are numbered, their parameters a list of {name, description, required: "True" or "False"}; what else a schema says
of a parameter (type, enum, items) stands behind these, so nothing of it is lost. The data write arguments as Python
literals, here they are JSON; the result follows `Observation:` after a space, as there.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from agentswift.agent_templates.react import React
from agentswift.conversation import Tool

_FIRST = ("description", "required")


@dataclass(eq=False, kw_only=True)
class MsAgent(React):
    """ReAct whose tools stand in a numbered list."""

    def tool_line(self, number: int, tool: Tool) -> str:
        """Return the tool's line; a full stop ends its description, as in the data."""
        about = tool.description.removesuffix(".")
        listed = json.dumps(_listed(tool.parameters), ensure_ascii=False)
        return (
            f"{number}. {tool.name}: Call this tool to interact with the {tool.name} API. "
            f"What is the {tool.name} API useful for? {about}. Parameters: {listed}"
        )


def _listed(schema: Mapping[str, Any]) -> list[dict[str, Any]]:
    properties, required = schema.get("properties"), schema.get("required")
    needed = required if isinstance(required, (list, tuple)) else ()
    return [
        _parameter(name, inner if isinstance(inner, Mapping) else {}, name in needed)
        for name, inner in (properties.items() if isinstance(properties, Mapping) else ())
    ]


def _parameter(name: str, schema: Mapping[str, Any], required: bool) -> dict[str, Any]:
    more = {key: value for key, value in schema.items() if key not in _FIRST}
    return {"name": name, "description": schema.get("description", ""), "required": str(required), **more}


MS_AGENT = MsAgent(
    name="ms_agent",
    comma=", ",
    before_result=" ",
    instructions="""Answer the following questions as best you can. You have access to the following APIs:
{tools}

Use the following format:

Thought: you should always think about what to do
Action: the action to take, should be one of the above tools[{names}]
Action Input: the input to the action
Observation: the result of the action
... (this Thought/Action/Action Input/Observation can be repeated zero or more times)
Thought: I now know the final answer
Final Answer: the final answer to the original input question
Begin!""",
)
