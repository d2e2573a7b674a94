"""A file is there whole or not at all, and what stood before survives a failure."""

import json
import stat
from enum import Enum
from pathlib import Path

import pytest

from agentswift.errors import OutputError
from agentswift.files import plain, write_json, write_text


class Hub(Enum):
    modelscope = "ms"


def test_json_is_readable_and_holds_whatever_a_row_may(tmp_path: Path) -> None:
    value = {"系统": ["你好\n", "\ud800", 1.5, None], "path": tmp_path, "hub": Hub.modelscope, "pair": (1, 2)}
    write_json(tmp_path / "a.json", value)
    text = (tmp_path / "a.json").read_text(encoding="utf-8")
    assert "系统" in text
    assert json.loads(text) == plain(value)
    assert plain(value) == {**value, "path": str(tmp_path), "hub": "modelscope", "pair": [1, 2]}


def test_a_file_keeps_its_mode_and_a_link_is_replaced_not_followed(tmp_path: Path) -> None:
    secret, link, outside = tmp_path / "key", tmp_path / "link", tmp_path / "outside"
    secret.write_text("old")
    secret.chmod(0o600)
    outside.write_text("untouched")
    link.symlink_to(outside)
    write_text(secret, "new")
    write_text(link, "new")
    assert (secret.read_text(), stat.S_IMODE(secret.stat().st_mode)) == ("new", 0o600)
    assert (outside.read_text(), link.is_symlink()) == ("untouched", False)


def test_a_failure_leaves_the_old_file_and_nothing_beside_it(tmp_path: Path) -> None:
    (tmp_path / "folder").mkdir()
    with pytest.raises(OutputError, match="cannot write"):
        write_text(tmp_path / "folder", "text")
    with pytest.raises(OutputError, match=r"cannot write .*no/such"):
        write_text(tmp_path / "no/such", "text")
    assert [path.name for path in tmp_path.iterdir()] == ["folder"]
