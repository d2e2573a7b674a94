"""native: the model's own chat template writes tools, calls and results; here is only how they are read back.

What is written hangs on the model, so engine/native.py does it. A reply is read as the family it is of tells by itself:
`<tool_call>` tags are hermes', bare JSON is Llama's; words are the answer, `<think>` a thought.
"""

from collections.abc import Sequence
from typing import NoReturn

from agentswift.agent_templates.hermes import HERMES
from agentswift.agent_templates.json_calls import calls_in, found_in
from agentswift.agent_templates.llama3 import LLAMA3
from agentswift.agent_templates.spans import Piece, Place, Reading
from agentswift.conversation import Step, Tool
from agentswift.errors import UsageError


class Native:
    """The reading half of the model's own template."""

    name: str = "native"
    stop: tuple[str, ...] = ()
    observation_place: Place = "tool"

    def system(self, system: str | None, tools: Sequence[Tool]) -> Piece:
        """Raise UsageError: this is the model's."""
        _refuse()

    def user(self, text: str, tools: Sequence[Tool], *, turn: int = 0) -> Piece:
        """Raise UsageError: this is the model's."""
        _refuse()

    def write(self, steps: Sequence[Step]) -> list[Piece]:
        """Raise UsageError: this is the model's."""
        _refuse()

    def read(
        self, text: str, tools: Sequence[Tool], *, is_agent: bool = True, after_observation: bool = False
    ) -> Reading:
        """Return words and calls."""
        is_llama = "<tool_call>" not in text and found_in(text, calls_in)[0]
        family = LLAMA3 if is_llama else HERMES
        return family.read(text.removesuffix("<|eom_id|>"), tools, is_agent=is_agent)

    def read_observation(self, text: str, *, labelled: bool = False) -> tuple[Step, ...]:
        """Return the result, which is all of the message."""
        return (Step(kind="observation", text=text),)


NATIVE = Native()


def _refuse() -> NoReturn:
    raise UsageError(
        "template=native writes with a model's own chat template, so it needs the model: show and train have it; "
        "here choose another (agentswift list what=templates)"
    )
