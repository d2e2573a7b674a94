"""docs/formats.md says what the code does: every format × every agent template."""

import pytest

from agentswift.agent_templates import AGENT_TEMPLATES
from agentswift.conversation import Step
from agentswift.formats import FORMATS
from tests.matrix import CORPUS, PAGE, Line, difference, matrix, page

pytestmark = [pytest.mark.rows, pytest.mark.skipif(not CORPUS.is_dir(), reason="no corpus (AGENTSWIFT_CORPUS)")]


@pytest.fixture(scope="module")
def lines() -> dict[str, Line]:
    return matrix()


def test_the_page_is_what_the_code_does(lines: dict[str, Line]) -> None:
    assert PAGE.read_text(encoding="utf-8") == page(lines), "write it again: python -m tests.matrix"


def test_every_format_has_rows_that_are_read(lines: dict[str, Line]) -> None:
    assert [name for name in FORMATS if name not in lines or not lines[name].read] == []


@pytest.mark.parametrize("template", AGENT_TEMPLATES)
def test_a_row_survives_or_is_accounted_for(lines: dict[str, Line], template: str) -> None:
    for line in lines.values():
        assert line.whole[template] + len(line.lost.get(template, ())) == line.read
        assert line.whole[template] >= 0.9 * line.read


@pytest.mark.parametrize(
    ("written", "back", "said"),
    [
        ((Step(kind="answer", text="a"),), (Step(kind="text", text="a"),), "answer is read as text"),
        ((Step(kind="answer", text="a"),), (), "answer is read as nothing"),
        ((Step(kind="answer", text="a"),), (Step(kind="answer", text="b"),), "the answer is read with another text"),
        (
            (Step(kind="call", tool="f"),),
            (Step(kind="call", tool="f", arguments={"a": 1}),),
            "the call is read with another tool or arguments",
        ),
    ],
)
def test_a_difference_is_told_in_a_few_words(written: tuple[Step, ...], back: tuple[Step, ...], said: str) -> None:
    assert difference(written, back) == said
