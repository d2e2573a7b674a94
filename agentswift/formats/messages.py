"""messages: ms-swift's own roles and OpenAI's tool_calls; read, and written as OpenAI has them."""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

from agentswift.conversation import Conversation, Step
from agentswift.errors import RowError
from agentswift.formats import anthropic
from agentswift.formats.calls import call_of, from_text
from agentswift.formats.chat import Message, bad_content, listed, loss_of, messages, part_text, reasoned
from agentswift.formats.tools import read_tools
from agentswift.formats.turns import Turns, empty_assistant


def matches(row: Mapping[str, Any]) -> bool:
    """Whether the row holds messages with a role."""
    found = listed(row)
    return found is not None and bool(found[1]) and isinstance(found[1][0], Mapping) and "role" in found[1][0]


def read(row: Mapping[str, Any]) -> Conversation:
    """Return the Conversation of a row whose calls stand in messages of their own or in `tool_calls`.

    Text beside a call is its thought, `reasoning_content` a thought too, and so is <think>…</think> before a text.
    `loss` (true, false, 1, 0; axolotl: `train`, `training`) says whether a message is trained, `loss_scale` or OpenAI's
    `weight` how much. Results with a `tool_call_id` are put in the order of their calls.
    """
    turns, system = _turns(row)
    return turns.conversation(system, read_tools(row.get("tools") or row.get("functions")))


def read_prompt(row: Mapping[str, Any]) -> Conversation:
    """Return what a server is asked to go on with: as `read`, but it may end with the user's word or a result."""
    turns, system = _turns(row)
    return turns.conversation(system, read_tools(row.get("tools")), is_prompt=True)


def _turns(row: Mapping[str, Any]) -> tuple[Turns, str | None]:
    if anthropic.matches(row):  # a file's first row, which tells its format, may hold no block
        return anthropic.read_turns(row)
    turns, system = Turns(), None
    for message in _in_order(messages(row)):
        if message.role == "system":
            system = message.text
        elif message.role == "user":
            turns.user(message.text)
        else:
            steps = _STEPS[message.role](message)
            turns.extend(flagged(steps, message), message.path)
    return turns, system


def _in_order(said: list[Message]) -> list[Message]:
    """Sort each whole batch of results by the calls that they answer, as ms-swift does; others stay where they are."""
    for i, message in enumerate(said):
        ids = [str(call.get("id")) for call in _tool_calls(message) if isinstance(call, Mapping)]
        batch = {
            str(m.values.get("tool_call_id")): m for m in said[i + 1 : i + 1 + len(ids)] if m.role == "observation"
        }
        if batch and batch.keys() == set(ids) and len(batch) == len(ids):
            said[i + 1 : i + 1 + len(ids)] = [batch[call] for call in ids]
    return said


def _tool_calls(message: Message) -> list[Any]:
    calls = message.values.get("tool_calls") or message.values.get("function_call") or []
    calls = from_text(calls, message.path)
    return calls if isinstance(calls, list) else [calls]


def _assistant(message: Message) -> list[Step]:
    thought, content = message.values.get("reasoning_content") or "", message.content
    if not isinstance(thought, str):
        raise bad_content(thought, message.path)
    calls = [call_of(call, message.path) for call in _tool_calls(message)]
    if isinstance(content, list) and not all(isinstance(p, Mapping) and p.get("type") == "text" for p in content):
        said = [_part(part, f"{message.path}[{i}]") for i, part in enumerate(content)]
    elif content is None or (isinstance(content, str | list) and not (content and message.text.strip())):
        said = []
    else:
        thought, text = (thought, message.text) if thought else reasoned(message.text)
        said = [Step(kind="text", text=text)] if text.strip() else []
    if not (said or calls or thought):
        raise empty_assistant(message.path)
    return [Step(kind="thought", text=thought), *said, *calls]


def _part(part: Any, path: str) -> Step:
    """Return the step in one part of a content list; LLaMA-Factory writes thoughts and calls as parts too."""
    kind = part.get("type") if isinstance(part, Mapping) else None
    if kind == "tool_call":
        return call_of(part.get("value"), path)
    if kind in ("reasoning", "thinking"):
        return Step(kind="thought", text=part_text({**part, "type": "text"}, path))
    return Step(kind="text", text=part_text(part, path))


def _calls(message: Message) -> list[Step]:
    """Return the calls of a message of their own; LLaMA-Factory puts a thought before them in <think> tags."""
    thought, content = reasoned(message.content) if isinstance(message.content, str) else ("", message.content)
    calls = from_text(content, message.path)
    called = [call_of(call, message.path) for call in (calls if isinstance(calls, list) else [calls])]
    return [Step(kind="thought", text=thought), *called]


def _observation(message: Message) -> list[Step]:
    """Return the result of a tool; a result that is no text is written as JSON."""
    try:
        text = message.text
    except RowError:
        if message.content is None:
            raise
        text = json.dumps(message.content, ensure_ascii=False)
    return [Step(kind="observation", text=text)]


_STEPS = {"assistant": _assistant, "call": _calls, "observation": _observation}


def flagged(steps: list[Step], message: Message) -> list[Step]:
    """Put the message's own loss flags on its steps."""
    loss, scale = loss_of(message.values), message.values.get("loss_scale")
    scale = message.values.get("weight") if scale is None else scale
    if loss is None and scale is None:
        return steps
    if loss not in (None, True, False, "true", "false") or not (
        scale is None or (isinstance(scale, int | float) and 0 <= scale < float("inf"))
    ):
        raise RowError(
            f"loss must be true or false and loss_scale ≥ 0, not {loss!r} and {scale!r}",
            path=message.path.rpartition(".")[0],
            rule="bad-loss",
            fix="write loss: false for a message that is not trained, loss_scale: 2.0 for one that counts twice",
        )
    train = loss is None or loss in (True, "true")
    return [replace(step, train=train, weight=1.0 if scale is None else float(scale)) for step in steps]


def write(conversation: Conversation) -> dict[str, Any]:
    """Return OpenAI's row: `messages`, and `tools` if any; `read` gives the same Conversation back.

    A thought before a call is the call's content, any other thought is `reasoning_content`. Steps that differ in
    train or weight never share a message.
    """
    said = [] if conversation.system is None else [{"role": "system", "content": conversation.system}]
    number = 0
    for turn in conversation.turns:
        if turn.user is not None:
            said.append({"role": "user", "content": turn.user})
        for message in _written(turn.steps, number):
            number += len(message.get("tool_calls", ()))
            said.append(message)
    row: dict[str, Any] = {"messages": said}
    if conversation.tools:
        row["tools"] = [
            {"type": "function", "function": {"name": t.name, "description": t.description, "parameters": t.parameters}}
            for t in conversation.tools
        ]
    return row


def _written(steps: Sequence[Step], number: int) -> Iterator[dict[str, Any]]:
    """Yield a turn's messages; its calls are numbered from `number`."""
    waiting: list[str] = []  # ids of calls without a result
    at = 0
    while at < len(steps):
        step, flags = steps[at], _flags(steps[at])
        message: dict[str, Any] = {"role": "assistant", "content": "", **flags}
        then = steps[at + 1] if at + 1 < len(steps) and _flags(steps[at + 1]) == flags else None
        if step.kind == "thought" and then is not None and then.kind in ("call", "text", "answer"):
            message["content" if then.kind == "call" else "reasoning_content"] = step.text
            at, step = at + 1, then
        at += 1
        if step.kind == "call":
            waiting = waiting if at > 1 and steps[at - 2].kind == "call" else []
            calls = [step]
            while at < len(steps) and steps[at].kind == "call" and _flags(steps[at]) == flags:
                calls.append(steps[at])
                at += 1
            message["tool_calls"] = [_tool_call(call, number + i) for i, call in enumerate(calls)]
            waiting = waiting + [call["id"] for call in message["tool_calls"]]
            number += len(calls)
        elif step.kind == "observation":
            message = {"role": "tool", "tool_call_id": waiting.pop(0), "content": step.text, **flags}
        else:
            message["reasoning_content" if step.kind == "thought" else "content"] = step.text
        yield message


def _tool_call(step: Step, number: int) -> dict[str, Any]:
    written = json.dumps(dict(step.arguments), ensure_ascii=False)
    return {"id": f"call_{number}", "type": "function", "function": {"name": step.tool, "arguments": written}}


def _flags(step: Step) -> dict[str, Any]:
    return {
        **({} if step.train else {"loss": False}),
        **({} if step.weight == 1.0 else {"loss_scale": step.weight}),
    }
