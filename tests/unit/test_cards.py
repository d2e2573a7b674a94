"""Cards: what is read, what is refused and where the error points, and which folders are asked."""

from pathlib import Path

import pytest

from agentswift.cards import Card, check_name, find_cards, save_card, user_registry
from agentswift.errors import CardError, OutputError
from agentswift.formats import FORMATS
from agentswift.models import find_models


@pytest.fixture(autouse=True)
def own_home(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """No card of whoever runs the tests is read."""
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    return tmp_path / "config"


def write(folder: Path, text: str, name: str = "cards.yaml") -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    (folder / name).write_text(text, encoding="utf-8")
    return folder


def test_a_file_of_several_documents_is_read_with_the_line_of_each(tmp_path: Path) -> None:
    text = "name: a\nformat: messages\npath: 行.jsonl\n---\n# why\nname: b\nformat: alpaca\nhuggingface: o/b\nrows: 3\n"
    cards = find_cards([str(write(tmp_path, text))], packaged=False)
    assert list(cards) == ["a", "b"]
    assert cards["a"].path == str(tmp_path / "行.jsonl")
    assert cards["b"].source == f"{tmp_path}/cards.yaml:6"
    assert (cards["b"].rows, cards["b"].subset, cards["b"].trusted) == (3, "default", True)


GOOD = "name: a\nformat: messages\npath: a.jsonl\n"


@pytest.mark.parametrize(
    ("text", "line", "says"),
    [
        (GOOD + "licence: mit\n", 4, "no field 'licence'. Did you mean license?"),
        (GOOD + "trusted: true\n", 4, "no field 'trusted'"),
        (GOOD + "source: x:1\n", 4, "no field 'source'"),
        (GOOD + "rows: many\n", 4, "rows must be a whole number, 0 or more, not 'many'"),
        (GOOD + "rows: true\n", 4, "rows must be"),
        (GOOD + "rows: -1\n", 4, "rows must be"),
        (GOOD + "subset: no\n", 4, "in quotes, if YAML takes it for something else"),
        (GOOD + "license:\n", 4, "license must be text"),
        (GOOD + "languages: zh\n", 4, "languages must be a list of words"),
        (GOOD + "languages: [zh, 1]\n", 4, "languages must be a list of words"),
        (GOOD + "modelscope: https://x\n", 4, "OWNER/NAME"),
        (GOOD + "huggingface: ../x\n", 4, "OWNER/NAME"),
        (GOOD + "path: b.jsonl\n", 4, "'path' stands here twice (first on line 3)"),
        (GOOD + "---\n\nname: b\npath: a\n", 6, "the field 'format' is missing"),
        (GOOD + "---\n- a\n", 5, "a document here is fields with values"),
        (GOOD + "about: [\n", 5, "not YAML that can be read"),
        (GOOD + "about: !!python/object/apply:os.system [true]\n", 4, "not YAML that can be read"),
        ("format: messages\npath: a\n", 1, "the field 'name' is missing"),
        ("name: a\nformat: messages\n", 1, "says not where the data is"),
        ("name: a\nformat: Share GPT\npath: a\n", 2, "neither a name nor pkg.mod:function"),
        ("name: ../a\nformat: messages\npath: a\n", 1, "cannot name a dataset"),
    ],
)
def test_a_wrong_card_is_answered_with_file_and_line(tmp_path: Path, text: str, line: int, says: str) -> None:
    write(tmp_path, text)
    with pytest.raises(CardError) as raised:
        find_cards([str(tmp_path)], packaged=False)
    assert str(raised.value).startswith(f"{tmp_path}/cards.yaml:{line}: ")
    assert says in str(raised.value)


def test_two_cards_of_one_name_are_answered_with_both_places(tmp_path: Path) -> None:
    write(tmp_path / "x", GOOD)
    write(tmp_path / "y", "# mine\n" + GOOD, "mine.yaml")
    with pytest.raises(CardError) as raised:
        find_cards([str(tmp_path / "x"), str(tmp_path / "y")], packaged=False)
    assert f"{tmp_path}/y/mine.yaml:2: 'a' is already registered at {tmp_path}/x/cards.yaml:1" in str(raised.value)


def test_a_folder_named_twice_is_read_once(tmp_path: Path) -> None:
    write(tmp_path / "x", GOOD)
    assert list(find_cards([str(tmp_path / "x"), str(tmp_path / "y" / ".." / "x")], packaged=False)) == ["a"]


@pytest.mark.parametrize("text", [b"name: \xff\xfe", b"\x00", b"name: a\x01b"])
def test_bytes_that_are_no_yaml_are_answered(tmp_path: Path, text: bytes) -> None:
    (tmp_path / "bad.yaml").write_bytes(text)
    with pytest.raises(CardError, match=r"bad\.yaml"):
        find_cards([str(tmp_path)], packaged=False)


def test_a_byte_order_mark_and_empty_documents_do_no_harm(tmp_path: Path) -> None:
    write(tmp_path, "\ufeff" + GOOD + "---\n---\n# the end\n")
    assert list(find_cards([str(tmp_path)], packaged=False)) == ["a"]


def test_a_folder_that_is_not_there_is_answered(tmp_path: Path) -> None:
    with pytest.raises(CardError, match="cannot be read as a registry folder"):
        find_cards([str(tmp_path / "none")], packaged=False)


def test_a_miss_names_the_nearest_datasets() -> None:
    with pytest.raises(CardError, match="Did you mean ms-agent-for-agentfabric-"):
        find_cards([])["ms-agent-for-agentfabric"]
    assert "nothing" not in find_cards([])
    assert find_cards([]).get("nothing") is None


def test_the_users_own_folder_is_read_and_may_name_python_and_any_path(own_home: Path, tmp_path: Path) -> None:
    write(own_home / "agentswift" / "registry", "name: mine\nformat: acme.rows:read\npath: ../../../data.jsonl\n")
    assert user_registry() == own_home / "agentswift" / "registry"
    card = find_cards([])["mine"]
    assert card.trusted
    assert card.path == str(tmp_path / "data.jsonl")


def plugin(folder: Path, monkeypatch: pytest.MonkeyPatch, text: str) -> None:
    write(folder / "acme_agents" / "registry", text)
    (folder / "acme_agents" / "__init__.py").write_text("raise SystemExit('a plugin is not imported to read cards')")
    info = folder / "acme-1.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: acme\nVersion: 1\n")
    (info / "entry_points.txt").write_text("[agentswift.plugins]\nacme = acme_agents\n")
    monkeypatch.syspath_prepend(str(folder))


def test_a_plugins_cards_are_read_without_importing_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    plugin(tmp_path, monkeypatch, "name: acme\nformat: acme_agents.rows:read\npath: rows.jsonl\n")
    assert find_cards([])["acme"].trusted
    assert find_cards([])["acme"].path == str(tmp_path / "acme_agents" / "registry" / "rows.jsonl")


@pytest.mark.parametrize("path", ["../rows.jsonl", "/etc/passwd", "link/passwd", "a/../../b"])
def test_a_card_of_others_may_not_lead_out_of_its_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, path: str
) -> None:
    plugin(tmp_path, monkeypatch, f"name: acme\nformat: messages\npath: {path}\n")
    (tmp_path / "acme_agents" / "registry" / "link").symlink_to("/etc")
    with pytest.raises(CardError, match=r"cards\.yaml:3: path .* leads out of"):
        find_cards([])


@pytest.mark.parametrize("name", ["", ".a", "-a", "a/b", "a\\b", "..", "a..b", "a b", "a\n", "a\0", "%2e", "a" * 65])
def test_names_that_could_leave_a_folder_are_refused(name: str) -> None:
    with pytest.raises(CardError, match="cannot name a dataset"):
        check_name(name)


def test_every_shipped_card_says_where_its_facts_are_from() -> None:
    cards = find_cards([])
    assert len(cards) >= 50
    for card in cards.values():
        assert card.facts, card.source
        assert card.about, card.source
        assert card.license, card.source
        assert card.languages, card.source
        assert card.format in FORMATS, card.source
        assert not card.trusted


@pytest.mark.parametrize("name", ["ms-agent", "ms-agent-for-agentfabric-default", "alpaca-en", "ms-bench", "firefly"])
def test_the_seeds_datasets_are_on_modelscope(name: str) -> None:
    assert find_cards([])[name].modelscope


def test_a_saved_card_reads_back(tmp_path: Path) -> None:
    card = Card(name="mine", format="react", path="/数据/行 #1.jsonl", license="mit", about="天气: yes")
    file = save_card(card, tmp_path / "new" / "folder")
    read = find_cards([str(tmp_path / "new" / "folder")], packaged=False)["mine"]
    assert (read.path, read.about, read.license) == (card.path, card.about, card.license)
    assert [f.name for f in file.parent.iterdir()] == ["mine.yaml"]


def test_a_folder_that_cannot_be_written_is_answered(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(OutputError, match=r"registry=\[FOLDER\]"):
        save_card(Card(name="mine", format="react", path="/a"), tmp_path / "file")


def test_the_models_of_the_seeds_are_described() -> None:
    models = find_models()
    assert models["llama3"].modelscope == "LLM-Research/Meta-Llama-3-8B-Instruct"
    assert {"llama3", "llama3_1", "qwen", "qwen2_5", "qwen3", "internlm2", "smollm2"} <= set(models)


def test_two_descriptions_of_one_model_are_answered(tmp_path: Path) -> None:
    text = "name: m\nmodel_type: llama\ntemplate: llama3\n"
    with pytest.raises(CardError, match=r"models\.yaml:5: 'm' is already described"):
        find_models(write(tmp_path, f"{text}---\n{text}", "models.yaml"))
