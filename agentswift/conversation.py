"""The one form every agent format becomes: a Conversation of turns, each a user's word and the agent's steps."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, get_args

Kind = Literal["thought", "call", "observation", "answer", "text"]
Field = Literal[
    "system",  # what the system message says apart from the tools
    "tools",  # the tools' text and the format's instructions around it
    "user",
    "marker",  # the chat template's own tokens: headers, separators
    "thought",
    "action",  # the name of the tool called
    "action_input",  # its arguments
    "observation",
    "answer",
    "text",  # plain reply in a conversation that has no tools and no call
    "label",  # the agent template's own words: "Action:", "<tool_call>"
    "end_of_turn",  # the stop token
]
FIELDS: tuple[Field, ...] = get_args(Field)
# What the model itself writes; all else is read by it, and weighs 0 unless a loss scale names it.
WRITTEN: frozenset[Field] = frozenset({"thought", "action", "action_input", "answer", "text", "label", "end_of_turn"})


@dataclass(frozen=True, kw_only=True)
class Tool:
    """A tool the agent may call; `parameters` is a JSON Schema of type object, as OpenAI's `function.parameters`."""

    name: str
    description: str = ""
    parameters: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class Step:
    """One thing an agent does or reads. Two steps are equal when text, tool and arguments are: weights do not count.

    A call has `tool` and `arguments` and no text; every other kind has text alone. Parallel calls stand
    together (call, call), and their observations follow in the same order (observation, observation).
    """

    kind: Kind
    text: str = ""
    tool: str = ""
    arguments: Mapping[str, Any] = field(default_factory=dict)
    train: bool = field(default=True, compare=False)  # False: weight 0 whatever the loss scale says
    weight: float = field(default=1.0, compare=False)  # ≥ 0, multiplies the loss scale's


@dataclass(frozen=True, kw_only=True)
class Turn:
    """What the user said (None: nothing, the agent speaks first or goes on) and what the agent did about it."""

    user: str | None
    steps: tuple[Step, ...] = ()


@dataclass(frozen=True, kw_only=True, slots=True)
class Source:
    """Where a row came from: `line` counts from 1 (0: unknown), `row` from 0 within its dataset."""

    dataset: str = ""
    file: str = ""
    line: int = 0
    row: int = 0
    id: str = ""
    made: str = ""  # how this row was made from that one (data.negatives); "": it is that one


@dataclass(frozen=True, kw_only=True)
class Conversation:
    """A whole conversation. `system` None means the data has none (the model's default then holds).

    Final plain text of the agent is an "answer" in an agent's conversation (`is_agent`), else "text".
    """

    turns: tuple[Turn, ...]
    system: str | None = None
    tools: tuple[Tool, ...] = ()
    source: Source = field(default=Source(), compare=False)

    @property
    def is_agent(self) -> bool:
        """Whether tools are declared, or the agent does anything but talk: thinks, calls, answers."""
        return bool(self.tools) or any(s.kind != "text" for t in self.turns for s in t.steps)

    def steps(self) -> list[Step]:
        """Every step in order, across turns."""
        return [step for turn in self.turns for step in turn.steps]
