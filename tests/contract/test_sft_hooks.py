"""The places where engine/{worker,trainer,arguments}.py take hold of ms-swift: each belief by itself."""

import inspect
import warnings
from collections.abc import Iterator
from dataclasses import fields
from pathlib import Path
from typing import Any

import pytest

from agentswift.conversation import FIELDS
from agentswift.engine.cache import Encodings, cached
from agentswift.engine.encode import Encoded
from agentswift.weights import Scale, SpanRow
from tests.swift_template import swift_template

with warnings.catch_warnings():
    warnings.simplefilter("ignore")  # third parties' own, while they are imported
    from accelerate.state import DistributedType, PartialState
    from swift import SftArguments
    from swift.dataset import PackingDataset
    from swift.pipelines.train.sft import SwiftSft
    from swift.trainers import Seq2SeqTrainer, TrainerFactory

    from agentswift.engine.batch import IGNORED, Collator, Rows
    from agentswift.engine.trainer import AgentTrainer
    from agentswift.engine.worker import AgentSft

ANSWER = SpanRow(field="answer", of="", step=0, turn=0, weight=1.0)
RESULT = SpanRow(field="observation", of="", step=1, turn=0, weight=1.0)
ROWS = [
    Encoded([5, 6, 7, 8, 9], [0, 0, 1, 1, 0], (ANSWER, RESULT), ""),
    Encoded([10, 11], [0, 0], (ANSWER,), ""),
    Encoded([12, 13, 14], [0, 1, 0], (ANSWER, RESULT), ""),
]


@pytest.fixture
def encodings(tmp_path: Path) -> Encodings:
    return cached(tmp_path / "k.arrow", lambda: ROWS)


def test_swift_sft_makes_its_data_and_trains_in_methods_of_these_names() -> None:
    assert list(inspect.signature(SwiftSft._prepare_dataset).parameters) == ["self"]
    assert list(inspect.signature(SwiftSft.train).parameters) == ["self", "trainer"]
    assert SwiftSft.args_class is SftArguments
    run = inspect.getsource(AgentSft.run)  # the undecorated one: our two methods are what it calls
    assert run.index("self._prepare_dataset()") < run.index("trainer_cls(") < run.index("self.train(trainer)")
    assert "template=self.template" in run


def test_the_trainer_is_chosen_by_a_dotted_name(monkeypatch: pytest.MonkeyPatch) -> None:
    assert TrainerFactory.TRAINER_MAPPING["causal_lm"] == "swift.trainers.Seq2SeqTrainer"
    monkeypatch.setitem(TrainerFactory.TRAINER_MAPPING, "causal_lm", "agentswift.engine.trainer.AgentTrainer")

    class Arguments:
        task_type = "causal_lm"

    assert TrainerFactory.get_trainer_cls(Arguments()) is AgentTrainer
    assert list(inspect.signature(Seq2SeqTrainer.compute_loss).parameters)[:3] == ["self", "model", "inputs"]


def test_packing_is_checked_in_a_method_that_can_be_overridden() -> None:
    assert "self._check_padding_free()" in inspect.getsource(SftArguments.__post_init__)
    assert list(inspect.signature(SftArguments._check_padding_free).parameters) == ["self"]


@pytest.mark.parametrize(
    "name",
    [
        *("cached_dataset", "cached_val_dataset", "check_model", "load_args", "add_version", "strict", "use_cpu"),
        *("packing", "padding_free", "lazy_tokenize", "torch_dtype", "bf16", "fp16", "template", "agent_template"),
        *("tuner_type", "target_modules", "modules_to_save", "use_dora", "quant_method", "quant_bits"),
        *("train_dataloader_shuffle", "data_seed", "ddp_timeout", "ddp_backend", "use_logits_to_keep"),
        *("deepspeed", "fsdp", "gradient_checkpointing", "external_plugins", "custom_register_path"),
    ],
)
def test_sft_arguments_has(name: str) -> None:
    assert name in {field.name for field in fields(SftArguments)}


def test_the_collator_pads_labels_with_minus_100_weights_with_0_and_drops_what_it_does_not_know() -> None:
    template = swift_template()
    rows = [
        {"input_ids": [5, 6, 7], "labels": [-100, 6, 7], "loss_scale": [0.0, 1.0, 2.0], "length": 3, "span_ids": [0]},
        {"input_ids": [8], "labels": [8], "loss_scale": [0.5], "length": 1, "span_ids": [0]},
    ]
    batch = template.data_collator(rows)
    assert batch["input_ids"].tolist() == [[5, 6, 7], [8, *[template.tokenizer.pad_token_id] * 2]]
    assert batch["labels"].tolist() == [[-100, 6, 7], [8, -100, -100]]
    assert batch["loss_scale"].tolist() == [[0, 1, 2], [0.5, 0, 0]]
    assert batch["attention_mask"].tolist() == [[1, 1, 1], [1, 0, 0]]
    assert not {"span_ids", "spans", "length"} & batch.keys()


def test_packed_rows_are_told_apart_by_position_ids_alone() -> None:
    template = swift_template(packing=True)
    one = {"input_ids": [5, 6, 7], "labels": [5, 6, 7], "loss_scale": [1.0, 1.0, 1.0], "length": 3, "span_ids": [0]}
    batch = template.data_collator([one, dict(one)])
    assert batch["input_ids"].tolist() == [[5, 6, 7, 5, 6, 7]]
    assert batch["position_ids"].tolist() == [[0, 1, 2, 0, 1, 2]]
    assert "attention_mask" not in batch
    assert "span_ids" not in batch


def packed(encodings: Encodings) -> Any:
    rows = Rows(encodings, [0, 1, 2])
    return PackingDataset(swift_template(packing=True), rows, packing_length=7, load_from_cache_file=False)


def test_the_packer_takes_any_dataset_with_a_column_of_lengths(encodings: Encodings) -> None:
    dataset = packed(encodings)
    assert max(dataset.packed_length) <= 7
    seen = [row["input_ids"] for i in range(len(dataset)) for row in dataset[i]]
    assert sorted(seen) == sorted(row.input_ids for row in ROWS)


def batches(encodings: Encodings) -> Iterator[dict[str, Any]]:
    """Yield one padded batch, and every packed one."""
    scale = Scale({"fields": {"answer": 2.0, "observation": 0.0}})
    rows = Rows(encodings, [2, 0])
    yield Collator(swift_template(), scale)([rows[0], rows[1]])
    collator, dataset = Collator(swift_template(packing=True), scale), packed(encodings)
    yield from (collator([dataset[i]]) for i in range(len(dataset)))


def test_a_batch_carries_groups_weights_and_labels_of_one_shape(encodings: Encodings) -> None:
    answer, result = FIELDS.index("answer"), FIELDS.index("observation")
    group_of = {
        token: (answer, result)[span] for row in ROWS for token, span in zip(row.input_ids, row.span_ids, strict=True)
    }
    for batch in batches(encodings):
        expected = [[group_of.get(token, -1) for token in row] for row in batch["input_ids"].tolist()]
        assert batch["groups"].tolist() == expected
        assert batch["labels"].shape == batch["loss_scale"].shape == batch["input_ids"].shape
        weighty = batch["loss_scale"] > 0
        assert ((batch["labels"] == IGNORED) == ~weighty).all()
        assert set(batch["loss_scale"].flatten().tolist()) <= {0.0, 2.0}
        assert (batch["groups"][weighty] == answer).all()


def test_no_row_of_a_pack_is_predicted_from_the_row_before(encodings: Encodings) -> None:
    for batch in batches(encodings):
        if "position_ids" in batch:
            assert (batch["labels"][batch["position_ids"] == 0] == IGNORED).all()


def test_ranks_on_a_cpu_synchronise_only_with_use_cpu(monkeypatch: pytest.MonkeyPatch) -> None:
    """ENGINE T6: without it accelerate calls two gloo ranks one process each, and gradients are never averaged."""
    monkeypatch.setenv("LOCAL_RANK", "0")
    monkeypatch.setattr("torch.cuda.is_available", lambda: False)
    told = {cpu: PartialState._prepare_backend(None, cpu, backend="gloo")[1] for cpu in (True, False)}
    assert told == {True: DistributedType.MULTI_CPU, False: DistributedType.NO}
