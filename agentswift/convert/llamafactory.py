"""LLaMA-Factory's training arguments → ms-swift's, and what has no counterpart."""

from typing import Any

from agentswift.convert.datasets_named import add_part
from agentswift.convert.settings import Settings
from agentswift.errors import DataError

_RENAMED = {
    "model_name_or_path": "model",
    "finetuning_type": "tuner_type",
    "lora_target": "target_modules",
    "additional_target": "modules_to_save",
    "cutoff_len": "max_length",
    "val_size": "split_dataset_ratio",
    "default_system": "system",
    "enable_liger_kernel": "use_liger_kernel",
    "neat_packing": "packing",  # rows of one sequence never see one another here
}
THEIRS = {ours: theirs for theirs, ours in _RENAMED.items() if ours != "packing"}
_NOT_NEEDED = {
    "stage": "supervised fine-tuning is what agentswift train does",
    "do_train": "train is the command",
    "do_eval": "eval is a command of its own",
    "overwrite_cache": "the encoded cache knows by itself when it is out of date",
    "overwrite_output_dir": "each run has a folder of its own",
    "preprocessing_num_workers": "rows are encoded once, and cached",
    "plot_loss": "the curve is in the run's report.html",
    "dataset_dir": "its dataset_info.json: agentswift convert to=cards",
}
_LOST = {
    "trust_remote_code": "runs Python from the model's folder: read that, then model.trust_remote_code=true",
    "template": "the chat template is found out from the model; model.template=NAME takes ms-swift's name of another",
    "max_samples": "so many rows of each dataset: data.rows.NAME=N",
    "tool_format": "template=NAME says how tools, calls and results are written: agentswift list what=templates",
    "eval_dataset": "split holds rows out",
    "interleave_probs": "data.parts.NAME=SHARE",
    "mix_strategy": "data.parts.NAME=SHARE",
    "train_on_prompt": "loss_scale.fields.user=1 and loss_scale.fields.system=1 train what the model reads",
}
_LISTS = ("lora_target", "additional_target")
_FLASH = {"fa2": "flash_attn", "sdpa": "sdpa", "disabled": "eager"}
_ZERO = {"z0": "zero0", "z2": "zero2", "z3": "zero3"}


def renamed(given: dict[str, Any], settings: Settings) -> dict[str, Any]:
    """Return the arguments that ms-swift has too, under its names; the others are told to `settings`.

    Raises DataError for another stage than supervised fine-tuning.
    """
    if (stage := given.get("stage", "sft")) != "sft":
        raise DataError(f"stage: {stage}: supervised fine-tuning (sft) alone can become an experiment")
    named: dict[str, Any] = {}
    settings.values["hub"] = "huggingface"  # where LLaMA-Factory looks ids up
    for name, value in given.items():
        if name in _NOT_NEEDED:
            settings.said.append((name, f"not needed: {_NOT_NEEDED[name]}"))
        elif name in _LOST:
            settings.lost.append((name, _LOST[name]))
        elif name in ("dataset", "flash_attn", "deepspeed"):
            {"dataset": _datasets, "flash_attn": _flash, "deepspeed": _deepspeed}[name](value, named, settings)
        elif name == "mask_history":
            settings.put(name, "data.last_turn_only", value)
        elif name == "disable_gradient_checkpointing":
            named["gradient_checkpointing"] = str(value).lower() != "true"
        else:
            named[_RENAMED.get(name, name)] = value.split(",") if name in _LISTS and isinstance(value, str) else value
    return named


def _datasets(value: Any, named: dict[str, Any], settings: Settings) -> None:
    """Names of dataset_info.json become cards of the same name."""
    names = value if isinstance(value, list) else str(value).split(",")
    for name in names:
        add_part(settings, "dataset", str(name).strip(), note="; it needs a card: agentswift convert to=cards")


def _flash(value: Any, named: dict[str, Any], settings: Settings) -> None:
    if value in _FLASH:
        named["attn_impl"] = _FLASH[value]
    elif value != "auto":
        settings.lost.append(("flash_attn", f"{value}: model.attn_impl=flash_attn|sdpa|eager"))


def _deepspeed(value: Any, named: dict[str, Any], settings: Settings) -> None:
    """Its examples' files are ms-swift's presets; any other file is taken as it is."""
    name = str(value).rpartition("/")[2]
    preset = next((zero for mark, zero in _ZERO.items() if name.startswith(f"ds_{mark}_")), None)
    named["deepspeed"] = f"{preset}_offload" if preset and "offload" in name else preset or value
