"""Lists of messages in all spellings: role/content and from/value, under messages, conversations or conversation."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Literal

from agentswift.errors import RowError, did_you_mean
from agentswift.formats.values import parsed

Role = Literal["system", "user", "assistant", "call", "observation"]
ROLES: dict[str, Role] = {  # as ms-swift's MessagesPreprocessor, and `function` of ToolBench and early OpenAI
    "system": "system",
    "developer": "system",  # OpenAI's newer word
    "user": "user",
    "human": "user",
    "assistant": "assistant",
    "gpt": "assistant",
    "bot": "assistant",
    "tool_call": "call",
    "function_call": "call",
    "tool": "observation",
    "tool_response": "observation",
    "function": "observation",
    "function_response": "observation",
    "observation": "observation",
    "observations": "observation",
    "ipython": "observation",  # Llama 3's
    "environment": "observation",  # InternLM2's
}
KEYS = ("messages", "conversations", "conversation")
LOSS_KEYS = ("loss", "train", "training")  # ms-swift's, and axolotl's two


@dataclass(frozen=True)
class Message:
    """A message of a known role; `path` is its place in the row, `content` whatever stands there."""

    role: Role
    content: Any
    path: str
    values: Mapping[str, Any]

    @property
    def text(self) -> str:
        """The content as text, parts joined. Raises RowError bad-content for anything else."""
        if isinstance(self.content, str):
            return self.content
        if isinstance(self.content, list) and self.content:
            return "".join(part_text(part, f"{self.path}[{i}]") for i, part in enumerate(self.content))
        raise bad_content(self.content, self.path)


def part_text(part: Any, path: str) -> str:
    """Return the text of OpenAI's {type: text, text} or LLaMA-Factory's {type: text, value}."""
    if isinstance(part, Mapping) and part.get("type") == "text":
        text = part.get("text") if part.get("text") is not None else part.get("value")
        if isinstance(text, str):
            return text
    raise bad_content(part, path)


def bad_content(content: Any, path: str) -> RowError:
    """Return the error of content that is no text."""
    seen = "null" if content is None else f"{type(content).__name__}: {str(content)[:60]}"
    return RowError(f"content must be text, not {seen}", path=path, rule="bad-content", fix="write a string there")


def loss_of(message: Mapping[str, Any]) -> Any:
    """Return what a message says of being trained, None for nothing; of flags that contradict, false counts."""
    said = [message[key] for key in LOSS_KEYS if message.get(key) is not None]
    return next((flag for flag in said if flag in (False, "false")), said[0] if said else None)


def listed(row: Mapping[str, Any]) -> tuple[str, list[Any]] | None:
    """Return the key and the list of a row's messages, read where it is written as text; None when it has none."""
    for key in KEYS:
        value = row.get(key)
        if isinstance(value, str):
            try:
                value = parsed(value)
            except ValueError:
                continue
        if isinstance(value, list):
            return key, value
    return None


_THOUGHT = re.compile(r"<think>\n(.*?)\n</think>(?:\n\n|\Z)", re.DOTALL)  # Qwen3's own spelling
_ANY_THOUGHT = re.compile(r"\s*<think>(.*?)</think>\s*", re.DOTALL)


def reasoned(text: str) -> tuple[str, str]:
    """Return the thought in the <think> tags that a text opens with, "" where it does not, and the rest of the text."""
    found = _THOUGHT.match(text) or _ANY_THOUGHT.match(text)
    return (found[1], text[found.end() :]) if found else ("", text)


def messages(row: Mapping[str, Any], *, system_anywhere: bool = False) -> list[Message]:
    """Return a row's messages, its own `system` or `system_prompt` key first.

    Raises RowError: no-messages, unknown-role, bad-message, system-not-first.
    """
    if (found := listed(row)) is None:
        raise RowError(
            f"no list of messages; this row has {', '.join(map(str, row)) or 'no key at all'}",
            rule="no-messages",
            fix=f"put them under one of {', '.join(KEYS)}, or name another format",
        )
    key, values = found
    read = [*_system(row), *(_message(value, f"$.{key}[{i}]") for i, value in enumerate(values))]
    for message in read[1:]:
        if message.role == "system" and not system_anywhere:
            raise RowError(
                "a system message must stand first, and alone",
                path=message.path,
                rule="system-not-first",
                fix="join it with the first one, or make it a user or tool message",
            )
    return read


def headed(row: Mapping[str, Any], *, system_anywhere: bool = False) -> tuple[Message | None, list[Message]]:
    """Return a row's system message, if any, and the messages behind it."""
    said = messages(row, system_anywhere=system_anywhere)
    return (said[0], said[1:]) if said and said[0].role == "system" else (None, said)


def _system(row: Mapping[str, Any]) -> Iterator[Message]:
    for key in ("system", "system_prompt"):
        if row.get(key):
            yield Message("system", row[key], f"$.{key}", {})


def _message(value: Any, path: str) -> Message:
    if not isinstance(value, Mapping):
        raise RowError(
            f"a message must be an object, not {str(value)[:60]}",
            path=path,
            rule="bad-message",
            fix='write {"role": …, "content": …}',
        )
    name = "role" if value.get("role") is not None else "from"
    word = "value" if "value" in value and value.get("content") is None else "content"
    role = value.get(name)
    if not isinstance(role, str) or role.replace("-", "_") not in ROLES:
        raise RowError(
            f"unknown role {role!r}.{did_you_mean(str(role), ROLES)}" if role is not None else "a message without role",
            path=f"{path}.{'role' if role is None else name}",
            rule="unknown-role",
            fix="use system, user, assistant, tool_call or tool",
        )
    return Message(ROLES[role.replace("-", "_")], value.get(word), f"{path}.{word}", value)


def spoken(row: Mapping[str, Any]) -> list[tuple[Role, str]]:
    """Return (role, text) of the messages that are plain text, whatever else is wrong: for telling formats apart."""
    found = listed(row)
    said = [
        (ROLES.get(str(m.get("role") or m.get("from")), "user"), m.get("content") or m.get("value"))
        for m in (found[1] if found else ())
        if isinstance(m, Mapping)
    ]
    head = [("system", row[key]) for key in ("system", "system_prompt") if key in row]
    return [(role, text) for role, text in [*head, *said] if isinstance(text, str)]  # type: ignore[misc]


def labelled(text: str, label: re.Pattern[str]) -> Iterator[tuple[str, str]]:
    """Yield each label in a text, its first group, with what stands behind it; "" with what stands before the first."""
    said, at = "", 0
    for found in label.finditer(text):
        yield said, text[at : found.start()].strip()
        said, at = found[1], found.end()
    yield said, text[at:].strip()


def nobody_says(words: str, path: str) -> RowError:
    """Return the error of words that stand before the first speaker."""
    return RowError(f"nobody says this: {words[:60]}", path=path, rule="unknown-role", fix="name the speaker before it")
