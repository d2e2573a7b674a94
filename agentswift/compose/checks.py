"""What no single key's type can say: whether the values of a run go together."""

import math
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from agentswift.compose.suggestions import unknown_argument
from agentswift.errors import UsageError, did_you_mean
from agentswift.schema.groups import By, Data, Truncation, Tuner, TunerType
from agentswift.schema.runs import Check, Eval, Show, Train
from agentswift.weights import check_scale, mapping_of

_AT_LEAST_1 = (
    "per_device_train_batch_size",
    "per_device_eval_batch_size",
    "gradient_accumulation_steps",
    "max_length",
    "logging_steps",
    "eval_steps",
    "save_steps",
    "save_total_limit",
    "most",
    "samples",
    "max_new_tokens",
    "batch_size",
    "threads",
)


def check(run: Any) -> list[str]:
    """Return every way in which `run`, one of schema.runs, cannot be meant; an empty list when there is none."""
    return [
        *_numbers(run),
        *_agent(run),
        *(_data(run.data) if hasattr(run, "data") else ()),
        *(_check(run) if isinstance(run, Check) else ()),
        *_show(run),
        *_train(run),
    ]


def _numbers(run: Any) -> Iterator[str]:
    for name in _AT_LEAST_1:
        if (value := getattr(run, name, None)) is not None and value < 1:
            yield f"{name}={value}: must be 1 or more"


def _agent(run: Any) -> Iterator[str]:
    """Check the names that conf/ may hold in a user's own option: agent template, fields."""
    if hasattr(run, "template"):
        from agentswift.agent_templates import find_agent_template

        for name in (run.template.agent_template, *getattr(run, "templates", ())):
            yield from _said(find_agent_template, name)
    if hasattr(run, "loss_scale"):
        yield from check_scale(
            mapping_of(run.loss_scale), [*run.data.parts, *run.data.names] if hasattr(run, "data") else None
        )


def _data(data: Data) -> Iterator[str]:
    for name, share in data.parts.items():
        if not 0 <= share < math.inf:
            yield f"data.parts.{name}={share}: a share is a number ≥ 0; 1.0 is each row once"
    for key, counts in (("rows", data.rows), ("ratios", data.ratios), ("caps", data.caps)):
        for name, count in counts.items():
            if not 0 <= count < math.inf:
                yield f"data.{key}.{name}={count}: must be 0 or more"
            if name not in (data.parts if data.path is None else data.names):
                yield f"data.{key}.{name}: {_no_part(data)}"
    for name in sorted(data.rows.keys() & data.ratios.keys()):
        yield f"data.rows.{name} and data.ratios.{name}: one of the two says how many rows"
    if data.path is not None and data.ratios:
        yield f"data.ratios={data.ratios}: a file alone has no other part to be a ratio to; data.rows says how many"
    if data.size is not None and (data.size < 1 or data.by is By.passes):
        yield f"data.size={data.size}: 1 or more, with data.by=rows, tokens or weights"
    yield from _shaped(data)
    if not re.fullmatch(r"-1|\d+|\d+(\.\d+)?%", data.max_refused):
        yield f"data.max_refused={data.max_refused}: a number of rows (0), a share of them (0.5%), or -1 (any number)"
    if data.format is not None and data.path is None:
        yield f"data.format={data.format} goes with data.path; a card says its own format"
    for name in ("model_name", "model_author"):
        if len(getattr(data, name)) > 2:
            yield f"data.{name}: one name for both languages, or [CHINESE,ENGLISH]"


def _no_part(data: Data) -> str:
    if data.path is not None:
        return f"data.path={data.path} is the one part there is, by the name {data.names[0]}"
    return f"not among data.parts ({', '.join(data.parts) or 'which are none'})"


def _shaped(data: Data) -> Iterator[str]:
    """Check the options that change what is trained."""
    from agentswift.shape.shaping import check_kinds
    from agentswift.shape.toolbox import most_tools

    if not 0 < data.near <= 1:
        yield f"data.near={data.near}: how alike rows must be, more than 0 and at most 1"
    for kind, share in data.negatives.items():
        if not 0 <= share < math.inf:
            yield f"data.negatives.{kind}={share}: a share of the rows, 0 or more"
    yield from _said(check_kinds, data.negatives)
    yield from _said(most_tools, data.tools)


def _check(run: Check) -> Iterator[str]:
    from agentswift.check import BY_OPTION

    for rule in run.also:
        if rule not in BY_OPTION:
            yield f"also={rule}: no rule by option.{did_you_mean(rule, BY_OPTION, otherwise='They are: ')}"
    if not run.fix:
        return
    if run.data.path is None or run.file is None:
        yield "fix=true mends one file into another: path=ROWS.jsonl file=MENDED.jsonl"
    elif Path(run.file).expanduser().resolve() == Path(run.data.path).expanduser().resolve():
        yield f"file={run.file} is the file that is mended: name another, a source is never written over"


def _show(run: Any) -> Iterator[str]:
    if isinstance(run, Show) and run.truncation_strategy is Truncation.split and run.templates:
        yield "truncation_strategy=split and templates=[…]: pieces cannot be laid side by side; leave one out"


def _train(run: Any) -> Iterator[str]:
    if isinstance(run, Eval) and run.checkpoint == "":
        yield "checkpoint is empty: give a folder, or checkpoint=null for the base model"
    if not isinstance(run, Train):
        return
    for name, low, high in (("split", 0, 1), ("warmup_ratio", 0, 1)):
        if not low <= (value := getattr(run, name)) < high:
            yield f"{name}={value}: must be {low} or more and less than {high}"
    for name in ("learning_rate", "weight_decay", "max_grad_norm"):
        if not 0 <= (value := getattr(run, name)) < math.inf:
            yield f"{name}={value}: must be a number ≥ 0"
    if run.max_steps < 1 and run.max_steps != -1:
        yield f"max_steps={run.max_steps}: must be 1 or more, or -1: as num_train_epochs says"
    if run.max_steps == -1 and not 0 < run.num_train_epochs < math.inf:
        yield f"num_train_epochs={run.num_train_epochs}: must be more than 0"
    if run.split and run.save_steps % run.eval_steps:
        yield f"save_steps={run.save_steps} must be a multiple of eval_steps={run.eval_steps}, to tell the best"
    if run.launch.nproc_per_node < 1:
        yield f"launch.nproc_per_node={run.launch.nproc_per_node}: must be 1 or more"
    if run.compute.deepspeed and run.compute.fsdp:
        yield "compute.deepspeed and compute.fsdp exclude each other: set one to null"
    yield from _tuner(run.tuner, bool(run.compute.use_cpu))
    yield from filter(None, (unknown_argument(name, Train) for name in run.extra))


def _tuner(tuner: Tuner, use_cpu: bool) -> Iterator[str]:
    lora = tuner.tuner_type is TunerType.lora
    if lora and (tuner.lora_rank < 1 or tuner.lora_alpha < 1):
        yield f"tuner.lora_rank={tuner.lora_rank}, tuner.lora_alpha={tuner.lora_alpha}: both must be 1 or more"
    if not 0 <= tuner.lora_dropout < 1:
        yield f"tuner.lora_dropout={tuner.lora_dropout}: must be 0 or more and less than 1"
    if lora and not tuner.target_modules:
        yield "tuner.target_modules is empty, so nothing would be trained: [all-linear]?"
    if (tuner.quant_method is None) != (tuner.quant_bits is None):
        yield "tuner.quant_method and tuner.quant_bits go together: tuner=qlora sets both"
    if tuner.quant_bits and not lora:
        yield f"tuner.quant_bits={tuner.quant_bits} needs tuner.tuner_type=lora: quantised weights cannot be trained"
    if tuner.quant_method not in (None, "bnb"):
        yield f"tuner.quant_method={tuner.quant_method}: bnb is the one there is for training"
    if tuner.quant_bits not in (None, 4, 8):
        yield f"tuner.quant_bits={tuner.quant_bits}: must be 4 or 8"
    if tuner.quant_bits and use_cpu:
        yield "tuner=qlora needs a GPU: compute=gpu, or tuner=lora"


def _said(question: Any, *asked: Any) -> Iterator[str]:
    try:
        question(*asked)
    except UsageError as error:
        yield str(error)
