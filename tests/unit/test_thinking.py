"""Which thoughts are written, what is trained where some are not, and that the cache tells the runs apart."""

import pytest

from agentswift.agent_templates import find_agent_template
from agentswift.agent_templates.thinking import Thinking, thinking_of
from agentswift.conversation import Conversation, Step, Turn
from agentswift.engine.encode import Encoder, load_chat
from agentswift.engine.prepare import fingerprint
from tests.tokenizers import tokenizer

CALL = Step(kind="call", tool="a")
SEEN = Step(kind="observation", text="1")


def thought(text: str) -> Step:
    return Step(kind="thought", text=text)


def answer(text: str) -> Step:
    return Step(kind="answer", text=text)


TALK = Conversation(
    turns=(
        Turn(user="first", steps=(thought("t1"), CALL, SEEN, answer("a1"))),
        Turn(user="plain", steps=(answer("a2"),)),
        Turn(user="last", steps=(thought("t3"), CALL, SEEN)),
        Turn(user=None, steps=(thought("t4"), answer("a4"))),
    )
)


@pytest.mark.parametrize(
    ("thinking", "thoughts", "untrained"),
    [("keep", ["t1", "t3", "t4"], []), ("drop", [], []), ("last", ["t3", "t4"], [0])],
)
def test_thoughts_are_kept_by_option_and_a_turn_of_history_without_them_is_not_trained(
    thinking: Thinking, thoughts: list[str], untrained: list[int]
) -> None:
    kept = thinking_of(TALK, thinking)
    assert [step.text for step in kept.steps() if step.kind == "thought"] == thoughts
    assert [i for i, turn in enumerate(kept.turns) if not all(step.train for step in turn.steps)] == untrained
    assert [s for s in kept.steps() if s.kind != "thought"] == [s for s in TALK.steps() if s.kind != "thought"]


def encoder(thinking: Thinking) -> Encoder:
    words = tokenizer("smollm2")
    return Encoder(words, load_chat("chatml", words), find_agent_template("hermes"), thinking)


def test_the_cache_keeps_runs_with_other_thoughts_apart() -> None:
    assert len({fingerprint([TALK], encoder(thinking)) for thinking in ("keep", "drop", "last")}) == 3


def test_what_is_trained_by_last_stands_behind_what_serving_reads() -> None:
    made = encoder("last")
    trained = made.segments(TALK)
    for number, turn in enumerate(TALK.turns):
        for at, step in enumerate(turn.steps):
            if step.kind == "observation" or (at and turn.steps[at - 1].kind != "observation"):
                continue
            served = Conversation(turns=(*TALK.turns[:number], Turn(user=turn.user, steps=turn.steps[:at])))
            prompt = made.segments(served)
            following = trained[len(prompt)]
            if trained[: len(prompt)] != prompt:
                assert all(mark.weight == 0 for mark in following.marks if mark.step >= 0)
            assert following.generated or trained[: len(prompt)] != prompt


def test_tokens_and_ids_are_of_the_same_text() -> None:
    made = encoder("drop")
    (encoded,) = made.encode([TALK])
    assert "".join(made.tokens(TALK)) == encoded.text
    assert "t1" not in encoded.text
