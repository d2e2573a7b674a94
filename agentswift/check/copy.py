"""A file of rows, each repaired as far as that changes no meaning, with what was changed; for a copy of it."""

import hashlib
import json
from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from typing import Any, NamedTuple

from agentswift.check.repair import Change, repaired
from agentswift.rows import Finding, Row, read_rows
from agentswift.rows.json_text import opens_array
from agentswift.rows.streams import lines


class Mended(NamedTuple):
    """A row for the copy: its values (None: left out, or unreadable), what was changed, where the row stood.

    `raw` is its line in a file of a row a line, for a row without changes; `rest_unread` as a Finding has it.
    """

    values: dict[str, Any] | None
    changes: list[Change]
    line: int
    row: int
    raw: bytes | None = None
    rest_unread: bool = False


def mended(file: Path) -> Iterator[Mended]:
    """Yield each row of a file repaired: equal rows once, ids told apart; a row that cannot be read as it stands."""
    rows, ids = set[bytes](), dict[str, int]()
    raw = lines(file) if _has_a_row_a_line(file) else iter(())
    for row in read_rows(file):
        line = next((text for number, text in raw if number == row.line), None)
        if isinstance(row, Finding):
            yield Mended(None, [], row.line, row.row, line, row.rest_unread)
        else:
            found = _mended(row, rows, ids)
            yield found if found.changes else found._replace(raw=line)


def _has_a_row_a_line(file: Path) -> bool:
    """Whether a row's line is the row: in an array under this ending it is a part of one, or holds several."""
    return file.name.lower().endswith(".jsonl") and not any(opens_array(first) for _, first in islice(lines(file), 1))


def _mended(row: Row, rows: set[bytes], ids: dict[str, int]) -> Mended:
    said = json.dumps(row.values, sort_keys=True, default=str).encode("utf-8", "surrogatepass")
    if (digest := hashlib.sha256(said).digest()) in rows:
        return Mended(None, [Change("$", "left out: equal to an earlier row")], row.line, row.row)
    rows.add(digest)
    values, changes = repaired(row.values)
    if isinstance(name := values.get("id"), str) and name:
        ids[name] = number = ids.get(name, 0) + 1
        if number > 1:
            values["id"] = f"{name}-{number}"
            changes.append(Change("$.id", f"{name!r} → {values['id']!r}: an earlier row has the first"))
    return Mended(values, changes, row.line, row.row)
