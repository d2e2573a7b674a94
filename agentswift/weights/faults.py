"""What is wrong with a loss scale: every key, name and number of it."""

import math
from collections.abc import Collection, Iterator, Mapping
from typing import Any

from agentswift.conversation import FIELDS
from agentswift.errors import did_you_mean

_NAMED = tuple(name for name in FIELDS if name != "end_of_turn")
ARGUMENTS = ("keys", "values", "punctuation")
_CHANGING = ("fields", "labels", "arguments", "end_of_turn")  # what a schedule may lead to
_WORDS = {"turns": ("all", "last"), "normalize": ("tokens", "weights"), "shape": ("linear", "cosine")}
_OF_THE_RUN = {
    "normalize": "one loss is normalised one way: loss_scale.normalize",
    "by_dataset": "an entry of by_dataset has none of its own",
    "shape": "all weights change alike: loss_scale.schedule.shape",
}


def check_scale(said: Mapping[str, Any], datasets: Collection[str] | None = None) -> Iterator[str]:
    """Yield what is wrong with a loss scale's mapping; `datasets` are the parts of the mix, where they are known."""
    yield from _set(said, "loss_scale")
    for key in ("turns", "normalize"):
        yield from _word(said, key, "loss_scale")
    schedule = said.get("schedule", {})
    yield from _word(schedule, "shape", "loss_scale.schedule")
    yield from _schedule(schedule, "loss_scale.schedule")
    for dataset, entry in said.get("by_dataset", {}).items():
        at = f"loss_scale.by_dataset.{dataset}"
        if datasets is not None and dataset not in datasets:
            yield f"{at}: the mix has no dataset {dataset!r}.{did_you_mean(dataset, datasets, otherwise='It has: ')}"
        if not isinstance(entry, Mapping):
            yield f"{at}: {entry!r} is no loss scale. Give what differs ({{fields: {{action: 2}}}}) or an option's name"
        else:
            yield from _entry(entry, at)


def _entry(entry: Mapping[str, Any], at: str) -> Iterator[str]:
    known = (*_CHANGING, "turns", "schedule")
    whole = "name" in entry  # a loss scale by itself: what it says for a whole run is let pass where it is plain
    for key in entry.keys() - {*known, "name"}:
        if not (whole and (key, entry[key]) in (("normalize", "tokens"), ("by_dataset", {}))):
            why = _OF_THE_RUN.get(key) or f"no such key.{did_you_mean(key, known)}"
            yield f"{at}.{key}: {why}"
    yield from _set(entry, at)
    yield from _word(entry, "turns", at)
    schedule = entry.get("schedule", {})
    if not whole and "shape" in schedule:
        yield f"{at}.schedule.shape: {_OF_THE_RUN['shape']}"
    yield from _schedule(schedule, f"{at}.schedule")


def _schedule(schedule: Mapping[str, Any], at: str) -> Iterator[str]:
    to = schedule.get("to", {})
    if not isinstance(to, Mapping):
        yield f"{at}.to: {to!r} is no set of weights. Give one, as {{fields: {{action: 1}}}}"
        return
    for key in to.keys() - set(_CHANGING):
        yield f"{at}.to.{key}: no such key.{did_you_mean(key, _CHANGING, otherwise='It may have: ')}"
    yield from _set(to, f"{at}.to")


def _set(said: Mapping[str, Any], at: str) -> Iterator[str]:
    """Check one set of weights."""
    fields = said.get("fields", {})
    if "end_of_turn" in fields:
        here = f"{at}.end_of_turn={fields['end_of_turn']}"
        yield f"{at}.fields.end_of_turn: the stop token's weight stands by itself: {here}"
    tables = (("fields", _NAMED, "field"), ("labels", _NAMED, "field that a label introduces"))
    for key, names, kind in (*tables, ("arguments", ARGUMENTS, "part of the arguments")):
        yield from _table(said.get(key, {}), names, kind, f"{at}.{key}")
    yield from _number(said.get("end_of_turn", 1.0), f"{at}.end_of_turn", "leaves the stop token out of the loss")


def _table(table: Any, names: Collection[str], kind: str, at: str) -> Iterator[str]:
    if not isinstance(table, Mapping):
        yield f"{at}: {table!r} is no table of weights. Give names and numbers, as {{{next(iter(names))}: 2}}"
        return
    for name, weight in table.items():
        if name not in names and name != "end_of_turn":
            yield f"{at}: no {kind} {name!r}.{did_you_mean(name, names, otherwise='They are: ')}"
        yield from _number(weight, f"{at}.{name}", "leaves it out of the loss")


def _number(weight: Any, at: str, nought: str) -> Iterator[str]:
    if isinstance(weight, bool) or not isinstance(weight, (int, float)) or not 0 <= weight < math.inf:
        yield f"{at}: {weight!r} is no weight. Give a number ≥ 0: 0 {nought}, 1 is plain, 2 counts twice."


def _word(said: Mapping[str, Any], key: str, at: str) -> Iterator[str]:
    if (word := said.get(key, _WORDS[key][0])) not in _WORDS[key]:
        yield f"{at}.{key}: {word!r} is neither {' nor '.join(_WORDS[key])}"
