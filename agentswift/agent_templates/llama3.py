"""Llama 3's JSON calls; the wording is ms-swift 4.6's `llama3` (agent_template/llama.py), Meta's own for custom tools.

    Let me look.                                             } generated, then
    {"name": "get_weather", "parameters": {"city": "北京"}}  } the stop token
    RESULT                                                   } a message of the role tool

The tools stand before the first question, in the user's slot. Several calls at once stand on a line each. ms-swift's
tags around a result are Llama's own; here the chat template's header of a user's turn is taken, with the role's name.
"""

import json
from collections.abc import Sequence

from agentswift.agent_templates.calls import arguments_text, json_string
from agentswift.agent_templates.json_calls import JsonCalls, declared
from agentswift.agent_templates.spans import Part, Piece, joined
from agentswift.conversation import Step, Tool

_INSTRUCTIONS = """Given the following functions, please respond with a JSON for a function call \
with its proper arguments that best answers the given prompt.

Respond in the format {"name": function name, "parameters": dictionary of argument name and its value}. \
Do not use variables.

"""


class Llama3(JsonCalls):
    """The template."""

    def system(self, system: str | None, tools: Sequence[Tool]) -> Piece:
        """Return the conversation's own prompt alone."""
        return joined([(system or "", "system", -1)], "given")

    def user(self, text: str, tools: Sequence[Tool], *, turn: int = 0) -> Piece:
        """Return the user's words, in the first turn after the tools."""
        listed = "\n\n".join(json.dumps(declared(tool), ensure_ascii=False, indent=4) for tool in tools)
        before = f"{self.instructions}{listed}\n\n" if tools and turn == 0 else ""
        return joined([(before, "tools", -1), (text, "user", -1)], "given")

    def call_parts(self, step: Step, index: int, *, is_first: bool, is_last: bool) -> list[Part]:
        """Return the call as one line."""
        return [
            ('{"name": "', "label", index, "action"),
            (json_string(step.tool), "action", index),
            ('", "parameters": ', "label", index, "action_input"),
            (arguments_text(step), "action_input", index),
            ("}" if is_last else "}\n", "label", index, "action_input"),
        ]


LLAMA3 = Llama3(name="llama3", instructions=_INSTRUCTIONS)
