"""Held-out conversations → questions → prompts → what the model writes."""

import random
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from agentswift.conversation import Conversation, Step
from agentswift.engine.encode import Encoder
from agentswift.engine.generate import Generator, Progress
from agentswift.errors import DataError
from agentswift.rows import Row, read_rows
from agentswift.score import first_generation


@dataclass(frozen=True)
class Question:
    """A held-out conversation cut before the agent's first words, and what is expected of it."""

    dataset: str
    asked: Conversation
    expected: tuple[Step, ...]
    case: str


@dataclass(frozen=True)
class Evaluation:
    """What is asked of a model, and how many rows had to be left out."""

    questions: list[Question]
    prompts: list[list[int]]  # token ids, one list a question
    texts: list[str]  # the prompts as text
    silent: int  # rows in which the agent says nothing
    too_long: int  # rows whose prompt leaves no room for an answer


def questions(
    parts: Mapping[str, Sequence[Conversation]], samples: int | None, seed: int
) -> tuple[list[Question], int]:
    """Return the questions of each part, and the count of rows that hold none.

    `samples` of them (None: all), spread evenly over the parts: drawn by `seed` and the part's name, so that a part's
    sample stays the same whatever stands beside it, and a smaller one lies within a larger.
    """
    found: dict[str, list[Question]] = {}
    silent = 0
    for name, conversations in parts.items():
        cases = _cases(conversations)
        found[name] = []
        for conversation in conversations:
            asked, expected = first_generation(conversation)
            source = conversation.source
            if expected:
                found[name].append(Question(name, asked, expected, cases.get((source.file, source.row), "")))
            else:
                silent += 1
    counts = _shares([len(rows) for rows in found.values()], samples)
    chosen = [_drawn(rows, count, f"{seed}:{name}") for (name, rows), count in zip(found.items(), counts, strict=True)]
    return [question for part in chosen for question in part], silent


def _drawn(rows: list[Question], count: int, seed: str) -> list[Question]:
    order = list(range(len(rows)))
    random.Random(seed).shuffle(order)
    return [rows[i] for i in sorted(order[:count])]


def _shares(sizes: Sequence[int], samples: int | None) -> list[int]:
    """Return how many rows of each part are taken: as even as their sizes allow, `samples` in all."""
    if samples is None:
        return list(sizes)
    left, shares = samples, [0] * len(sizes)
    for done, i in enumerate(sorted(range(len(sizes)), key=sizes.__getitem__)):
        shares[i] = min(sizes[i], left // (len(sizes) - done))  # what a small part cannot give, the larger ones do
        left -= shares[i]
    return shares


def _cases(conversations: Iterable[Conversation]) -> dict[tuple[str, int], str]:
    """Return the `case` that rows name (the quickstart set does), by file and row."""
    cases: dict[tuple[str, int], str] = {}
    for file in {c.source.file for c in conversations if c.source.file}:
        for row in read_rows(Path(file)):
            if isinstance(row, Row) and isinstance(case := row.values.get("case"), str):
                cases[file, row.row] = case
    return cases


def prompted(asked: Sequence[Question], silent: int, encoder: Encoder, room: int) -> Evaluation:
    """Encode the prompts as serving would; those of more than `room` tokens (0: any) are left out and counted.

    Raises DataError when no question is left.
    """
    encoded = list(encoder.encode(q.asked for q in asked))
    kept = [i for i, e in enumerate(encoded) if not room or len(e.input_ids) <= room]
    if not kept:
        raise DataError(
            f"nothing to score: {silent} rows have no word of an agent, {len(asked)} a prompt of over {room} tokens"
        )
    return Evaluation(
        questions=[asked[i] for i in kept],
        prompts=[encoded[i].input_ids for i in kept],
        texts=[encoded[i].text for i in kept],
        silent=silent,
        too_long=len(asked) - len(kept),
    )


def generate(
    evaluation: Evaluation,
    generator: Generator,
    encoder: Encoder,
    max_new_tokens: int,
    batch_size: int,
    progress: Progress | None = None,
) -> list[str]:
    """Return what the model writes to each question, stopped as serving stops it."""
    stop_id = encoder.tokenizer.encode(encoder.chat.stop)
    alone = stop_id if len(stop_id) == 1 else []
    words = encoder.template.stop if alone else (*encoder.template.stop, encoder.chat.stop)
    written = generator.generate(evaluation.prompts, max_new_tokens, words, alone, batch_size, progress)
    return written if alone else [text.removesuffix(encoder.chat.stop) for text in written]
