"""template=native: the model's own Jinja, cut where serving cuts, or refused in words."""

from dataclasses import replace
from itertools import groupby
from pathlib import Path
from shutil import copytree
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from agentswift.agent_templates import AGENT_TEMPLATES, find_agent_template
from agentswift.conversation import Conversation, Source, Step, Tool, Turn
from agentswift.engine.chat import Segment
from agentswift.engine.detect import render
from agentswift.engine.embedded import tiny
from agentswift.engine.encode import Encoder
from agentswift.engine.native import NativeChat, native_chat
from agentswift.errors import AgentswiftError, DataError, ModelError, UsageError
from tests.jinjas import LLAMA31, QWEN3, XML, plain
from tests.tokenizers import tokenizer

WEATHER = Tool(name="weather", description="天气", parameters={"type": "object", "properties": {"city": {}}})


def thought(text: str) -> Step:
    return Step(kind="thought", text=text)


def call(**arguments: object) -> Step:
    return Step(kind="call", tool="weather", arguments=arguments)


def seen(text: str) -> Step:
    return Step(kind="observation", text=text)


def answer(text: str) -> Step:
    return Step(kind="answer", text=text)


TALK = Conversation(
    system="Be brief.",
    tools=(WEATHER,),
    turns=(
        Turn(user="Hi", steps=(answer("Hello."),)),
        Turn(user="北京?", steps=(thought("I look."), call(city="北京"), seen('"晴"\n'), answer("Sunny."))),
    ),
)


def native(source: str) -> NativeChat:
    return NativeChat(source, {"bos_token": "<s>"}, ("<|im_start|>", "<|im_end|>"), "<|im_end|>")


def drawn(segment: Segment) -> list[tuple[str, str]]:
    starts = [0, *(mark.end for mark in segment.marks)]
    pieces = ((mark.field, segment.text[a : mark.end]) for a, mark in zip(starts, segment.marks, strict=False))
    return [(field, "".join(text for _, text in run)) for field, run in groupby(pieces, key=lambda piece: piece[0])]


def test_what_the_model_generates_is_cut_and_its_fields_are_known() -> None:
    cut = native(QWEN3).segments(TALK)
    assert [drawn(segment) for segment in cut if segment.generated] == [
        [
            ("label", "<think>\n"),
            ("thought", "I look."),
            ("label", '\n</think>\n\n<tool_call>\n{"name": "'),
            ("action", "weather"),
            ("label", '", "arguments": '),
            ("action_input", '{"city": "北京"}'),
            ("label", "}\n</tool_call>"),
            ("end_of_turn", "<|im_end|>"),
        ],
        [("label", "<think>\n\n</think>\n\n"), ("answer", "Sunny."), ("end_of_turn", "<|im_end|>")],
    ]
    given = [found for segment in cut if not segment.generated for found in drawn(segment)]
    assert given[0] == ("tools", "<|im_start|>system\n")
    assert given[1] == ("system", "Be brief.")
    assert ("observation", '"晴"\n') in given


def test_a_message_that_history_words_otherwise_is_read_and_not_trained() -> None:
    """Qwen3 would have written an empty thought before Hello, as the last message of its turn."""
    marks = [mark for segment in native(QWEN3).segments(TALK) for mark in segment.marks if mark.field == "answer"]
    assert [mark.weight for mark in marks] == [0.0, 1.0]


def test_llamas_trimmed_texts_and_results_in_json_are_found() -> None:
    """It has no place for the thought beside a call."""
    cut = native(LLAMA31).segments(TALK)
    assert [[text for _, text in drawn(segment)] for segment in cut if segment.generated] == [
        ["Hello.", "<|im_end|>"],
        ['{"name": "', "weather", '", "parameters": ', '{"city": "北京"}', "}", "<|im_end|>"],
        ["Sunny.", "<|im_end|>"],
    ]
    assert ("observation", '\\"晴\\"\\n') in [found for segment in cut for found in drawn(segment)]


@pytest.mark.parametrize("source", [QWEN3, LLAMA31])
def test_the_text_is_the_jinjas_own_and_a_served_prompt_is_its_beginning(source: str) -> None:
    form = native(source)
    cut = form.segments(TALK)
    for end in (0, 3):  # of the last turn's steps: before the call, before the answer
        turn = Turn(user="北京?", steps=TALK.turns[1].steps[:end])
        served = form.segments(replace(TALK, turns=(TALK.turns[0], turn)))
        assert [s.text for s in served] == [s.text for s in cut[: len(served)]]
        assert cut[len(served)].generated
    messages = [
        {"role": "system", "content": "Be brief."},
        {"role": "user", "content": "Hi"},
        {"role": "assistant", "content": "Hello."},
    ]
    plainly = Conversation(system="Be brief.", turns=TALK.turns[:1])
    whole = render(source, messages, form.specials, add_generation_prompt=False)
    assert "".join(s.text for s in form.segments(plainly)) == whole


@pytest.mark.parametrize(
    ("source", "talk", "kind", "says"),
    [
        (plain(), TALK, ModelError, "no place for tools"),
        (XML, replace(TALK, tools=()), ModelError, "does not write a call's arguments as JSON"),
        (
            plain(),
            replace(TALK, tools=()),
            DataError,
            "rows.jsonl:7: the model's own chat template leaves out action 'weather'",
        ),
        (plain(stop="\\n\\n"), Conversation(turns=TALK.turns[:1]), ModelError, "no special token ends"),
        (plain(prompt="<think>\\n"), Conversation(turns=TALK.turns[:1]), ModelError, "otherwise than its generation"),
        (plain("{{- message.content }}"), Conversation(turns=TALK.turns[:1]), DataError, "writes a text twice"),
        ("{{- raise_exception('no tools') }}", TALK, DataError, "refuses this row: TemplateError: no tools"),
        ("{{- tools.nothing.at.all }}", TALK, DataError, "refuses this row: UndefinedError"),
        (
            QWEN3,
            Conversation(turns=(Turn(user="a", steps=(answer("b</think>c"),)),)),
            DataError,
            "rewrites 'a' or what follows",
        ),
        (QWEN3, Conversation(turns=(Turn(user="a", steps=(call(), answer("b"))),)), DataError, "words after a call"),
    ],
)
def test_what_cannot_be_cut_is_refused_in_words(
    source: str, talk: Conversation, kind: type[AgentswiftError], says: str
) -> None:
    with pytest.raises(kind) as raised:
        native(source).segments(replace(talk, source=Source(file="rows.jsonl", line=7)))
    assert says in str(raised.value)


TEXTS = st.lists(
    st.sampled_from(["\n", " ", "<think>", "</think>", "<|im_end|>", "{", "}", '"', "<tool_call>", "晴", "a"])
    | st.text(max_size=4),
    max_size=5,
).map("".join)
STEPS = st.lists(
    st.builds(thought, TEXTS)
    | st.builds(answer, TEXTS)
    | st.builds(seen, TEXTS)
    | st.builds(call, city=TEXTS, days=st.none() | st.integers()),
    max_size=5,
)


@pytest.mark.parametrize("source", [QWEN3, LLAMA31, plain("{{- tools }}")])
@settings(max_examples=80, deadline=None)
@given(
    turns=st.lists(st.builds(Turn, user=TEXTS, steps=STEPS.map(tuple)), min_size=1, max_size=3), has_tools=st.booleans()
)
def test_marks_cover_the_text_or_the_row_is_refused(source: str, turns: Any, has_tools: bool) -> None:
    talk = Conversation(system="s", tools=(WEATHER,) if has_tools else (), turns=tuple(turns))
    try:
        cut = native(source).segments(talk)
    except (DataError, ModelError):
        return
    for segment in cut:
        ends = [mark.end for mark in segment.marks]
        assert ends == sorted(set(ends))
        assert ends[-1] == len(segment.text)
        assert all(segment.generated or m.field not in ("label", "end_of_turn") for m in segment.marks)


def test_the_encoder_takes_it_for_a_chat_template() -> None:
    words = tokenizer("smollm2")
    made = Encoder(words, native(QWEN3), find_agent_template("native"))
    (encoded,) = made.encode([TALK])
    assert encoded.text == "".join(made.tokens(TALK))
    assert len(encoded.span_ids) == len(encoded.input_ids)


def test_a_models_own_template_is_found_in_its_folder(tmp_path: Path) -> None:
    folder = copytree(tiny(), tmp_path / "model")
    (folder / "chat_template.jinja").write_text(QWEN3, encoding="utf-8")
    found = native_chat(folder, tokenizer("smollm2"))
    assert (found.source, found.stop) == (QWEN3, "<|im_end|>")
    assert "<|im_end|>" in found.ends
    (folder / "chat_template.jinja").unlink()
    with pytest.raises(ModelError, match="own chat template, and it has none"):
        native_chat(folder, tokenizer("smollm2"))


def test_native_reads_what_either_family_writes_and_writes_nothing_itself() -> None:
    template = find_agent_template("native")
    for family in ("hermes", "llama3"):
        (piece,) = AGENT_TEMPLATES[family].write([thought("I look."), call(city="北京")])
        reading = template.read(piece.text, [WEATHER])
        assert (reading.steps, reading.problems) == ((thought("I look."), call(city="北京")), ())
    with pytest.raises(UsageError, match="needs the model"):
        template.write([answer("a")])


@settings(max_examples=60, deadline=None)
@given(text=TEXTS)
def test_reading_never_raises(text: str) -> None:
    find_agent_template("native").read(text, [WEATHER])
