"""JSON as models write it: read strictly, else repaired (Python quotes and words, full-width marks, stray commas)."""

import json
import re
from dataclasses import dataclass
from typing import Any

_DECODER = json.JSONDecoder(strict=False)  # strings may hold raw line ends
_DEPTH = 64  # levels; deeper text is not a tool's arguments
_SPACE = re.compile(r"\s*")
_WORD = re.compile(r"[^\s,，:：{}\[\]()\"']+")
_ESCAPE = re.compile(r"(?:\\u[0-9a-fA-F]{4})+|\\U[0-9a-fA-F]{8}|\\x[0-9a-fA-F]{2}|\\.", re.DOTALL)
_CLOSING = {'"': '"', "'": "'", "“": "”", "‘": "’"}
_WORDS = {"true": True, "True": True, "false": False, "False": False, "null": None, "None": None}
_LETTERS = {"n": "\n", "t": "\t", "r": "\r", "b": "\b", "f": "\f"}


@dataclass(frozen=True)
class JsonText:
    """A value read from text[start:end]; `repaired` when the text was not JSON as it stood."""

    value: Any
    end: int  # characters from the text's start
    repaired: bool = False


def read_json(text: str, start: int = 0) -> JsonText | None:
    """Read the one value that begins at `start` (spaces skipped); None where there is none. Text may follow it."""
    start = _skip(text, start)
    try:
        value, end = _DECODER.raw_decode(text, start)
        return JsonText(value, end)
    except (ValueError, RecursionError):
        pass
    try:
        value, end = _value(text, start, 0)
    except (ValueError, IndexError):
        return None
    return JsonText(value, end, repaired=True)


def _skip(text: str, at: int) -> int:
    match = _SPACE.match(text, at)
    return match.end() if match else at


def _value(text: str, at: int, depth: int) -> tuple[Any, int]:
    """Return the value at `at` and where it ends; raises ValueError or IndexError where there is none."""
    if depth > _DEPTH:
        raise ValueError("nested too deeply")
    mark = text[at]
    if mark == "{":
        return _members(text, at, depth)
    if mark in "[(":
        return _elements(text, at, depth)
    return _string(text, at) if mark in _CLOSING else _word(text, at)


def _members(text: str, at: int, depth: int) -> tuple[dict[str, Any], int]:
    members: dict[str, Any] = {}
    at = _skip(text, at + 1)
    while text[at] != "}":
        key, at = _string(text, at) if text[at] in _CLOSING else _name(text, at)
        at = _skip(text, at)
        if text[at] not in ":：":
            raise ValueError("no colon")
        members[key], at = _value(text, _skip(text, at + 1), depth + 1)
        at = _comma(text, at, "}")
    return members, at + 1


def _elements(text: str, at: int, depth: int) -> tuple[list[Any], int]:
    elements: list[Any] = []
    closing = "]" if text[at] == "[" else ")"
    at = _skip(text, at + 1)
    while text[at] != closing:
        element, at = _value(text, at, depth + 1)
        elements.append(element)
        at = _comma(text, at, closing)
    return elements, at + 1


def _comma(text: str, at: int, closing: str) -> int:
    """Skip the comma after an element; a last one too many is let pass."""
    at = _skip(text, at)
    if text[at] in ",，":
        return _skip(text, at + 1)
    if text[at] != closing:
        raise ValueError("no comma")
    return at


def _string(text: str, at: int) -> tuple[str, int]:
    """Read a quoted string; a quote inside it that nothing structural follows is a character of it ('it's')."""
    closing, end = _CLOSING[text[at]], at + 1
    while text[end] != closing or not _closes(text, end):
        end += 2 if text[end] == "\\" else 1
    return _ESCAPE.sub(_unescaped, text[at + 1 : end]), end + 1


def _closes(text: str, at: int) -> bool:
    after = _skip(text, at + 1)
    return after == len(text) or text[after] in ",，:：}])"


def _unescaped(match: re.Match[str]) -> str:
    escape = match.group()
    if len(escape) == 2:
        return _LETTERS.get(escape[1], escape[1] if escape[1] in "\\/\"'\n" else escape)
    if escape[1] == "u":
        return str(json.loads(f'"{escape}"'))  # two halves make one character
    return chr(int(escape[2:], 16))


def _name(text: str, at: int) -> tuple[str, int]:
    match = _WORD.match(text, at)
    if not match:
        raise ValueError("no name")
    return match.group(), match.end()


def _word(text: str, at: int) -> tuple[Any, int]:
    word, end = _name(text, at)
    return (_WORDS[word], end) if word in _WORDS else (_number(word), end)


def _number(word: str) -> int | float:
    try:
        return int(word)
    except ValueError:
        return float(word)
