"""Our agent templates as ms-swift knows them: what serving reads calls with, and the text of rows that we cannot read.

Rows that we read are encoded by `templates` from their structure; they do not come this way.
"""

from collections.abc import Mapping, Sequence
from functools import cache
from typing import Any

from swift.agent_template import BaseAgentTemplate
from swift.agent_template.base import AgentKeyword
from swift.infer_engine import Function

from agentswift.agent_templates import AGENT_TEMPLATES
from agentswift.agent_templates.calls import arguments_text
from agentswift.agent_templates.spans import AgentTemplate
from agentswift.conversation import Step
from agentswift.errors import RowError
from agentswift.formats.calls import call_of
from agentswift.formats.tools import read_tools


class Adapter(BaseAgentTemplate):  # type: ignore[misc]
    """ms-swift's interface over one of our agent templates, its class attribute `ours`."""

    ours: AgentTemplate
    supports_tool_schema = True  # get_toolcall is given the tools

    def _format_tools(self, tools: list[Any], system: str | None = None, user_message: Any = None) -> str:
        """Return the system text; the first question is worded too, as ms-swift's llama3 does it."""
        declared = read_tools(tools)
        if user_message is not None and isinstance(user_message["content"], str):
            user_message["content"] = self.ours.user(user_message["content"], declared).text
        return self.ours.system(system, declared).text

    def _format_tool_calls(self, tool_call_messages: Sequence[Mapping[str, Any]]) -> str:
        """Return the calls made at once, up to the stop word."""
        calls = [call_of(message["content"], "$") for message in tool_call_messages]
        return "".join(piece.text for piece in self.ours.write(calls) if piece.role == "generated")

    def _format_tool_responses(self, assistant_content: Any, tool_messages: Sequence[Mapping[str, Any]]) -> Any:
        """Return the reply and the results: in the agent's slot, or as a turn of the user's (or another role's)."""
        said = assistant_content[-1] if isinstance(assistant_content, list) else assistant_content
        steps = (*_calls(self.ours, said, len(tool_messages)), *(_result(message) for message in tool_messages))
        results = [piece.text for piece in self.ours.write(steps) if piece.role == "observation"]
        if self.ours.observation_place == "assistant":
            return assistant_content, results
        return assistant_content, self._turn("".join(results))

    def _turn(self, text: str) -> list[Any]:
        role = self.ours.observation_place
        meta = getattr(self, "template_meta", None)
        prompt = meta.prompt if meta else ["<|im_start|>user\n{{QUERY}}<|im_end|>\n<|im_start|>assistant\n"]
        separator = (meta.chat_sep if meta else None) or ["<|im_end|>\n"]
        named = sum(part.count("user") for part in prompt if isinstance(part, str)) == 1
        pieces = [p.replace("user", role) if named and role != "user" and isinstance(p, str) else p for p in prompt]
        return [*separator, *(p.replace("{{QUERY}}", text) if isinstance(p, str) else p for p in pieces)]

    def get_toolcall(self, response: str, tools: Any = None) -> list[Any]:
        """Return the calls in a reply."""
        try:
            declared = read_tools(tools)
        except RowError:
            declared = ()
        steps = self.ours.read(response, declared).steps
        return [Function(name=s.tool, arguments=arguments_text(s)) for s in steps if s.kind == "call"]


def _result(message: Mapping[str, Any]) -> Step:
    return Step(kind="observation", text=message["content"])


def _calls(ours: AgentTemplate, said: str, results: int) -> Sequence[Step]:
    """Return the calls in the reply; where none can be read as many as there are results, for what is put around."""
    calls = [step for step in ours.read(said, ()).steps if step.kind == "call"]
    return calls or [Step(kind="call", tool="-")] * results


@cache
def adapter(name: str) -> type[Adapter]:
    """Return the class for our agent template `name`, the same each time."""
    ours = AGENT_TEMPLATES[name]
    keyword = AgentKeyword(observation=ours.stop[0]) if ours.stop else AgentKeyword()
    made = type(f"Agentswift_{name}", (Adapter,), {"ours": ours, "keyword": keyword, "__module__": __name__})
    globals()[made.__name__] = made
    return made


def __getattr__(name: str) -> Any:
    """Make a class that a process started afresh unpickles by its name."""
    if name.startswith("Agentswift_") and name.removeprefix("Agentswift_") in AGENT_TEMPLATES:
        return adapter(name.removeprefix("Agentswift_"))
    raise AttributeError(name)
