"""Pages and drawings: nothing from the data is believed, everything of it is shown, and the page needs no network."""

import hashlib
import html
import re
from base64 import b64encode
from collections.abc import Sequence
from dataclasses import dataclass, field
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest

from agentswift.conversation import FIELDS
from agentswift.errors import OutputError
from agentswift.report.run_page import write_run_page
from agentswift.report.show_page import write_show_page
from agentswift.report.tokens import STYLES, budget_table, drawing, legend, plain_lines, print_rows, segments
from agentswift.report.visible import visible
from agentswift.weights import Share

PAYLOADS = [
    "<script>document.title='x'</script>",
    "<img src=x onerror=alert(1)>",
    '"><svg onload=alert(1)>',
    "' onmouseover='alert(1)",
    '" autofocus onfocus="alert(1)',
    "</style><script>alert(1)</script>",
    "</title><script>alert(1)</script>",
    "<a href='javascript:alert(1)'>x</a>",
    "<iframe srcdoc='<script>alert(1)</script>'>",
    "{{ 7 * 7 }}{% raw %}",
    "<!-- --><meta http-equiv=refresh content=0;url=//evil>",
    "\u202e\x1b]8;;http://evil\x07<b>",
]


@dataclass(frozen=True)
class Drawn:
    tokens: list[str]
    fields: list[str]
    weights: list[float]
    dataset: str = "quickstart"
    row: int = 3
    input_ids: list[int] = field(default_factory=list)


def drawn(*tokens: tuple[str, str, float], dataset: str = "quickstart") -> Drawn:
    texts, fields, weights = (list(column) for column in zip(*tokens, strict=True))
    return Drawn(texts, fields, weights, dataset, input_ids=list(range(100, 100 + len(texts))))


ROW = drawn(
    ("杭州", "user", 0.0),
    ("Thought:", "label", 1.0),
    (" 查", "thought", 0.5),
    ("\n", "thought", 0.5),
    ("get_weather", "action", 2.0),
    ("{}", "observation", 0.0),
    ("<|im_end|>", "end_of_turn", 1.0),
)
BUDGET = [
    Share("", "thought", 2, 2, 1.0, 0.25),
    Share("", "action", 1, 1, 3.0, 0.75),
    Share("", "user", 1, 0, 0.0, 0.0),
]


def summary(share: float) -> dict[str, Any]:
    figures = {"rows": 30, "calls": 20, "no_call_rows": 10, "exact_call": share, "valid_format": 1.0, "no_call": 0.9}
    return {**figures, "by_language": {"en": figures, "zh": {**figures, "calls": 8}}}


def run_page(path: Path, **values: Any) -> str:
    given: dict[str, Any] = {
        "title": "smollm2 on 数据",
        "settings": {"run": "120 steps", "seed": 42, "tuner": {"lora_rank": 16}, "revision": None},
        "ledgers": [{"dataset": "a", "read": 1200, "kept": 1190, "refused": 4, "duplicates": 5, "over_length": 1}],
        "curve": [{"loss": 2.0, "global_step/max_steps": "1/2"}, {"eval_loss": 1.5, "global_step/max_steps": "2/2"}],
        "budget": BUDGET,
        "scores": {"base": {"known": summary(0.0)}, "tuned": {"known": summary(0.93)}},
        "samples": [ROW],
    }
    write_run_page(path, **{**given, **values})
    return path.read_text(encoding="utf-8")


class Tags(HTMLParser):
    """The elements and attributes of a page, and its text."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.names: set[str] = set()
        self.attributes: set[str] = set()
        self.links: list[str] = []
        self.text = ""
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.names.add(tag)
        self.attributes |= {name for name, _ in attrs}
        self.links += [value or "" for name, value in attrs if name in ("href", "src")]

    def handle_data(self, data: str) -> None:
        self.text += data


@pytest.mark.parametrize("payload", PAYLOADS)
def test_whatever_a_text_holds_the_page_has_no_element_or_attribute_more(tmp_path: Path, payload: str) -> None:
    evil = drawn((payload, "user", 0.0), (payload, payload, 1.0), (f"a\n{payload}", "answer", 2.0), dataset=payload)
    budget = [Share(payload, payload, 1, 1, 1.0, 1.0)]
    ledger = {"dataset": payload, "read": 1, "kept": 1, "refused": 0, "duplicates": 0, "over_length": 0}
    scores = {"base": {payload: summary(0.0)}, "tuned": {payload: summary(1.0)}}
    settings = {"run": payload, payload: payload, "deep": {payload: [payload]}}
    curve = [{"loss": payload}, {"loss": 1.0, "global_step/max_steps": payload}]
    page = run_page(
        tmp_path / "report.html",
        title=payload,
        settings=settings,
        ledgers=[ledger],
        curve=curve,
        budget=budget,
        scores=scores,
        samples=[evil],
    )
    write_show_page(tmp_path / "show.html", [evil], budget, payload)
    show = (tmp_path / "show.html").read_text(encoding="utf-8")
    plain = Tags(run_page(tmp_path / "plain.html", budget=[Share("a", "answer", 1, 1, 1.0, 1.0)]))
    write_show_page(tmp_path / "plain-show.html", [ROW], BUDGET, "")
    plain_show = Tags((tmp_path / "plain-show.html").read_text(encoding="utf-8"))
    for made, without in ((page, plain), (show, plain_show)):
        tags = Tags(made)
        assert tags.names <= without.names
        assert tags.attributes <= without.attributes
        if html.escape(payload) != payload:
            assert payload not in made
        assert html.escape(visible(payload)) in made.replace("&#34;", "&quot;").replace("&#39;", "&#x27;")
        assert visible(payload).replace("\n", "") in tags.text


def test_a_page_loads_nothing_and_allows_its_own_style_alone(tmp_path: Path) -> None:
    (tmp_path / "run.yaml").write_text("")
    page = run_page(tmp_path / "report.html")
    style = re.search(r"<style>(.*?)</style>", page, re.DOTALL)
    assert style
    digest = b64encode(hashlib.sha256(style[1].encode()).digest()).decode()
    assert f"default-src &#39;none&#39;; style-src &#39;sha256-{digest}&#39;" in page
    tags = Tags(page)
    assert tags.links == ["run.yaml"]  # relative, and of the files beside it only what is there
    assert "style" not in tags.attributes
    assert not {"script", "link", "img", "iframe", "form"} & tags.names
    assert "url(" not in page
    assert "@import" not in page


def test_the_run_page_says_what_went_in_and_what_came_out(tmp_path: Path) -> None:
    page = run_page(tmp_path / "new/report.html")
    text = re.sub(r"\s+", " ", Tags(page).text)
    for said in ("smollm2 on 数据", "120 steps", "1,190 of 1,200", "tuner.lora_rank16", "revisionnull", "75.0 %"):
        assert said in text
    assert "0.0 % → 93.0 %" in text
    assert "train loss 2 at step 1" in page
    assert "eval loss 1.5 at step 2" in page
    assert "杭州" in text


def test_a_run_page_of_a_run_that_got_nowhere_is_a_page_too(tmp_path: Path) -> None:
    page = run_page(tmp_path / "report.html", settings={}, ledgers=[], curve=[], budget=[], scores=None, samples=[])
    assert "No loss was logged." in page
    assert "Before and after" not in page


def test_secrets_in_the_settings_are_not_shown(tmp_path: Path) -> None:
    assert "hunter2" not in run_page(tmp_path / "report.html", settings={"extra": {"swanlab_secret": "hunter2"}})


def test_datasets_are_summed(tmp_path: Path) -> None:
    one = {"dataset": "a", "read": 10, "kept": 9, "refused": 1, "duplicates": 0, "over_length": 0}
    text = re.sub(r"\s+", " ", Tags(run_page(tmp_path / "report.html", ledgers=[one, {**one, "dataset": "b"}])).text)
    assert "all20182" in text.replace(" ", "")
    assert "18 of 20" in text


def test_a_show_page_tells_field_weight_and_id_of_each_token(tmp_path: Path) -> None:
    write_show_page(tmp_path / "show.html", [ROW], BUDGET, "react_en")
    page = (tmp_path / "show.html").read_text(encoding="utf-8")
    assert '<i title="action, weight 2, id 104">get_weather</i>' in page
    assert '<i title="thought, weight 0.5, id 103"><b></b>\n</i>' in page
    assert "quickstart row 3: 7 tokens, 5 trained" in page
    assert '<span class="f-thought w-less"' in page
    assert "No rows to draw." not in page


def test_every_field_has_a_style_in_the_terminal_and_on_the_page(tmp_path: Path) -> None:
    page = run_page(tmp_path / "report.html")
    assert list(STYLES) == list(FIELDS)
    assert [name for name in FIELDS if f".f-{name} {{" not in page] == []


def test_a_page_that_cannot_be_written_is_told(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(OutputError, match="cannot make the folder"):
        write_show_page(tmp_path / "file/show.html", [], [], "")


def test_segments_hold_every_token_in_order() -> None:
    found = segments(ROW)
    assert [(s.field, s.weight, len(s.tokens)) for s in found] == [
        ("user", 0.0, 1),
        ("label", 1.0, 1),
        ("thought", 0.5, 2),
        ("action", 2.0, 1),
        ("observation", 0.0, 1),
        ("end_of_turn", 1.0, 1),
    ]
    assert [token for s in found for token in s.tokens] == list(zip(ROW.tokens, ROW.input_ids, strict=True))


def test_the_drawing_dims_what_weighs_nothing_and_underlines_what_weighs_more() -> None:
    text = drawing(ROW)
    assert text.plain == "".join(ROW.tokens)
    styles = {text.plain[s.start : s.end]: str(s.style) for s in text.spans}
    assert styles["{}"] == "dim magenta"
    assert styles["get_weather"] == "bold green underline"
    assert styles[" 查\n"] == "yellow italic"
    assert "thought  action" in legend(["action", "thought"]).plain


def test_without_colours_each_segment_is_a_line(capsys: pytest.CaptureFixture[str]) -> None:
    assert list(plain_lines(ROW))[2:4] == [
        "  thought        0.5     2   查↵",
        "  action           2     1  get_weather",
    ]
    print_rows(iter([ROW]), "react_en, chatml")
    said = capsys.readouterr().out
    assert "\x1b" not in said
    assert said.startswith("react_en, chatml\n\nquickstart row 3: 7 tokens, 5 trained\n")
    assert said.endswith("\n".join(plain_lines(ROW)) + "\n")


def test_the_budget_names_datasets_only_where_there_are_several() -> None:
    both = [Share("a", "answer", 1, 1, 1.0, 1.0), Share("b", "answer", 1000, 1, 2.0, 1.0)]
    assert "dataset" not in budget_table(both[:1])
    assert budget_table(both).splitlines()[3].split() == ["b", "answer", "1,000", "1", "2.0", "100.0", "%"]


@pytest.mark.parametrize(
    ("text", "seen"),
    [
        ("plain", "plain"),
        ("中文，line\n\ttab 👩\u200d💻", "中文，line\n\ttab 👩\u200d💻"),
        ("\x1b[31m\x07\r", "␛[31m␇␍"),
        ("\u202eabc\x9b\ufeff\ud800", "\\u202eabc\\u009b\\ufeff\\ud800"),
    ],
)
def test_controls_are_drawn(text: str, seen: str) -> None:
    assert visible(text) == seen


def test_rows_of_several_datasets_are_all_on_the_page(tmp_path: Path) -> None:
    rows: Sequence[Drawn] = [drawn(("a", "user", 0.0), dataset=name) for name in ("一", "二")]
    write_show_page(tmp_path / "show.html", rows, [], "")
    heads = re.findall(r"<h3>(.*?):", (tmp_path / "show.html").read_text(encoding="utf-8"))
    assert heads == ["一 row 3", "二 row 3"]


def test_the_run_page_draws_loss_and_accuracy_by_field(tmp_path: Path) -> None:
    curve = [
        {"loss": 2.0 - step / 10, "loss/action": 1.0 / step, "acc/action": step / 10, "loss/set/action": 9.0}
        | {"global_step/max_steps": f"{step}/5"}
        for step in range(1, 6)
    ]
    page = run_page(tmp_path / "report.html", curve=curve)
    assert "Loss by field" in page
    assert "Accuracy by field" in page
    assert page.count('class="line of-field f-action"') == 2
    assert "action 0.2 at step 5" in page
    assert "by field" not in run_page(tmp_path / "report.html")
