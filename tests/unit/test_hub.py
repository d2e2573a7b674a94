import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from agentswift.cards import Card
from agentswift.engine.fetch import unreachable
from agentswift.engine.hub import local_copy, model_folder
from agentswift.errors import AgentswiftError, DataError, HubError, ModelError

SHA = "0" * 40
CARD = Card(name="tools", format="sharegpt", modelscope="me/tools", huggingface="you/tools", source="tools.yaml:1")


@pytest.fixture(autouse=True)
def closed(monkeypatch: pytest.MonkeyPatch) -> None:
    """Both hubs are where nothing listens, so no test can reach a real one."""
    monkeypatch.setenv("MODELSCOPE_ENDPOINT", "http://127.0.0.1:9")
    monkeypatch.setattr("huggingface_hub.constants.ENDPOINT", "http://127.0.0.1:9")
    for name in ("HF_HUB_OFFLINE", "http_proxy", "https_proxy", "all_proxy", "HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY"):
        monkeypatch.delenv(name, raising=False)


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Hugging Face's cache, empty; and our own."""
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(tmp_path / "hf"))
    monkeypatch.setenv("AGENTSWIFT_CACHE", str(tmp_path / "own"))
    return tmp_path / "hf"


def kept(cache: Path, kind: str, id_: str, *names: str, revision: str = "main") -> Path:
    """Put files into Hugging Face's cache, as a download would leave them."""
    repository = cache / f"{kind}s--{id_.replace('/', '--')}"
    (repository / "refs").mkdir(parents=True, exist_ok=True)
    (repository / "refs" / revision).write_text(SHA)
    folder = repository / "snapshots" / SHA
    for name in names:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text("{}")
    return folder


@pytest.mark.parametrize(
    ("model", "hub", "error", "words"),
    [
        ("meta-llama/Meta-Llama-3-8B-Instruct", "huggingface", HubError, ["cannot be reached", "model.model=/folder"]),
        ("llama3", "modelscope", HubError, ["LLM-Research/Meta-Llama-3-8B-Instruct"]),
        ("llama3", "huggingface", HubError, ["meta-llama/Meta-Llama-3-8B-Instruct"]),
        (
            "LLM-Research/Meta-Llama-3-8B-Instruct",
            "huggingface",
            HubError,
            ["model meta-llama/Meta-Llama-3-8B-Instruct"],
        ),
        (
            "LLM-Research/Meta-Llama-3-8B-Instrct",
            "huggingface",
            HubError,
            ["Did you mean LLM-Research/Meta-Llama-3-8B"],
        ),
        ("own/model", "path", HubError, ["hub=path asks no hub", "model.model=/folder"]),
        ("qwem3", "modelscope", ModelError, ["Did you mean qwen3"]),
        ("/no/such/folder", "modelscope", ModelError, ["no folder of this path"]),
        ("../up/../../x", "modelscope", ModelError, ["OWNER/NAME"]),
        (__file__, "modelscope", ModelError, ["is a file"]),
    ],
)
def test_a_model_that_is_not_here_is_one_clear_line_in_seconds(
    cache: Path, model: str, hub: str, error: type[AgentswiftError], words: list[str]
) -> None:
    begun = time.monotonic()
    with pytest.raises(error) as said:
        model_folder(model, hub, None)
    assert time.monotonic() - begun < 10
    assert "\n" not in str(said.value)
    assert all(word in str(said.value) for word in words)


def test_a_folder_is_itself(tmp_path: Path) -> None:
    folder = tmp_path / "模型"
    folder.mkdir()
    assert model_folder(str(folder), "path", None) == folder


def test_a_model_in_the_hubs_cache_needs_no_network(cache: Path) -> None:
    folder = kept(cache, "model", "own/model", "config.json", "model.safetensors")
    assert model_folder("own/model", "huggingface", None) == folder
    with pytest.raises(HubError):
        model_folder("own/model", "huggingface", "v2")
    kept(cache, "model", "own/model", revision="v2")
    assert model_folder("own/model", "huggingface", "v2") == folder


def test_a_cached_tokenizer_is_not_taken_for_a_model(cache: Path) -> None:
    kept(cache, "model", "own/model", "config.json", "tokenizer.json")
    with pytest.raises(HubError, match="cannot be reached"):
        model_folder("own/model", "huggingface", None)


@pytest.mark.parametrize(
    ("card", "hub", "words"),
    [
        (CARD, "modelscope", ["tools (me/tools)", "ModelScope cannot be reached", "data.path=FILE", "`path:`"]),
        (CARD, "huggingface", ["tools (you/tools)", "Hugging Face cannot be reached"]),
        (CARD, "path", ["hub=path asks no hub"]),
        (replace(CARD, huggingface=""), "huggingface", ["has it not; it is on ModelScope: hub=modelscope"]),
        (replace(CARD, modelscope="", huggingface="", url="https://x.example"), "modelscope", ["at https://x.example"]),
    ],
)
def test_a_dataset_that_is_not_here_says_how_to_use_a_local_copy(
    cache: Path, card: Card, hub: str, words: list[str]
) -> None:
    begun = time.monotonic()
    with pytest.raises(HubError) as said:
        local_copy(card, hub)
    assert time.monotonic() - begun < 10
    assert all(word in str(said.value) for word in words)


def test_a_cards_path_comes_first(tmp_path: Path) -> None:
    rows = tmp_path / "rows.jsonl"
    with pytest.raises(DataError, match=r"no file .*rows.jsonl"):
        local_copy(replace(CARD, path=str(rows)), "modelscope")
    rows.write_text("")
    assert local_copy(replace(CARD, path=str(rows)), "path") == rows


@pytest.mark.parametrize(
    ("names", "card", "chosen"),
    [
        (["a.jsonl", "README.md", "dataset_infos.json"], CARD, ["a.jsonl"]),
        (["train.jsonl", "test.jsonl"], CARD, ["train.jsonl"]),
        (["data/train-0.parquet", "data/train-1.parquet", "data/test-0.parquet"], CARD, ["train-0", "train-1"]),
        (["rows.jsonl", "rows-test.jsonl"], CARD, ["rows.jsonl"]),
        (["zh/a.jsonl", "en/a.jsonl"], replace(CARD, subset="zh"), ["a.jsonl"]),
        (["common_zh.jsonl", "common_en.jsonl"], replace(CARD, subset="common_en"), ["common_en.jsonl"]),
        (["zh/a.jsonl", "zh/b.jsonl", "c.jsonl"], replace(CARD, files="zh/*.jsonl"), ["zh--a.jsonl", "zh--b.jsonl"]),
        (["a.jsonl", "b.jsonl"], replace(CARD, files="b.jsonl"), ["b.jsonl"]),
    ],
)
def test_of_a_repository_the_cards_own_files_are_read(
    cache: Path, names: list[str], card: Card, chosen: list[str]
) -> None:
    kept(cache, "dataset", "you/tools", *names)
    path = local_copy(card, "huggingface")
    found = sorted(p.name for p in path.iterdir()) if path.is_dir() else [path.name]
    assert len(found) == len(chosen)
    assert all(word in name for word, name in zip(chosen, found, strict=True))
    assert local_copy(card, "huggingface") == path


def test_another_subset_is_never_taken_for_the_one_asked(cache: Path) -> None:
    kept(cache, "dataset", "you/tools", "en/a.jsonl")
    with pytest.raises(HubError, match="cannot be reached"):
        local_copy(replace(CARD, subset="zh"), "huggingface")


@pytest.fixture
def listener() -> Iterator[str]:
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield f"127.0.0.1:{server.getsockname()[1]}"


def test_the_probe_asks_the_mirror_or_the_proxy_that_is_set(listener: str, monkeypatch: pytest.MonkeyPatch) -> None:
    assert "127.0.0.1" in unreachable("modelscope")
    monkeypatch.setenv("MODELSCOPE_ENDPOINT", f"http://{listener}")
    assert unreachable("modelscope") == ""
    monkeypatch.setenv("MODELSCOPE_ENDPOINT", "https://no.such.host.invalid")
    assert "no.such.host.invalid" in unreachable("modelscope")
    monkeypatch.setenv("https_proxy", f"http://{listener}")
    assert unreachable("modelscope") == ""
    monkeypatch.setenv("no_proxy", "invalid")
    assert "no.such.host.invalid" in unreachable("modelscope")


def test_offline_is_obeyed_without_a_probe(listener: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MODELSCOPE_ENDPOINT", f"http://{listener}")
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    assert unreachable("modelscope") == "HF_HUB_OFFLINE is set"


def test_a_model_is_found_in_modelscopes_cache(tmp_path: Path) -> None:
    folder = tmp_path / "models" / "own--model" / "snapshots" / "master"
    folder.mkdir(parents=True)
    for name in ("config.json", "model.safetensors"):
        (folder / name).write_text("{}")
    code = "from agentswift.engine.hub import model_folder; print(model_folder('own/model', 'modelscope', None))"
    env = {**os.environ, "MODELSCOPE_CACHE": str(tmp_path)}
    done = subprocess.run([sys.executable, "-c", code], env=env, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == str(folder)
