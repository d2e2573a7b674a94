"""Text with spans, the common coin of agent templates: pieces, their fields, and what reading gives back."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import Literal, Protocol, TypeAlias

from agentswift.conversation import Field, Step, Tool

Role = Literal["generated", "observation", "given"]
# Where a result goes: into the agent's own slot, a turn of the user's slot (all together), or turns of a role's own.
Place = Literal["assistant", "user", "system", "tool"]
# A stretch of text, its field, its step (-1: none) and, for a label, the field that it introduces.
Part: TypeAlias = tuple[str, Field, int] | tuple[str, Field, int, str]


@dataclass(frozen=True)
class Span:
    """Characters [start, end) of a piece that belong to `field`; `step` indexes the turn's steps (-1: none).

    For a "label", `of` is the field it introduces ("Action:" → action).
    """

    field: Field
    start: int
    end: int
    step: int = -1
    of: str = ""


@dataclass(frozen=True)
class Piece:
    """A stretch of text and its spans: in order, covering `text`, no gap, no overlap, none empty.

    `role` "generated": the model writes it, in one go, up to a stop. "observation": a tool's result, put in by
    whoever runs the agent; all of it has the field observation, labels included. "given": system or user text.
    """

    text: str
    spans: tuple[Span, ...]
    role: Role


@dataclass(frozen=True)
class Problem:
    """Why model text is not a well-formed step; `kind` is one of unparsable, unknown_tool, missing_argument,
    unknown_argument, ill_typed_argument, stray_text, repaired (understood, though not as the template writes it)."""

    kind: str
    message: str
    path: str = ""  # where in the arguments, as trip.days[0]; empty: the whole step


@dataclass(frozen=True)
class Reading:
    """What a template read in one generation: its steps, and what was wrong with it. Reading never raises."""

    steps: tuple[Step, ...]
    problems: tuple[Problem, ...] = ()


class AgentTemplate(Protocol):
    """One way of putting tools, calls and observations into text; ms-swift's names where it has them."""

    name: str
    stop: tuple[str, ...]  # stop words that end a generation, besides the chat template's own stop token
    observation_place: Place

    def system(self, system: str | None, tools: Sequence[Tool]) -> Piece:
        """Return the system message (role "given"; fields system and tools); empty text when there is none."""

    def user(self, text: str, tools: Sequence[Tool], *, turn: int = 0) -> Piece:
        """Return the user's message as this template words it (role "given"); `turn` counts from 0."""

    def write(self, steps: Sequence[Step]) -> list[Piece]:
        """Return a turn's steps as pieces: generated ones, cut at each stop, with observations between them.

        An observation's piece holds just what is put in for it. The stop token is not written here: the chat
        template adds it after the last generated piece, and, where observations do not go to the agent's slot, after
        each.
        """

    def read(
        self, text: str, tools: Sequence[Tool], *, is_agent: bool = True, after_observation: bool = False
    ) -> Reading:
        """Return the steps in one generation (stop word there or cut off). For what `write` wrote, no problems.

        `after_observation`: the generation goes on from an observation's piece, in the same turn.
        """

    def read_observation(self, text: str, *, labelled: bool = False) -> tuple[Step, ...]:
        """Return the observation steps in the text of one observation piece.

        `labelled`: the piece brings its own label, as no generated one before it ended with the stop word.
        """


def joined(parts: Iterable[Part], role: Role) -> Piece:
    """Join parts into one piece; empty parts vanish."""
    text, spans = "", []
    for part, field, step, *of in parts:
        if part:
            spans.append(Span(field, len(text), len(text) + len(part), step, *of))
            text += part
    return Piece(text, tuple(spans), role)


Run = Sequence[tuple[int, Step]]  # steps, each with its place in the turn


def alternating(
    steps: Sequence[Step],
    generation: Callable[[Run, list[Piece]], Piece],
    result: Callable[[Step, list[Piece], bool, bool], str],
) -> list[Piece]:
    """Return a generation for each run of steps up to a result, and a piece for each result.

    Both are given the pieces before them; `result(step, pieces, is_first, is_last)` returns a result's text, told
    whether it is the first and the last of those that stand together.
    """
    pieces: list[Piece] = []
    for is_result, group in groupby(enumerate(steps), key=lambda numbered: numbered[1].kind == "observation"):
        run = list(group)
        if not is_result:
            pieces.append(generation(run, pieces))
            continue
        for index, step in run:
            text = result(step, pieces, index == run[0][0], index == run[-1][0])
            pieces.append(joined([(text, "observation", index)], "observation"))
    return pieces
