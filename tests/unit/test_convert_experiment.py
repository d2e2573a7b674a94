"""Training commands of ms-swift and LLaMA-Factory become experiments that compose; what they lack here is said."""

import json
from pathlib import Path
from typing import Any

import pytest
import yaml

from agentswift.commands.convert import main
from agentswift.compose.app import compose_run
from agentswift.convert.training_command import read_command
from agentswift.errors import DataError, OutputError, UsageError
from agentswift.schema.runs import Convert, Thoughts, Train

AGENT_3 = r"""#!/bin/bash
# ms-swift 3's example of agent training, and some more
nproc_per_node=4

NPROC_PER_NODE=$nproc_per_node \
CUDA_VISIBLE_DEVICES=0,1,2,3 \
swift sft \
    --model Qwen/Qwen2.5-7B-Instruct \
    --train_type lora \
    --dataset iic/ms_agent 'swift/self-cognition#500' some/unknown \
    --loss_scale react \
    --tools_prompt react_zh \
    --torch_dtype bfloat16 \
    --num_train_epochs 1 \
    --per_device_train_batch_size 1 \
    --learning_rate 1e-4 \
    --gradient_accumulation_steps $(expr 32 / $nproc_per_node) \
    --warmup_ratio=0.03 \
    --eval_steps 500 \
    --save_steps 500 \
    --deepspeed zero3_offload \
    --model_name 小黄 "Xiao Huang" --gradient_checkpointing_kwargs '{"use_reentrant": false}' \
    --hub_token abc123 --frobnicate 3 --output_dir $OUT/x --lora_rank many \
    --max_length 2048 && echo --lora_rank 99
"""
SEED_4 = """
NPROC_PER_NODE=8 swift sft --model_type llama3-8b-instruct --model_id_or_path LLM-Research/Meta-Llama-3-8B-Instruct \
 --sft_type lora --dtype AUTO --dataset ms-agent-for-agentfabric-default alpaca-en --train_dataset_sample -1 \
 --batch_size 2 --gradient_accumulation_steps 16 --lora_target_modules ALL --use_flash_attn true --use_loss_scale true \
 --train_dataset_mix_ratio 2.0 --self_cognition_sample 3000 --system '# 你是助手'  # as typed
"""
LLAMA_FACTORY = """
model_name_or_path: meta-llama/Meta-Llama-3-8B-Instruct
trust_remote_code: true
stage: sft
do_train: true
finetuning_type: lora
lora_target: q_proj,v_proj
lora_rank: 16
quantization_bit: 4
deepspeed: examples/deepspeed/ds_z2_config.json
dataset: identity, alpaca_en_demo
template: llama3
cutoff_len: 4096
flash_attn: fa2
mask_history: true
logging_steps: 10
save_steps: 500
report_to: none
bf16: true
val_size: 0.1
eval_steps: 300
resume_from_checkpoint: null
"""


def convert(tmp_path: Path, name: str, text: str, **changed: Any) -> tuple[Train, dict[str, Any]]:
    """Convert the text; return the run that it composes to, and the file's values."""
    given, file = tmp_path / name, tmp_path / "conf" / "experiment" / "mine.yaml"
    given.write_text(text, encoding="utf-8")
    assert main.task(run(given, file, **changed)) == 0
    run_ = compose_run("train", Train, ["--config-dir", str(tmp_path / "conf"), "experiment=mine"])
    return run_, yaml.safe_load(file.read_text(encoding="utf-8"))


def run(given: Path, file: Path, **changed: Any) -> Convert:
    named: dict[str, Any] = {"path": str(given), "to": "experiment", "file": str(file), "overwrite": False}
    of_rows = {"format": None, "thoughts": Thoughts.keep, "segments": True, "infer_types": None, "lossy": False}
    return Convert(**{"registry": [], **of_rows, **named, **changed})


@pytest.fixture(autouse=True)
def _no_cards_of_ones_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "nobody"))


def test_a_swift_sft_script_becomes_a_run(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    made, values = convert(tmp_path, "train.sh", AGENT_3)
    assert (made.model.model, made.model.torch_dtype) == ("Qwen/Qwen2.5-7B-Instruct", "bfloat16")
    assert (made.template.agent_template, made.loss_scale.name, made.tuner.lora_rank) == ("react_zh", "react", 8)
    assert (made.data.parts, made.data.rows) == ({"ms-agent": 1.0, "self-cognition": 1.0}, {"self-cognition": 500})
    assert made.data.model_name == ["小黄", "Xiao Huang"]
    assert (made.launch.nproc_per_node, made.gradient_accumulation_steps) == (4, 8)
    assert made.compute.deepspeed == "zero3_offload"
    assert (made.learning_rate, made.warmup_ratio, made.split, made.eval_steps) == (1e-4, 0.03, 0.0, 500)
    assert values["extra"] == {"gradient_checkpointing_kwargs": {"use_reentrant": False}}
    out = capsys.readouterr().out
    for line in (
        "  train_type  →  tuner=lora",
        "  (split)  →  split: 0.0, ms-swift's default",
        "  dataset some/unknown: no card has this name or id",
        "  hub_token: a secret is written to no file",
        "  frobnicate: ms-swift has no such argument.",
        "  output_dir: a shell would have to work it out: $OUT/x",
        "  lora_rank: 'many' is no value of tuner.lora_rank",
    ):
        assert line in out
    assert "abc123" not in out + (tmp_path / "conf/experiment/mine.yaml").read_text(encoding="utf-8")
    assert f"Next: agentswift train --config-dir {tmp_path}/conf experiment=mine dry_run=true" in out


def test_names_and_defaults_of_ms_swift_2_are_known(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    made, _ = convert(tmp_path, "seed 4.txt", SEED_4)
    assert made.model.model == "LLM-Research/Meta-Llama-3-8B-Instruct"
    assert (made.model.attn_impl, made.model.model_type) == ("flash_attn", None)
    assert made.tuner.target_modules == ["all-linear"]
    assert (made.per_device_train_batch_size, made.num_train_epochs, made.warmup_ratio) == (2, 1, 0.05)
    assert (made.split, made.eval_steps, made.save_steps) == (0.01, 50, 50)
    assert made.loss_scale.name == "react"
    assert made.data.rows == {"self-cognition": 3000}
    assert made.data.ratios == {"ms-bench": 2.0}
    assert "ms-bench" in made.data.parts
    assert made.data.system == "# 你是助手"
    assert "ms-swift 2's name of a model" in capsys.readouterr().out


def test_llama_factorys_yaml_becomes_a_run(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    made, _ = convert(tmp_path, "train.yaml", LLAMA_FACTORY)
    assert (made.hub.name, made.model.attn_impl, made.max_length) == ("huggingface", "flash_attn", 4096)
    assert (made.tuner.lora_rank, made.tuner.lora_alpha, made.tuner.lora_dropout) == (16, 32, 0.0)
    assert (made.tuner.quant_bits, made.tuner.target_modules) == (4, ["q_proj", "v_proj"])
    assert made.data.parts == {"identity": 1.0, "alpaca_en_demo": 1.0}
    assert made.data.last_turn_only
    assert not made.model.trust_remote_code
    assert (made.learning_rate, made.lr_scheduler_type, made.gradient_accumulation_steps) == (5e-5, "linear", 1)
    assert (made.compute.deepspeed, made.split, made.save_steps, made.eval_steps) == ("zero2", 0.1, 500, 500)
    out = capsys.readouterr().out
    assert "lora_target  →  tuner.target_modules" in out
    assert "do_train  →  not needed" in out
    assert "trust_remote_code: runs Python from the model's folder" in out
    assert "dataset identity  →  data.parts.identity: 1.0; it needs a card" in out


def test_a_json_file_of_ms_swift_and_a_data_file(tmp_path: Path) -> None:
    values = {"model": "m/n", "dataset": ["数据/行 1.jsonl"], "tuner_type": "full", "ENV": {"NPROC_PER_NODE": 2}}
    made, _ = convert(tmp_path, "args.json", json.dumps(values | {"lora_rank": None, "model_revision": 1.0}))
    assert (made.data.path, made.data.parts) == ("数据/行 1.jsonl", {})
    assert (made.tuner.tuner_type.name, made.learning_rate) == ("full", 1e-5)
    assert (made.launch.nproc_per_node, made.gradient_accumulation_steps, made.model.revision) == (2, 8, "1.0")


@pytest.mark.parametrize(
    ("theirs", "name", "turns"),
    [
        ("default", "flat", "all"),
        ("last_round", "last_turn", "last"),
        ("alpha_umi", "alpha_umi", "all"),
        ("default+qwen", "qwen", "all"),
        ("last_round+react", "react", "last"),
    ],
)
def test_a_loss_scale_of_theirs_is_ours_by_the_same_name(theirs: str, name: str, turns: str, tmp_path: Path) -> None:
    made, _ = convert(tmp_path, "train.sh", f"swift sft --model m --dataset ms-bench --loss_scale {theirs}")
    assert (made.loss_scale.name, made.loss_scale.turns.value) == (name, turns)


@pytest.mark.parametrize(
    ("arguments", "lost"),
    [
        ("--model m", "dataset: no data: add data=NAME"),
        ("--dataset ms-bench", "model: no model is named"),
        ("--model m --dataset a.jsonl b.jsonl", "dataset b.jsonl: a file within a mix needs a card"),
        ("--model m --dataset a.jsonl --self_cognition_sample 5", "dataset: a.jsonl: a file within a mix needs a card"),
        ("--model m --dataset ms-bench --tuner_type longlora", "tuner_type: tuner=longlora is not among"),
        (
            "--model m --dataset ms-bench --loss_scale ignore_empty_think",
            "loss_scale: no loss_scale=ignore_empty_think",
        ),
        ("--model m --dataset ms-bench --loss_scale all", "loss_scale: all: trains prompts too"),
        ("--model m --dataset ms-bench --loss_scale hermes+ignore_empty_think", "one loss scale is chosen"),
        ("--model m --dataset ms-bench --train_dataset_sample 500", "500 rows over all datasets"),
        ("--model m --dataset ms-bench --packing maybe", "packing: 'maybe' is no value of packing"),
        ("--model m --dataset ms-bench --use_flash_attn maybe", "use_flash_attn: 'maybe' is not read"),
        ("--model m --dataset ms-bench --target_modules DEFAULT", "DEFAULT and EMBEDDING"),
        ("--model m --dataset ms-bench --cached_dataset x", "cached_dataset: would change nothing here"),
        ("--model $(cat name) --dataset ms-bench", "model: a shell would have to work it out: $(cat name)"),
    ],
)
def test_what_has_no_counterpart_is_said_and_the_rest_composes(
    arguments: str, lost: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    convert(tmp_path, "train.sh", f"swift sft {arguments}")
    assert lost in capsys.readouterr().out
    assert lost in (tmp_path / "conf/experiment/mine.yaml").read_text(encoding="utf-8")


def test_our_own_default_data_never_takes_the_place_of_theirs(tmp_path: Path) -> None:
    made, _ = convert(tmp_path, "train.sh", "swift sft --model m --dataset some/unknown")
    assert made.data.parts == {}


WORDS: list[tuple[str, dict[str, Any]]] = [
    ("swift sft --a 1 --b x y --c", {"a": "1", "b": ["x", "y"], "c": "true"}),
    ("swift sft --a=1 \\\n  --learning-rate 1e-4 # --c 3", {"a": "1", "learning_rate": "1e-4"}),
    ("swift sft --dataset 'a#5' b#6 --n -1", {"dataset": ["a#5", "b#6"], "n": "-1"}),
    ('export M=x/y\nN=${K:-7}; swift sft --model $M --n ${N} --k "$K"', {"model": "x/y", "n": "7", "k": "$K"}),
    ("n=4\nswift sft --g $(expr 16 / $n) --h $((2 * 3)) --i `ls`", {"g": "4", "h": "6", "i": "`ls`"}),
    ("swift sft --s 'a # b; c' | tee log", {"s": "a # b; c"}),
    ("torchrun --nproc_per_node 8 swift/cli/sft.py --model m", {"model": "m"}),
    ("python llm_sft.py --model_id_or_path m", {"model_id_or_path": "m"}),
]


@pytest.mark.parametrize(("text", "arguments"), WORDS)
def test_the_words_of_a_script_are_read_as_a_shell_reads_them(
    text: str, arguments: dict[str, Any], tmp_path: Path
) -> None:
    (tmp_path / "t.sh").write_text(text, encoding="utf-8")
    assert read_command(tmp_path / "t.sh").arguments == arguments


def test_nothing_of_a_script_is_run(tmp_path: Path) -> None:
    mark = tmp_path / "mark"
    text = f"touch {mark}\nX=$(touch {mark})\nswift sft --a `touch {mark}` --b $(touch {mark}); touch {mark}"
    (tmp_path / "t.sh").write_text(text, encoding="utf-8")
    assert read_command(tmp_path / "t.sh").arguments.keys() == {"a", "b"}
    assert not mark.exists()


@pytest.mark.parametrize(
    ("name", "text", "said"),
    [
        ("t.sh", "echo hello", "no `swift sft`"),
        ("t.sh", "swift rlhf --rlhf_type dpo", "`swift rlhf`"),
        ("t.sh", "swift sft --a 'open", "cannot be taken apart"),
        ("t.sh", "swift sft config.yaml", "its arguments are in config.yaml: path=config.yaml"),
        ("t.yaml", "- a\n- b", "arguments with their values"),
        ("t.json", "{broken", "not JSON that can be read"),
        ("t.yaml", "stage: dpo\nmodel_name_or_path: m", "stage: dpo"),
        ("none.sh", None, "cannot be read"),
    ],
)
def test_what_is_no_such_command_is_answered(name: str, text: str | None, said: str, tmp_path: Path) -> None:
    if text is not None:
        (tmp_path / name).write_text(text, encoding="utf-8")
    with pytest.raises((DataError, UsageError), match=said):
        main.task(run(tmp_path / name, tmp_path / "out.yaml"))
    assert not (tmp_path / "out.yaml").exists()


def test_an_experiment_is_a_yaml_and_written_over_nothing(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "t.sh").write_text("swift sft --model m", encoding="utf-8")
    with pytest.raises(UsageError, match=r"written as \.yaml"):
        main.task(run(tmp_path / "t.sh", tmp_path / "out.json"))
    main.task(run(tmp_path / "t.sh", tmp_path / "out.yaml"))
    assert "Move it to FOLDER/experiment/out.yaml" in capsys.readouterr().out
    with pytest.raises(OutputError, match="overwrite=true"):
        main.task(run(tmp_path / "t.sh", tmp_path / "out.yaml"))
