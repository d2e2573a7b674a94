"""A plain `swift sft` with the plugin trains as `agentswift train` does: the same rows, weights and loss."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from agentswift.engine.embedded import tiny
from agentswift.engine.plugin import plugin_file
from tests.e2e.conftest import TINY, Run

pytestmark = pytest.mark.e2e

TOOL = {"type": "function", "function": {"name": "get_weather", "description": "Weather of a city.", "parameters": {
    "type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]}}}  # fmt: skip
YAML = "name: normed\nfields: {action: 2.0, action_input: 3.0, thought: 0.5}\narguments: {keys: 0.5}\n"
SAME = {  # one batch an epoch, so that the order of its rows is no matter
    "per_device_train_batch_size": 4,
    "gradient_accumulation_steps": 1,
    "num_train_epochs": 3,
    "logging_steps": 1,
    "learning_rate": 0.01,
    "warmup_ratio": 0,
    "seed": 42,
}
SWIFT = {
    "model": str(tiny()),
    "model_type": "llama",
    "template": "chatml",
    "dataset": "rows.jsonl",
    "agent_template": "agentswift_react_en",
    "loss_scale": "agentswift_normed",
    "tuner_type": "lora",
    "target_modules": "all-linear",
    "lora_dropout": 0,
    "torch_dtype": "float32",
    "fp16": "false",
    "use_cpu": "true",
    "weight_decay": 0.1,
    "split_dataset_ratio": 0,
    "report_to": "none",
    "save_strategy": "no",
    "check_model": "false",
    "add_version": "false",
    "dataloader_num_workers": 1,
    "dataloader_multiprocessing_context": "spawn",  # a worker that must find all classes by itself (ENGINE T9)
    "output_dir": "theirs",
}


def row(city: str, weather: str) -> dict[str, object]:
    call = json.dumps({"name": "get_weather", "arguments": {"city": city}}, ensure_ascii=False)
    return {
        "tools": json.dumps([TOOL]),
        "messages": [
            {"role": "user", "content": f"Weather in {city}?"},
            {"role": "assistant", "content": "Let me look."},
            {"role": "tool_call", "content": call},
            {"role": "tool_response", "content": weather},
            {"role": "assistant", "content": f"It is {weather} in {city}."},
            {"role": "user", "content": "Thanks"},
            {"role": "assistant", "content": "Bye."},
        ],
    }


def losses(folder: Path) -> list[float]:
    lines = (folder / "logging.jsonl").read_text(encoding="utf-8").splitlines()
    return [record["loss"] for record in map(json.loads, lines) if "loss" in record]


def test_a_plain_swift_sft_trains_as_agentswift_does(run: Run, tmp_path: Path) -> None:
    cities = [row("Rome", "sunny"), row("Paris", "rain, later snow"), row("Oslo", "snow"), row("北京", "晴")]
    lines = [json.dumps(values, ensure_ascii=False) for values in cities]
    (tmp_path / "rows.jsonl").write_text("\n".join(lines), encoding="utf-8")
    (tmp_path / "normed.yaml").write_text(YAML + "normalize: weights\n", encoding="utf-8")
    same = [f"{name}={value}" for name, value in SAME.items()]
    run("train", *TINY[:2], "data.path=rows.jsonl", "template=react_en", "loss_scale.normalize=weights", *same,
        "loss_scale.fields={action: 2.0, action_input: 3.0, thought: 0.5}", "loss_scale.arguments={keys: 0.5}",
        "tuner.lora_dropout=0", "model.torch_dtype=float32", "split=0", "output_dir=ours")  # fmt: skip
    words = [word for name, value in {**SWIFT, **SAME}.items() for word in (f"--{name}", str(value))]
    done = subprocess.run(
        [sys.executable, "-m", "swift.cli.sft", "--external_plugins", str(plugin_file()), *words],
        cwd=tmp_path,
        env={**os.environ, "HF_HUB_OFFLINE": "1", "AGENTSWIFT_LOSS_SCALES": "normed.yaml"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert len(losses(tmp_path / "theirs")) == 3
    assert losses(tmp_path / "theirs") == pytest.approx(losses(tmp_path / "ours"), rel=1e-5)
    assert "agentswift:" not in done.stderr  # no row was encoded or weighed another way
