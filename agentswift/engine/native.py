"""The model's own Jinja as the chat template: cut where serving cuts, its spans found by rendering.

A conversation is rendered whole, then up to each message of the agent with the generation prompt, and behind it
without: where both are the beginning of the whole, the text between is what the model generates. Rendered once more
with every text replaced by a mark, it shows where each stands. What a template writes otherwise in history (Qwen3
leaves out earlier thoughts) is not trained: serving never has it written so. What cannot be cut is refused.
"""

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from itertools import pairwise
from pathlib import Path
from typing import Any

from agentswift.conversation import Conversation
from agentswift.engine.chat import Mark, Segment, parted
from agentswift.engine.detect import own_specials, own_template, render
from agentswift.engine.script import MARK, Leaf, Script, functions, spellings
from agentswift.engine.tokenizer import Tokenizer
from agentswift.errors import DataError, ModelError

_MARK = re.compile(MARK.format(r"(\d+)"))
_AS = "Choose an agent template instead of native (agentswift list what=templates)"


@dataclass(frozen=True)
class _Slot:
    """Where a leaf stands in the text."""

    start: int
    end: int
    leaf: Leaf


@dataclass(frozen=True)
class _Region:
    """What the model generates in one go: from the generation prompt up to, and with, the stop token."""

    start: int
    stop: int  # where the stop token begins
    end: int


@dataclass(frozen=True)
class NativeChat:
    """A model's own Jinja; `repr` tells two apart, for the cache."""

    source: str
    specials: Mapping[str, str]  # as the Jinja names them: bos_token, eos_token
    ends: tuple[str, ...]  # the special tokens, one of which ends each generation
    stop: str  # the one that ends a turn
    day: str = ""  # for a template that tells the date

    def segments(self, conversation: Conversation) -> list[Segment]:
        """Return `conversation` as segments, as engine.chat.segments does.

        Raises DataError for a row that the template refuses or words in a way that cannot be cut, and ModelError for a
        template with which no row can be.
        """
        if conversation.tools and "tools" not in self.source:
            raise ModelError(f"this model's own chat template has no place for tools. {_AS}")
        script = Script(conversation, reasons="reasoning_content" in self.source)
        messages = script.written(marked=False)
        is_open = not messages or messages[-1]["role"] != "assistant"
        text = self._render(script, messages, is_open)
        slots = self._slots(script, text, self._render(script, script.written(marked=True), is_open))
        regions = list(self._regions(script, messages, text, slots))
        if not is_open and not (regions and regions[-1].end >= len(text.rstrip())):
            raise ModelError(
                f"this model's own chat template writes the agent's messages otherwise than its generation prompt "
                f"begins them: what is trained would not be what is served. {_AS}"
            )
        return _segments(text, slots, regions, bool(conversation.tools))

    def _render(self, script: Script, messages: list[dict[str, Any]], prompt: bool) -> str:
        tools = functions(script.conversation.tools)
        try:
            return render(self.source, messages, self.specials, add_generation_prompt=prompt, tools=tools)
        except Exception as error:  # a template may fail in any way that Python can
            said = f"the model's own chat template refuses this row: {type(error).__name__}: {error}"
            raise _row_error(script, said) from error

    def _slots(self, script: Script, text: str, marked: str) -> list[_Slot]:
        """Return where each leaf stands in `text`, going along `marked`, which differs in the leaves alone."""
        slots: list[_Slot] = []
        at = done = 0
        places = list(_places(script, marked))
        for number, (leaf, start, end) in enumerate(places):
            between = marked[done:start]
            following = marked[end : places[number + 1][1] if number + 1 < len(places) else len(marked)]
            if not text.startswith(between, at):
                raise _row_error(script, f"the model's own chat template rewrites this row near {text[at : at + 60]!r}")
            at += len(between)
            length = _length(leaf, text, at, following, number + 1 == len(places))
            if length < 0:
                what = f"rewrites {str(leaf.value)[:60]!r} or what follows"
                raise _row_error(script, f"the model's own chat template {what}")
            slots.append(_Slot(at, at + length, leaf))
            at, done = at + length, end
        if text[at:] != marked[done:]:
            raise _row_error(script, f"the model's own chat template rewrites this row near {text[at : at + 60]!r}")
        return slots

    def _regions(
        self, script: Script, messages: list[dict[str, Any]], text: str, slots: list[_Slot]
    ) -> Iterator[_Region]:
        """Yield what the model generates: the agent's messages that stand in the text as serving has them written."""
        for number, message in enumerate(messages):
            if message["role"] != "assistant":
                continue
            before = self._render(script, messages[:number], True)
            behind = self._render(script, messages[: number + 1], False)
            if not (text.startswith(behind) and behind.startswith(before)):
                continue
            said = max((slot.end for slot in slots if slot.end <= len(behind)), default=0)
            found = max((behind.rfind(end, max(said, len(before))), end) for end in self.ends)
            if found[0] < 0:
                raise ModelError(
                    f"no special token ends the agent's messages in this model's own chat template: "
                    f"{behind[-60:]!r}. The model would not learn to stop. {_AS}"
                )
            yield _Region(len(before), found[0], found[0] + len(found[1]))


def native_chat(folder: Path, tokenizer: Tokenizer) -> NativeChat:
    """Return the Jinja of the model in `folder`. Raises ModelError where it has none, or no token that ends a turn."""
    source = own_template(folder)
    if source is None or not (stop := tokenizer.specials.get("eos_token")):
        lacks = "chat template" if source is None else "eos_token"
        raise ModelError(f"{folder}: template=native needs the model's own {lacks}, and it has none. {_AS}")
    ends = tuple(token.content for token in tokenizer.rust.get_added_tokens_decoder().values() if token.special)
    day = date.today().isoformat() if "strftime_now" in source else ""
    return NativeChat(source, own_specials(folder), ends or (stop,), stop, day)


def _row_error(script: Script, said: str) -> DataError:
    source = script.conversation.source
    return DataError(f"{source.file}:{source.line}: {said}. Change the row, or take another template=…")


def _places(script: Script, marked: str) -> Iterator[tuple[Leaf, int, int]]:
    """Yield each leaf with where it stands in the marked text, in order; thoughts may have no place in a template."""
    seen: list[int] = []
    end = 0
    for mark in _MARK.finditer(marked):
        number = int(mark[1])
        if mark.start() < end:
            continue  # the second mark of a call's arguments
        leaf, start, end = script.leaves[number], mark.start(), mark.end()
        if not isinstance(leaf.value, str):
            start, end = _json_at(marked, mark.start())
        seen.append(number)
        yield leaf, start, end
    lost = [leaf for n, leaf in enumerate(script.leaves) if n not in seen and leaf.field != "thought"]
    if lost or len(set(seen)) != len(seen):
        what = f"leaves out {lost[0].field} {str(lost[0].value)[:60]!r}" if lost else "writes a text twice"
        raise _row_error(script, f"the model's own chat template {what}")


def _json_at(marked: str, at: int) -> tuple[int, int]:
    """Return where the JSON of a call's arguments begins and ends, around the mark at `at`."""
    start = marked.rfind("{", 0, at)
    try:
        return start, json.JSONDecoder().raw_decode(marked, start)[1]
    except ValueError as error:
        raise ModelError(
            f"this model's own chat template does not write a call's arguments as JSON: its spans cannot be told. {_AS}"
        ) from error


def _length(leaf: Leaf, text: str, at: int, following: str, is_last: bool) -> int:
    """Return how long the leaf is in `text` at `at`, `following` right behind it; -1 where it does not stand there."""
    if not isinstance(leaf.value, str):
        try:
            value, end = json.JSONDecoder().raw_decode(text, at)
        except ValueError:
            return -1
        return end - at if value == leaf.value and text.startswith(following, end) else -1
    for spelled in spellings(leaf.value):
        end = at + len(spelled)
        fits = text[end:] == following if is_last else text.startswith(following, end)
        if text.startswith(spelled, at) and fits:
            return len(spelled)
    return -1


def _segments(text: str, slots: list[_Slot], regions: list[_Region], has_tools: bool) -> list[Segment]:
    cuts = sorted({0, len(text), *(r.start for r in regions), *(r.end for r in regions)})
    return [
        Segment(text[a:b], tuple(_parted(text[a:b], _marks(a, b, slots, region, has_tools))), region is not None)
        for a, b in pairwise(cuts)
        for region in [next((r for r in regions if r.start == a), None)]
    ]


def _parted(text: str, marks: Iterator[Mark]) -> Iterator[Mark]:
    at = 0
    for mark in marks:
        yield from parted(mark, text[at : mark.end], at) if mark.field == "action_input" else (mark,)
        at = mark.end


def _marks(start: int, end: int, slots: list[_Slot], region: _Region | None, has_tools: bool) -> Iterator[Mark]:
    inside = [slot for slot in slots if start <= slot.start and slot.end <= end and slot.start < slot.end]
    edges = {start, end, *(s.start for s in inside), *(s.end for s in inside), *([region.stop] if region else [])}
    for a, b in pairwise(sorted(edges)):
        slot = next((s for s in inside if s.start == a), None)
        near = slot or next((s for s in inside if s.start >= b), inside[-1] if inside else None)
        turn, step, weight = (near.leaf.turn, near.leaf.step, near.leaf.weight) if near else (0, -1, 1.0)
        if slot:
            read_only = region is None and step >= 0 and slot.leaf.field != "observation"
            yield Mark(b - start, slot.leaf.field, "", turn, step, 0.0 if read_only else weight)
        elif region and a >= region.stop:
            yield Mark(b - start, "end_of_turn", "", turn, step, weight)
        elif region:
            yield Mark(b - start, "label", near.leaf.field if near else "", turn, step, weight)
        else:
            asked = any(s.leaf.field == "user" and s.start < a for s in slots)
            yield Mark(b - start, "tools" if has_tools and not asked else "marker", "", turn, -1, 1.0)
