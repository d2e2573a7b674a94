"""Nothing of a stranger's runs, no secret is written down, no network is asked: each with a proof that does no harm."""

import json
import pickle
import subprocess
import sys
from os import environ
from pathlib import Path
from shutil import copytree
from typing import Any

import pytest

from agentswift.engine.embedded import tiny
from tests.checked import good, written
from tests.checkpoint import signed
from tests.e2e.conftest import TINY, Run
from tests.planted import Touch, python

pytestmark = pytest.mark.e2e


@pytest.fixture
def marker(tmp_path: Path) -> Path:
    """The file that whatever runs would make."""
    return tmp_path / "it-ran"


def edit(file: Path, **values: Any) -> None:
    """Put values into a JSON file, made where it is not there."""
    content = json.loads(file.read_text(encoding="utf-8")) if file.exists() else {}
    file.write_text(json.dumps({**content, **values}), encoding="utf-8")


def auto_map(folder: Path, marker: Path) -> None:
    python(folder, marker, "modeling_mine.py")
    edit(folder / "config.json", auto_map={"AutoModelForCausalLM": "modeling_mine.Mine"})


def tokenizer_map(folder: Path, marker: Path) -> None:
    python(folder, marker, "tokenization_mine.py")
    edit(folder / "tokenizer_config.json", auto_map={"AutoTokenizer": ["tokenization_mine.Mine", None]})


def mark_of_modelscope(folder: Path, marker: Path) -> None:
    (folder / ".mdl").write_bytes(pickle.dumps(Touch(marker)))


def weights_as_pickle(folder: Path, marker: Path) -> None:
    (folder / "model.safetensors").unlink()
    (folder / "pytorch_model.bin").write_bytes(pickle.dumps(Touch(marker)))


def plugin(folder: Path, marker: Path) -> None:
    python(folder, marker, "plugin.py.txt")
    (folder / "plugin.py.txt").rename(folder.parent / "plugin.py")
    edit(folder / "args.json", external_plugins=[str(folder.parent / "plugin.py")])


PLANTED = {
    auto_map: "auto_map",
    tokenizer_map: "tokenization_mine.py: Python",
    mark_of_modelscope: ".mdl: a pickle",
    weights_as_pickle: "pytorch_model.bin: a pickle, and no safetensors",
    plugin: "args.json: names Python to import",
}


def test_the_pickles_planted_here_do_run_when_they_are_loaded(marker: Path) -> None:
    pickle.loads(pickle.dumps(Touch(marker)))
    assert marker.exists()


@pytest.mark.parametrize("plant", PLANTED, ids=lambda plant: plant.__name__)
def test_a_model_that_would_run_something_is_refused_and_runs_nothing(
    plant: Any, run: Run, tmp_path: Path, marker: Path
) -> None:
    written(tmp_path / "rows.jsonl", good(0), good(1))
    model = copytree(tiny(), tmp_path / "model")
    plant(model, marker)
    for words in (
        ("train", *TINY[1:], f"model.model={model}", "data.path=rows.jsonl", "max_steps=1", "split=0"),
        ("show", f"model.model={model}", "path=rows.jsonl"),
    ):
        done = run(*words, status=1)
        assert "Traceback" not in done.stderr
        assert "model is not loaded" in done.stderr
        assert PLANTED[plant] in done.stderr
    assert not marker.exists()


@pytest.mark.parametrize("plant", PLANTED, ids=lambda plant: plant.__name__)
def test_so_is_a_checkpoint(plant: Any, run: Run, tmp_path: Path, marker: Path) -> None:
    """Signed or not: a manifest can be forged, so it is believed in nothing that could run."""
    written(tmp_path / "rows.jsonl", good(0), good(1))
    folder = copytree(tiny(), tmp_path / "checkpoint-1")
    plant(folder, marker)
    signed(folder)
    for command in (("eval", "data.path=rows.jsonl"), ("export",)):
        done = run(*command, f"checkpoint={folder}", status=1)
        assert "Traceback" not in done.stderr
        assert PLANTED[plant] in done.stderr
    assert not marker.exists()


ENV_SECRETS = {
    "HF_TOKEN": "hf_Qx7PlantedPlantedPlantedPlanted1",
    "MODELSCOPE_API_TOKEN": "ms-0a1b2c3d-1111-2222-3333-444455556666",
    "WANDB_API_KEY": "deadbeef77deadbeef77deadbeef77deadbeef77",
    "OPENAI_API_KEY": "sk-planted4f9a8b7c6d5e4f3a2b1c",
}
WORD_SECRETS = {
    "extra.swanlab_webhook_url": "https://hook.example/planted-webhook-5150",
    "extra.swanlab_token": "planted-swanlab-token-5151",
    "extra.swanlab_secret": "planted-swanlab-secret-5152",
    "data.system": "sk-plantedInTheSystemPrompt5153",
}
# Put first on PYTHONPATH it is imported by every Python process there is, the engine's included.
WATCH = """
import os, sys

def watch(event, args):
    if event == "socket.connect":
        host = args[1][0] if isinstance(args[1], tuple) else "localhost"
    elif event in ("socket.getaddrinfo", "socket.gethostbyname"):
        host = args[0]
    else:
        return
    host = host.decode() if isinstance(host, bytes) else host
    if host not in (None, "", "localhost", "127.0.0.1", "::1", "0.0.0.0", os.uname().nodename):
        with open(os.environ["NETWORK_LOG"], "a") as log:
            log.write(f"{sys.argv}: {event} {host}\\n")
        raise OSError("this test has no network")

sys.addaudithook(watch)
"""


@pytest.fixture
def watched(tmp_path: Path) -> dict[str, str]:
    """Return an environment in which every attempt to reach the network is written to a log, and fails."""
    folder = tmp_path / "watch"
    folder.mkdir()
    (folder / "sitecustomize.py").write_text(WATCH, encoding="utf-8")
    (folder / "attempts").touch()
    return {"PYTHONPATH": str(folder), "NETWORK_LOG": str(folder / "attempts"), "HF_HUB_OFFLINE": "0"}


def attempts(watched: dict[str, str]) -> str:
    return Path(watched["NETWORK_LOG"]).read_text(encoding="utf-8")


def test_the_watch_sees_what_asks_for_the_network(watched: dict[str, str]) -> None:
    code = "import urllib.request as r; r.urlopen('http://example.invalid')"
    subprocess.run([sys.executable, "-c", code], env={**environ, **watched}, capture_output=True, check=False)
    assert "example.invalid" in attempts(watched) or environ.get("http_proxy", environ.get("HTTP_PROXY"))


def test_a_run_writes_down_no_secret_asks_no_network_and_runs_nothing_beside_it(
    run: Run, tmp_path: Path, watched: dict[str, str], marker: Path
) -> None:
    written(tmp_path / "rows.jsonl", *(good(number) for number in range(8)))
    if sys.version_info >= (3, 11):  # 3.10 has no way to keep `python -m` from looking here first
        python(tmp_path, marker, "swift.py")
    words = [f"{key}={value}" for key, value in WORD_SECRETS.items()]
    data = "data.path=rows.jsonl"
    done = run("train", *TINY, data, *words, "max_steps=1", "split=0.25", "output_dir=out", **watched, **ENV_SECRETS)
    files = [file for file in (tmp_path / "out").rglob("*") if file.is_file()]
    names = {file.name for file in files}
    assert {"run.yaml", "run.json", "args.json", "training_args.bin", "agentswift.json", "engine.log"} <= names
    assert {"report.html", "logging.jsonl", "engine.json"} <= names
    told = [
        (str(file.relative_to(tmp_path)), name)
        for file in files
        for name, secret in {**ENV_SECRETS, **WORD_SECRETS}.items()
        if secret.encode() in file.read_bytes()
    ]
    assert told == []
    for secret in (*ENV_SECRETS.values(), *WORD_SECRETS.values()):
        assert secret not in done.stdout + done.stderr
    assert not marker.exists()
    run("show", "model=tiny", "path=rows.jsonl", "output=html", "file=page.html", **watched)
    run("check", "path=rows.jsonl", **watched)
    assert attempts(watched) == ""
