"""What every reader of a kind of file yields: a row's line with its values, or with why there are none."""

import json
import re
from collections.abc import Callable
from typing import Any

MEND = "mend or remove the row"
AS_UTF8 = "save the file as UTF-8 (from a Chinese Windows: iconv -f gb18030 -t utf-8)"
_SURROGATE = re.compile(r"\\u[dD][89a-fA-F]")  # an escape that may be one; pairs of them are whole characters


class Bad(Exception):
    """A record that is no row: the finding's rule, message and fix, and whether what follows it cannot be read."""

    def __init__(self, rule: str, message: str, fix: str, *, rest_unread: bool = False) -> None:
        super().__init__(message)
        self.rule, self.fix, self.rest_unread = rule, fix, rest_unread


Record = tuple[int, dict[str, Any] | Bad]  # line (from 1; 0: the file has none), and the values or why there are none


def caught(read: Callable[[Any], dict[str, Any]], raw: Any) -> dict[str, Any] | Bad:
    """Return what `read` makes of `raw`, or the Bad that it raises."""
    try:
        return read(raw)
    except Bad as bad:
        return bad


def checked(value: Any, text: str) -> dict[str, Any]:
    """Return the value that was read from `text` if it can be a row: an object of whole characters."""
    refuse_escaped(text)
    if not isinstance(value, dict):
        raise Bad("not-an-object", f"a row must be a JSON object, not {text[:40]}", "write it as {…}")
    if _SURROGATE.search(text) and re.search("[\ud800-\udfff]", json.dumps(value, ensure_ascii=False)):
        raise Bad("invalid-utf8", "half a character (a lone surrogate such as \\ud83d) in a string", "remove it")
    return value


def refuse_escaped(text: str) -> None:
    """Refuse text in which `surrogateescape` left bytes that are no UTF-8."""
    if not text.isascii() and (stray := re.search("[\udc80-\udcff]", text)):
        raise Bad("invalid-utf8", f"a byte (0x{ord(stray[0]) - 0xDC00:02x}) is not UTF-8", AS_UTF8)
