"""Secrets go, whatever they stand under and whatever they look like; words, ids and numbers stay."""

import json
import stat
from pathlib import Path
from time import perf_counter
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from agentswift.redact import REDACTED, keys_in, redact, redact_text, scrub_file, without_keys

HEX = "4f9a0c7d1e2b3a58"
# What must never be found in anything written, each beside a key or a phrase it may come with.
PLANTED = {
    "sk-" + HEX: "the model said sk-" + HEX,
    "hf_" + HEX * 2: "hf_" + HEX * 2,
    "ghp_" + HEX * 2: "git clone with ghp_" + HEX * 2,
    "AKIA4F9A0C7D1E2B3A58": "AKIA4F9A0C7D1E2B3A58",
    "ms-4f9a0c7d-1e2b-3a58-4f9a-0c7d1e2b3a58": "hub: ms-4f9a0c7d-1e2b-3a58-4f9a-0c7d1e2b3a58.",
    "abc.def-123": "Authorization: Bearer abc.def-123",
    "hunter2": "https://me:hunter2@mirror.example/simple",
    "T000/B000/xyz": "https://hooks.slack.com/services/T000/B000/xyz",
    "sk-test": "DeployArguments(api_key='sk-test', port=8000)",
    "天机": "密码 password=天机",
    "plainword": "swift sft --hub_token plainword --lr 1e-4",
    "s3cret": '{"swanlab_secret": "s3cret"}',
    "quoted value": r"{\"wandb_api_key\": \"quoted value\"}",
    "inhydra": "extra={hub_token:inhydra,lr:1}",
    "inquery": "url=https://example.com/x?access_token=inquery&q=天气",
    "inyaml": "data: 1\n  token: inyaml\nmore: 2",
    "session=1": "Cookie: a=b; session=1",
}


@pytest.mark.parametrize(("secret", "text"), PLANTED.items(), ids=str)
def test_a_planted_secret_goes_from_text(secret: str, text: str) -> None:
    clean = redact_text(text)
    assert secret not in clean
    assert REDACTED in clean
    assert redact_text(clean) == clean


@pytest.mark.parametrize(
    "text",
    [
        "Did you mean ms-agent-for-agentfabric-default, ms-bench, ms-swift?",
        "max_new_tokens=512 num_tokens: 73 token_count=5 max_token=512",
        "tokenizer=qwen tokenizer_name: Qwen/Qwen2.5-7B eos_token='</s>' pad_token=<pad>",
        "use sk-learn and hf_transformers, a risk-free task-force",
        "the key: press any key. The token: a word. Bearer of news, bearer certificates",
        "http://localhost:8000/v1/a@b git@github.com:me/agents.git",
        "commit 4c01a9b4f9a0c7d1e2b3a584f9a0c7d1e2b3a58 rows 100 sha256 " + HEX * 4,
        "api_key=None api_key: ${oc.env:WEATHER_API_KEY} KeyError: 'api_key' hub_token=''",
        "monkey=1 keyboard=us secretary=Ann keyword: 天气",
        "Action: search[秘密] \n Thought: 不知道密码",
    ],
)
def test_ordinary_words_ids_and_numbers_survive(text: str) -> None:
    assert redact_text(text) == text


@pytest.mark.parametrize(
    "key",
    [
        "token",
        "api_key",
        "apiKey",
        "WEATHER_API_KEY",
        "key",
        "ssh_key",
        "secret",
        "swanlab_secret",
        "password",
        "passwd",
        "webhook",
        "swanlab_webhook_url",
        "credentials",
        "authorization",
        "Cookie",
        "hub_token",
        "hubToken",
        "hftoken",
        "access_tokens",
        "client-secret",
        "X-Api-Key",
    ],
)
def test_a_value_goes_by_its_key(key: str) -> None:
    assert redact({"a": [{key: "plain"}]}) == {"a": [{key: REDACTED}]}
    assert redact({key: None, "on": True}) == {key: None, "on": True}
    assert redact({key: ""}) == {key: ""}


@pytest.mark.parametrize(
    "value",
    [
        {"max_new_tokens": 512, "tokenizer": "qwen", "token_count": "5", "num_tokens": 7, "token": 9},
        {"eos_token": "</s>", "stop_token": "<|im_end|>", "new_special_tokens": ["<tool>"], "tokens": ["a", "b"]},
        {"parts": {"ms-agent": 1.0, "密码": 2}, "keyboard": "us", "monkey": "x", "passenger": "Ann"},
        {"properties": {"key": {"type": "string"}, "token": {"type": "string", "description": "a word"}}},
        {1: "number", None: "none"},
        [1, 2.5, True, None, "word"],
    ],
)
def test_values_that_are_no_secret_survive(value: Any) -> None:
    assert redact(value) == value


@pytest.mark.parametrize(
    ("value", "clean"),
    [
        (["--hub_token", "abc", "--lr", "5"], ["--hub_token", REDACTED, "--lr", "5"]),
        (["--use_token", "--lr", "5"], ["--use_token", "--lr", "5"]),
        (["extra.hub_token=abc", "data=agentmix"], [f"extra.hub_token={REDACTED}", "data=agentmix"]),
        ({"password": 12345, "password_file": None}, {"password": REDACTED, "password_file": None}),
        ({"secrets": {"a": "b"}, "cookies": []}, {"secrets": REDACTED, "cookies": []}),
        (("a", {"key": "b"}), ["a", {"key": REDACTED}]),
    ],
)
def test_lists_numbers_and_nests(value: Any, clean: Any) -> None:
    assert redact(value) == clean


def test_the_value_given_is_not_changed() -> None:
    value = {"a": [{"token": "b"}]}
    redact(value)
    assert value == {"a": [{"token": "b"}]}


@settings(max_examples=60, deadline=None)
@given(
    st.recursive(
        st.text() | st.integers() | st.none(), lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner)
    )
)
def test_what_is_clean_stays_as_it_is(value: Any) -> None:
    assert redact(redact(value)) == redact(value)


@pytest.mark.parametrize(
    "piece", ["-", "key", 'key="', "--key ", "sk-", "Bearer ", "://a:", " ", "-----BEGIN PRIVATE KEY-----"]
)
def test_no_text_takes_long(piece: str) -> None:
    start = perf_counter()
    redact_text(piece * (60_000 // len(piece)))
    assert perf_counter() - start < 2


def test_every_planted_secret_goes_from_every_kind_of_file(tmp_path: Path) -> None:
    rows = [{"n": n, "text": text} for n, text in enumerate(PLANTED.values())]
    files = {
        "args.json": json.dumps({"rows": rows, "swanlab_secret": "s3cret"}, ensure_ascii=False),
        "logging.jsonl": "\n".join(json.dumps(row, ensure_ascii=False) for row in rows) + "\n",
        "engine.log": "\n".join(PLANTED.values()),
        "broken.json": "{" + "\n".join(PLANTED.values()),
    }
    for name, text in files.items():
        (tmp_path / name).write_text(text, encoding="utf-8")
        assert scrub_file(tmp_path / name)
        after = (tmp_path / name).read_text(encoding="utf-8")
        assert [secret for secret in PLANTED if secret in after] == []
        assert not scrub_file(tmp_path / name)
    assert len((tmp_path / "logging.jsonl").read_text(encoding="utf-8").splitlines()) == len(rows)
    assert sorted(path.name for path in tmp_path.iterdir()) == sorted(files)


def test_a_file_without_secrets_is_not_touched_and_bytes_that_are_no_utf8_survive(tmp_path: Path) -> None:
    file = tmp_path / "engine.log"
    file.write_bytes(b"step 1 \xff\xfe loss 2.5")
    before = file.stat().st_mtime_ns
    assert not scrub_file(file)
    assert file.stat().st_mtime_ns == before
    file.write_bytes(b"\xff api_key=abc")
    file.chmod(0o600)
    assert scrub_file(file)
    assert file.read_bytes() == b"\xff api_key=" + REDACTED.encode()
    assert stat.S_IMODE(file.stat().st_mode) == 0o600


def test_in_a_prompt_only_what_looks_like_a_key_goes() -> None:
    prompt = "Never ask for a password: refuse. Your key is sk-4f9a8b7c6d5e. 令牌 token=abc"
    assert without_keys(prompt) == "Never ask for a password: refuse. Your key is [redacted]. 令牌 token=abc"
    assert [prompt[start:end] for start, end in keys_in(prompt)] == ["sk-4f9a8b7c6d5e"]
