"""Our loss scales as ms-swift knows them, and the YAML they come from."""

from collections.abc import Iterator, Mapping, Sequence
from importlib.resources import files
from pathlib import Path
from typing import Any

from swift.loss_scale import LossScale
from swift.loss_scale.base import ConcatLossScale
from swift.loss_scale.other import IgnoreEmptyThinkLossScale, IgnoreThinkPrefixLossScale
from swift.utils import get_logger

from agentswift.engine.plugin import PREFIX
from agentswift.engine.plugin.replies import Bound, contexts
from agentswift.errors import UsageError
from agentswift.weights import Scale, check_scale
from agentswift.weights.swift_file import read_swift_file
from agentswift.weights.yaml_file import read_yaml_file

FLAT = Scale.of({})


def read_scale(file: Path) -> Scale:
    """Return the loss scale in a YAML, as conf/loss_scale has them, or in a JSON of ms-swift's.

    What a YAML names, it finds beside it and among those shipped. Raises UsageError with all that is wrong with it.
    """
    if file.suffix == ".json":
        return Scale.of({"name": file.stem, **read_swift_file(str(file))})
    here = sorted(file.parent.glob("*.yaml"))
    options = {option.stem: option for option in (*here, *_shipped())}
    said = {"name": file.stem, **read_yaml_file(file, options)}
    by_dataset = said.get("by_dataset", {})
    if isinstance(by_dataset, Mapping):
        said["by_dataset"] = {name: _entry(entry, options) for name, entry in by_dataset.items()}
    faults = list(check_scale(said))
    if not faults and Scale.of(said).is_scheduled:
        faults = ["schedule: a plain `swift sft` carries one weight a token; `agentswift train` has schedules"]
    if faults:
        raise UsageError("\n".join(f"{file}: {fault}" for fault in faults))
    return Scale.of(said)


def _shipped() -> Iterator[Path]:
    return Path(str(files("agentswift.conf") / "loss_scale")).glob("*.yaml")


def _entry(entry: Any, options: Mapping[str, Path]) -> Any:
    """Return what `by_dataset` says of a dataset; the name of an option stands for all of it."""
    is_option = isinstance(entry, str) and entry in options
    return {"name": entry, **read_yaml_file(options[entry], options)} if is_option else entry


class Named:
    """What ms-swift's registry holds under a name: given the base strategy, it makes the loss scale."""

    def __init__(self, scale: Scale) -> None:
        self.scale = scale

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
                "write one of your own, with `fields: {user: 1.0}`"
            )
        super().__init__(base_strategy)
        self.scale = scale
        for said in scale.notes():
            get_logger().warning_once(f"agentswift: {said}")

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
        is_last = self.scale.weighing(bound.dataset).turns == "last"
        plain = LossScale("last_round" if is_last else self.base_strategy)
        return contexts(bound, self.scale, plain, context_list, context_types, messages)


def own(found: LossScale) -> LossScale:
    """Return ours out of a chain that ms-swift makes by itself for models that think: it weighs empty thoughts 0."""
    if not isinstance(found, ConcatLossScale):
        return found
    ours = [link for link in found.loss_scales if isinstance(link, FieldLossScale)]
    empty = (IgnoreEmptyThinkLossScale, IgnoreThinkPrefixLossScale)
    if len(ours) != 1 or not all(isinstance(link, empty) for link in found.loss_scales if link is not ours[0]):
        return found
    return FieldLossScale(ours[0].scale, found.base_strategy)
