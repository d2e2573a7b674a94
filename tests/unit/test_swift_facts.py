from datetime import date
from pathlib import Path

import pytest

from agentswift.engine.swift_facts import _dated, _undated, cache_folder, chat_templates, model_types
from agentswift.errors import OutputError


def test_templates_are_as_ms_swift_has_them() -> None:
    chatml = chat_templates()["chatml"]
    assert chatml.prompt == ["<|im_start|>user\n{{QUERY}}<|im_end|>\n<|im_start|>assistant\n"]
    assert chatml.suffix == ["<|im_end|>\n"]
    assert chat_templates()["default"].suffix == [["eos_token_id"]]
    assert "{{SYSTEM}}" in str(chat_templates()["mistral_nemo"].prompt)
    assert model_types()["llama"].ids["meta-llama-3-8b-instruct"] == "llama3"


def test_a_date_is_that_of_the_day_it_is_read() -> None:
    kept = _dated("Today Date: 21 Nov 2026, 2026-11-21.", date(2026, 11, 21))
    assert _undated(kept, date(2027, 1, 2)) == "Today Date: 02 Jan 2027, 2027-01-02."
    assert date.today().strftime("%d %b %Y") in str(chat_templates()["llama3_2"].prefix)


def test_the_cache_is_the_users_alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("AGENTSWIFT_CACHE", raising=False)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    assert cache_folder() == tmp_path / "agentswift"
    monkeypatch.setenv("AGENTSWIFT_CACHE", str(tmp_path / "own"))
    assert cache_folder() == tmp_path / "own"
    assert (tmp_path / "own").stat().st_mode & 0o777 == 0o700


def test_a_cache_that_cannot_be_made_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("AGENTSWIFT_CACHE", str(tmp_path / "file" / "in"))
    with pytest.raises(OutputError, match="AGENTSWIFT_CACHE"):
        cache_folder()
