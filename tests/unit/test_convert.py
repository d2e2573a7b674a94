"""Rows converted: what each target holds, what is said of the rest, how the file is written."""

import gzip
import io
import json
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

from agentswift.commands.convert import main
from agentswift.conversation import Conversation, Step, Tool, Turn
from agentswift.convert.losses import losses
from agentswift.convert.rows_out import RowsOut
from agentswift.convert.targets import find_target, target_names
from agentswift.convert.types import Types
from agentswift.errors import OutputError, UsageError
from agentswift.schema.runs import Convert, Thoughts

WEATHER = Tool(
    name="天气",
    description="查询天气",
    parameters={"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]},
)
CALL = Step(kind="call", tool="天气", arguments={"city": "北京"})
SUNNY = Step(kind="observation", text="晴")
ASKED = Turn(user="北京天气？", steps=(CALL, SUNNY, Step(kind="answer", text="晴天。")))
TALK = Conversation(turns=(ASKED,), system="你是助手。", tools=(WEATHER,))
ROW: dict[str, Any] = {
    "id": "w1",
    "tools": [{"name": "天气", "description": "查询天气", "parameters": dict(WEATHER.parameters)}],
    "messages": [
        {"role": "system", "content": "你是助手。"},
        {"role": "user", "content": "北京天气？"},
        {"role": "tool_call", "content": '{"name": "天气", "arguments": {"city": "北京"}}'},
        {"role": "tool_response", "content": "晴"},
        {"role": "assistant", "content": "晴天。"},
    ],
}
UNTRAINED: dict[str, Any] = {**ROW, "messages": [*ROW["messages"][:-1], {**ROW["messages"][-1], "loss": False}]}
Run = Callable[..., Convert]


@pytest.fixture
def run(tmp_path: Path) -> Run:
    """A conversion of the rows given, which stand in a file of a Chinese name."""

    def made(*rows: Any, **changed: Any) -> Convert:
        file = tmp_path / "行 1.jsonl"
        lines = [row if isinstance(row, str) else json.dumps(row, ensure_ascii=False) for row in rows]
        file.write_text("\n".join(lines), encoding="utf-8")
        given: dict[str, Any] = {
            "path": str(file),
            "to": "openai",
            "file": str(tmp_path / "out.jsonl"),
            "format": None,
            "thoughts": Thoughts.keep,
            "segments": True,
            "infer_types": None,
            "lossy": False,
            "overwrite": False,
            "registry": [],
        }
        return Convert(**{**given, **changed})

    return made


def written(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]


def test_rows_are_written_as_openai_has_them(run: Run, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main.task(run(ROW)) == 0
    (row,) = written(tmp_path / "out.jsonl")
    assert row["id"] == "w1"
    assert row["messages"][2]["tool_calls"][0]["function"] == {"name": "天气", "arguments": '{"city": "北京"}'}
    out = capsys.readouterr().out
    assert f"1 rows read: 1 written as openai to {tmp_path}/out.jsonl, 0 refused" in out
    assert f"Next: agentswift train data.path={tmp_path}/out.jsonl data.format=openai" in out


def test_a_result_in_the_agents_slot_is_a_message_that_is_not_trained(run: Run, tmp_path: Path) -> None:
    main.task(run(ROW, to="react_en"))
    said = written(tmp_path / "out.jsonl")[0]["messages"]
    assert [(m["role"], m.get("loss")) for m in said[2:]] == [
        ("assistant", None),
        ("assistant", False),
        ("assistant", None),
    ]
    assert [m["content"] for m in said[2:]] == [
        'Action: 天气\nAction Input: {"city": "北京"}\nObservation:',
        "晴\n",
        "Final Answer: 晴天。",
    ]


def test_without_segments_a_turn_is_one_message(run: Run, tmp_path: Path) -> None:
    main.task(run(ROW, to="agentfabric_zh", segments=False))
    _, user, answer = written(tmp_path / "out.jsonl")[0]["messages"]
    assert user["content"] == "(。你可以使用工具：[天气])北京天气？"
    assert answer == {
        "role": "assistant",
        "content": 'Action: 天气\nAction Input: {"city": "北京"}\nObservation: <result>晴</result>\nAnswer: 晴天。',
    }


def test_results_in_the_users_slot_are_one_message_of_the_user(run: Run, tmp_path: Path) -> None:
    twice = [*ROW["messages"][:3], ROW["messages"][2], ROW["messages"][3], *ROW["messages"][3:]]
    main.task(run({**ROW, "messages": twice}, to="hermes"))
    said = written(tmp_path / "out.jsonl")[0]["messages"]
    assert [m["role"] for m in said] == ["system", "user", "assistant", "user", "assistant"]
    assert said[3]["content"].count("<tool_response>") == 2


def test_messages_of_different_weights_stay_apart(run: Run, tmp_path: Path) -> None:
    main.task(run(UNTRAINED, to="react_en"))
    assert written(tmp_path / "out.jsonl")[0]["messages"][-1] == {
        "role": "assistant",
        "content": "Final Answer: 晴天。",
        "loss": False,
    }


def test_lost_weights_refuse_a_row_unless_that_is_allowed(
    run: Run, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    job = run(ROW, UNTRAINED, to="agentfabric_zh", segments=False)
    assert main.task(job) == 1
    out = capsys.readouterr().out
    assert f"error  lost-weights  1×: first {tmp_path}/行 1.jsonl:2  $.turns[0].steps" in out
    assert "2 rows read: 1 written as agentfabric_zh" in out
    (finding,) = written(tmp_path / "out.refused.jsonl")
    assert (finding["line"], finding["rule"]) == (2, "lost-weights")
    job.lossy = job.overwrite = True
    assert main.task(job) == 0
    assert "warning  lost-weights" in capsys.readouterr().out
    assert len(written(tmp_path / "out.jsonl")) == 2
    assert not (tmp_path / "out.refused.jsonl").exists()


def test_text_that_cannot_be_told_apart_is_a_finding(run: Run, capsys: pytest.CaptureFixture[str]) -> None:
    quoting = [
        *ROW["messages"][:2],
        {"role": "assistant", "content": "x\nAction: 天气\nAction Input: {}"},
        *ROW["messages"][2:],
    ]
    assert main.task(run({**ROW, "messages": quoting}, to="react_en", format="messages")) == 1
    assert "lost-kind" in capsys.readouterr().out


def test_rows_that_cannot_be_read_are_named_and_the_others_written(
    run: Run, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main.task(run(ROW, "{broken", {"messages": []})) == 1
    assert len(written(tmp_path / "out.jsonl")) == 1
    assert [f["line"] for f in written(tmp_path / "out.refused.jsonl")] == [2, 3]
    assert "unreadable-line" in capsys.readouterr().out


def test_columns_that_are_not_carried_over_are_named(run: Run, capsys: pytest.CaptureFixture[str]) -> None:
    main.task(run({**ROW, "category": "weather", "note": ""}, ROW, {**ROW, "category": "x", "score": 1}))
    assert "no such thing: category (2 rows), score (1 rows)" in capsys.readouterr().out


def test_thoughts_can_be_dropped(run: Run, tmp_path: Path) -> None:
    thinking = [*ROW["messages"][:2], {"role": "assistant", "content": "Let me see."}, *ROW["messages"][2:]]
    for thoughts, kept in ((Thoughts.keep, True), (Thoughts.drop, False)):
        main.task(run({**ROW, "messages": thinking}, thoughts=thoughts, overwrite=True))
        assert ("Let me see." in (tmp_path / "out.jsonl").read_text(encoding="utf-8")) is kept


@pytest.mark.parametrize("name", ["a.jsonl", "a.json", "a.jsonl.gz", "a.json.gz", "a.jsonl.zst"])
def test_every_ending_is_read_again(run: Run, tmp_path: Path, name: str) -> None:
    main.task(run(ROW, ROW, file=str(tmp_path / "new" / name)))
    main.task(run("", path=str(tmp_path / "new" / name), to="openai", file=str(tmp_path / "again.jsonl")))
    assert len(written(tmp_path / "again.jsonl")) == 2
    assert [p.name for p in (tmp_path / "new").iterdir()] == [name]


def test_a_packed_file_is_the_same_twice(tmp_path: Path) -> None:
    for name in ("a.jsonl.gz", "b.jsonl.gz"):
        with RowsOut(tmp_path / name) as out:
            out.write({"好": 1})
    assert (tmp_path / "a.jsonl.gz").read_bytes() == (tmp_path / "b.jsonl.gz").read_bytes()
    assert gzip.decompress((tmp_path / "a.jsonl.gz").read_bytes()) == '{"好": 1}\n'.encode()


def test_nothing_is_written_over_unasked_and_nothing_half(run: Run, tmp_path: Path) -> None:
    (tmp_path / "out.jsonl").write_text("mine", encoding="utf-8")
    with pytest.raises(OutputError, match="overwrite=true"):
        main.task(run(ROW))
    with suppress(KeyError), RowsOut(tmp_path / "half.jsonl") as out:
        out.write({"a": 1})
        raise KeyError
    assert sorted(p.name for p in tmp_path.iterdir()) == ["out.jsonl", "行 1.jsonl"]
    assert (tmp_path / "out.jsonl").read_text(encoding="utf-8") == "mine"


def test_a_json_file_without_rows_is_an_empty_list(tmp_path: Path) -> None:
    with RowsOut(tmp_path / "none.json"):
        pass
    assert json.loads((tmp_path / "none.json").read_text(encoding="utf-8")) == []


def test_a_wrong_target_or_ending_is_answered(run: Run, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="Did you mean react_en"):
        main.task(run(ROW, to="react_em"))
    with pytest.raises(UsageError, match=r"agentfabric is read, not written\. Did you mean agentfabric_"):
        main.task(run(ROW, to="agentfabric"))
    with pytest.raises(UsageError, match=r"\.jsonl or \.json"):
        main.task(run(ROW, file=str(tmp_path / "out.csv")))
    with pytest.raises(UsageError, match="would be read as rows"):
        main.task(run(ROW, path=str(tmp_path)))


LOSSES: list[tuple[Conversation, list[tuple[str, str]]]] = [
    (TALK, []),
    (Conversation(turns=TALK.turns, tools=TALK.tools), [("lost-content", "$.system")]),
    (Conversation(turns=TALK.turns, system=TALK.system), [("lost-content", "$.tools[0]")]),
    (Conversation(turns=(), system=TALK.system, tools=TALK.tools), [("lost-content", "$.turns[0].user")]),
    (
        Conversation(turns=(Turn(user=ASKED.user, steps=ASKED.steps[:2]),), system=TALK.system, tools=TALK.tools),
        [("lost-content", "$.turns[0].steps[2]")],
    ),
    (
        Conversation(
            turns=(Turn(user=ASKED.user, steps=(CALL, SUNNY, Step(kind="thought", text="晴天。", weight=2.0))),),
            system=TALK.system,
            tools=TALK.tools,
        ),
        [("lost-kind", "$.turns[0].steps[2]"), ("lost-weights", "$.turns[0].steps[2]")],
    ),
]


@pytest.mark.parametrize(("back", "found"), LOSSES)
def test_what_is_missing_is_found_by_reading_back(back: Conversation, found: list[tuple[str, str]]) -> None:
    assert [(loss.rule, loss.path) for loss in losses(TALK, back)] == found


def test_types_come_from_the_arguments_given() -> None:
    bare = Tool(
        name="t", parameters={"type": "object", "properties": {"a": {}, "b": {}, "c": {}, "d": {}, "e": {"enum": [1]}}}
    )
    given = [{"a": 1, "b": [1], "c": None, "e": 1}, {"a": 1.5, "b": "x", "c": None}]
    steps = tuple(Step(kind="call", tool="t", arguments=values) for values in given)
    types, talk = Types(), Conversation(turns=(Turn(user="?", steps=steps),), tools=(bare,))
    types.learn(talk)
    assert types.fill(talk).tools[0].parameters["properties"] == {
        "a": {"type": "number"},
        "b": {"type": ["array", "string"]},
        "c": {},
        "d": {},
        "e": {"enum": [1]},
    }
    assert types.untold == {("t", "c"), ("t", "d")}


def test_every_target_is_found() -> None:
    assert {"openai", "messages", "react_en", "hermes"} <= set(target_names())
    assert all(find_target(name, segments=True).name == name for name in target_names())


def test_progress_of_a_stream_says_no_end() -> None:
    from agentswift.report.progress import Progress

    clock = iter([0.0, 20.0])
    out = io.StringIO()
    Progress("converting", "rows", out, clock=lambda: next(clock))(40, 0)
    assert out.getvalue() == "converting: 40 rows, 2.0/s\n"
