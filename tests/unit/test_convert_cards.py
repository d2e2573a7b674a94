"""dataset_info.json of LLaMA-Factory and of ms-swift become cards that read; what no card can be is named."""

import json
from pathlib import Path
from typing import Any

import pytest

from agentswift.cards import find_cards
from agentswift.commands.convert import main
from agentswift.corpus import read_part
from agentswift.errors import CardError, DataError
from tests.unit.test_convert_experiment import run

OPENAI = {"role_tag": "role", "content_tag": "content", "user_tag": "user", "assistant_tag": "assistant"}
THEIRS: dict[str, Any] = {
    "identity": {"file_name": "identity.json"},
    "问答 demo": {"file_name": "qa.jsonl", "columns": {"prompt": "question", "response": "answer", "system": "sys"}},
    "glaive_toolcall_en": {
        "hf_hub_url": "llamafactory/glaive_toolcall_en",
        "formatting": "sharegpt",
        "columns": {"messages": "conversations", "tools": "tools"},
    },
    "chat": {"file_name": "chat.json", "formatting": "sharegpt", "columns": {"messages": "talk"}, "tags": OPENAI},
    "belle": {"hf_hub_url": "BelleGroup/x", "ms_hub_url": "AI-ModelScope/x", "subset": "en", "split": "full"},
    "part": {"hf_hub_url": "a/b", "folder": "sub", "num_samples": 500, "note": "x"},
    "dpo": {"file_name": "d.json", "ranking": True},
    "kto": {"file_name": "k.json", "columns": {"kto_tag": "label"}},
    "seen": {"file_name": "m.json", "columns": {"images": "images"}},
    "script": {"script_url": "s"},
    "wiki": {"file_name": "w.json", "columns": {"prompt": "text"}},
    "spoken": {"file_name": "s.json", "formatting": "sharegpt", "tags": {"user_tag": "caller"}},
    "keyed": {"file_name": "s.json", "formatting": "sharegpt", "tags": {"content_tag": "text"}},
    "nowhere": {"om_hub_url": "x/y"},
    "ms-bench": {"file_name": "identity.json"},
}
LOST = {
    "dpo": "ranking: chosen and rejected",
    "kto": "columns.kto_tag: chosen and rejected",
    "seen": "columns.images: the data is not text alone",
    "script": "script_url: a script would have to run",
    "wiki": "columns: no response",
    "spoken": "tags.user_tag: caller",
    "keyed": "tags.content_tag: text",
    "nowhere": "no place that a card can name",
    "ms-bench": "a card ms-bench is there already",
}


@pytest.fixture(autouse=True)
def _no_cards_of_ones_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "nobody"))


def convert(tmp_path: Path, entries: Any) -> int | None:
    folder = tmp_path / "data"
    folder.mkdir(exist_ok=True)
    (folder / "dataset_info.json").write_text(json.dumps(entries, ensure_ascii=False), encoding="utf-8")
    file = tmp_path / "my" / "registry" / "theirs.yaml"
    return main.task(run(folder / "dataset_info.json", file, to="cards", overwrite=True))


def test_llama_factorys_list_becomes_cards(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert convert(tmp_path, THEIRS) == 0
    cards = find_cards([str(tmp_path / "my" / "registry")], packaged=False)
    assert set(cards) == {"identity", "demo", "glaive_toolcall_en", "chat", "belle", "part"}
    assert (cards["identity"].format, cards["identity"].path) == ("alpaca", str(tmp_path / "data" / "identity.json"))
    assert cards["demo"].columns == ("question=instruction", "answer=output", "sys=system")
    assert (cards["glaive_toolcall_en"].format, cards["glaive_toolcall_en"].columns) == ("sharegpt", ())
    assert (cards["chat"].format, cards["chat"].columns) == ("messages", ("talk=conversations",))
    belle = cards["belle"]
    assert (belle.modelscope, belle.huggingface) == ("AI-ModelScope/x", "BelleGroup/x")
    assert (belle.subset, belle.split, cards["part"].files) == ("en", "full", "sub/*")
    out = capsys.readouterr().out
    for name, why in LOST.items():
        assert f"  {name}: {why}" in out
    assert "  part: num_samples: data.rows.part=500 says it" in out
    assert "  part: note: a card has no such fact" in out
    assert "6 cards written" in out
    assert "9 entries have no counterpart" in out


def test_rows_are_read_through_the_columns_of_a_card(tmp_path: Path) -> None:
    convert(tmp_path, THEIRS)
    rows = [{"question": "1+1?", "answer": "2", "sys": "Count.", "instruction": "not this"}]
    (tmp_path / "data" / "qa.jsonl").write_text("\n".join(map(json.dumps, rows)), encoding="utf-8")
    card = find_cards([str(tmp_path / "my" / "registry")], packaged=False)["demo"]
    (outcome,) = read_part(card, Path(card.path))
    assert outcome.conversation is not None
    assert outcome.conversation.system == "Count."
    assert outcome.conversation.turns[0].user == "1+1?"
    assert outcome.conversation.turns[0].steps[0].text == "2"


def test_ms_swifts_list_becomes_cards(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    entries = [
        {"ms_dataset_id": "A/one", "hf_dataset_id": "B/one", "tags": ["chat"], "columns": {"q": "query", "x": "_"}},
        {
            "ms_dataset_id": "A/two",
            "subsets": ["en", {"subset": "zh", "columns": {"问": "query"}}],
            "split": ["a", "b"],
        },
        {"dataset_path": "rows.jsonl", "dataset_name": "mine", "help": "my own", "messages": {"role_key": "r"}},
        {"ms_dataset_id": "A/dpo", "columns": {"no": "rejected_response"}},
        {"hf_dataset_id": "wikipedia"},
        {"tags": []},
    ]
    assert convert(tmp_path, entries) == 0
    cards = find_cards([str(tmp_path / "my" / "registry")], packaged=False)
    assert set(cards) == {"one", "two-en", "two-zh", "mine"}
    assert (cards["one"].columns, cards["one"].about) == (("q=query",), "chat")
    assert (cards["two-zh"].subset, cards["two-zh"].split, cards["two-zh"].columns) == ("zh", "a", ("问=query",))
    (tmp_path / "data" / "rows.jsonl").write_text('{"query": "Hi", "response": "Hello"}', encoding="utf-8")
    (outcome,) = read_part(cards["mine"], Path(cards["mine"].path))
    assert outcome.conversation is not None
    out = capsys.readouterr().out
    for line in (
        "A/two:en: split: b: a card has one",
        "mine: messages: a card has no such fact",
        "A/dpo: columns: rejected_response",
        "wikipedia: huggingface: wikipedia: a card's id is OWNER/NAME",
        "wikipedia: no place that a card can name",
        "an entry without id or path",
    ):
        assert line in out


def test_the_same_file_may_be_written_anew(tmp_path: Path) -> None:
    assert [convert(tmp_path, THEIRS), convert(tmp_path, THEIRS)] == [0, 0]
    assert len(find_cards([str(tmp_path / "my" / "registry")], packaged=False)) == 6


def test_ms_swifts_own_list_becomes_cards_that_read(tmp_path: Path) -> None:
    import swift

    theirs = Path(swift.__path__[0]) / "dataset" / "data" / "dataset_info.json"
    file = tmp_path / "registry" / "swift.yaml"
    assert main.task(run(theirs, file, to="cards")) == 0
    assert len(find_cards([str(file.parent)])) > 100


@pytest.mark.parametrize("entries", [{"a": 1}, [1], "x"])
def test_another_file_is_answered(entries: Any, tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"neither LLaMA-Factory's .* nor ms-swift's"):
        convert(tmp_path, entries)


def test_where_nothing_can_be_a_card_nothing_is_written(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert convert(tmp_path, {"dpo": THEIRS["dpo"]}) == 1
    assert "no card, and nothing written; 1 entries" in capsys.readouterr().out
    assert not (tmp_path / "my").exists()


def test_a_column_of_a_card_names_two(tmp_path: Path) -> None:
    (tmp_path / "a.yaml").write_text("name: a\nformat: alpaca\npath: a.jsonl\ncolumns: [question]\n", encoding="utf-8")
    with pytest.raises(CardError, match=r"a\.yaml:4: a column is THEIRS=OURS"):
        find_cards([str(tmp_path)], packaged=False)
