"""What was meant by a key there is not: it has moved, has a new name, is ms-swift's own, or is mistyped."""

import re
from collections.abc import Iterable

from agentswift.compose.keys import groups, keys
from agentswift.compose.old_names import TODAY
from agentswift.errors import did_you_mean


def unknown_key(name: str, shape: type) -> str:
    """Say that `shape` has no key `name`, and what to write instead."""
    known, leaf = keys(shape), name.rsplit(".", 1)[-1]
    if moved := [key for key in known if key.endswith(f".{leaf}")]:
        return f"no key {name!r}. Did you mean {' or '.join(moved)}?"
    if leaf in TODAY:
        return f"no key {name!r}: a name of ms-swift's. Today and here: {TODAY[leaf]}"
    if "extra" in known and is_argument(leaf):
        return f"no key {name!r}, but ms-swift has it: extra.{leaf}=VALUE passes it on"
    return f"no key {name!r}.{_nearest(name, [*known, *groups(shape)]) or ' --help lists every key'}"


_OURS = {  # ms-swift's arguments for what is done before ms-swift sees a row
    "dataset": "name the data with data=NAME or data.path=FILE",
    "val_dataset": "split=0.01 holds rows out",
    "cached_dataset": "the encoded cache is agentswift's own",
    "cached_val_dataset": "the encoded cache is agentswift's own",
    "split_dataset_ratio": "split=0.01 holds rows out",
    "loss_scale": "loss_scale=NAME, or loss_scale.fields.FIELD=WEIGHT",
    "dataset_shuffle": "the mix makes the order: data.order=sequential takes one part after the other",
    "train_dataloader_shuffle": "the mix makes the order: data.order=sequential takes one part after the other",
    "agent_template": "template=NAME",
    "system": "data.system=TEXT",
    "new_special_tokens": "rows are encoded by the model's own tokenizer; save a model with the tokens in it",
    "hub_token": "no hub is asked while training; for what is fetched before, set HF_TOKEN or MODELSCOPE_API_TOKEN",
    "push_to_hub": "no hub is asked while training; upload the checkpoint with the hub's own client",
}


def unknown_argument(name: str, shape: type) -> str:
    """Say why `extra.NAME` cannot be passed on: a key of ours, an old name, or none of ms-swift's. "": it can."""
    from agentswift.engine.argument_names import argument_names

    if ours := [key for key in keys(shape) if key.rsplit(".", 1)[-1] == name]:
        return f"extra.{name}: has a key of its own, {ours[0]}"
    if name in _OURS:
        return f"extra.{name}: would change nothing here: {_OURS[name]}"
    if name in argument_names():
        return ""
    if name in TODAY:
        return f"extra.{name}: an old name of ms-swift's. Today and here: {TODAY[name]}"
    return f"extra.{name}: ms-swift has no such argument.{_nearest(name, argument_names())}"


def is_argument(name: str) -> bool:
    """Whether ms-swift has an argument of this name; it is not imported for that."""
    from agentswift.engine.argument_names import argument_names

    return name in argument_names()


def _nearest(name: str, known: Iterable[str]) -> str:
    """Suggest by the whole name, else by the last word: lora_rnak → tuner.lora_rank. "": nothing is near."""
    names = list(known)
    if near := _near(name, names):
        return near
    leaves = {key.rsplit(".", 1)[-1]: key for key in names}
    return re.sub(r"\w+", lambda m: leaves.get(m[0], m[0]), _near(name.rsplit(".", 1)[-1], leaves))


def _near(name: str, known: Iterable[str]) -> str:
    near = did_you_mean(name, known)
    return near if near.startswith(" Did") else ""
