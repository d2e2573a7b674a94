"""Text cut at labels such as "Action:", and calls in that form: what react and agentfabric share."""

import re
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass

from agentswift.agent_templates.calls import arguments_text, read_call
from agentswift.agent_templates.spans import Part, Piece, Problem, Reading
from agentswift.conversation import Step, Tool

OBSERVATION = "Observation:"
FINAL = "Final Answer"
_IN_CALL = ("Action", "Action Input")


@dataclass(frozen=True)
class Section:
    """A label as the template spells it ("" for the text before the first one) and the text that belongs to it."""

    label: str
    text: str


@dataclass(frozen=True)
class Labels:
    """The labels of a template. They count at the start of a line only: models quote "Action:" inside prose."""

    names: tuple[str, ...]

    def cut(self, text: str, *, loosely: bool = False) -> tuple[tuple[Section, ...], tuple[Problem, ...]]:
        """Cut one generation at its labels; also return what did not belong in it.

        It ends at a call's Observation; what follows Final Answer is the answer, whatever it says. An Action counts
        with its Action Input or Observation after it, an Action Input or Observation with its Action before it:
        any other is a line of the text it stands in, and a problem. Loosely, a label may be indented, in bold, in
        another case, or have a full-width colon; an Action Input always comes right after its Action.
        """
        sections: list[Section] = []
        problems: list[Problem] = []
        label, start = "", 0
        marks = self._marks(text, loosely=loosely)
        for position, (name, at, after) in enumerate(marks):
            following = marks[position + 1][0] if position + 1 < len(marks) else ""
            if not _is_in_place(name, label, following):
                problems.append(Problem("stray_text", f"{name}: without the rest of a call"))
                continue
            if label or at:
                sections.append(Section(label, _content(text[start:at], label, is_last=False)))
            label, start = name, after
            if name == FINAL:
                break
            if name == "Observation":
                if rest := text[after:].strip():
                    problems.append(Problem("stray_text", f"text after Observation: {rest[:60]!r}"))
                return tuple(sections), tuple(problems)
        sections.append(Section(label, _content(text[start:], label, is_last=True)))
        return tuple(sections), tuple(problems)

    def _marks(self, text: str, *, loosely: bool) -> list[tuple[str, int, int]]:
        """Return each label that begins a line: its name, where it begins, where it ends."""
        spelling = {name.lower().replace(" ", ""): name for name in self.names}
        longest_first = sorted(self.names, key=len, reverse=True)  # or Action would hide Action Input
        pattern = re.compile(rf"^({'|'.join(longest_first)}):", re.MULTILINE)
        if loosely:
            names = "|".join(name.replace(" ", "[ _]?") for name in longest_first)
            pattern = re.compile(rf"^[ \t*]*({names})[ \t*]*[:：]\**", re.MULTILINE | re.IGNORECASE)
        return [
            (spelling[re.sub(r"[ _]", "", match.group(1)).lower()], match.start(), match.end())
            for match in pattern.finditer(text)
        ]


def _is_in_place(name: str, before: str, after: str) -> bool:
    if name == "Action":
        return after in ("Action Input", "Observation")
    if name == "Action Input":
        return before == "Action"
    return name != "Observation" or before in _IN_CALL


def _content(text: str, label: str, *, is_last: bool) -> str:
    """Take away what the writer put around a text: the space after its label, the end of its last line."""
    text = text.removeprefix(" ") if label else text
    return text if is_last else text.removesuffix("\n")


def call_parts(step: Step, index: int) -> list[Part]:
    """Return a call as two labelled lines; the arguments are JSON, so they are one line."""
    return [
        ("Action:", "label", index, "action"),
        (f" {step.tool}\n", "action", index),
        ("Action Input:", "label", index, "action_input"),
        (f" {arguments_text(step)}\n", "action_input", index),
    ]


def read_call_at(sections: Sequence[Section], at: int, tools: Sequence[Tool]) -> tuple[Step, tuple[Problem, ...]]:
    """Return the call whose Action is sections[at]; with no Action Input after it, it has no arguments."""
    following = sections[at + 1] if at + 1 < len(sections) else Section("", "")
    return read_call(sections[at].text, following.text if following.label == "Action Input" else "", tools)


def is_stopped(pieces: Sequence[Piece]) -> bool:
    """Whether the pieces so far end with the stop word that the model wrote."""
    return bool(pieces) and pieces[-1].role == "generated" and pieces[-1].text.endswith(OBSERVATION)


def result_label(pieces: Sequence[Piece]) -> str:
    """Return the label of the next result, on a line of its own; "" where the model has just written it."""
    if is_stopped(pieces):
        return ""
    return f"\n{OBSERVATION}" if pieces and pieces[-1].role == "generated" else OBSERVATION


def tolerant(read: Callable[[bool], Reading], settled_by: Collection[str]) -> Reading:
    """Read strictly; only where that settles nothing, or leaves faults, read loosely, and take what understands more.

    So text that the template wrote is never read loosely, whatever it quotes.
    """
    strict = read(False)
    if _rank(strict, settled_by) >= (True, 0):
        return strict
    loose = read(True)
    if _rank(loose, settled_by) <= _rank(strict, settled_by):
        return strict
    note = Problem("repaired", "labels are not written as the template writes them")
    return Reading(loose.steps, (*loose.problems, note))


def _rank(reading: Reading, settled_by: Collection[str]) -> tuple[bool, int, int]:
    """Order readings: one that comes to an end first, then by faults, then by calls."""
    faults = sum(problem.kind in ("unparsable", "stray_text") for problem in reading.problems)
    kinds = [step.kind for step in reading.steps]
    return any(kind in settled_by for kind in kinds), -faults, kinds.count("call")
