"""Text that comes from data, made safe to look at: a terminal obeys control characters, and some are not seen."""

import unicodedata

# Controls, and format characters such as right-to-left overrides; joiners (U+200C, U+200D) belong to words and emoji.
_KEPT = frozenset("\n\t\u200c\u200d")


def visible(text: str) -> str:
    """Return `text` with each control character drawn (␛) or named (\\u202e); newlines and tabs stay."""
    if text.isascii() and text.isprintable():
        return text
    return "".join(char if char in _KEPT else _drawn(char) for char in text)


def _drawn(char: str) -> str:
    code = ord(char)
    if code < 0x20:
        return chr(0x2400 + code)
    return f"\\u{code:04x}" if unicodedata.category(char) in ("Cc", "Cf", "Cs", "Zl", "Zp") else char
