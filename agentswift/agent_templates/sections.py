"""Text cut at labels such as "Action:", and calls in that form: what react, agentfabric and qwen share."""

import re
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Literal

from agentswift.agent_templates.calls import arguments_text, read_call
from agentswift.agent_templates.spans import Part, Piece, Problem, Reading
from agentswift.conversation import Step, Tool

Label = Literal["", "thought", "action", "action_input", "observation", "final"]
_IN_CALL = ("action", "action_input")


@dataclass(frozen=True)
class Section:
    """What a label introduces ("" for the text before the first one) and the text that belongs to it."""

    label: Label
    text: str


@dataclass(frozen=True)
class Labels:
    """The labels of a template; "" where it has none. They count at the start of a line only: models quote "Action:"
    inside prose."""

    action: str = "Action"
    action_input: str = "Action Input"
    observation: str = "Observation"
    thought: str = "Thought"
    final: str = "Final Answer"
    space: str = " "  # between a label and what follows it

    @property
    def stop(self) -> str:
        """The observation's label with its colon: what a model writes last before a result."""
        return f"{self.observation}:"

    def after(self, text: str) -> str:
        """Return `text` as it stands behind a label: reading takes one space away."""
        return text if not self.space and not text.startswith(" ") else f" {text}"

    def cut(self, text: str, *, loosely: bool = False) -> tuple[tuple[Section, ...], tuple[Problem, ...]]:
        """Cut one generation at its labels; also return what did not belong in it.

        It ends at a call's Observation; what follows Final Answer is the answer, whatever it says. An Action counts
        with its Action Input or Observation after it, an Action Input or Observation with its Action before it:
        any other is a line of the text it stands in, and a problem. Loosely, a label may be indented, in bold, in
        another case, or have a full-width colon; an Action Input always comes right after its Action.
        """
        sections: list[Section] = []
        problems: list[Problem] = []
        label: Label = ""
        start = 0
        marks = self._marks(text, loosely=loosely)
        for position, (kind, at, after) in enumerate(marks):
            following = marks[position + 1][0] if position + 1 < len(marks) else ""
            if not _is_in_place(kind, label, following):
                problems.append(Problem("stray_text", f"{getattr(self, kind)}: without the rest of a call"))
                continue
            if label or at:
                sections.append(Section(label, _content(text[start:at], label, is_last=False)))
            label, start = kind, after
            if kind == "final":
                break
            if kind == "observation":
                if rest := text[after:].strip():
                    problems.append(Problem("stray_text", f"text after {self.observation}: {rest[:60]!r}"))
                return tuple(sections), tuple(problems)
        sections.append(Section(label, _content(text[start:], label, is_last=True)))
        return tuple(sections), tuple(problems)

    def _marks(self, text: str, *, loosely: bool) -> list[tuple[Label, int, int]]:
        """Return each label that begins a line: what it introduces, where it begins, where it ends."""
        pattern, kinds = _patterns(self, loosely)
        return [
            (kinds[re.sub(r"[ _]", "", match.group(1)).lower()], match.start(), match.end())
            for match in pattern.finditer(text)
        ]


_KINDS: tuple[Label, ...] = ("thought", "action", "action_input", "observation", "final")


@cache
def _patterns(labels: Labels, loosely: bool) -> tuple[re.Pattern[str], dict[str, Label]]:
    """Return the pattern that finds the labels, and what each introduces, by its letters."""
    named = {name: kind for kind in _KINDS if (name := getattr(labels, kind))}
    kinds = {name.lower().replace(" ", ""): kind for name, kind in named.items()}
    longest_first = sorted(named, key=len, reverse=True)  # or Action would hide Action Input
    if not loosely:
        return re.compile(rf"^({'|'.join(longest_first)}):", re.MULTILINE), kinds
    names = "|".join(name.replace(" ", "[ _]?") for name in longest_first)
    return re.compile(rf"^[ \t*]*({names})[ \t*]*[:：]\**", re.MULTILINE | re.IGNORECASE), kinds


def _is_in_place(kind: Label, before: Label, after: str) -> bool:
    if kind == "action":
        return after in ("action_input", "observation")
    if kind == "action_input":
        return before == "action"
    return kind != "observation" or before in _IN_CALL


def _content(text: str, label: Label, *, is_last: bool) -> str:
    """Take away what the writer put around a text: the space after its label, the end of its last line."""
    text = text.removeprefix(" ") if label else text
    return text if is_last else text.removesuffix("\n")


def call_parts(step: Step, index: int, labels: Labels) -> list[Part]:
    """Return a call as two labelled lines; the arguments are JSON, so they are one line."""
    return [
        (f"{labels.action}:", "label", index, "action"),
        (f"{labels.after(step.tool)}\n", "action", index),
        (f"{labels.action_input}:", "label", index, "action_input"),
        (f"{labels.after(arguments_text(step))}\n", "action_input", index),
    ]


def read_call_at(sections: Sequence[Section], at: int, tools: Sequence[Tool]) -> tuple[Step, tuple[Problem, ...]]:
    """Return the call whose Action is sections[at]; with no Action Input after it, it has no arguments."""
    following = sections[at + 1] if at + 1 < len(sections) else Section("", "")
    return read_call(sections[at].text, following.text if following.label == "action_input" else "", tools)


def result_label(pieces: Sequence[Piece], stop: str) -> str:
    """Return the label of the next result, on a line of its own; "" where the model has just written it."""
    if not pieces or pieces[-1].role != "generated":
        return stop
    return "" if pieces[-1].text.endswith(stop) else f"\n{stop}"


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
