"""Training rows that hold what an evaluation set asks: a run of thirteen words, or the whole question."""

from collections.abc import Iterable, Sequence
from typing import NamedTuple

from agentswift.conversation import Conversation
from agentswift.mix.words import asked, is_unspaced, runs, said, words

_RUN = 13  # words in a row that two texts do not share by chance (GPT-3's report, appendix C)
_RUN_UNSPACED = 20  # characters: what thirteen English words say takes some twenty Chinese ones
_WHOLE = 4  # words; a shorter question ("Who are you?") is anybody's
_WHOLE_UNSPACED = 8  # characters: what four English words say; a shorter question ("你是谁呀") is anybody's


class Overlap(NamedTuple):
    """`row` holds what row `of` of the evaluation set asks; `rule` is "13-gram" or "exact", `text` what they share."""

    row: int
    of: int
    rule: str
    text: str


class EvaluationSet:
    """What an evaluation set asks, to be looked up in; questions are numbered in the order they are added."""

    def __init__(self) -> None:
        self.places: list[str] = []  # of each question: file:line
        self._whole: dict[tuple[str, ...], int] = {}
        self._runs: dict[int, dict[int, int]] = {_RUN: {}, _RUN_UNSPACED: {}}  # length → hash of a run → question

    def add(self, texts: Iterable[str], place: str = "") -> None:
        """Add one question: what its user says, and where it stands."""
        number = len(self.places)
        self.places.append(place)
        for found in map(_question, texts):
            whole, length = (_WHOLE_UNSPACED, _RUN_UNSPACED) if is_unspaced(found) else (_WHOLE, _RUN)
            if len(found) >= whole:
                self._whole.setdefault(tuple(found), number)
            if len(found) >= length:
                for run in runs(found, length):
                    self._runs[length].setdefault(hash(run), number)

    def overlap(self, conversation: Conversation) -> tuple[int, str, str] | None:
        """Return the question that `conversation` holds, by which rule, and the words in common; None: it has none."""
        if not self.places:
            return None
        for found in map(_question, asked(conversation)):
            if (of := self._whole.get(tuple(found))) is not None:
                return of, "exact", " ".join(found)
        for found in map(words, said(conversation)):
            for length, known in self._runs.items():
                for run in runs(found, length) if known and len(found) >= length else ():
                    if (of := known.get(hash(run))) is not None:
                        return of, "13-gram", " ".join(run)
        return None


def contaminated(conversations: Iterable[Conversation], evaluation: Iterable[Sequence[str]]) -> list[Overlap]:
    """Return each conversation that holds a question of `evaluation`, which is the user's texts, a question at a time.

    Looked at is all that a conversation says and calls, its tools' answers too; not its tools and system. Numbers are
    places in the two arguments. Case, width and punctuation do not count.
    """
    known = EvaluationSet()
    for texts in evaluation:
        known.add(texts)
    found = ((number, known.overlap(conversation)) for number, conversation in enumerate(conversations))
    return [Overlap(number, *overlap) for number, overlap in found if overlap is not None]


def _question(text: str) -> list[str]:
    """Return the words of a question, without the label that some formats put before it."""
    found = words(text)
    if found[:1] == ["question"]:
        return found[1:]
    return found[2:] if found[:2] == ["问", "题"] else found
