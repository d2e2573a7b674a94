"""ms-swift's own loss-scale files: JSON whose keys are looked for in the text → weights of fields and labels.

A key with two weights stands for itself and for all behind it up to the next key; one with a single weight is a
pattern, for what it matches. What ms-swift would make of a file without saying so is named here, and nothing is read.
"""

import json
import math
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from agentswift.conversation import Field
from agentswift.errors import UsageError, did_you_mean

# Keys that our templates write, and the field that each introduces; the first of a field's is the one missed.
_FAMILIES: tuple[dict[str, Field], ...] = (
    {
        "Thought:": "thought",
        "Action:": "action",
        "Action Input:": "action_input",
        "Observation:": "observation",
        "Final Answer:": "answer",
        **dict.fromkeys(("ACTION:", "Name:", "Tool:"), "action"),
        **dict.fromkeys(("ACTION_INPUT:", "Arguments:"), "action_input"),
    },
    {
        "✿FUNCTION✿:": "action",
        "✿ARGS✿:": "action_input",
        "✿RESULT✿:": "observation",
        "✿RETURN✿:": "answer",
    },
)
_KNOWN = {key: field for family in _FAMILIES for key, field in family.items()}
_BLOCKS = re.compile(r"<tool_call>\.[+*]\??</tool_call>")  # hermes: a whole call
_IGNORED = (
    "what a model that thinks leaves empty weighs 0 there; here template.thinking says which thoughts are written"
)
_OPTIONS = {  # ms-swift's own files that say what no file here can: what does the same
    "alpha_umi.json": "ms-swift's own alpha_umi is loss_scale=alpha_umi here",
    "agentflan.json": "ms-swift's own agentflan is loss_scale=agentflan here",
    "ignore_empty_think.json": _IGNORED,
    "ignore_think_prefix.json": _IGNORED,
}
_CALL: tuple[Field, ...] = ("action", "action_input")


def read_swift_file(path: str) -> dict[str, Any]:
    """Return the fields and labels that a loss-scale file of ms-swift's weighs. Raises UsageError with all its faults.

    A file of two halves, "response" and "query" as ms-swift's agentflan.json has, is read for the first alone.
    """
    file = Path(path).expanduser()
    try:
        values = json.loads(file.read_text(encoding="utf-8"))
    except OSError as error:
        raise UsageError(f"loss_scale.file: {file} cannot be read: {error.strerror}") from error
    except ValueError as error:
        raise UsageError(f"loss_scale.file: {file} is no JSON: {error}") from error
    found: dict[str, Any] = {"faults": []}
    faults = list(_faults(values))
    if isinstance(values, dict) and not values.keys() <= {"response", "query"}:
        found = _translated(values)
        faults += [fault for fault in found.pop("faults") if fault not in faults]
    if faults and (own := _OPTIONS.get(file.name)) is not None:
        faults = [own, *(fault for fault in faults if "is no field here" not in fault)]
    if faults:
        raise UsageError("\n  ".join(f"{file}: {fault}" for fault in faults))
    return found


def _faults(values: Any) -> Iterator[str]:
    """Yield what ms-swift cannot read as it is meant, or would read in silence as something else."""
    if not isinstance(values, dict) or not values:
        yield 'an object is wanted: {"Action:": [2.0, 2.0], …}'
        return
    if values.keys() <= {"response", "query"}:
        yield (
            '"query" weighs an answer by what the user asks, and "response" goes with it: here weights lie on fields '
            "and on messages (loss_scale in the data). Give what stands under response as the whole file, or take "
            "loss_scale=agentflan"
        )
        return
    for key, weights in values.items():
        yield from _weights(key, weights)
    pairs = [key for key, weights in values.items() if isinstance(weights, list) and len(weights) == 2]
    single = [key for key, weights in values.items() if isinstance(weights, list) and len(weights) == 1]
    for key in single if pairs else ():
        yield f"{key!r}: a key with one weight counts for nothing beside {pairs[0]!r} with two: ms-swift ignores it"
    for key in pairs:
        if not key.rstrip().endswith((":", "：")):
            yield f"{key!r} has no colon: ms-swift finds it in the middle of any sentence.{_meant(key)}"


def _weights(key: str, weights: Any) -> Iterator[str]:
    if _is_weight(weights):
        yield f"{key!r}: {weights} must be a list, [{weights}]; ms-swift fails on a number alone"
    elif not isinstance(weights, list) or len(weights) not in (1, 2) or not all(map(_is_weight, weights)):
        yield f"{key!r}: {weights!r} is neither [weight] nor [weight of the key, weight of what follows], numbers ≥ 0"
    elif len(weights) == 1:
        try:
            re.compile(key)
        except re.error as error:
            yield f"{key!r} has one weight, so it is a pattern, and is none: {error}"


def _is_weight(value: Any) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool) and 0 <= value < math.inf


def _meant(key: str) -> str:
    return did_you_mean(key, _KNOWN, otherwise="Known: ")


def _translated(values: Mapping[str, Any]) -> dict[str, Any]:
    """Return the fields and labels; under "faults" what is right for ms-swift and no field of ours.

    Keys whose weights are none are passed over: `_faults` has named them.
    """
    found: dict[str, Any] = {"fields": {}, "labels": {}, "faults": []}
    faults = found["faults"]
    for key, weights in values.items():
        if list(_weights(key, weights)):
            continue
        if len(weights) == 2 and key in _KNOWN:
            fields: tuple[Field, ...] = (_KNOWN[key],)
        elif len(weights) == 1 and _BLOCKS.fullmatch(key):
            fields = _CALL
        else:
            faults.append(f"{key!r} is no field here, so what it weighs cannot be told.{_meant(key)}")
            continue
        for where, weight in (("labels", weights[0]), ("fields", weights[-1])):
            for field in fields:
                if found[where].setdefault(field, float(weight)) != weight:
                    faults.append(f"{key!r}: {weight} for {field}, and {found[where][field]} by another key")
    faults += _missing(values)
    return found


def _missing(values: Mapping[str, Any]) -> Iterator[str]:
    """Yield the keys that must be there: up to the next key that is, ms-swift goes on with the weight before."""
    for family in _FAMILIES:
        named = {family[key] for key in values if key in family}
        for key, field in family.items():
            if named and field not in named:
                named.add(field)
                yield f"{key!r} is missing: ms-swift would give all behind it the weight of what stands before"
