"""Our loss scales as ms-swift knows them, and the YAML they come from."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml
from swift.loss_scale import LossScale
from swift.loss_scale.base import ConcatLossScale
from swift.loss_scale.other import IgnoreEmptyThinkLossScale, IgnoreThinkPrefixLossScale

from agentswift.engine.plugin import PREFIX
from agentswift.engine.plugin.replies import Bound, contexts
from agentswift.errors import UsageError
from agentswift.weights import SpanRow, check_fields, weigh


@dataclass(frozen=True)
class Scale:
    """Stands in for agentswift.weights.Scale."""

    name: str
    fields: tuple[tuple[str, float], ...]

    def weigh(self, span_ids: Sequence[int], spans: Sequence[SpanRow], dataset: str = "") -> list[float]:
        """Return a weight a token."""
        return weigh(span_ids, spans, dict(self.fields))


FLAT = Scale("flat", ())


def read_scale(file: Path) -> Scale:
    """Return the loss scale in a YAML. Raises UsageError for one that cannot be used here."""
    values = yaml.safe_load(file.read_text(encoding="utf-8"))
    if not isinstance(values, Mapping) or not isinstance(values.get("fields"), Mapping):
        raise UsageError(f"{file}: a loss scale is a YAML with name: and fields: (as conf/loss_scale/react.yaml)")
    check_fields(values["fields"])
    return Scale(str(values.get("name", file.stem)), tuple(sorted(values["fields"].items())))


@dataclass(frozen=True)
class Named:
    """What ms-swift's registry holds under a name: given the base strategy, it makes the loss scale."""

    scale: Scale

    def __call__(self, base_strategy: str = "default") -> "FieldLossScale":
        """Return the loss scale; ms-swift's word for last_turn is the strategy last_round."""
        return FieldLossScale(self.scale, base_strategy)


class FieldLossScale(LossScale):  # type: ignore[misc]
    """Weights by field, from a reply's structure. Ids never change with them."""

    is_binary = False  # ms-swift drops the weights otherwise (ENGINE T2)

    def __init__(self, scale: Scale, base_strategy: str = "default") -> None:
        if base_strategy == "all":
            raise UsageError(
                f"--loss_scale all+{PREFIX}{scale.name}: what the model reads weighs 0 unless a loss scale names it; "
                "write one of your own (fields: user: 1.0 …)"
            )
        super().__init__(base_strategy)
        self.scale = scale

    def get_loss_scale(self, context: Any, **_: Any) -> Any:
        """Raise UsageError: ms-swift asks this of the links of a chain."""
        raise UsageError(f"--loss_scale: {PREFIX}{self.scale.name} stands alone; others cannot be chained to it by +")

    def __call__(
        self, context_list: Sequence[Any], context_types: Sequence[Any], messages: Sequence[Any], **given: Any
    ) -> tuple[list[Any], list[float]]:
        """Return a row of text as runs of ids of one weight; `agentswift` is what the template told us of the row."""
        bound = given.get("agentswift")
        if not isinstance(bound, Bound):
            raise UsageError("this chat template was registered after agentswift_plugin.py: name the plugin last")
        return contexts(bound, self.scale, LossScale(self.base_strategy), context_list, context_types, messages)


def own(found: LossScale) -> LossScale:
    """Return ours out of a chain that ms-swift makes by itself for models that think: it weighs empty thoughts 0."""
    if not isinstance(found, ConcatLossScale):
        return found
    ours = [link for link in found.loss_scales if isinstance(link, FieldLossScale)]
    empty = (IgnoreEmptyThinkLossScale, IgnoreThinkPrefixLossScale)
    if len(ours) != 1 or not all(isinstance(link, empty) for link in found.loss_scales if link is not ours[0]):
        return found
    return FieldLossScale(ours[0].scale, found.base_strategy)
