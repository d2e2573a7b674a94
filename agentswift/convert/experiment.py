"""A training command of ms-swift's or LLaMA-Factory's → an experiment of ours, and what became of each argument."""

from collections.abc import Collection, Mapping
from math import ceil
from typing import Any

from agentswift.convert.argument_rules import RULES
from agentswift.convert.llamafactory import THEIRS, renamed
from agentswift.convert.settings import KEYS, SAME, House, Settings, scalar, truth
from agentswift.convert.training_command import TrainingCommand
from agentswift.redact import redact

# Arguments that only ms-swift 2 had: its defaults then hold.
_OF_2 = {
    "sft_type",
    "model_id_or_path",
    "dtype",
    "use_loss_scale",
    "lora_target_modules",
    "batch_size",
    "dataset_test_ratio",
    "use_flash_attn",
    "train_dataset_sample",
    "train_dataset_mix_ratio",
    "custom_train_dataset_path",
}
# Where theirs differ from ours; ms-swift 4.6 (trainers/arguments.py), 2.0 (its documentation), LLaMA-Factory
# (transformers' TrainingArguments, finetuning_args.py).
_DEFAULTS: dict[str, dict[str, Any]] = {
    "ms-swift": {"warmup_ratio": 0.0, "split": 0.0, "save_steps": 500},
    "ms-swift 2": {"num_train_epochs": 1, "warmup_ratio": 0.05, "split": 0.01, "eval_steps": 50, "save_steps": 50},
    "LLaMA-Factory": {
        "learning_rate": 5e-5,
        "num_train_epochs": 3,
        "per_device_train_batch_size": 8,
        "per_device_eval_batch_size": 8,
        "gradient_accumulation_steps": 1,
        "lr_scheduler_type": "linear",
        "warmup_ratio": 0.0,
        "weight_decay": 0.0,
        "logging_steps": 500,
        "save_steps": 500,
        "split": 0.0,
        "tuner.lora_dropout": 0.0,
    },
}


def experiment(command: TrainingCommand, house: House) -> Settings:
    """Return the settings that the command becomes."""
    settings = Settings()
    given = dict(command.arguments)
    if command.of == "LLaMA-Factory":
        given = renamed(given, settings)
    for name, value in {**_environment(command.environment, settings), **given}.items():
        if "$" in str(value) or "`" in str(value):
            settings.lost.append((name, f"a shell would have to work it out: {value}"))
        elif redact({name: str(value)}) != {name: str(value)}:
            settings.lost.append((name, "a secret is written to no file: set it in the environment"))
        else:
            _argument(settings, name, value, house)
    if command.of == "LLaMA-Factory":
        settings.said = [(THEIRS.get(name, name), became) for name, became in settings.said]
        settings.lost = [(THEIRS.get(name, name), why) for name, why in settings.lost]
    _complete(settings, command, given.keys())
    return settings


def _argument(settings: Settings, name: str, value: Any, house: House) -> None:
    if name in RULES:
        try:
            RULES[name](settings, name, value, house)
        except (TypeError, ValueError):
            settings.lost.append((name, f"{value!r} is not read as its value"))
    elif name in KEYS or name in SAME:
        settings.put(name, KEYS.get(name, name), value)
    elif why := house.why_not(name):
        settings.lost.append((name, why.removeprefix(f"extra.{name}: ")))
    else:
        settings.values[f"extra.{name}"] = [scalar(v) for v in value] if isinstance(value, list) else scalar(value)
        settings.said.append((name, f"extra.{name}, passed on to ms-swift"))


def _environment(given: Mapping[str, str], settings: Settings) -> dict[str, Any]:
    """Return what a command's environment says of it as arguments; the rest of it stays environment."""
    named: dict[str, Any] = {}
    for name, value in given.items():
        if name == "NPROC_PER_NODE":
            named["nproc_per_node"] = value
        elif name == "NNODES" and value != "1":
            settings.lost.append((name, "several machines: the experiment is for one"))
        elif name.endswith("_VISIBLE_DEVICES"):
            settings.said.append((name, "set it in the environment as before"))
        elif name in ("USE_HF", "USE_MODELSCOPE_HUB"):
            named["use_hf"] = truth(value) == (name == "USE_HF")
    return named


def _complete(settings: Settings, command: TrainingCommand, given: Collection[str]) -> None:
    """Add what the command leaves to defaults that are others than ours, and what must go together."""
    values = settings.values
    settings.options.setdefault("data", "card")  # never our own default data unasked
    if "data.parts" in values and (file := values.pop("data.path", None)):
        settings.lost.append(("dataset", f"{file}: a file within a mix needs a card: agentswift register"))
    for name in values.get("data.ratios", ()):
        values.setdefault("data.parts", {})[name] = 1.0  # what has a ratio is a part too
    if "data.parts" not in values and "data.path" not in values:
        settings.lost.append(("dataset", "no data: add data=NAME or data.path=FILE to the command line"))
    if "model.model" not in values:
        settings.lost.append(("model", "no model is named: add model=NAME or model.model=PATH_OR_ID"))
    of = "ms-swift 2" if command.of == "ms-swift" and _OF_2.intersection(given) else command.of
    defaults = dict(_DEFAULTS[of])
    if of == "LLaMA-Factory":
        defaults["tuner.lora_alpha"] = 2 * values.get("tuner.lora_rank", 8)
    elif "gradient_accumulation_steps" not in values:
        at_once = values.get("per_device_train_batch_size", 1) * values.get("launch.nproc_per_node", 1)
        defaults["gradient_accumulation_steps"] = max(1, ceil(16 / at_once))
    if "extra.warmup_steps" in values:
        defaults["warmup_ratio"] = 0.0
    for key, value in defaults.items():
        if key not in values:
            values[key] = value
            settings.said.append((f"({key})", f"{key}: {value}, {of}'s default"))
    _steps(settings)


def _steps(settings: Settings) -> None:
    values = settings.values
    save, evaluate = values["save_steps"], values.setdefault("eval_steps", values["save_steps"])
    if values["split"] and save % evaluate:
        values["eval_steps"] = save
        settings.said.append(
            ("eval_steps", f"eval_steps: {save}, as save_steps: the best checkpoint must be evaluated")
        )


def experiment_yaml(settings: Settings, source: str) -> str:
    """Return the experiment's file; what has no counterpart stands in its comments."""
    import yaml

    nested: dict[str, Any] = {}
    for key, value in settings.values.items():
        group, _, leaf = key.rpartition(".")
        (nested.setdefault(group, {}) if group else nested)[leaf] = value
    lines = ["# @package _global_", f"# From {source}, by agentswift convert."]
    lines += [f"# Without counterpart: {name}: {why}" for name, why in settings.lost]
    chosen = [f"  - override /{group}: {option}" for group, option in settings.options.items()]
    text = yaml.safe_dump(nested, sort_keys=False, allow_unicode=True, width=1000)
    return "\n".join([*(line.replace("\n", " ") for line in lines), "defaults:", *chosen, "", text])
