"""The estimate of memory and time: cases counted by hand, what must grow with what, and how it is said."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from agentswift.engine.activations import backward, kept_by_layer
from agentswift.engine.architecture import Shape
from agentswift.engine.devices import Device, read
from agentswift.engine.estimate import GB, memory, trained
from agentswift.engine.outlook import Measured, Outlook
from agentswift.engine.pace import USED, Work, cpu_pace, gpu_pace, operations
from agentswift.engine.plan_table import LLAMA3_8B, QWEN2_5_7B, fit, lines, need, shipped
from agentswift.engine.plan_table import main as plan_table
from agentswift.engine.probe import accumulation, longest_second
from agentswift.engine.step import Batch, Settings
from agentswift.errors import ModelError

PAGE = (Path(__file__).parents[2] / "docs" / "compute.md").read_text(encoding="utf-8")
LLAMA = Shape.of(LLAMA3_8B)
FULL = Settings(tuner="full")
SMALL = Batch(1, 8, 4)  # next to nothing beside the weights


def parts(settings: Settings, batch: Batch = SMALL) -> dict[str, float]:
    """Return the estimate's parts in GB."""
    return {name: size / GB for name, size in memory(LLAMA, settings, batch).parts.items()}


def test_the_weights_are_those_of_the_models_cards() -> None:
    assert LLAMA.parameters == 8_030_261_248
    assert Shape.of(QWEN2_5_7B).parameters == pytest.approx(7_615_616_512, rel=1e-3)  # biases apart
    smollm2 = {**LLAMA3_8B, "hidden_size": 576, "num_hidden_layers": 30, "num_attention_heads": 9,
               "num_key_value_heads": 3, "intermediate_size": 1536, "vocab_size": 49152,
               "tie_word_embeddings": True}  # fmt: skip
    assert Shape.of(smollm2).parameters == 134_515_008


def test_a_config_that_says_no_shape_is_an_error_that_names_what_is_missing() -> None:
    with pytest.raises(ModelError, match="num_hidden_layers, vocab_size"):
        Shape.of({"hidden_size": 64, "num_attention_heads": 4})
    assert Shape.of({"text_config": LLAMA3_8B}) == LLAMA
    assert Shape.of({**LLAMA3_8B, "text_config": None}) == LLAMA


@pytest.mark.parametrize(("config", "billions"), [
    ({"model_type": "qwen", "hidden_size": 4096, "num_hidden_layers": 32, "num_attention_heads": 32,
      "intermediate_size": 22016, "vocab_size": 151936, "tie_word_embeddings": False}, 7.72),  # Qwen-7B-Chat
    ({"model_type": "gemma2", "hidden_size": 3584, "num_hidden_layers": 42, "num_attention_heads": 16, "head_dim": 256,
      "num_key_value_heads": 8, "intermediate_size": 14336, "vocab_size": 256000}, 9.24),  # Gemma-2-9B
    ({"model_type": "phi", "hidden_size": 2560, "num_hidden_layers": 32, "num_attention_heads": 32,
      "intermediate_size": 10240, "vocab_size": 51200, "tie_word_embeddings": False}, 2.78),  # phi-2
    ({"model_type": "gpt2", "n_embd": 768, "n_layer": 12, "n_head": 12, "n_inner": None,
      "vocab_size": 50257}, 0.1236),  # GPT-2, its 0.8 M learned positions apart
])  # fmt: skip
def test_models_that_count_or_omit_otherwise_than_llama(config: dict[str, Any], billions: float) -> None:
    assert Shape.of(config).parameters / 1e9 == pytest.approx(billions, rel=2e-3)
    assert Shape.of(config).unlike == ("" if config["model_type"] in ("qwen", "gemma2") else config["model_type"])


def test_experts_all_lie_in_memory_and_few_are_computed() -> None:
    mixture = Shape.of({**LLAMA3_8B, "num_local_experts": 8, "num_experts_per_tok": 2})
    assert mixture.parameters > 5 * LLAMA.parameters
    assert LLAMA.active_layer < mixture.active_layer < 2 * LLAMA.active_layer
    assert mixture.adapted(["all-linear"]) == ["q_proj", "k_proj", "v_proj", "o_proj"]


def test_full_tuning_in_bf16_is_four_times_two_bytes_a_weight() -> None:
    found = parts(FULL)
    assert [found[n] for n in ("weights", "gradients", "optimizer")] == pytest.approx([16.06, 16.06, 32.12], abs=0.01)


def test_the_last_layers_to_go_backward_stand_beside_nearly_all_gradients() -> None:
    """With one batch a step gradients are small while activations are many; the peak may come when most are there."""
    batch = Batch(1, 32768, 16384)
    long, short = parts(FULL, batch), parts(FULL)
    assert long["gradients"] == pytest.approx(16.06 * 31 / 32, rel=1e-3)
    assert long["activations"] * GB > kept_by_layer(LLAMA, FULL, batch) + backward(LLAMA, FULL, batch)
    assert sum(long.values()) > 72.4
    assert short["gradients"] == pytest.approx(16.06, abs=0.01)
    assert short["activations"] == 0.0
    assert sum(parts(replace(FULL, accumulation=2), batch).values()) > sum(long.values())


def test_zero_and_fsdp_share_what_they_say() -> None:
    """The first 12 bytes a weight are AdamW's, in float32, over 8 ranks; ZeRO-2 keeps the weights whole."""
    for sharding in ("zero2", "zero3", "fsdp2"):
        found = parts(replace(FULL, sharding=sharding, ranks=8))
        assert found["optimizer"] == pytest.approx(12 * 8.03 / 8, rel=1e-3)
        assert (found["weights"] == pytest.approx(16.06, abs=0.01)) is (sharding == "zero2")
    offloaded = memory(LLAMA, replace(FULL, sharding="zero3_offload", ranks=8), SMALL)
    assert (offloaded.parts["optimizer"], offloaded.parts["gradients"]) == (0.0, 0.0)
    assert offloaded.host == pytest.approx((2 + 14) * 8.03e9 / 8, rel=1e-3)


def test_lora_trains_what_peft_prints() -> None:
    """Rank 8 on all seven matrices of Llama-3-8B: 20,971,520, as `print_trainable_parameters` says."""
    assert trained(LLAMA, Settings()) == 20_971_520
    assert trained(LLAMA, Settings(targets=("q_proj", "v_proj"))) == 3_407_872
    assert trained(LLAMA, Settings(saved=("lm_head",))) == 20_971_520 + LLAMA.head
    found = parts(Settings())
    assert found["optimizer"] == pytest.approx(8 * 0.02097, rel=1e-3)  # adapters are float32


def test_four_bits_are_a_third_of_the_weights() -> None:
    """NF4 with doubly quantised scales: 0.516 bytes a weight of the layers; embedding and head stay in bf16."""
    inside = 32 * LLAMA.layer
    expected = 0.516 * inside + 2 * (LLAMA.parameters - inside) + 2 * 4096 * 14336
    assert parts(Settings(quant_bits=4))["weights"] * GB == pytest.approx(expected + 4 * 20_971_520, rel=1e-3)


@pytest.mark.parametrize("change", [
    {"rank": 64}, {"checkpointing": False}, {"dropout": 0.1, "checkpointing": False}, {"is_dora": True},
    {"tuner": "full"}, {"backend": "swift"}, {"saved": ("lm_head",)}, {"accumulation": 16, "tuner": "full"},
    {"attention": "eager"},
    {"dtype": "float32"},
])  # fmt: skip
def test_what_takes_more_is_told_to_take_more(change: dict[str, Any]) -> None:
    batch = Batch(2, 4096, 4096)
    assert memory(LLAMA, replace(Settings(), **change), batch).total > memory(LLAMA, Settings(), batch).total


def test_memory_grows_with_length_and_rows_and_its_parts_add_up() -> None:
    for settings in (Settings(), Settings(checkpointing=False), Settings(backend="swift"), FULL):
        totals = [memory(LLAMA, settings, Batch(r, n, r * n // 2)).total for r, n in ((1, 512), (1, 4096), (4, 4096))]
        assert totals == sorted(totals)
    found = memory(LLAMA, Settings(), Batch(1, 4096, 2048))
    assert found.total == sum(found.parts.values())


def test_swifts_logits_are_twelve_bytes_a_token_and_word() -> None:
    batch = Batch(1, 4096, 2048)
    more = parts(Settings(backend="swift"), batch)["head"] - parts(Settings(), batch)["head"]
    assert more == pytest.approx((12 * 2048 * 128256 - 2.5 * (256 << 20)) / GB, rel=1e-3)


def test_a_mask_grows_with_length_squared_where_attention_is_not_flash() -> None:
    packed, open_ = Batch(1, 8192, 4096, is_packed=True), Settings(checkpointing=False)
    rows = memory(LLAMA, open_, replace(packed, is_packed=False)).total
    flash = memory(LLAMA, replace(open_, attention="flash_attn"), packed).total
    assert flash == rows
    assert memory(LLAMA, open_, packed).total - flash >= 32 * 2 * 8192**2


def test_operations_are_six_a_weight_and_token_for_full_tuning_and_four_for_lora() -> None:
    work, plain = Work(tokens=1e6, kept=1e6, span=0.0), Settings(checkpointing=False)
    inside = LLAMA.parameters - LLAMA.head  # the embedding is looked up, not multiplied
    assert operations(LLAMA, replace(plain, tuner="full"), work) == pytest.approx(6e6 * inside, rel=1e-3)
    assert operations(LLAMA, plain, work) == pytest.approx(4e6 * inside + 6e6 * 20_971_520, rel=1e-3)
    assert operations(LLAMA, Settings(), work) > operations(LLAMA, plain, work)
    assert operations(LLAMA, Settings(), work, recompute=False) == operations(LLAMA, plain, work)


def test_devices_are_read_from_nvidia_smi_and_paces_are_positive() -> None:
    found = read("NVIDIA H100 80GB HBM3, 81559\nNVIDIA GeForce RTX 9999, 24564\n\nnonsense\n")
    assert [(d.name, d.pace is None) for d in found] == [
        ("NVIDIA H100 80GB HBM3", False),
        ("NVIDIA GeForce RTX 9999", True),
    ]
    assert found[0].memory == 81559 * 2**20
    assert read("NVIDIA H100 80GB HBM3, 81559", "float32")[0].pace is None  # the table is of bfloat16
    assert cpu_pace() > 1e8


@pytest.mark.parametrize(("name", "known"), [
    ("NVIDIA L4", 121e12), ("NVIDIA L40S", 362e12), ("NVIDIA L40", None), ("NVIDIA A40", 150e12),
    ("NVIDIA RTX A4000", None), ("NVIDIA RTX A1000", None), ("NVIDIA A100-SXM4-80GB", 312e12), ("NVIDIA A10G", 70e12),
    ("NVIDIA H100 PCIe", 756e12), ("NVIDIA H200", 989e12), ("NVIDIA GeForce RTX 4090", 165e12),
    ("NVIDIA GeForce RTX 4090 Laptop GPU", None), ("NVIDIA GH200 480GB", None),
])  # fmt: skip
def test_a_gpu_is_known_by_whole_words_of_its_name(name: str, known: float | None) -> None:
    assert gpu_pace(name) == (None if known is None else USED * known)


def outlook(devices: list[Device], **settings: Any) -> Outlook:
    asked, batch = Settings(**settings), Batch(1, 2048, 1024)
    work = Work(tokens=3.6e6, kept=1e6, span=1024)
    return Outlook(asked, LLAMA, batch, memory(LLAMA, asked, batch), work, 100, devices)


def test_the_outlook_says_peak_fit_and_hours_and_where_they_come_from() -> None:
    here = outlook([Device("NVIDIA L4", 24e9, 1e14)]).text()
    assert "GB a rank at its peak (not measured on a GPU: allow 15 %): weights 16.1, " in here
    assert "it fits: NVIDIA L4, 24.0 GB a rank" in here
    assert "it fits but closely: new, 19.0 GB a rank" in outlook([Device("new", 19e9, None)]).text()
    assert "its peak (within 15 %): " in outlook([Device("CPU", 40e9, 1e11)], on_gpu=False).text()
    assert "minutes at" in here
    assert "Llama's" not in here
    unlike = replace(outlook([]), shape=replace(LLAMA, unlike="phi"))
    assert "layers unlike Llama's (phi): rougher" in unlike.text()
    assert "assumed from the GPU's data sheet" in here
    assert "speed is not known" in outlook([Device("new", 24e9, None)]).text()
    assert "does NOT fit new, 16.0 GB a rank. Less memory: " in outlook([Device("new", 16e9, None)]).text()
    assert "no GPU is seen" in outlook([]).text()
    assert "nproc_per_node=4, but 1 GPU" in outlook([Device("new", 24e9, None)], ranks=4).text()
    assert (
        "does NOT fit CPU, 20.0 GB"
        in outlook([Device("CPU", 40e9, 1e11)], ranks=2, on_gpu=False, dtype="float32").text()
    )
    measured = outlook([], ranks=2).text(Measured(tokens_per_s=500.0, peak=12e9, steps=4))
    assert "60 minutes at 1,000 tokens/s, as a probe of real steps measured (its own peak: 12.0 GB in 4 st" in measured


def test_a_probe_has_the_longest_rows_in_its_second_step() -> None:
    lengths = [5, 9, 1, 7, 3, 8]
    assert longest_second([0, 1, 2, 3, 4, 5], lengths, 2) == [0, 2, 1, 5, 3, 4]
    assert longest_second([2, 1, 1], lengths, 2) == [2, 1, 1]
    assert sorted(longest_second([1, 1, 4], lengths, 4)) == [1, 1, 4]
    assert accumulation(["--x", "1", "--gradient_accumulation_steps", "16"]) == 16
    assert accumulation([]) == 1


def test_the_page_shows_what_dry_run_prints() -> None:
    batch, asked = Batch(1, 8192, 4000), shipped()["lora"]
    work = Work(tokens=3.6e6, kept=1e6, span=1024)
    ahead = Outlook(asked, LLAMA, batch, memory(LLAMA, asked, batch), work, 100, read("NVIDIA L4, 23034\n"))
    assert ahead.text() in PAGE


def test_the_page_has_the_plan_table_and_its_cells_hold_the_weights() -> None:
    """A GPU holds at least 2 bytes a weight for LoRA, half a byte of the layers in 4 bits, 8 or 16 shared for full."""
    assert "\n".join(lines({"Llama-3-8B": LLAMA, "Qwen2.5-7B": Shape.of(QWEN2_5_7B)})) in PAGE
    for tuner in ("qlora", "lora", "full"):
        for card in (24, 48, 80, 141):
            found = fit(LLAMA, tuner, card)
            assert found is not None
            whole = {"gpu": 8, "zero3": 16 / found.gpus, "zero3_offload": 2 / found.gpus}[found.compute]
            least = {"qlora": 0.7, "lora": 2, "full": whole}[tuner] * 8.03
            assert least < found.peak <= card
            assert (found.host > 128) is (found.compute == "zero3_offload")  # 16 bytes a weight
    assert fit(LLAMA, "full", 8) is None
    assert need(LLAMA, Settings(), "gpu", 1, 1, 4096) < need(LLAMA, Settings(), "gpu", 1, 1, 8192)


def test_the_plan_table_is_of_the_shipped_settings() -> None:
    assert shipped()["lora"] == Settings(dropout=0.05, accumulation=16)
    assert shipped()["qlora"] == Settings(dropout=0.05, accumulation=16, quant_bits=4)
    assert need(LLAMA, shipped()["full"], "gpu", 1, 1, 1024) > 80
    assert 42 < need(LLAMA, shipped()["lora"], "gpu", 1, 1, 32768) < 48


@pytest.mark.parametrize(("text", "said"), [(None, "No such file"), ("[]", "a list"), ("{", "not JSON")])
def test_the_plan_table_names_a_file_that_is_no_models(tmp_path: Path, text: str | None, said: str) -> None:
    if text is not None:
        (tmp_path / "config.json").write_text(text, encoding="utf-8")
    with pytest.raises(ModelError, match=f"config.json: {said}.*Name a model's folder"):
        plan_table([str(tmp_path / "config.json")])
