"""Conversations as messages whose text is an agent template's: for ms-swift, LLaMA-Factory and others to train on."""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from itertools import groupby
from typing import Any

from agentswift.agent_templates import read_turn
from agentswift.agent_templates.spans import AgentTemplate, Piece
from agentswift.conversation import Conversation, Step, Turn
from agentswift.convert.losses import Loss, is_held, losses
from agentswift.formats import FORMATS

Message = dict[str, Any]


def write_text(template: AgentTemplate, conversation: Conversation, *, segments: bool) -> dict[str, Any]:
    """Return the row {"messages": […]}; the tools are in the system prompt's text.

    With `segments`, a result in the agent's own slot is an assistant's message with `loss: false`, and words whose
    weights differ are messages of their own: ms-swift joins such messages again, each with its weight. Without, a
    turn's text in the agent's slot is one message, as LLaMA-Factory and the published files have it.
    """
    tools = conversation.tools
    system = template.system(conversation.system, tools).text
    messages = [{"role": "system", "content": system}] if system or conversation.system is not None else []
    for turn in conversation.turns:
        if turn.user is not None:
            messages.append({"role": "user", "content": template.user(turn.user, tools).text})
        for message in _turn(template, turn.steps, segments=segments):
            if messages and _are_one(messages[-1], message, segments=segments):
                messages[-1]["content"] += message["content"]
            else:
                messages.append(message)
    return {"messages": messages}


def text_losses(template: AgentTemplate, conversation: Conversation, *, segments: bool) -> Iterator[Loss]:
    """Yield what the text does not hold: steps that the template's own reader would not tell apart, and weights.

    All words are in the text whatever the reader makes of them, so nothing here is more than a lost kind. Of schemas
    two templates have no place for all.
    """
    if template.name in _LISTING:
        yield from _schemas(template, conversation, segments=segments)
    tools, agent = conversation.tools, conversation.is_agent
    turns = []
    for turn in conversation.turns:
        back = read_turn(template, template.write(turn.steps), tools, agent)
        flagged = len(back) == len(turn.steps)
        steps = [replace(b, train=s.train, weight=s.weight) for b, s in zip(back, turn.steps, strict=False)]
        turns.append(replace(turn, steps=tuple(steps) if flagged else back))
    for loss in losses(conversation, replace(conversation, turns=tuple(turns))):
        yield Loss("lost-kind", loss.path, f"the text of {template.name} cannot be told apart: {loss.message}")
    if not segments:
        yield from _unequal_weights(template, conversation)


_LISTING = ("ms_agent", "lagent")  # whose prompts list parameters instead of showing the schema; formats by these names


def _schemas(template: AgentTemplate, conversation: Conversation, *, segments: bool) -> Iterator[Loss]:
    system = write_text(template, replace(conversation, turns=_A_TURN), segments=segments)
    back = FORMATS[template.name].read(system).tools if conversation.tools else ()
    for i, (tool, other) in enumerate(zip(conversation.tools, back, strict=True)):
        if not is_held(tool.parameters, other.parameters):
            said = (
                f"the prompt of {template.name} lists names, types and descriptions: of {tool.name} it leaves out more"
            )
            yield Loss("lost-schema", f"$.tools[{i}].parameters", said)


_A_TURN = (Turn(user="?", steps=(Step(kind="answer", text="!"),)),)


def _unequal_weights(template: AgentTemplate, conversation: Conversation) -> Iterator[Loss]:
    for i, turn in enumerate(conversation.turns):
        flags = {_flags_of(step) for step in turn.steps if step.kind != "observation"}
        if len(flags) > 1 or (flags - {()} and template.observation_place == "assistant" and _has_result(turn.steps)):
            said = "steps of different weights in one text; segments=true keeps them apart"
            yield Loss("lost-weights", f"$.turns[{i}].steps", said)


def _has_result(steps: Sequence[Step]) -> bool:
    return any(step.kind == "observation" for step in steps)


def _turn(template: AgentTemplate, steps: Sequence[Step], *, segments: bool) -> Iterator[Message]:
    for piece in template.write(steps):
        if piece.role == "observation" and template.observation_place == "user":
            yield {"role": "user", "content": piece.text}
        elif piece.role == "observation":
            yield {"role": "assistant", "content": piece.text, **({"loss": False} if segments else {})}
        else:
            yield from _generated(piece, steps)


def _generated(piece: Piece, steps: Sequence[Step]) -> Iterator[Message]:
    """Yield a generation cut where the weights of its steps change."""

    def flags(index: int) -> tuple[tuple[str, Any], ...]:
        return _flags_of(steps[index]) if index >= 0 else ()

    for given, spans in groupby(piece.spans, key=lambda span: flags(span.step)):
        text = "".join(piece.text[span.start : span.end] for span in spans)
        yield {"role": "assistant", "content": text, **dict(given)}


def _flags_of(step: Step) -> tuple[tuple[str, Any], ...]:
    loss = () if step.train else (("loss", False),)
    return (*loss, *(() if step.weight == 1.0 else (("loss_scale", step.weight),)))


def _are_one(last: Message, message: Message, *, segments: bool) -> bool:
    """Whether a message continues the last: results in the user's slot, and, without segments, the agent's text."""
    return last["role"] == message["role"] and (message["role"] == "user" or not segments)
