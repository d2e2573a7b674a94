"""Values as typed → values as Hydra reads them: text and paths come through exactly, whatever stands in them."""

import re
from pathlib import Path

_QUOTED = re.compile(r"""(?s)'(?:[^'\\]|\\.)*'|"(?:[^"\\]|\\.)*\"""")
_PIECE = re.compile(r"""(?s)(?:'(?:[^'\\]|\\.)*'|"(?:[^"\\]|\\.)*"|[^,])+""")
_SWEEP = re.compile(r"(?s)(choice|range|interval|glob|shuffle|sort|tag)\(.*\)")
# What Hydra reads in a bare word; in any other it stops, or cuts.
_BARE = re.compile(r"[A-Za-z_][\w./+-]*", re.ASCII)


def quote(text: str) -> str:
    """Return `text` in the quotes from which Hydra reads `text` again; `${...}` inside stays an interpolation."""
    mark = '"' if "'" in text and '"' not in text else "'"
    # A backslash escapes only before a quote: those before one, or at the end, are doubled.
    escaped = re.sub(rf"(\\*)({mark}|\Z)", lambda m: m[1] * 2 + ("\\" + m[2] if m[2] else ""), text)
    return f"{mark}{escaped}{mark}"


def quote_text(value: str, sweep: bool) -> str:
    """Quote the value of a string key. Empty, `null` and already quoted values are left as they are.

    In a sweep a comma separates values, each quoted, and choice(...), glob(...) … are left to Hydra; but a value that
    names a file on disk is that file, commas and all.
    """
    if value == "" or value.lower() == "null" or _QUOTED.fullmatch(value):
        return value
    if sweep and not Path(value).expanduser().exists():
        if _SWEEP.fullmatch(value):
            return value
        if "," in value:
            return ",".join(quote_text(piece.strip(), sweep=False) for piece in _PIECE.findall(value))
    return quote(value)


def quote_texts(value: str, sweep: bool) -> str:
    """Quote the elements of a list of strings, [a,b]. A bare word is a list of one; all else is left to Hydra."""
    inside = value[1:-1].strip()
    if value.startswith("[") and value.endswith("]") and not re.search(r"[\[\]{}]", inside):
        pieces = [piece.strip() for piece in _PIECE.findall(inside)]
        return f"[{','.join(quote_text(piece, sweep=False) for piece in pieces)}]"
    if value and not re.search(r"[\[\]{},]|\$\{", value) and value.lower() != "null" and not _SWEEP.fullmatch(value):
        return f"[{quote_text(value, sweep=False)}]"
    return value


def quote_choice(value: str, sweep: bool) -> str:
    """Quote the option chosen of a group where Hydra could not read it bare: 我的数据. In a sweep, each of several."""
    pieces = [piece.strip() for piece in value.split(",")]
    if value.startswith("[") or (sweep and _SWEEP.fullmatch(value)) or (not sweep and len(pieces) > 1):
        return value  # Hydra says what it thinks of several options without -m
    return ",".join(piece if _BARE.fullmatch(piece) else quote_text(piece, sweep=False) for piece in pieces)
