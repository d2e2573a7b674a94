"""What keeps a row out of a mix though nothing is wrong with it: one like it is there, or an evaluation set asks it."""

from typing import Literal, NamedTuple

from agentswift.conversation import Conversation, Source
from agentswift.mix.contamination import EvaluationSet
from agentswift.mix.near import NearRows
from agentswift.mix.sameness import fingerprint
from agentswift.rows import Finding
from agentswift.schema.groups import Dedup

Column = Literal["duplicates", "near_duplicates", "contaminated"]  # of the Ledger


class LeftOut(NamedTuple):
    """Where a row that is left out is counted, and what is said of it."""

    column: Column
    finding: Finding


class Sieve:
    """Tells each conversation from all before it, across the parts of a mix."""

    def __init__(self, dedup: Dedup, near: float, evaluation: EvaluationSet) -> None:
        self._dedup, self._evaluation = dedup, evaluation
        self._first: dict[bytes, Source] = {}  # half a fingerprint → where it stood first
        self._like = NearRows(near) if dedup is Dedup.near else None
        self._kept: list[Source] = []  # in the order of self._like

    def left_out(self, conversation: Conversation) -> LeftOut | None:
        """Return why `conversation` is left out; None: it stays, and those after it are told from it."""
        source = conversation.source
        if self._dedup is not Dedup.none:
            first = self._first.setdefault(bytes.fromhex(fingerprint(conversation)[:32]), source)
            if first is not source:
                return LeftOut("duplicates", _duplicate(source, first))
        if (held := self._evaluation.overlap(conversation)) is not None:
            of, rule, text = held
            return LeftOut("contaminated", _contaminated(source, self._evaluation.places[of], rule, text))
        if self._like is not None:
            if (like := self._like.add(conversation)) is not None:
                return LeftOut("near_duplicates", _near_duplicate(source, self._kept[like[0]], like[1]))
            self._kept.append(source)
        return None


def _duplicate(source: Source, first: Source) -> Finding:
    said = f"the same conversation as {_place(first)}: used once"
    return Finding.of(source, "$", "duplicate", "info", said, "remove one, or keep both: data.dedup=none")


def _near_duplicate(source: Source, first: Source, similarity: float) -> Finding:
    said = f"{100 * similarity:.0f} % the same as {_place(first)}: left out"
    fix = "remove one, or keep both: data.dedup=exact, or a higher data.near"
    return Finding.of(source, "$", "near-duplicate", "info", said, fix)


def _contaminated(source: Source, place: str, rule: str, text: str) -> Finding:
    held = "asks what is asked at" if rule == "exact" else "holds words in a row of"
    said = f"{held} {place} ({rule}): left out: {text[:80]!r}"
    fix = "remove the row, or score on other questions: data.decontaminate=[]"
    return Finding.of(source, "$", "contaminated", "info", said, fix)


def _place(source: Source) -> str:
    return f"{source.file}:{source.line} (row {source.row})"
