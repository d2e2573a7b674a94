"""Segments: the chat template's text around the agent template's, cut where serving cuts."""

from dataclasses import replace

import pytest

from agentswift.agent_templates import AGENT_TEMPLATES
from agentswift.conversation import Conversation, Step, Tool, Turn
from agentswift.engine.chat import Chat, Segment, chat, segments
from agentswift.engine.swift_facts import chat_templates
from agentswift.errors import ModelError

CHATML = Chat(
    opening="",
    system_opening="<|im_start|>system\n{{SYSTEM}}<|im_end|>\n",
    default_system=None,
    before_query="<|im_start|>user\n",
    after_query="<|im_end|>\n<|im_start|>assistant\n",
    stop="<|im_end|>",
    separator="\n",
)
WEATHER = Tool(name="weather", description="Weather of a city", parameters={"type": "object", "properties": {}})
CALL = Step(kind="call", tool="weather", arguments={"city": "朝阳"})
SEEN = Step(kind="observation", text="Action: 晴")
ANSWER = Step(kind="answer", text="Sunny.")
ASKED = Conversation(tools=(WEATHER,), turns=(Turn(user="Weather?", steps=(CALL, SEEN, ANSWER)),))


def texts(conversation: Conversation, template: str, form: Chat = CHATML) -> list[tuple[str, bool]]:
    return [(s.text, s.generated) for s in segments(conversation, AGENT_TEMPLATES[template], form)]


def test_a_result_in_the_agents_slot_is_a_segment_of_its_own() -> None:
    (opening, given), *rest = texts(ASKED, "react_en")
    assert opening.endswith("<|im_start|>user\nWeather?<|im_end|>\n<|im_start|>assistant\n")
    assert not given
    assert rest == [
        ('Action: weather\nAction Input: {"city": "朝阳"}\nObservation:', True),
        ("Action: 晴\n", False),
        ("Final Answer: Sunny.<|im_end|>", True),
    ]


def test_a_result_in_the_users_slot_follows_a_stop() -> None:
    _, *rest = texts(ASKED, "hermes")
    assert rest == [
        ('<tool_call>\n{"name": "weather", "arguments": {"city": "朝阳"}}\n</tool_call><|im_end|>', True),
        (
            "\n<|im_start|>user\n<tool_response>\nAction: 晴\n</tool_response><|im_end|>\n<|im_start|>assistant\n",
            False,
        ),
        ("Sunny.<|im_end|>", True),
    ]


TWICE = Conversation(tools=(WEATHER,), turns=(Turn(user="Weather?", steps=(CALL, CALL, SEEN, SEEN, ANSWER)),))


@pytest.mark.parametrize(
    ("template", "role", "label"),
    [("llama3", "tool", ""), ("openai_json", "tool", ""), ("lagent", "system", "Response:")],
)
def test_a_result_has_a_turn_of_its_own_role(template: str, role: str, label: str) -> None:
    end = "\n" if label else ""
    turn = f"\n<|im_start|>{role}\n{label}Action: 晴{end}<|im_end|>"
    assert texts(TWICE, template)[2] == (f"{turn}{turn}\n<|im_start|>assistant\n", False)


def test_a_chat_template_without_names_of_roles_takes_results_as_the_users() -> None:
    form = Chat("", None, None, "[INST] ", " [/INST]", "</s>", "")
    assert texts(TWICE, "llama3", form)[2] == ("[INST] Action: 晴\nAction: 晴 [/INST]", False)


@pytest.mark.parametrize("template", AGENT_TEMPLATES)
def test_what_serving_encodes_is_a_prefix_of_what_training_encodes(template: str) -> None:
    second = Turn(user="And tomorrow?", steps=(CALL, CALL, SEEN, SEEN, ANSWER))
    whole = replace(ASKED, turns=(*ASKED.turns, second), system="Be brief.")
    trained = texts(whole, template)
    starts = [i for i, (_, generated) in enumerate(trained) if generated]
    served = [
        replace(whole, turns=(replace(whole.turns[0], steps=steps),))
        for steps in ((), (CALL, SEEN), (CALL, SEEN, ANSWER))
    ][:2] + [
        replace(whole, turns=(whole.turns[0], replace(second, steps=steps))) for steps in ((), (CALL, CALL, SEEN, SEEN))
    ]
    assert [texts(c, template) for c in served] == [trained[:i] for i in starts]


@pytest.mark.parametrize("template", AGENT_TEMPLATES)
def test_marks_cover_every_segment_in_order(template: str) -> None:
    for segment in segments(ASKED, AGENT_TEMPLATES[template], CHATML):
        ends = [mark.end for mark in segment.marks]
        assert ends == sorted(set(ends))
        assert ends[-1] == len(segment.text)


def fields(segment: Segment) -> list[tuple[str, str]]:
    at, found = 0, list[tuple[str, str]]()
    for mark in segment.marks:
        found.append((mark.field, segment.text[at : mark.end]))
        at = mark.end
    return found


def test_the_answer_and_its_stop_are_the_models_and_the_result_is_not() -> None:
    cut = segments(ASKED, AGENT_TEMPLATES["agentfabric_zh"], CHATML)
    generated = [found for segment in cut if segment.generated for found in fields(segment)]
    given = [found for segment in cut if not segment.generated for found in fields(segment)]
    assert ("answer", "Sunny.") in [(f, t.strip()) for f, t in generated]
    assert ("end_of_turn", "<|im_end|>") in generated
    assert any(f == "observation" and "<result>Action: 晴</result>" in t for f, t in given)
    assert not any("Action: 晴" in t for _, t in generated)


def test_an_untrained_step_takes_its_stop_with_it() -> None:
    muted = replace(ASKED, turns=(Turn(user="Hi", steps=(replace(ANSWER, train=False),)),))
    last = segments(muted, AGENT_TEMPLATES["hermes"], CHATML)[-1]
    assert [(m.field, m.weight) for m in last.marks] == [("answer", 0.0), ("end_of_turn", 0.0)]


def test_a_model_without_a_system_message_reads_it_before_the_first_question() -> None:
    form = replace(CHATML, system_opening=None)
    opening, _ = texts(Conversation(system="Be brief.", turns=(Turn(user="Hi"),)), "hermes", form)[0]
    assert opening == "<|im_start|>user\nBe brief.\n\nHi<|im_end|>\n<|im_start|>assistant\n"


def test_a_turn_that_ended_with_a_result_is_closed_before_the_next_question() -> None:
    broken = replace(ASKED, turns=(Turn(user="Weather?", steps=(CALL, SEEN)), Turn(user="Hello?", steps=(ANSWER,))))
    text = "".join(t for t, _ in texts(broken, "react_en"))
    assert "Observation:Action: 晴\n<|im_end|>\n<|im_start|>user\nHello?" in text


@pytest.mark.parametrize(("name", "stop", "separator"), [("chatml", "<|im_end|>", "\n"), ("llama3", "<|eot_id|>", "")])
def test_ms_swifts_pieces_become_a_stop_and_a_separator(name: str, stop: str, separator: str) -> None:
    made = chat(chat_templates()[name], {"eos_token_id": "</s>", "bos_token_id": "<s>"})
    assert (made.stop, made.separator) == (stop, separator)


def test_a_chat_template_for_one_turn_only_is_refused() -> None:
    single = replace(chat_templates()["chatml"], chat_sep=None)
    with pytest.raises(ModelError, match="no form for several turns"):
        chat(single, {})


def test_a_chat_template_that_numbers_its_turns_is_refused() -> None:
    with pytest.raises(ModelError, match="numbers its turns"):
        chat(chat_templates()["chatglm2"], {"bos_token_id": "", "eos_token_id": "</s>"})
