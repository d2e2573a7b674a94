"""Replies as text → weights by structure: for rows that ms-swift writes, or that hold the text already.

Each reply is read by our agent template of that name and written again: where that gives the same text, its spans are
exact. Where it does not, the reply weighs 1 as a whole, and that is said. All is tokenised in the pieces that
ms-swift's own default makes, so ids are those of `--loss_scale default`, whatever the weights.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import accumulate, groupby
from typing import Any

from swift.template import ContextType

from agentswift.agent_templates import AGENT_TEMPLATES
from agentswift.agent_templates.spans import AgentTemplate, Piece, Span
from agentswift.conversation import Step, Tool
from agentswift.engine.chat import Mark, Segment, parted
from agentswift.engine.encode import places, span_row
from agentswift.engine.plugin import PREFIX
from agentswift.engine.plugin.notes import note
from agentswift.errors import RowError
from agentswift.formats.tools import read_tools
from agentswift.weights import Scale, SpanRow

_PLAIN = SpanRow(field="marker", of="", step=-1, turn=-1, weight=0.0)


@dataclass(frozen=True)
class Bound:
    """What a template tells its loss scale of a row."""

    template: Any  # ms-swift's
    tools: Any
    dataset: str


@dataclass(frozen=True)
class _Stretch:
    """Text or ids; `marks` cover the text, each with its span's weight."""

    content: str | list[int]
    trained: bool  # as ms-swift's own default would have it: what decides where it cuts
    ends: tuple[int, ...]
    weights: tuple[float, ...]
    stop: bool = False  # its first mark is a stop token: nothing behind belongs to it, white space no more than text


def contexts(
    bound: Bound,
    scale: Scale,
    plain: Any,
    context_list: Sequence[Any],
    context_types: Sequence[Any],
    messages: Sequence[Any],
) -> tuple[list[Any], list[float]]:
    """Return ms-swift's contexts as runs of ids of one weight; `plain` is its own loss scale with the same strategy."""
    stretches = list(_Row(bound, scale, plain, messages).stretches(context_list, context_types))
    ids: list[Any] = []
    weights: list[float] = []
    for trained, group in groupby(stretches, key=lambda s: (isinstance(s.content, str), s.trained)):
        for run, weight in _runs(list(group), bound.template.tokenizer, is_text=trained[0]):
            ids.append(run)
            weights.append(weight)
    return ids, weights


def _runs(group: list[_Stretch], tokenizer: Any, *, is_text: bool) -> Iterator[tuple[list[int], float]]:
    """Tokenise stretches in one piece, and cut the ids where the weight changes."""
    if not is_text:
        yield from ((s.content, s.weights[0]) for s in group if isinstance(s.content, list))
        return
    text = "".join(str(s.content) for s in group)
    starts = accumulate((len(s.content) for s in group), initial=0)
    ends = [start + end for start, s in zip(starts, group, strict=False) for end in s.ends]
    weights = [weight for s in group for weight in s.weights]
    encoded = tokenizer(text, add_special_tokens=False, return_offsets_mapping=True)
    marks = tuple(Mark(end, "marker", "", -1, -1, 1.0) for end in ends)
    (at,) = places([Segment(text, marks, generated=True)], [[tuple(o) for o in encoded["offset_mapping"]]])
    for index in _stops(group):
        at[[i for i in (at == index).nonzero()[0] if encoded["offset_mapping"][i][0] >= ends[index]]] += 1
    numbered = zip(encoded["input_ids"], (weights[i] for i in at.tolist()), strict=True)
    for weight, run in groupby(numbered, key=lambda pair: pair[1]):
        yield [token for token, _ in run], weight


def _stops(group: Sequence[_Stretch]) -> list[int]:
    """Return the numbers of the marks that are stop tokens."""
    starts = accumulate((len(s.ends) for s in group), initial=0)
    return [start for start, s in zip(starts, group, strict=False) if s.stop]


class _Row:
    """Goes through a row's contexts in order."""

    def __init__(self, bound: Bound, scale: Scale, plain: Any, messages: Sequence[Any]) -> None:
        self.bound, self.scale, self.plain, self.messages = bound, scale, plain, messages
        self.tools = _declared(bound.tools)
        name = (bound.template._agent_template or "").removeprefix(PREFIX)
        self.ours = AGENT_TEMPLATES.get(name)
        self.is_agent = bool(self.tools) or any(m["role"] == "tool" for m in messages)
        suffix = bound.template.template_meta.suffix
        self.stop = suffix[0].rstrip() if suffix and isinstance(suffix[0], str) else list(suffix[0]) if suffix else ""

    def stretches(self, context_list: Sequence[Any], context_types: Sequence[Any]) -> Iterator[_Stretch]:
        number, said = 0, 0.0  # rounds so far; what the reply just before weighs by itself, 0 for none
        for context, kind in zip(context_list, context_types, strict=True):
            if kind == ContextType.RESPONSE:
                yield from self._reply(context, number)
                said = self._own(context, number)[-1]
                number += 1
                continue
            yield from self._between(context, said, trained=kind == ContextType.SUFFIX and said > 0)
            said = 0.0

    def _own(self, context: Any, number: int) -> list[float]:
        """Return what ms-swift's plain loss scale and the message itself say of each part of a reply."""
        from swift.template import get_last_user_round

        message = self.messages[2 * number + 1]
        parts = context if isinstance(context, list) and not (context and isinstance(context[0], int)) else [context]
        is_last = 2 * number >= get_last_user_round(self.messages)
        loss, scale = message.get("loss"), message.get("loss_scale")
        return [
            self.plain._inner_call(
                part,
                ContextType.RESPONSE,
                None,
                loss[i] if isinstance(loss, list) else loss,
                scale[i] if isinstance(scale, list) else scale,
                is_last,
            )[1][0]
            for i, part in enumerate(parts)
        ]

    def _between(self, context: Any, said: float, *, trained: bool) -> Iterator[_Stretch]:
        """Yield what stands between replies; a stop right behind one belongs to it."""
        stop = self.scale.weigh([0], [SpanRow(field="end_of_turn", of="", step=0, turn=0, weight=said)])[0]
        given = self.scale.weigh([0], [_PLAIN])[0]
        if not isinstance(context, str):
            yield _Stretch(list(context), trained, (), (stop if list(context) == self.stop else given,))
        elif isinstance(self.stop, str) and self.stop and context.startswith(self.stop):
            yield _Stretch(context, trained, (len(self.stop), len(context)), (stop, given), stop=True)
        else:
            yield _Stretch(context, trained, (len(context),), (given,))

    def _reply(self, context: Any, number: int) -> Iterator[_Stretch]:
        own = self._own(context, number)
        parts = [context] if isinstance(context, str) else context
        if not isinstance(parts, list) or not all(isinstance(part, str) for part in parts):
            ids = context["token_ids"] if isinstance(context, dict) else context
            note("replies given as ids are weighed as a whole", "its fields cannot be told")
            yield _Stretch(list(ids), own[0] > 0, (), (own[0],))
            return
        spans = self._spans(parts, after_observation=self.messages[2 * number]["role"] == "tool")
        start = 0
        for part, weight in zip(parts, own, strict=True):
            if part:
                yield self._part(part, start, weight, spans)
            start += len(part)

    def _part(self, part: str, start: int, weight: float, spans: Sequence[Span] | None) -> _Stretch:
        if spans is None:
            return _Stretch(part, weight > 0, (len(part),), (weight,))
        marks = [
            mark
            for span in spans
            if start <= span.start < start + len(part)
            for mark in _marks(span, part[span.start - start : span.end - start], span.start - start, weight)
        ]
        table = [span_row(mark) for mark in marks]
        weights = self.scale.weigh(range(len(table)), table, self.bound.dataset)
        return _Stretch(part, weight > 0, tuple(mark.end for mark in marks), tuple(weights))

    def _spans(self, parts: Sequence[str], *, after_observation: bool) -> Sequence[Span] | None:
        """Return where a reply's fields stand; None where they cannot be told."""
        text = "".join(parts)
        if not self.is_agent and not (self.ours and self._is_call(text)):
            return [Span("text", 0, len(text))]
        if self.ours is None:
            named = self.bound.template._agent_template
            note("replies are weighed 1 as a whole", f"no agent template of ours is called {named!r}")
            return None
        whole = written(self.ours, text, self.tools, after_observation=after_observation)
        if whole is not None:
            return whole.spans
        if len(parts) > 1 and (found := self._of_parts(parts, after_observation)):
            return found
        note("replies are weighed 1 as a whole", f"{self.ours.name} does not write it as it stands: {text[:80]!r}")
        return None

    def _is_call(self, text: str) -> bool:
        """Whether a reply calls a tool although none is declared."""
        piece = written(self.ours, text, (), after_observation=False) if self.ours else None
        return piece is not None and any(span.field == "action" for span in piece.spans)

    def _of_parts(self, parts: Sequence[str], after_observation: bool) -> Sequence[Span] | None:
        """Return the spans of messages that ms-swift puts together with nothing between: words before a call."""
        found: list[Span] = []
        start = 0
        for number, part in enumerate(parts):
            piece = written(self.ours, part, self.tools, after_observation=after_observation) if self.ours else None
            if piece is None:
                return None
            words = all(span.field in ("answer", "text") for span in piece.spans) and number + 1 < len(parts)
            spans = [Span("thought", 0, len(part))] if words else piece.spans
            found += [replace(span, start=span.start + start, end=span.end + start) for span in spans]
            start += len(part)
        return found


def _marks(span: Span, text: str, start: int, weight: float) -> list[Mark]:
    mark = Mark(start + len(text), span.field, span.of, 0, 0, weight)
    return parted(mark, text, start) if span.field == "action_input" else [mark]


def written(ours: AgentTemplate, text: str, tools: Sequence[Tool], *, after_observation: bool) -> Piece | None:
    """Return a reply's text with its spans, read and written again; None where that gives another text."""
    steps = ours.read(text, tools, after_observation=after_observation).steps
    before = [Step(kind="observation", text="-")] if after_observation else []
    pieces = ours.write([*before, *steps])[len(before) :]
    if not steps or any(step.kind == "observation" for step in steps) or "".join(p.text for p in pieces) != text:
        return None
    return pieces[0]


def _declared(tools: Any) -> tuple[Tool, ...]:
    try:
        return read_tools(tools)
    except RowError:
        return ()
