"""ms-swift's chat templates with one thing put in: rows of our agent templates are encoded as agentswift encodes them.

A row's messages and tools become a Conversation, and the Conversation the segments that `agentswift train` tokenises:
ids, and the field of each token, are the same to the last one. A row that cannot be read so goes ms-swift's way, with
our agent template's words; it is counted and said.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cache
from itertools import groupby
from pathlib import PurePath
from typing import Any

from swift.loss_scale import LossScale
from swift.template import TEMPLATE_MAPPING, Template

from agentswift.agent_templates import AGENT_TEMPLATES
from agentswift.agent_templates.thinking import Thinking
from agentswift.conversation import Conversation
from agentswift.engine.encode import Encoded, Encoder, written_out
from agentswift.engine.plugin import PREFIX
from agentswift.engine.plugin.loss_scales import FLAT, FieldLossScale, own
from agentswift.engine.plugin.notes import note
from agentswift.engine.plugin.replies import Bound
from agentswift.engine.swift_facts import chat_template
from agentswift.engine.tokenizer import reduced
from agentswift.errors import ModelError, RowError
from agentswift.formats import detect, messages

_ENCODERS = "_agentswift_encoders"


class Exact:
    """Stands before ms-swift's template class (the Template that `self` also is)."""

    @property
    def loss_scale(self) -> Any:
        """ms-swift's, or ours out of the chain that it makes for models that think."""
        return own(super().loss_scale)  # type: ignore[misc]

    def _swift_prepare_inputs(self, inputs: Any) -> None:
        """Encode the row while its messages are still as they came."""
        inputs.agentswift = encoded(self, inputs)
        if inputs.agentswift is None:
            super()._swift_prepare_inputs(inputs)  # type: ignore[misc]

    def _swift_encode(self, inputs: Any) -> Any:
        """Return the row as runs of ids of one weight."""
        if (row := inputs.agentswift) is not None:
            return row.ids, row.weights, 0
        if not isinstance(self.loss_scale, FieldLossScale):
            return super()._swift_encode(inputs)  # type: ignore[misc]
        inputs.extra_kwargs["agentswift"] = Bound(self, inputs.tools, dataset_of(inputs))
        try:
            return super()._swift_encode(inputs)  # type: ignore[misc]
        finally:
            del inputs.extra_kwargs["agentswift"]

    def _simplify_context_list(self, contexts: Any, weights: Any, inputs: Any) -> Any:
        """Leave rows of ids as they are: Seed's template looks at the end of the last context as text."""
        if contexts and not isinstance(contexts[-1], str):
            return Template._simplify_context_list(self, contexts, weights, inputs)
        return super()._simplify_context_list(contexts, weights, inputs)  # type: ignore[misc]

    def _add_dynamic_eos(self, *given: Any) -> None:
        """Leave the stop token's weight as our loss scale has it; ms-swift makes it 1 wherever it is 0."""
        if not isinstance(self.loss_scale, FieldLossScale):
            super()._add_dynamic_eos(*given)  # type: ignore[misc]

    def __getstate__(self) -> Any:
        state = super().__getstate__()  # type: ignore[misc]
        return {key: value for key, value in state.items() if key != _ENCODERS}


@dataclass(frozen=True)
class Row:
    """A row as ms-swift's contexts: runs of ids, and a weight a run."""

    ids: list[list[int]]
    weights: list[float]


def encoded(template: Any, inputs: Any) -> Row | None:
    """Return the row as agentswift encodes it; None where the agent template is not ours or it cannot be."""
    name = template._agent_template or ""
    if not name.startswith(PREFIX) or template.template_backend != "swift" or not template.use_chat_template:
        return None
    if inputs.is_multimodal or template.is_encoder_decoder:
        return None
    scale = template.loss_scale
    if template.is_training and not isinstance(scale, FieldLossScale) and type(scale) is not LossScale:
        note("rows are weighed by ms-swift's own loss scale, by keywords", f"take {PREFIX}… for --loss_scale")
        return None
    try:
        conversation = read(inputs, is_training=template.is_training)
        row = next(_encoder(template, inputs).encode([conversation]))
    except (RowError, ModelError) as error:
        note("rows are encoded ms-swift's way", str(error))
        return None
    return _runs(row.input_ids, _weights(template, conversation, row, dataset_of(inputs)))


def read(inputs: Any, *, is_training: bool) -> Conversation:
    """Return a row's Conversation. Raises RowError as the formats do."""
    said = [{"role": "system", "content": inputs.system}] if inputs.system is not None else []
    row = {"messages": [*said, *(m for m in inputs.messages if m["content"] is not None)]}
    if inputs.tools:
        row["tools"] = inputs.tools
    return detect(row).read(row) if is_training else messages.read_prompt(row)


def dataset_of(inputs: Any) -> str:
    """Return the name of the file that a row came from, without its ending: what `by_dataset` of a loss scale names."""
    return PurePath(str(inputs.extra_kwargs.get("dataset") or "").partition("#")[0]).stem


def _encoder(template: Any, inputs: Any) -> Encoder:
    """Return the encoder for what the template does with earlier thoughts; made once."""
    thinking: Thinking = "keep" if template._get_preserve_thinking(inputs) else "last"
    made: dict[Thinking, Encoder] = template.__dict__.setdefault(_ENCODERS, {})
    if thinking not in made:
        tokenizer = reduced(template.tokenizer)
        pieces = written_out(chat_template(template.template_meta), tokenizer)
        ours = AGENT_TEMPLATES[template._agent_template.removeprefix(PREFIX)]
        made[thinking] = Encoder(tokenizer, pieces, ours, thinking)
    return made[thinking]


def _weights(template: Any, conversation: Conversation, row: Encoded, dataset: str) -> list[float]:
    """Return a weight a token, by our loss scale or, with ms-swift's plain one, flat."""
    if not template.is_training:
        return [0.0] * len(row.input_ids)
    scale, first = template.loss_scale, 0
    if scale.base_strategy == "last_round":
        first = max((i for i, turn in enumerate(conversation.turns) if turn.user is not None), default=0)
    spans = [replace(span, weight=0.0) if span.turn < first else span for span in row.spans]
    return (scale.scale if isinstance(scale, FieldLossScale) else FLAT).weigh(row.span_ids, spans, dataset)


def _runs(ids: Sequence[int], weights: Sequence[float]) -> Row:
    runs = [list(run) for _, run in groupby(zip(ids, weights, strict=True), key=lambda pair: pair[1])]
    return Row([[token for token, _ in run] for run in runs], [run[0][1] for run in runs])


def exact(theirs: type[Any]) -> type[Any]:
    """Return ms-swift's template class with `Exact` before it, the same each time."""
    return theirs if issubclass(theirs, Exact) else _made(theirs)  # type: ignore[arg-type]


@cache
def _made(theirs: Any) -> type[Any]:
    name = _name(theirs)
    globals()[name] = made = type(name, (Exact, theirs), {"__module__": __name__})
    return made


def _name(theirs: type[Any]) -> str:
    return f"Exact_{theirs.__module__}.{theirs.__qualname__}".replace(".", "_")


def __getattr__(name: str) -> Any:
    """Make a class that a process started afresh unpickles by its name."""
    found = (meta.template_cls for meta in TEMPLATE_MAPPING.values() if name.startswith("Exact_"))
    for theirs in found:
        if not issubclass(theirs, Exact) and _name(theirs) == name:
            return _made(theirs)
    raise AttributeError(name)
