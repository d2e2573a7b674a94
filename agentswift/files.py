"""Files are written whole, then renamed into place: a reader sees the old file or the new one, never a half."""

import json
import os
import stat
from collections.abc import Mapping
from enum import Enum
from pathlib import Path
from secrets import token_hex
from typing import Any

from agentswift.errors import OutputError


def write_bytes(path: Path, content: bytes) -> None:
    """Write `path` whole, on disk before its name appears; an existing file keeps its mode. Raises OutputError."""
    part = path.with_name(f".{path.name[:100]}.{token_hex(4)}.part")
    try:
        mode = stat.S_IMODE(path.stat().st_mode) if path.exists() else None
        with part.open("xb") as out:
            if mode is not None:
                part.chmod(mode)
            out.write(content)
            out.flush()
            os.fsync(out.fileno())
        part.replace(path)
    except OSError as error:
        raise OutputError(f"cannot write {path}: {error.strerror or error}.") from error
    finally:
        part.unlink(missing_ok=True)


def write_text(path: Path, text: str) -> None:
    """Write `text` as UTF-8; a lone surrogate, which UTF-8 cannot hold, becomes its `\\udXXX` escape (as in JSON)."""
    write_bytes(path, text.encode("utf-8", "backslashreplace"))


def write_json(path: Path, value: Any) -> None:
    """Write `value` as readable JSON, Chinese as Chinese."""
    write_text(path, json.dumps(plain(value), ensure_ascii=False, indent=2) + "\n")


def plain(value: Any) -> Any:
    """Return `value` in JSON's and YAML's own types: a path as text, a choice as its name, a tuple as a list."""
    if isinstance(value, Enum):
        return value.name
    if isinstance(value, Mapping):
        return {plain(key): plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [plain(item) for item in value]
    return str(value) if isinstance(value, os.PathLike) else value
