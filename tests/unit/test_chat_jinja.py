import pytest
from jinja2 import TemplateError

from agentswift.agent_templates import find_agent_template
from agentswift.conversation import Conversation, Step, Turn
from agentswift.engine.chat import chat, segments
from agentswift.engine.chat_jinja import chat_jinja
from agentswift.engine.detect import render
from agentswift.engine.swift_facts import chat_templates

SPECIALS = {"bos_token_id": "<s>", "eos_token_id": "</s>"}
TALK = Conversation(
    system="You know 'all' \"rivers\".\n{{ 1 }}",
    turns=(
        Turn(user="长江呢？", steps=(Step(kind="text", text="In the sea.\n"),)),
        Turn(user="And {{QUERY}}?", steps=()),
    ),
)


def messages(system: str | None) -> list[dict[str, str]]:
    said = [("system", system), ("user", "长江呢？"), ("assistant", "In the sea.\n"), ("user", "And {{QUERY}}?")]
    return [{"role": role, "content": text} for role, text in said if text is not None]


@pytest.mark.parametrize("name", ["chatml", "llama3", "llama3_2", "qwen", "qwen2_5", "internlm2", "llama", "gemma"])
@pytest.mark.parametrize("system", [TALK.system, None])
def test_the_jinja_writes_what_training_encoded(name: str, system: str | None) -> None:
    form = chat(chat_templates()[name], SPECIALS)
    written = "".join(
        s.text for s in segments(Conversation(system=system, turns=TALK.turns), find_agent_template("react_en"), form)
    )
    assert render(chat_jinja(form, "react_en"), messages(system), {}) == written


@pytest.mark.parametrize("name", ["chatml", "llama3", "internlm2"])
@pytest.mark.parametrize("agent_template", ["llama3", "lagent", "openai_json"])
def test_results_stand_in_turns_of_their_own_role_as_trained(name: str, agent_template: str) -> None:
    call, seen = Step(kind="call", tool="a"), Step(kind="observation", text="1")
    steps = (call, call, seen, seen, Step(kind="answer", text="b"))
    talk = Conversation(turns=(Turn(user="Hi", steps=steps), Turn(user="So?", steps=())))
    form, template = chat(chat_templates()[name], SPECIALS), find_agent_template(agent_template)
    said = [("user", "Hi")]
    for piece in template.write(steps):
        role = "assistant" if piece.role == "generated" else template.observation_place
        said.append((role, piece.text))
    asked = [{"role": role, "content": text} for role, text in (*said, ("user", "So?"))]
    written = "".join(s.text for s in segments(talk, template, form))
    assert render(chat_jinja(form, agent_template, template.observation_place), asked, {}) == written


def test_tools_are_refused_rather_than_left_out() -> None:
    source = chat_jinja(chat(chat_templates()["chatml"], SPECIALS), "hermes")
    with pytest.raises(TemplateError, match="agent template hermes"):
        render(source, messages(None), {}, tools=[{"name": "x"}])
