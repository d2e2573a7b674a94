"""Every layout that is read: told apart from all others, and its steps, tools and system prompt."""

import pytest

from agentswift.conversation import Conversation
from agentswift.formats import FORMATS, detect
from tests.layout_rows import ROWS, XTUNER, messages

NAMED = ("openai", "ms_swift", "query_response", "coig_cqia", "self_cognition", "ms_bench")  # a card names these


def read(name: str) -> Conversation:
    return FORMATS[name].read(ROWS[name][0])


def test_every_layout_has_its_row() -> None:
    assert {*ROWS, *NAMED} == set(FORMATS)


@pytest.mark.parametrize("name", ROWS)
def test_a_row_is_read_with_its_tools_and_its_prompt(name: str) -> None:
    _, tools, system, steps = ROWS[name]
    conversation = read(name)
    assert conversation.steps() == steps
    assert [tool.name for tool in conversation.tools] == tools
    assert conversation.system == system
    assert conversation.turns[0].user == "雨？"


# Rows of a particular wording are, of course, also rows of messages; the order of detection says which is meant.
ALSO = {
    "agentflan": {"toolbench", "messages"},
    "toolbench": {"react", "sharegpt"},
    "ai_agent": {"ms_agent", "react", "messages"},
    "ms_agent": {"react", "sharegpt"},
    "lagent": {"react", "messages"},
    "msagent_bench": {"sharegpt"},
    "toolace": {"sharegpt"},
    "api_bank": {"alpaca"},
    "react": {"messages"},
    "anthropic": {"messages"},
    "agentfabric": {"sharegpt"},
}


@pytest.mark.parametrize("name", ROWS)
def test_a_row_is_told_as_its_own_layout_and_only_by_the_plainer_ones_besides(name: str) -> None:
    row = ROWS[name][0]
    assert detect(row).name == name
    assert {layout.name for layout in FORMATS.values() if layout.matches(row)} == {name, *ALSO.get(name, set())}


@pytest.mark.parametrize("name", NAMED)
def test_a_layout_that_no_row_shows_is_named_by_a_card(name: str) -> None:
    assert not any(FORMATS[name].matches(row) for row, *_ in ROWS.values())


def test_one_question_gives_one_conversation_in_every_layout_that_holds_it() -> None:
    alike = [read(name) for name in ("messages", "sharegpt", "ms_agent", "lagent", "react", "msagent_bench")]
    assert [conversation.turns for conversation in alike] == [alike[0].turns] * len(alike)


@pytest.mark.parametrize("name", ["ai_agent", "ms_agent", "lagent", "msagent_bench", "toolace", "glaive", "xlam"])
def test_tools_in_a_prompt_become_json_schemas(name: str) -> None:
    schema = read(name).tools[0].parameters
    assert (schema["type"], list(schema["properties"]), schema["required"]) == ("object", ["city"], ["city"])


def test_xtuners_form_of_lagents_prompt_is_read() -> None:
    row = messages(("system", XTUNER), ("user", "雨？"), ("assistant", "Final Answer:会下雨"))
    weather, ping = FORMATS["lagent"].read(row).tools
    assert (weather.name, weather.description, weather.parameters["properties"]) == (
        "get_weather",
        "Weather.",
        {"city": {"description": "城市"}},
    )
    assert ping.description == "没有参数"
