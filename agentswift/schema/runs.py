"""The shape of each command's run: what its primary config composes to."""

from dataclasses import dataclass
from enum import Enum
from typing import Any

from omegaconf import MISSING

from agentswift.schema.groups import Compute, Data, Hub, Launch, LossScale, Model, Template, Tuner


class ShowOutput(Enum):
    """How `show` draws."""

    text = "text"
    html = "html"
    jsonl = "jsonl"


class Output(Enum):
    """How findings and lists are printed."""

    text = "text"
    jsonl = "jsonl"


@dataclass(kw_only=True)
class Train:
    """`agentswift train`. Names and meanings of the hyper-parameters are ms-swift's."""

    model: Model = MISSING
    template: Template = MISSING
    data: Data = MISSING
    loss_scale: LossScale = MISSING
    tuner: Tuner = MISSING
    compute: Compute = MISSING
    launch: Launch = MISSING
    learning_rate: float = MISSING  # peak
    num_train_epochs: float = MISSING  # times each row is seen
    max_steps: int = MISSING  # -1: as num_train_epochs says
    per_device_train_batch_size: int = MISSING  # rows a rank and step
    per_device_eval_batch_size: int = MISSING  # rows a rank and evaluation step
    gradient_accumulation_steps: int = MISSING  # steps whose gradients are summed before the weights change
    max_length: int = MISSING  # tokens; longer rows are left out and counted
    warmup_ratio: float = MISSING  # share of the steps in which the learning rate rises from 0
    weight_decay: float = MISSING  # AdamW's
    max_grad_norm: float = MISSING  # gradients are clipped to this norm
    lr_scheduler_type: str = MISSING  # cosine, linear, constant …
    logging_steps: int = MISSING  # steps from one log line to the next
    eval_steps: int = MISSING  # steps from one evaluation to the next
    save_steps: int = MISSING  # steps from one checkpoint to the next
    save_total_limit: int = MISSING  # checkpoints kept, the best one always
    packing: bool = MISSING  # several rows in one sequence of max_length
    split: float = MISSING  # share of the rows held out for eval loss, 0 ≤ split < 1
    seed: int = MISSING  # of the mix, the split and the adapter
    hub: Hub = MISSING  # modelscope, huggingface, or path: never ask one
    registry: list[str] = MISSING  # the user's folders with dataset cards
    output_dir: str = MISSING  # the folder written to
    dry_run: bool = MISSING  # print the whole plan and start nothing
    extra: dict[str, Any] = MISSING  # ms-swift arguments passed on as they are


@dataclass(kw_only=True)
class Export:
    """`agentswift export`: an adapter merged into its base."""

    checkpoint: str = MISSING  # checkpoint-* folder, or a run's folder (its best, else its last)
    torch_dtype: str | None = MISSING  # of the merged weights; null: the base's
    trust_remote_code: bool = MISSING  # let Python in the base's folder run
    output_dir: str | None = MISSING  # null: CHECKPOINT-merged beside it
    overwrite: bool = MISSING  # write over what is there
    hub: Hub = MISSING  # modelscope, huggingface, or path: never ask one


@dataclass(kw_only=True)
class Eval:
    """`agentswift eval`: the first assistant step of held-out rows, generated and scored."""

    checkpoint: str | None = MISSING  # null: the base model of `model`
    model: Model = MISSING
    template: Template = MISSING
    data: Data = MISSING
    compare: str | None = MISSING  # scores.json, or its folder, of another eval to put beside this one
    split: float = MISSING  # 0: every row; else only the share of them that train's split= held out with this seed
    samples: int | None = MISSING  # rows scored, a fixed sample by `seed`, spread over the parts; null: all
    max_new_tokens: int = MISSING  # tokens generated a row at most
    batch_size: int = MISSING  # rows generated together
    threads: int | None = MISSING  # CPU threads; null: all cores
    seed: int = MISSING  # of the sample
    hub: Hub = MISSING  # modelscope, huggingface, or path: never ask one
    registry: list[str] = MISSING  # more folders with dataset cards
    output_dir: str = MISSING  # the folder written to


@dataclass(kw_only=True)
class Show:
    """`agentswift show`: tokens by field and weight."""

    model: Model = MISSING
    template: Template = MISSING
    data: Data = MISSING
    loss_scale: LossScale = MISSING
    path: str | None = MISSING  # same as data.path
    format: str | None = MISSING  # same as data.format
    rows: str = MISSING  # a number, or "all"
    max_length: int = MISSING  # tokens; longer rows are counted
    output: ShowOutput = MISSING  # text (coloured, in the terminal), html (one page), jsonl (one JSON a row)
    file: str | None = MISSING  # where output=html goes; null: show.html in the run's folder
    hub: Hub = MISSING  # modelscope, huggingface, or path: never ask one
    registry: list[str] = MISSING  # more folders with dataset cards
    output_dir: str = MISSING  # the folder written to


@dataclass(kw_only=True)
class Check:
    """`agentswift check`: findings and counts."""

    data: Data = MISSING
    path: str | None = MISSING  # same as data.path
    format: str | None = MISSING  # same as data.format
    output: Output = MISSING  # text or jsonl (one JSON a line)
    most: int = MISSING  # findings printed a rule; all of them with output=jsonl
    hub: Hub = MISSING  # modelscope, huggingface, or path: never ask one
    registry: list[str] = MISSING  # more folders with dataset cards


@dataclass(kw_only=True)
class List:
    """`agentswift list`."""

    what: str = MISSING  # all, datasets, models, templates, loss_scales, experiments, formats
    output: Output = MISSING  # text or jsonl (one JSON a line)
    registry: list[str] = MISSING  # more folders with dataset cards


@dataclass(kw_only=True)
class Register:
    """`agentswift register`."""

    name: str = MISSING  # of the new card; train with data=NAME
    path: str = MISSING  # the file the card names
    format: str | None = MISSING  # null: guessed
    template: Template = MISSING
    loss_scale: LossScale = MISSING
    license: str | None = MISSING  # of the data, for its card
    description: str | None = MISSING  # of the data in one line, for its card
    overwrite: bool = MISSING  # write over what is there
    registry: list[str] = MISSING  # the first is written to
