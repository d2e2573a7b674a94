"""The shape of each command's run: what its primary config composes to."""

from dataclasses import dataclass
from enum import Enum
from typing import Any

from omegaconf import MISSING

from agentswift.schema.groups import (
    Compute,
    Data,
    Hub,
    Launch,
    Loss,
    LossScale,
    Model,
    SplitBy,
    Template,
    Truncation,
    Tuner,
)


class ShowOutput(Enum):
    """How `show`, `stats` and `check` draw."""

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
    loss: Loss = MISSING
    tuner: Tuner = MISSING
    compute: Compute = MISSING
    launch: Launch = MISSING
    learning_rate: float = MISSING  # peak
    num_train_epochs: float = MISSING  # times each row is seen
    max_steps: int = MISSING  # -1: as num_train_epochs says
    per_device_train_batch_size: int = MISSING  # rows a rank and step
    per_device_eval_batch_size: int = MISSING  # rows a rank and evaluation step
    gradient_accumulation_steps: int = MISSING  # steps whose gradients are summed before the weights change
    max_length: int = MISSING  # tokens; truncation_strategy says what becomes of longer rows
    truncation_strategy: Truncation = MISSING  # delete: left out; left, right: cut there; split; turns: oldest go
    warmup_ratio: float = MISSING  # share of the steps in which the learning rate rises from 0
    weight_decay: float = MISSING  # AdamW's
    max_grad_norm: float = MISSING  # gradients are clipped to this norm
    lr_scheduler_type: str = MISSING  # cosine, linear, constant …
    logging_steps: int = MISSING  # steps from one log line to the next
    eval_steps: int = MISSING  # steps from one evaluation to the next
    save_steps: int = MISSING  # steps from one checkpoint to the next
    save_total_limit: int = MISSING  # checkpoints kept, the best one always
    packing: bool = MISSING  # several rows in one sequence of max_length
    padding_free: bool | None = MISSING  # a batch's rows end to end, not padded; null: where the model keeps them apart
    split: float = MISSING  # share of the rows held out for eval loss, 0 ≤ split < 1
    split_by: SplitBy = MISSING  # row; question: rows that ask the same stay together; tool: rows that call the same
    seed: int = MISSING  # of the mix, the split and the adapter
    hub: Hub = MISSING  # modelscope, huggingface, or path: never ask one
    registry: list[str] = MISSING  # the user's folders with dataset cards
    output_dir: str = MISSING  # the folder written to
    dry_run: bool = MISSING  # print the whole plan and start nothing
    probe: bool = MISSING  # time a few real steps first, for the plan's hours; loads the model
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
    split_by: SplitBy = MISSING  # as it was trained with
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
    rows: str = MISSING  # a number (of each dataset), or "all"
    dataset: str | None = MISSING  # this part of the mix alone
    tool: str | None = MISSING  # rows that call this tool
    rule: str | None = MISSING  # rows of which `check` says this
    grep: str | None = MISSING  # rows in which this text stands, capitals or not
    longest: bool = MISSING  # the rows with the most tokens first; reads and encodes all of them
    templates: list[str] = MISSING  # draws each row under several agent templates, beside each other
    max_length: int = MISSING  # tokens; longer rows are counted
    truncation_strategy: Truncation = MISSING  # as for train: longer rows are shown as they would be cut
    output: ShowOutput = MISSING  # text (coloured, in the terminal), html (one page), jsonl (one JSON a row)
    file: str | None = MISSING  # where output=html goes; null: show.html in the run's folder
    hub: Hub = MISSING  # modelscope, huggingface, or path: never ask one
    registry: list[str] = MISSING  # more folders with dataset cards
    output_dir: str = MISSING  # the folder written to


@dataclass(kw_only=True)
class Stats:
    """`agentswift stats`: what a mix holds, in figures."""

    model: Model | None = MISSING  # model=null: all that needs no tokenizer
    template: Template = MISSING
    data: Data = MISSING
    loss_scale: LossScale = MISSING
    path: str | None = MISSING  # same as data.path
    format: str | None = MISSING  # same as data.format
    most: int = MISSING  # tools listed, the most called first; output=jsonl lists all
    max_length: int = MISSING  # tokens; longer rows are counted
    truncation_strategy: Truncation = MISSING  # as for train: longer rows are shown as they would be cut
    output: ShowOutput = MISSING  # text (tables), html (one page with plots), jsonl (one JSON a figure)
    file: str | None = MISSING  # where output=html goes; null: stats.html in the run's folder
    hub: Hub = MISSING  # modelscope, huggingface, or path: never ask one
    registry: list[str] = MISSING  # more folders with dataset cards
    output_dir: str = MISSING  # the folder written to


@dataclass(kw_only=True)
class Check:
    """`agentswift check`: findings and counts."""

    model: Model | None = MISSING  # its tokenizer: lengths, masks and weights are checked too; null: they are not
    template: Template = MISSING
    data: Data = MISSING
    loss_scale: LossScale = MISSING
    path: str | None = MISSING  # same as data.path
    format: str | None = MISSING  # same as data.format
    also: list[str] = MISSING  # rules that are often meant otherwise: mixed-languages, personal-data
    max_length: int = MISSING  # tokens, with a model; longer rows are named
    fix: bool = MISSING  # write a copy of path to file, with all repaired that changes no meaning
    overwrite: bool = MISSING  # write over a file that is there
    output: ShowOutput = MISSING  # text (tables), html (one page), jsonl (one JSON a line)
    file: str | None = MISSING  # where fix=true or output=html writes; null: check.html
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


class Thoughts(Enum):
    """What becomes of thoughts where rows are converted."""

    keep = "keep"
    drop = "drop"


@dataclass(kw_only=True)
class Convert:
    """`agentswift convert`: rows between layouts and agent templates; others' lists and commands into ours."""

    path: str = MISSING  # rows: a file or folder; to=cards: a dataset_info.json; to=experiment: a .sh, .yaml or .json
    to: str = MISSING  # a layout (openai, ms_swift …), an agent template (react_en …), cards, or experiment
    file: str = MISSING  # written: .jsonl or .json, also .gz or .zst; a .yaml for cards and experiment
    format: str | None = MISSING  # the row layout of path; null: detected
    thoughts: Thoughts = MISSING  # keep or drop
    segments: bool = MISSING  # agent templates: results are messages of their own, loss: false
    infer_types: bool | None = MISSING  # from the calls, for parameters without a type; null: in ms_agent rows
    lossy: bool = MISSING  # also write rows that lose weights, or in which a thought is not told from an answer
    overwrite: bool = MISSING  # write over what is there
    registry: list[str] = MISSING  # to=experiment: more folders with dataset cards, to know datasets by their id
