"""Arguments of ms-swift's that become more than a key of their own name: options, parts of the mix, several keys."""

import re
from collections.abc import Callable
from typing import Any

from agentswift.convert.datasets_named import add_datasets, add_part
from agentswift.convert.settings import House, Settings, truth

_DTYPES = {"bf16": "bfloat16", "fp16": "float16", "fp32": "float32"}
_ZERO = ("zero2", "zero3")
Rule = Callable[[Settings, str, Any, House], None]


def _tuner(settings: Settings, name: str, value: Any, house: House) -> None:
    if value in ("lora", "full"):
        settings.choose(name, "tuner", str(value))
    else:
        settings.lost.append((name, f"tuner={value} is not among {', '.join(house.options('tuner'))}"))


def _bits(settings: Settings, name: str, value: Any, house: House) -> None:
    if int(value):
        settings.choose(name, "tuner", "qlora")
        settings.put(name, "tuner.quant_bits", value)


def _dtype(settings: Settings, name: str, value: Any, house: House) -> None:
    if name in _DTYPES:
        value = name if truth(value) else "AUTO"
    if str(value).upper() != "AUTO":
        settings.put(name, "model.torch_dtype", _DTYPES.get(str(value), value))


def _flash(settings: Settings, name: str, value: Any, house: House) -> None:
    if truth(value):
        settings.put(name, "model.attn_impl", "flash_attn")


def _targets(settings: Settings, name: str, value: Any, house: House) -> None:
    words = value if isinstance(value, list) else re.split(r"[,\s]+", str(value))
    if "DEFAULT" in words or "EMBEDDING" in words:
        settings.lost.append((name, "DEFAULT and EMBEDDING are no names of layers: tuner.target_modules=[all-linear]"))
    else:
        settings.put(name, "tuner.target_modules", ["all-linear" if w in ("ALL", "all") else w for w in words])


def _deepspeed(settings: Settings, name: str, value: Any, house: House) -> None:
    settings.choose(name, "compute", next((zero for zero in _ZERO if str(value).startswith(zero)), "gpu"))
    if value not in _ZERO:
        settings.put(name, "compute.deepspeed", value)


def _fsdp(settings: Settings, name: str, value: Any, house: House) -> None:
    settings.choose(name, "compute", "fsdp2")
    if value != "fsdp2":
        settings.put(name, "compute.fsdp", value)


def _processes(settings: Settings, name: str, value: Any, house: House) -> None:
    if int(value) > 1:
        settings.choose("NPROC_PER_NODE", "launch", "torchrun")
    settings.put("NPROC_PER_NODE", "launch.nproc_per_node", value)


def _option(group: str) -> Rule:
    def choose(settings: Settings, name: str, value: Any, house: House) -> None:
        if (option := str(value)) in house.options(group):
            settings.choose(name, group, option)
        else:
            settings.lost.append((name, f"no {group}={value}; there are {', '.join(house.options(group))}"))

    return choose


def _loss_scale(settings: Settings, name: str, value: Any, house: House) -> None:
    """ms-swift's word: a strategy (default, last_round, all), scales, or both joined by a plus."""
    strategy, *scales = str(value).split("+")
    if strategy not in ("default", "last_round", "all"):
        strategy, scales = "default", [strategy, *scales]
    if strategy == "all" or len(scales) > 1:
        why = "trains prompts too: loss_scale.fields.user=1" if strategy == "all" else "one loss scale is chosen"
        settings.lost.append((name, f"{value}: {why}"))
    elif scales:
        _option("loss_scale")(settings, name, scales[0], house)
        if strategy == "last_round":
            settings.values["loss_scale.turns"] = "last"
            settings.said.append((name, "loss_scale.turns: last"))
    else:
        settings.choose(name, "loss_scale", "flat" if strategy == "default" else "last_turn")


def _use_loss_scale(settings: Settings, name: str, value: Any, house: House) -> None:
    if truth(value):
        settings.choose(name, "loss_scale", "react")


def _scale_file(settings: Settings, name: str, value: Any, house: House) -> None:
    settings.put(name, "loss_scale.file", value)


def _hub(settings: Settings, name: str, value: Any, house: House) -> None:
    settings.values["hub"] = "huggingface" if truth(value) else "modelscope"
    settings.said.append((name, f"hub: {settings.values['hub']}"))


def _model_type(settings: Settings, name: str, value: Any, house: House) -> None:
    if "-" in str(value):
        settings.lost.append((name, f"{value} is ms-swift 2's name of a model: model.model=PATH_OR_ID"))
    else:
        settings.put(name, "model.model_type", value)


def _sample(settings: Settings, name: str, value: Any, house: House) -> None:
    if str(value) == "-1":
        settings.said.append((name, "all rows, which is the default"))
    else:
        settings.lost.append((name, f"{value} rows over all datasets: data.rows={{NAME: N}} says it for each"))


def _datasets(settings: Settings, name: str, value: Any, house: House) -> None:
    words = value if isinstance(value, list) else str(value).split()
    add_datasets(settings, name, [str(word) for word in words], house.cards)


def _self_cognition(settings: Settings, name: str, value: Any, house: House) -> None:
    if int(value):
        add_part(settings, name, "self-cognition", int(value))


def _ratio(settings: Settings, name: str, value: Any, house: House) -> None:
    """ms-swift 2's general rows: so many for each row of the other sets, of ms-bench unless another is named."""
    ((dataset, ratio),) = settings.values.get("data.ratios", {"ms-bench": 0.0}).items()
    if name == "train_dataset_mix_ratio":
        ratio = float(value)
    elif isinstance(value, list):
        settings.lost.append((name, "of several sets no one ratio is known: data.ratios.NAME=RATIO"))
        return
    else:
        dataset = str(value)
    settings.values["data.ratios"] = {dataset: ratio}
    settings.said.append((name, f"data.ratios.{dataset}: {ratio:g}"))


RULES: dict[str, Rule] = {
    **dict.fromkeys(("tuner_type", "train_type", "sft_type"), _tuner),
    **dict.fromkeys(("dtype", "bf16", "fp16"), _dtype),
    **dict.fromkeys(("target_modules", "lora_target_modules"), _targets),
    **dict.fromkeys(("dataset", "custom_train_dataset_path"), _datasets),
    **dict.fromkeys(("agent_template", "tools_prompt"), _option("template")),
    **dict.fromkeys(("train_dataset_sample", "val_dataset_sample"), _sample),
    "quantization_bit": _bits,
    "use_flash_attn": _flash,
    "deepspeed": _deepspeed,
    "fsdp": _fsdp,
    "nproc_per_node": _processes,
    "loss_scale": _loss_scale,
    "use_loss_scale": _use_loss_scale,
    "loss_scale_config_path": _scale_file,
    "use_hf": _hub,
    "model_type": _model_type,
    "self_cognition_sample": _self_cognition,
    **dict.fromkeys(("train_dataset_mix_ratio", "train_dataset_mix_ds"), _ratio),
}
