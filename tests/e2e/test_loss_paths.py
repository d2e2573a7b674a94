"""The loss taken from hidden states is the loss from logits: real steps of tiny models, one process and two."""

import json
import os
import subprocess
import sys
from dataclasses import replace
from functools import wraps
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor
from transformers import LlamaForCausalLM

from agentswift.conversation import FIELDS
from agentswift.engine.field_metrics import FieldSums
from agentswift.engine.head import Kept
from agentswift.engine.loss_choice import choose
from tests.loss_bench import GROUPS, WEIGHTS, Case, Done, Rows, model_folder, run
from tests.loss_reference import cosine, reference

pytestmark = pytest.mark.e2e
FULL = {"tuner_type": "full"}
HEAD = {"target_modules": ["all-linear", "lm_head"]}
EMBEDDED = {"modules_to_save": ["embed_tokens", "lm_head"]}
SAVED = {"torch_dtype": "bfloat16", "bf16": True}
CASES = {
    "lora": Case(),
    "one row a batch": Case(arguments={"per_device_train_batch_size": 1}),
    "full, tied": Case(arguments=FULL),
    "full, untied": Case("untied", arguments=FULL),
    "full, bias": Case("bias", arguments=FULL),
    "adapter on the head": Case("untied", arguments=HEAD),
    "adapter on the head, recomputed": Case("untied", arguments={**HEAD, "gradient_checkpointing": True}),
    "head saved whole": Case("untied", arguments=EMBEDDED),
    "tied head saved whole": Case(arguments=EMBEDDED),
    "experts": Case("experts", arguments={**FULL, "router_aux_loss_coef": 0.1}, plan={"normalize": "weights"}),
    "soft cap": Case("soft_cap", arguments=FULL),
    "factor": Case("factor", arguments=FULL),
    "quotient": Case("quotient"),
    "packed": Case(arguments={"packing": True, "attn_impl": "sdpa"}),
    "activations recomputed": Case(arguments={**FULL, "gradient_checkpointing": True}),
    "schedule": Case(scheduled=True, steps=3),
    "divided by weights": Case(plan={"normalize": "weights"}),
    "schedule, divided by weights": Case(arguments=FULL, scheduled=True, steps=3, plan={"normalize": "weights"}),
    "label smoothing": Case(arguments={"label_smoothing_factor": 0.1}),
    "bfloat16": Case(arguments=SAVED),
    "bfloat16, full": Case("untied", arguments={**FULL, **SAVED}),
    "mixed precision": Case("untied", arguments={**FULL, "bf16": True}),
}


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("bench")


def swift(case: Case) -> Case:
    return Case(**{**vars(case), "backend": "swift"})


@pytest.mark.parametrize("name", CASES)
def test_loss_and_gradient_are_ms_swifts_and_those_of_plain_logits(name: str, root: Path) -> None:
    case = CASES[name]
    ours, theirs = run(case, root), run(swift(case), root)
    assert ours.said.startswith("loss: ms-swift's" if "smoothing" in name else "loss: torch")
    rel = 1e-2 if case.arguments.get("bf16") else 1e-5
    assert ours.losses[0] == pytest.approx(theirs.losses[0], rel=rel)
    assert cosine(ours.gradient, theirs.gradient) >= 0.9999
    if "smoothing" not in name:
        plain = reference(case, ours.start)
        steps = 1 if case.arguments.get("bf16") else case.steps  # each rounds its own way to bfloat16 after a step
        assert ours.losses[:steps] == pytest.approx(plain.losses[:steps], rel=rel)
        assert cosine(ours.gradient, plain.gradient) >= 0.9999
    assert ours.logs[0]["token_acc"] == pytest.approx(theirs.logs[0]["token_acc"])


@pytest.mark.parametrize("dies", [False, True])
def test_a_model_may_copy_its_logits_or_take_more_than_ids(
    dies: bool, root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Accelerate's hooks return another tensor (device_map); a model that cannot be tried out goes ms-swift's way."""
    case = Case(arguments=FULL, steps=1)
    want, forward = run(case, root), LlamaForCausalLM.forward

    @wraps(forward)
    def copied(self: Any, *args: Any, **kwargs: Any) -> Any:
        if dies and "attention_mask" not in kwargs:
            raise ValueError("an attention mask is missing")
        out = forward(self, *args, **kwargs)
        out.logits = out.logits[:, :]
        return out

    monkeypatch.setattr(LlamaForCausalLM, "forward", copied)
    got = run(case, root)
    assert got.losses == pytest.approx(want.losses, rel=1e-5)
    assert cosine(got.gradient, want.gradient) >= 0.9999
    assert ("cannot be tried out on ids alone (ValueError: an attention mask" in got.said) == dies


def test_layers_on_several_devices_go_ms_swifts_way(root: Path) -> None:
    trainer = run(Case(steps=1), root).trainer
    trainer.model.hf_device_map = {"model.layers.0": 0, "model.layers.1": 1, "lm_head": 0}
    assert str(choose(trainer, "auto")).endswith("the model lies on several devices (device_map)")


def test_the_fields_losses_sum_up_to_the_loss(root: Path) -> None:
    case = Case(datasets=2)
    done, rows = run(case, root), Rows(case)
    tokens: dict[int, int] = {}
    for row in rows.rows[:4]:
        for group, weight in zip(row["groups"][1:].tolist(), row["loss_scale"][1:].tolist(), strict=True):
            if weight:
                tokens[group] = tokens.get(group, 0) + 1
    log, weight_of = done.logs[0], dict(zip(GROUPS, WEIGHTS, strict=True))
    parts = {
        group: log[f"loss/set{group // len(FIELDS)}/{FIELDS[group % len(FIELDS)]}"] * n * weight_of[group % len(FIELDS)]
        for group, n in tokens.items()
    }
    assert sum(parts.values()) / sum(tokens.values()) == pytest.approx(log["loss"], rel=1e-5)
    shares = {FIELDS[g]: sum(part for group, part in parts.items() if group % len(FIELDS) == g) for g in GROUPS}
    for field, part in shares.items():
        assert log[f"share/{field}"] == pytest.approx(part / sum(parts.values()), rel=1e-5)


def test_evaluation_logs_fields_too_and_weighs_as_the_schedules_end(root: Path) -> None:
    case = Case(
        arguments={"eval_strategy": "steps", "eval_steps": 1, "split_dataset_ratio": 0.1},
        scheduled=True,
        plan={"normalize": "weights"},
    )
    ours, theirs = ([log for log in run(c, root).logs if "eval_loss" in log] for c in (case, swift(case)))
    assert len(ours) == len(theirs) == 2
    for mine, own in zip(ours, theirs, strict=True):
        assert mine["eval_loss"] == pytest.approx(own["eval_loss"], rel=1e-3)
        assert mine["eval_loss/thought"] > 0
        assert "eval_loss/action" not in mine  # its weight ends at 0
        assert 0 <= mine["eval_acc/answer"] <= 1


def test_tokens_of_weight_0_give_no_gradient(root: Path) -> None:
    """Their targets may be anything: the gradient stays the same to the last bit."""

    def gradient(targets_of_0: int) -> dict[str, Tensor]:
        case = Case("untied", arguments=FULL, steps=1)
        return run(case, root, lambda batch: _relabelled(batch, targets_of_0)).gradient

    one, other = gradient(5), gradient(9)
    assert any(gradient.any() for gradient in one.values())
    assert all(torch.equal(one[name], other[name]) for name in one)


def _relabelled(batch: dict[str, Tensor], target: int) -> dict[str, Tensor]:
    weightless = (batch["loss_scale"] == 0) & (batch["groups"] >= 0)
    return {**batch, "labels": torch.where(weightless, target, batch["labels"])}


def test_a_window_in_which_nothing_is_trained_moves_nothing(root: Path) -> None:
    def nothing(batch: dict[str, Tensor]) -> dict[str, Tensor]:
        return {**batch, "labels": torch.full_like(batch["labels"], -100), "loss_scale": batch["loss_scale"] * 0}

    done = run(Case(steps=1), root, nothing)
    assert done.losses == [0.0]
    assert done.gradient
    assert all(not gradient.any() for gradient in done.gradient.values())


def test_tokens_of_no_known_group_count_for_accuracy_alone() -> None:
    sums = FieldSums(["a"], torch.device("cpu"))
    kept = Kept(torch.tensor([0, 1]), torch.tensor([5, 6]), torch.ones(2), torch.tensor([-1, -1]))
    sums.add(kept, torch.tensor([1.0, 2.0]), torch.tensor([True, False]))
    assert sums.take() == {"token_acc": 0.5}
    assert sums.take() == {}


def test_more_tokens_than_float32_counts_are_counted() -> None:
    sums = FieldSums(["a"], torch.device("cpu"))
    sums.table[0] = float(2**24)
    kept = Kept(torch.tensor([0]), torch.tensor([5]), torch.ones(1), torch.tensor([0]))
    sums.add(kept, torch.tensor([1.0]), torch.tensor([False]))
    assert sums.table[0].tolist() == [2**24 + 1, 2**24 + 1, 2**24, 2**24 + 1]


def plain_model(name: str, root: Path) -> Any:
    from transformers import AutoModelForCausalLM

    return AutoModelForCausalLM.from_pretrained(str(model_folder(name, root)), attn_implementation="eager")


DDP = {"ddp_backend": "gloo"}
RANKS: dict[str, list[Case]] = {
    "MULTI_CPU": [Case(arguments=DDP), Case("untied", arguments={**DDP, **HEAD}, plan={"normalize": "weights"})],
    "DEEPSPEED": [
        Case(arguments={**DDP, "deepspeed": "zero2"}),
        Case(arguments={**DDP, "deepspeed": "zero3"}),
        Case("untied", arguments={**DDP, **FULL, "deepspeed": "zero3"}),
    ],
    "FSDP": [Case(arguments={**DDP, "fsdp": "fsdp2"}), Case("untied", arguments={**DDP, **FULL, "fsdp": "fsdp2"})],
}


def ranks(cases: list[Case], root: Path) -> list[Done]:
    """Run cases one after another on two ranks, each by our loss and by ms-swift's."""
    for case in cases:
        model_folder(case.model, root)
    both = [vars(one) for case in cases for one in (case, swift(case))]
    torchrun = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc_per_node=2"]
    done = subprocess.run(
        [*torchrun, "-m", "tests.loss_bench", json.dumps(both), str(root)],
        env={**os.environ, "OMP_NUM_THREADS": "1", "CUDA_VISIBLE_DEVICES": "", "PYTHONPATH": os.getcwd()},
        capture_output=True,
        text=True,
        timeout=240,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-3000:]
    return [Done(**one) for one in torch.load(root / "done.pt")]


@pytest.mark.parametrize("kind", RANKS)
def test_two_ranks_take_the_same_loss(kind: str, root: Path) -> None:
    if kind == "DEEPSPEED":
        pytest.importorskip("deepspeed", reason="pip install agentswift[deepspeed]")
    done = ranks(RANKS[kind], root)
    for case, ours, theirs in zip(RANKS[kind], done[::2], done[1::2], strict=True):
        plain = reference(replace(case, steps=1), plain_model(case.model, root), ranks=2)
        assert ours.losses[0] == pytest.approx(plain.losses[0], rel=1e-5)
        assert ours.ranks == kind
        assert ours.held == pytest.approx(0.5 if kind == "FSDP" else 1.0, abs=0.01)
        assert ours.said.startswith("loss: torch")
        assert ours.losses[0] == pytest.approx(theirs.losses[0], rel=1e-5)
        assert ours.norms[0] == pytest.approx(theirs.norms[0], rel=1e-4)
        assert ours.losses[1] == pytest.approx(theirs.losses[1], rel=1e-3)  # after the step
        assert cosine(ours.trained, theirs.trained) >= 0.9999
