"""What is wrong with a loss scale: every key, name and number of it."""

from collections.abc import Collection, Iterator, Mapping
from typing import Any

from agentswift.conversation import FIELDS
from agentswift.errors import did_you_mean

_NAMED = tuple(name for name in FIELDS if name != "end_of_turn")
_MOST = 1e6  # more is a slip, and float32 must hold the sum
# What templates put a label before: no template writes one before what the model reads alone but observations.
_LABELLED = ("thought", "action", "action_input", "observation", "answer", "text")
ARGUMENTS = ("keys", "values", "punctuation")
_CHANGING = ("fields", "labels", "arguments", "end_of_turn")  # what a schedule may lead to
_WORDS = {"turns": ("all", "last"), "normalize": ("tokens", "weights"), "shape": ("linear", "cosine")}
_OF_THE_RUN = {
    "normalize": "one loss is normalised one way: loss_scale.normalize",
    "by_dataset": "an entry of by_dataset has none of its own",
}


def check_scale(said: Mapping[str, Any], datasets: Collection[str] | None = None) -> Iterator[str]:
    """Yield what is wrong with a loss scale's mapping; `datasets` are the parts of the mix, where they are known."""
    if unnamed := list(_unnamed(said, "loss_scale")):
        yield from unnamed
        return
    yield from _set(said, "loss_scale")
    for key in ("turns", "normalize"):
        yield from _word(said, key, "loss_scale")
    schedule = said.get("schedule", {})
    yield from _schedule(schedule, "loss_scale.schedule")
    if not isinstance(by_dataset := said.get("by_dataset", {}), Mapping):
        yield f"loss_scale.by_dataset: {by_dataset!r} is no table. Give each dataset its own, as {{quickstart: react}}"
        return
    for dataset, entry in by_dataset.items():
        at = f"loss_scale.by_dataset.{dataset}"
        if datasets is not None and dataset not in datasets:
            yield f"{at}: the mix has no dataset {dataset!r}.{did_you_mean(dataset, datasets, otherwise='It has: ')}"
        if not isinstance(entry, Mapping):
            yield f"{at}: {entry!r} is no loss scale. Give what differs ({{fields: {{action: 2}}}}) or an option's name"
        else:
            yield from _entry(entry, at, schedule if isinstance(schedule, Mapping) else {})


def _unnamed(said: Mapping[Any, Any], at: str) -> Iterator[str]:
    """Yield the keys that are no names, at any depth."""
    for key, value in said.items():
        if not isinstance(key, str):
            yield f"{at}: {key!r} is no name. A dataset's is quoted: {str(key)!r}"
        elif isinstance(value, Mapping):
            yield from _unnamed(value, f"{at}.{key}")


def _entry(entry: Mapping[str, Any], at: str, schedule: Mapping[str, Any]) -> Iterator[str]:
    known = (*_CHANGING, "turns", "schedule")
    for key in entry.keys() - {*known, "name"}:  # a whole loss scale, by its name, may say what is plain
        if "name" not in entry or (key, entry[key]) not in (("normalize", "tokens"), ("by_dataset", {})):
            yield f"{at}.{key}: {_OF_THE_RUN.get(key) or f'no such key.{did_you_mean(key, known)}'}"
    yield from _set(entry, at)
    yield from _word(entry, "turns", at)
    yield from _schedule(own := entry.get("schedule", {}), f"{at}.schedule")
    if isinstance(own, Mapping) and own.get("shape", shape := schedule.get("shape", "linear")) != shape:
        yield f"{at}.schedule.shape: all weights change alike: loss_scale.schedule.shape={own['shape']}"


def _schedule(schedule: Any, at: str) -> Iterator[str]:
    to = schedule.get("to", {}) if isinstance(schedule, Mapping) else None
    if not isinstance(to, Mapping):
        yield f"{at}: {schedule!r} leads to no weights. Give them, as {{to: {{fields: {{action: 1}}}}}}"
        return
    for key in schedule.keys() - {"shape", "to"}:
        yield f"{at}.{key}: no such key.{did_you_mean(key, ('shape', 'to'))}"
    yield from _word(schedule, "shape", at)
    for key in to.keys() - set(_CHANGING):
        yield f"{at}.to.{key}: no such key.{did_you_mean(key, _CHANGING, otherwise='It may have: ')}"
    yield from _set(to, f"{at}.to")


def _set(said: Mapping[str, Any], at: str) -> Iterator[str]:
    """Check one set of weights."""
    tables = (("fields", _NAMED, "field"), ("labels", _LABELLED, "field that a label introduces"))
    for key, names, kind in (*tables, ("arguments", ARGUMENTS, "part of the arguments")):
        table = said.get(key, {})
        if not isinstance(table, Mapping):
            yield f"{at}.{key}: {table!r} is no table of weights. Give names and numbers, as {{{names[0]}: 2}}"
            continue
        for name, weight in table.items():
            yield from _row(name, weight, names, kind, at, key)
    yield from _number(said.get("end_of_turn", 1.0), f"{at}.end_of_turn", "leaves the stop token out of the loss")


def _row(name: str, weight: Any, names: Collection[str], kind: str, at: str, key: str) -> Iterator[str]:
    if (key, name) == ("fields", "end_of_turn"):
        yield f"{at}.fields.end_of_turn: the stop token's weight stands by itself: {at}.end_of_turn={weight}"
    elif name not in names:
        yield f"{at}.{key}: no {kind} {name!r}.{did_you_mean(name, names, otherwise='They are: ')}"
    else:
        yield from _number(weight, f"{at}.{key}.{name}", "leaves it out of the loss")


def _number(weight: Any, at: str, nought: str) -> Iterator[str]:
    if isinstance(weight, bool) or not isinstance(weight, (int, float)) or not 0 <= weight <= _MOST:
        yield f"{at}: {weight!r} is no weight. Give a number from 0 to {_MOST:g}: 0 {nought}, 1 is plain, 2 twice."


def _word(said: Mapping[str, Any], key: str, at: str) -> Iterator[str]:
    if (word := said.get(key, _WORDS[key][0])) not in _WORDS[key]:
        yield f"{at}.{key}: {word!r} is neither {' nor '.join(_WORDS[key])}"
