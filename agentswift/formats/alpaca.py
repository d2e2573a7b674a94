"""alpaca: instruction, input, output; also query and response; with system and history."""

from collections.abc import Mapping
from typing import Any

from agentswift.conversation import Conversation, Step
from agentswift.errors import RowError
from agentswift.formats.chat import bad_content
from agentswift.formats.tools import read_tools
from agentswift.formats.turns import Turns
from agentswift.formats.values import parsed

ASKED = ("instruction", "query")
ANSWERED = ("output", "response")


def matches(row: Mapping[str, Any]) -> bool:
    """Whether the row holds a question and an answer under alpaca's names, or ms-swift's older ones."""
    return any(key in row for key in ASKED) and any(key in row for key in ANSWERED)


def read(row: Mapping[str, Any]) -> Conversation:
    """Return the Conversation of a row: earlier rounds of `history` first.

    Instruction and input are joined by a line break, as ms-swift has it. Placeholders of self-cognition rows ({{NAME}},
    <AUTHOR>) stay as they are.
    """
    turns = Turns()
    for asked, answered, path in rounds(row):
        turns.user(asked)
        turns.add(Step(kind="text", text=answered), path)
    return turns.conversation(system(row), read_tools(row.get("tools")))


def system(row: Mapping[str, Any]) -> str | None:
    """Return the row's system prompt; an empty one counts as none, for alpaca files leave the cell empty."""
    return _text(row, "system") or _text(row, "system_prompt") or None


def rounds(row: Mapping[str, Any]) -> list[tuple[str, str, str]]:
    """Return (question, answer, path of the answer) of each round. Raises RowError bad-content or no-assistant."""
    asked, answered = _first(row, ASKED), _first(row, ANSWERED)
    if answered is None:
        raise RowError(
            f"no answer: none of {', '.join(ANSWERED)} in this row, which has {', '.join(map(str, row))}",
            rule="no-assistant",
            fix="put the answer under output, or name another format",
        )
    question = "\n".join(text for text in (_text(row, asked or "instruction"), _text(row, "input")) if text)
    return [*_history(row), (question, _text(row, answered), f"$.{answered}")]


def _first(row: Mapping[str, Any], keys: tuple[str, ...]) -> str | None:
    return next((key for key in keys if row.get(key) is not None), None)


def _text(row: Mapping[str, Any], key: str) -> str:
    value = row.get(key)
    if value is not None and not isinstance(value, str):
        raise bad_content(value, f"$.{key}")
    return value or ""


def _history(row: Mapping[str, Any]) -> list[tuple[str, str, str]]:
    """Return earlier rounds: [[question, answer], …], or the text of that."""
    history = row.get("history") or []
    if isinstance(history, str):
        try:
            history = parsed(history)
        except ValueError as error:
            raise bad_content(history, "$.history") from error
    if not isinstance(history, list):
        raise bad_content(history, "$.history")
    for i, pair in enumerate(history):
        if not isinstance(pair, list) or len(pair) != 2 or not all(isinstance(text, str) for text in pair):
            raise bad_content(pair, f"$.history[{i}]")
    return [(asked, answered, f"$.history[{i}][1]") for i, (asked, answered) in enumerate(history)]
