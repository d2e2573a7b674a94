"""Repairs that change no meaning, on a row as its file has it; docs/rules.md lists them, check names the rest."""

import copy
import json
from collections.abc import Callable, Iterator, Mapping
from typing import Any, NamedTuple

from agentswift.agent_templates.arguments import problems_of
from agentswift.conversation import Tool
from agentswift.errors import RowError
from agentswift.formats.chat import KEYS, LOSS_KEYS, ROLES
from agentswift.formats.tools import read_tools
from agentswift.formats.values import parsed

Row = dict[str, Any]


class Change(NamedTuple):
    """What was changed at a JSON path of a row."""

    path: str
    said: str


def repaired(row: Mapping[str, Any]) -> tuple[Row, list[Change]]:
    """Return a copy of a row with what can be mended mended, and each change; a good row comes back as it was."""
    mended = copy.deepcopy(dict(row))
    return mended, [change for repair in _REPAIRS for change in repair(mended)]


def _messages(row: Row) -> Iterator[tuple[str, Row]]:
    for key in KEYS:
        if isinstance(row.get(key), list):
            yield from ((f"$.{key}[{i}]", message) for i, message in enumerate(row[key]) if isinstance(message, dict))


def _key(message: Row, names: tuple[str, ...]) -> str:
    return next((name for name in names if message.get(name) is not None), names[0])


def _roles(row: Row) -> Iterator[Change]:
    """Spell roles as they are spelled: "Assistant " is assistant."""
    for path, message in _messages(row):
        key = _key(message, ("role", "from"))
        if isinstance(role := message.get(key), str) and role not in ROLES and (known := role.strip().lower()) in ROLES:
            message[key] = known
            yield Change(f"{path}.{key}", f"{role!r} → {known!r}")


def _content(row: Row) -> Iterator[Change]:
    """Write numbers, true and false as text."""
    for path, message in _messages(row):
        key = _key(message, ("content", "value"))
        if isinstance(value := message.get(key), int | float):
            message[key] = json.dumps(value)
            yield Change(f"{path}.{key}", f"{value!r} → {message[key]!r}")


_WORDS = {"true": True, "yes": True, "1": True, "false": False, "no": False, "0": False}


def _loss(row: Row) -> Iterator[Change]:
    """Write loss flags as true and false."""
    for path, message in _messages(row):
        for key in LOSS_KEYS:
            value = message.get(key)
            if isinstance(value, str) and value not in ("true", "false") and (word := value.strip().lower()) in _WORDS:
                message[key] = _WORDS[word]
                yield Change(f"{path}.{key}", f"{value!r} → {json.dumps(_WORDS[word])}")


def _python(row: Row) -> Iterator[Change]:
    """Write calls and tools that are Python's notation as JSON."""
    if isinstance(row.get("tools"), str) and (text := _as_json(row["tools"])):
        row["tools"] = text
        yield Change("$.tools", "Python's notation → JSON")
    for path, place, key in _call_texts(row):
        if text := _as_json(place[key]):
            place[key] = text
            yield Change(f"{path}.{key}", "Python's notation → JSON")


def _as_json(text: str) -> str:
    """Return Python's notation as JSON; "" for what is JSON already, or neither."""
    try:
        json.loads(text)
    except ValueError:
        try:
            value = parsed(text)
        except ValueError:
            return ""
        return json.dumps(value, ensure_ascii=False) if isinstance(value, dict | list) else ""
    return ""


def _call_texts(row: Row) -> Iterator[tuple[str, Row, str]]:
    """Yield the place and key of each text that should be a call, or a call's arguments."""
    for path, message in _messages(row):
        key = _key(message, ("content", "value"))
        if ROLES.get(str(message.get("role") or message.get("from"))) == "call" and isinstance(message.get(key), str):
            yield path, message, key
        for i, call in enumerate(calls if isinstance(calls := message.get("tool_calls"), list) else []):
            inner = call.get("function") if isinstance(call, dict) else None
            if isinstance(inner, dict) and isinstance(inner.get("arguments"), str):
                yield f"{path}.tool_calls[{i}].function", inner, "arguments"


def _twins(row: Row) -> Iterator[Change]:
    """Drop a tool that is declared twice in the very same words."""
    if isinstance(tools := row.get("tools"), list):
        for i in range(len(tools) - 1, 0, -1):
            if tools[i] in tools[:i]:
                del tools[i]
                yield Change(f"$.tools[{i}]", "dropped: declared in the same words before")


def _calls(row: Row) -> Iterator[Change]:
    """Spell a tool's name as declared, and give arguments the type that the schema asks for, where that is exact."""
    try:
        tools = {tool.name: tool for tool in read_tools(row.get("tools"))}
    except RowError:
        return
    for path, message in _messages(row) if tools else ():
        key = _key(message, ("content", "value"))
        if ROLES.get(str(message.get("role") or message.get("from"))) == "call":
            yield from _call(message, key, f"{path}.{key}", tools)
        for i, call in enumerate(calls if isinstance(calls := message.get("tool_calls"), list) else []):
            if isinstance(call, dict):
                yield from _call(call, "function", f"{path}.tool_calls[{i}].function", tools)


def _call(place: Row, key: str, path: str, tools: Mapping[str, Tool]) -> Iterator[Change]:
    call, is_text = _loaded(place.get(key))
    if not isinstance(call, dict) or not isinstance(name := call.get("name"), str):
        return
    changes = []
    alike = [known for known in tools if _bare(known) == _bare(name)]
    if name not in tools and len(alike) == 1:
        call["name"] = alike[0]
        changes.append(Change(f"{path}.name", f"{name!r} → {alike[0]!r}"))
    given, in_text = _loaded(call.get("arguments"))
    if isinstance(given, dict) and (tool := tools.get(call["name"])):
        changes += [
            Change(f"{path}.arguments.{argument}", f"{old!r} → {given[argument]!r}")
            for argument, old in list(given.items())
            if _is_retyped(tool, given, argument)
        ]
        call["arguments"] = json.dumps(given, ensure_ascii=False) if in_text else given
    if changes:
        place[key] = json.dumps(call, ensure_ascii=False) if is_text else call
        yield from changes


def _loaded(value: Any) -> tuple[Any, bool]:
    """Return a value, read where it is JSON text, and whether it was text."""
    if not isinstance(value, str):
        return value, False
    try:
        return json.loads(value), True
    except ValueError:
        return None, True


def _bare(name: str) -> str:
    return name.strip().replace("-", "_").replace(" ", "_").lower()


def _is_retyped(tool: Tool, arguments: Row, name: str) -> bool:
    """Give one argument another type if that alone makes it right: "2" → 2, 3 → "3", "true" → true."""
    value = arguments[name]
    if not _is_wrong(tool, name, value):
        return False
    others: list[Any] = [json.dumps(value)] if isinstance(value, int | float) else []
    if isinstance(value, str):
        other, _ = _loaded(value.strip().lower() if value.strip().lower() in ("true", "false") else value)
        # Only what is written the same either way: "007" and "1e3" are not numbers to everyone.
        others = [other] if isinstance(other, bool | int | float) and json.dumps(other) == value.strip().lower() else []
    for other in others:
        if not _is_wrong(tool, name, other):
            arguments[name] = other
            return True
    return False


def _is_wrong(tool: Tool, name: str, value: Any) -> bool:
    return any(p.kind == "ill_typed_argument" and p.path == name for p in problems_of(tool, {name: value}))


def _last_word(row: Row) -> Iterator[Change]:
    """Cut what the user says last and no one answers: it is never trained."""
    for key in KEYS:
        said = row.get(key)
        while isinstance(said, list) and len(said) > 2 and isinstance(said[-1], dict) and _is_user(said[-1]):
            del said[-1]
            yield Change(f"$.{key}[{len(said)}]", "cut: the user's last word, which no one answers")


def _is_user(message: Row) -> bool:
    return ROLES.get(str(message.get("role") or message.get("from"))) == "user"


# In order: names and notation first, for what follows reads them.
_REPAIRS: tuple[Callable[[Row], Iterator[Change]], ...] = (_roles, _content, _loss, _python, _twins, _calls, _last_word)
