"""Python values written as text: JSON, or what `repr` leaves of it; and the arguments of a call."""

import ast
import json
import re
import warnings
from collections.abc import Mapping
from typing import Any, NoReturn

from agentswift.errors import RowError

_FENCE = re.compile(r"\A```\w*\n(.*)\n```\Z", re.DOTALL)


def parsed(text: str) -> Any:
    """Return the value that `text` writes as JSON or as a Python literal, in JSON's own types (a tuple is a list).

    Raises ValueError for any other text, and for NaN and infinities, which JSON has not.
    """
    text = text.strip()
    if fenced := _FENCE.match(text):
        text = fenced[1].strip()
    try:
        return _DECODER.decode(text)
    except RecursionError as error:
        raise ValueError("nested too deep") from error
    except ValueError as error:
        reason = error
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # "\d" in data is no business of the compiler's
            return json.loads(json.dumps(ast.literal_eval(text), allow_nan=False))
    except (SyntaxError, TypeError, ValueError, MemoryError, RecursionError):
        raise ValueError(str(reason)) from None


def _no_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is not JSON")


_DECODER = json.JSONDecoder(parse_constant=_no_constant, strict=False)  # models put raw line breaks into strings


def value_end(text: str, start: int) -> int:
    """Return where the JSON object or list that opens at `start`, spaces skipped, ends; `start` when none does."""
    opening = len(text) - len(text[start:].lstrip())
    if text[opening : opening + 1] not in ("{", "["):
        return start
    try:
        return _DECODER.raw_decode(text, opening)[1]
    except (ValueError, RecursionError):
        return start


def arguments(value: Any, path: str) -> dict[str, Any]:
    """Return a call's arguments, from an object or from its text; no text at all means none.

    Raises RowError bad-arguments for anything that is no object.
    """
    if value is None or (isinstance(value, str) and not value.strip()):
        return {}
    try:
        found = parsed(value) if isinstance(value, str) else value
    except ValueError as error:
        raise _bad_arguments(f"arguments are not JSON ({error}): {value[:80]}", path) from error
    if not isinstance(found, Mapping):
        raise _bad_arguments(f"arguments must be an object, not {str(value)[:80]}", path)
    return dict(found)


def _bad_arguments(message: str, path: str) -> RowError:
    return RowError(
        message, path=path, rule="bad-arguments", fix='write the arguments as a JSON object: {"city": "Paris"}'
    )
