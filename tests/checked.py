"""Files of rows, and `agentswift check` run on them in this process."""

import json
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any

from agentswift.commands.check import main
from agentswift.compose import compose_run
from agentswift.schema.groups import Data, Hub
from agentswift.schema.runs import Check, ShowOutput

TOOLS = [{"name": "get_weather", "parameters": {"properties": {"city": {"type": "string"}}, "required": ["city"]}}]
GOOD: dict[str, Any] = {
    "tools": TOOLS,
    "messages": [
        {"role": "user", "content": "北京天气？"},
        {"role": "tool_call", "content": '{"name": "get_weather", "arguments": {"city": "北京"}}'},
        {"role": "tool", "content": "晴"},
        {"role": "assistant", "content": "晴。"},
    ],
}


def good(number: int) -> dict[str, Any]:
    """Return a row like no other."""
    return {**GOOD, "messages": [{"role": "user", "content": f"{number}?"}, *GOOD["messages"][1:]]}


def misnamed(number: int) -> dict[str, Any]:
    """Return a row that calls a tool which is not declared."""
    row = json.loads(json.dumps(good(number)))
    row["messages"][1]["content"] = '{"name": "get_wether", "arguments": {}}'
    return row  # type: ignore[no-any-return]


def written(path: Path, *rows: dict[str, Any]) -> Path:
    """Write rows as JSON lines."""
    path.write_text("".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows), encoding="utf-8")
    return path


def data_of(path: Path, layout: str | None = None, **changes: Any) -> Data:
    """Return the data group of one file, as conf/data/card.yaml has it, with `changes`."""
    given: dict[str, Any] = {"parts": {}, "path": str(path), "format": layout, "model_name": [], "model_author": []}
    return replace(defaults(), **(given | changes))


@cache
def defaults() -> Data:
    """Return the data group that nothing is changed in."""
    return compose_run("check", Check).data


def check(
    path: Path, output: ShowOutput = ShowOutput.text, most: int = 5, layout: str | None = None, **changes: Any
) -> int:
    """Return the exit status of the command, run as conf/check.yaml has it, with `changes`."""
    run = replace(compose_run("check", Check), data=data_of(path, layout), output=output, most=most, hub=Hub.path)
    return main.task(replace(run, **changes)) or 0
