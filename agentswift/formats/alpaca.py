"""alpaca: one question and one answer under any of their usual keys, with system and history; read and written."""

from collections.abc import Mapping
from typing import Any

from agentswift.conversation import Conversation, Step, Turn
from agentswift.errors import RowError
from agentswift.formats.chat import bad_content, reasoned
from agentswift.formats.ms_swift import in_tags, not_held
from agentswift.formats.tools import read_tools
from agentswift.formats.turns import Turns
from agentswift.formats.values import parsed

ASKED = ("instruction", "query", "prompt")
ANSWERED = ("output", "response", "completion", "target")  # ms-swift's older rows, prompt/completion, firefly


def matches(row: Mapping[str, Any]) -> bool:
    """Whether the row holds a question and an answer under alpaca's names, or ms-swift's older ones."""
    asked = any(key in row for key in ASKED) or ("input" in row and "target" in row)
    return asked and any(key in row for key in ANSWERED)


def read(row: Mapping[str, Any]) -> Conversation:
    """Return the Conversation of a row: earlier rounds of `history` first.

    Instruction and input are joined by a line break, as ms-swift has it. Placeholders of self-cognition rows ({{NAME}},
    <AUTHOR>) stay as they are. <think>…</think> before an answer is its thought.
    """
    turns = Turns()
    for asked, answered, path in rounds(row):
        thought, text = reasoned(answered)
        turns.user(asked)
        turns.add(Step(kind="thought", text=thought), path)
        turns.add(Step(kind="text", text=text), path)
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


def write(conversation: Conversation) -> dict[str, Any]:
    """Return a row of instruction, input, output, history. Raises RowError not-held for anything else."""
    if conversation.tools:
        raise not_held("tools")
    if conversation.system == "":
        raise not_held("a system prompt that is empty, not absent")
    *history, (asked, answered) = [_round(turn) for turn in conversation.turns]
    row: dict[str, Any] = {"instruction": asked, "input": "", "output": answered}
    if conversation.system is not None:
        row["system"] = conversation.system
    return {**row, **({"history": [list(pair) for pair in history]} if history else {})}


def _round(turn: Turn) -> tuple[str, str]:
    """Return a turn's question and answer."""
    kinds = [step.kind for step in turn.steps]
    if turn.user is None or kinds[:-1] not in ([], ["thought"]) or kinds[-1:] not in (["text"], ["answer"]):
        raise not_held("anything but one answer to each question (calls, results, several steps)")
    if any(not step.train or step.weight != 1.0 for step in turn.steps):
        raise not_held("a weight of its own on a step")
    texts = [step.text for step in turn.steps]
    answered = in_tags(texts[0]) + texts[1] if len(texts) > 1 else texts[0]
    if reasoned(answered) != (texts[0] if len(texts) > 1 else "", texts[-1]):
        raise not_held("a thought or an answer with <think> tags of its own")
    return turn.user, answered
