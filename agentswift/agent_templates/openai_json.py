"""openai_json: calls as the `tool_calls` of an OpenAI message, in JSON on one line; results of the role tool.

    Let me look.                                                                        } generated,
    {"tool_calls": [{"type": "function", "function": {"name": "get_weather",            } then the
    "arguments": {"city": "北京"}}}]}                                                   } stop token
    RESULT                                                                              } a message of the role tool

(The call is one line; arguments are an object, not OpenAI's string of JSON: that is read as well.) For models that are
served where a program takes the text apart itself, with no parser of its own. The wording is ours; ms-swift has no such
template.
"""

from agentswift.agent_templates.calls import arguments_text, json_string
from agentswift.agent_templates.json_calls import JsonCalls
from agentswift.agent_templates.spans import Part
from agentswift.conversation import Step


class OpenAIJson(JsonCalls):
    """The template."""

    def call_parts(self, step: Step, index: int, *, is_first: bool, is_last: bool) -> list[Part]:
        """Return the call as an item of tool_calls."""
        opening = '{"tool_calls": [' if is_first else ""
        return [
            (opening + '{"type": "function", "function": {"name": "', "label", index, "action"),
            (json_string(step.tool), "action", index),
            ('", "arguments": ', "label", index, "action_input"),
            (arguments_text(step), "action_input", index),
            ("}}]}" if is_last else "}}, ", "label", index, "action_input"),
        ]


OPENAI_JSON = OpenAIJson(
    name="openai_json",
    instructions="""# Tools

You can call these functions:

{tools}

To call one or several, end your reply with one line of JSON, and wait for the results:

{"tool_calls": [{"type": "function", "function": {"name": NAME, "arguments": OBJECT}}]}

Where no function is needed, or when you have the results, reply in plain words.""",
)
