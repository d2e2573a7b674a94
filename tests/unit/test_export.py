import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from agentswift.checkpoints import read_manifest, verify, write_manifest
from agentswift.commands.export import main
from agentswift.engine.embedded import tiny
from agentswift.engine.generate import Generator
from agentswift.engine.load import load_model, with_adapter
from agentswift.engine.tokenizer import load_tokenizer, whole_tokenizer
from agentswift.errors import AgentswiftError, CheckpointError, ModelError, OutputError
from agentswift.schema.groups import Hub
from agentswift.schema.runs import Export
from tests.checkpoint import manifest

MANIFEST = manifest(step=3, loss_scale={"name": "react", "fields": {"action": 2.0}}, tuner_type="lora")


@pytest.fixture(scope="module")
def adapter(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A LoRA adapter of the tiny model that changes what it says, as training would leave it."""
    import torch
    from peft import LoraConfig, get_peft_model

    folder = tmp_path_factory.mktemp("run") / "checkpoint-3"
    torch.manual_seed(1)
    config = LoraConfig(r=4, lora_alpha=8, target_modules=["q_proj", "v_proj", "down_proj"], task_type="CAUSAL_LM")
    model = get_peft_model(load_model(tiny(), "float32"), config)
    for name, weight in model.named_parameters():
        if "lora_B" in name:
            torch.nn.init.normal_(weight, std=0.3)
    model.save_pretrained(folder)
    write_manifest(folder, MANIFEST)
    return folder


def export(checkpoint: Path, output_dir: Path | None = None, **given: Any) -> None:
    main.task(Export(**{
        "checkpoint": str(checkpoint), "torch_dtype": None, "overwrite": False, "hub": Hub.path,
        "trust_remote_code": False,
        "output_dir": None if output_dir is None else str(output_dir), **given,
    }))  # fmt: skip


def greedy(folder: Path, adapter: Path | None = None) -> list[str]:
    generator = Generator(folder, load_tokenizer(tiny()), adapter=adapter, torch_dtype="float32", threads=1)
    return generator.generate([generator.tokenizer.encode(text) for text in ("Hello there", "北京")], 40)


def test_a_merged_model_says_what_its_base_and_adapter_say(adapter: Path, tmp_path: Path) -> None:
    import torch

    out = tmp_path / "merged"
    export(adapter, out)
    assert greedy(out) == greedy(tiny(), adapter)
    assert greedy(out) != greedy(tiny())
    ids = torch.tensor([[1, 40, 200, 3000]])
    apart, whole = with_adapter(load_model(tiny(), "float32"), adapter).eval(), load_model(out, "float32").eval()
    with torch.inference_mode():
        torch.testing.assert_close(whole(ids).logits, apart(ids).logits, rtol=1e-4, atol=1e-4)


def test_a_merged_folder_says_what_it_is_and_chats_by_itself(adapter: Path, tmp_path: Path) -> None:
    out = tmp_path / "merged"
    export(adapter, out, torch_dtype="bfloat16")
    manifest = read_manifest(out)
    assert replace(manifest, files={}, created="") == replace(MANIFEST, merged=True, torch_dtype="bfloat16")
    assert verify(out) == []
    assert json.loads((out / "config.json").read_text())["dtype"] == "bfloat16"
    text = whole_tokenizer(out).apply_chat_template([{"role": "user", "content": "你好"}], tokenize=False)
    assert text == "<|im_start|>user\n你好<|im_end|>\n<|im_start|>assistant\n"
    assert not list(out.glob("adapter*"))
    assert not [p for p in tmp_path.iterdir() if p != out]


def test_by_default_it_lies_beside_the_checkpoint(adapter: Path, capsys: pytest.CaptureFixture[str]) -> None:
    export(adapter.parent)
    assert read_manifest(adapter.with_name("checkpoint-3-merged")).merged
    assert capsys.readouterr().out.splitlines()[-1].startswith("Next: agentswift eval checkpoint=")


def test_nothing_is_overwritten_unasked(adapter: Path, tmp_path: Path) -> None:
    out = tmp_path / "merged"
    export(adapter, out)
    before = (out / "agentswift.json").stat().st_ino
    with pytest.raises(OutputError, match="overwrite=true"):
        export(adapter, out)
    assert (out / "agentswift.json").stat().st_ino == before
    export(adapter, out, overwrite=True)
    assert (out / "agentswift.json").stat().st_ino != before
    own = tmp_path / "own"
    own.mkdir()
    (own / "thesis.txt").write_text("years of work")
    with pytest.raises(OutputError, match="no checkpoint"):
        export(adapter, own, overwrite=True)
    assert (own / "thesis.txt").exists()


def wrong(tmp_path: Path, adapter: Path, **changes: Any) -> Path:
    """Copy the adapter with another manifest."""
    folder = tmp_path / "checkpoint-3"
    folder.mkdir()
    for file in adapter.iterdir():
        if file.is_file() and file.name != "agentswift.json":
            (folder / file.name).write_bytes(file.read_bytes())
    write_manifest(folder, replace(MANIFEST, **changes))
    return folder


@pytest.mark.parametrize(
    ("changes", "error", "words"),
    [
        ({"merged": True}, ModelError, "cannot be|config.json|tokenizer"),
        ({"model": "/no/such/base"}, ModelError, "/no/such/base"),
        ({"template": "no_such"}, ModelError, "no_such"),
    ],
)
def test_what_cannot_be_merged_is_said(
    tmp_path: Path, adapter: Path, changes: dict[str, Any], error: type[AgentswiftError], words: str
) -> None:
    with pytest.raises(error, match=words):
        export(wrong(tmp_path, adapter, **changes), tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_a_merged_model_cannot_be_merged_again(adapter: Path, tmp_path: Path) -> None:
    export(adapter, tmp_path / "merged")
    with pytest.raises(CheckpointError, match="no adapter to merge"):
        export(tmp_path / "merged", tmp_path / "again")


def test_a_checkpoints_args_json_is_never_obeyed(adapter: Path, tmp_path: Path) -> None:
    marker = tmp_path / "marker"
    plugin = tmp_path / "plugin.py"
    plugin.write_text(f"from pathlib import Path\nPath({str(marker)!r}).touch()\n")
    folder = wrong(tmp_path, adapter)
    (folder / "args.json").write_text(json.dumps({"external_plugins": [str(plugin)]}))
    with pytest.raises(ModelError, match="external_plugins"):
        export(folder, tmp_path / "out")
    assert not marker.exists()
