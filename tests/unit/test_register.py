"""`agentswift register`: what is written, what is shown, and what is refused before anything is written."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from agentswift.agent_templates import find_agent_template
from agentswift.cards import find_cards
from agentswift.commands.register import main, weighted
from agentswift.conversation import Conversation, Step, Tool, Turn
from agentswift.errors import AgentswiftError, CardError, DataError, UsageError
from agentswift.schema.groups import LossScale, Template
from agentswift.schema.runs import Register
from agentswift.weights import Weighing

FIELDS = {"action": 2.0, "action_input": 2.0, "observation": 0.0}
WEATHER = {
    "tools": [{"type": "function", "function": {"name": "天气", "parameters": {"type": "object", "properties": {}}}}],
    "messages": [
        {"role": "user", "content": "北京天气？"},
        {"role": "tool_call", "content": '{"name": "天气", "arguments": {}}'},
        {"role": "tool_response", "content": "晴"},
        {"role": "assistant", "content": "晴天。"},
    ],
}
HELLO = {"messages": [{"role": "user", "content": "Hello"}, {"role": "assistant", "content": "Hi!"}]}

Run = Callable[..., Register]


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Run:
    """A register run over a file of rows, into a folder of its own."""
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    return lambda **changed: Register(
        **{
            "name": "my-weather",
            "path": str(tmp_path / "数据" / "行.jsonl"),
            "format": None,
            "template": Template(agent_template="react_en"),
            "loss_scale": LossScale(name="react", fields=FIELDS),
            "license": None,
            "description": None,
            "overwrite": False,
            "registry": [str(tmp_path / "registry")],
        }
        | changed
    )


@pytest.fixture
def rows(tmp_path: Path) -> Callable[..., Path]:
    def write(*rows: dict[str, Any] | str) -> Path:
        file = tmp_path / "数据" / "行.jsonl"
        file.parent.mkdir(exist_ok=True)
        lines = [row if isinstance(row, str) else json.dumps(row, ensure_ascii=False) for row in rows]
        file.write_text("\n".join(lines), encoding="utf-8")
        return file

    return write


def test_a_file_gets_a_name_and_is_shown(
    run: Run, rows: Callable[..., Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = rows(HELLO, "{broken", WEATHER)
    main.task(run(license="mit", description="天气"))
    card = find_cards([str(tmp_path / "registry")])["my-weather"]
    assert (card.format, card.path, card.license, card.about) == ("messages", str(file), "mit", "天气")
    out = capsys.readouterr().out
    assert "3 rows read: 2 kept, 1 refused" in out
    assert f"1 error unreadable-line: first {file}:2" in out
    assert '2  action        " 天气\\n"' in out
    assert f"agentswift train data=my-weather registry='[{tmp_path}/registry]'" in out


def test_without_a_folder_it_goes_to_the_users_own(run: Run, rows: Callable[..., Path], tmp_path: Path) -> None:
    rows(HELLO)
    main.task(run(registry=[]))
    assert (tmp_path / "config" / "agentswift" / "registry" / "my-weather.yaml").is_file()
    assert find_cards([])["my-weather"].trusted


def test_no_more_than_a_hundred_rows_are_read(
    run: Run, rows: Callable[..., Path], capsys: pytest.CaptureFixture[str]
) -> None:
    rows(*[HELLO] * 150)
    main.task(run())
    assert "100 rows read: 100 kept, 0 refused" in capsys.readouterr().out


def test_a_name_is_written_over_only_when_asked(run: Run, rows: Callable[..., Path], tmp_path: Path) -> None:
    rows(HELLO)
    main.task(run())
    with pytest.raises(CardError, match=r"my-weather\.yaml:1\. overwrite=true writes it anew"):
        main.task(run())
    main.task(run(overwrite=True, license="mit"))
    assert find_cards([str(tmp_path / "registry")])["my-weather"].license == "mit"


@pytest.mark.parametrize(
    ("changed", "content", "kind", "says"),
    [
        ({"name": "ms-agent"}, [HELLO], CardError, "Take another name"),
        ({"name": "ms-agent", "overwrite": True}, [HELLO], CardError, "Take another name"),
        ({"name": "agentmix"}, [HELLO], CardError, "the name of a mix"),
        ({"name": "../mine"}, [HELLO], CardError, "cannot name a dataset"),
        ({"format": "mesages"}, [HELLO], UsageError, "Did you mean messages"),
        ({"format": "no_such_module:read"}, [HELLO], CardError, "cannot be imported"),
        ({"format": "alpaca"}, [HELLO], DataError, "nothing was written"),
        ({}, ["{broken"], DataError, "can be read"),
        ({}, [{"x": 1}], DataError, "行.jsonl:1: a row of no known format"),
        ({"path": "/"}, [HELLO], UsageError, "is a folder"),
        ({"path": "/nowhere/rows.jsonl"}, [HELLO], DataError, "no such file"),
        ({"template": Template(agent_template="chatml")}, [HELLO], UsageError, "model.template=chatml"),
    ],
)
def test_what_cannot_be_registered_leaves_nothing_behind(
    run: Run,
    rows: Callable[..., Path],
    tmp_path: Path,
    changed: dict[str, Any],
    content: list[Any],
    kind: type[AgentswiftError],
    says: str,
) -> None:
    rows(*content)
    with pytest.raises(kind) as raised:
        main.task(run(**changed))
    assert says in str(raised.value)
    assert not (tmp_path / "registry").exists()


def test_a_users_card_in_a_file_of_several_is_not_written_over(
    run: Run, rows: Callable[..., Path], tmp_path: Path
) -> None:
    rows(HELLO)
    (tmp_path / "registry").mkdir()
    text = "name: my-weather\nformat: react\npath: a\n---\nname: other\nformat: react\npath: b\n"
    (tmp_path / "registry" / "my-weather.yaml").write_text(text)
    with pytest.raises(CardError, match="Take another name"):
        main.task(run(overwrite=True))
    assert (tmp_path / "registry" / "my-weather.yaml").read_text() == text


def test_weights_are_those_of_fields_and_messages() -> None:
    steps = (
        Step(kind="call", tool="天气", weight=0.5),
        Step(kind="observation", text="晴"),
        Step(kind="answer", text="晴天。", train=False),
    )
    talk = Conversation(turns=(Turn(user="天气？", steps=steps),), tools=(Tool(name="天气"),))
    drawn = weighted(talk, find_agent_template("react_en"), Weighing(FIELDS))
    weights = {(field, text.strip()): weight for weight, field, text in drawn}
    assert weights["action", "天气"] == 1.0
    assert weights["user", "天气？"] == 0.0
    assert weights["observation", "晴"] == 0.0
    assert weights["answer", "晴天。"] == 0.0
