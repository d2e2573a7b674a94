"""The shape of each conf/ group: dataclasses without defaults; the values are in the YAML."""

from dataclasses import dataclass, field
from enum import Enum
from pathlib import Path
from typing import Any

from omegaconf import MISSING


class TunerType(Enum):
    """ms-swift's `tuner_type`, as far as ours are tested."""

    lora = "lora"
    full = "full"


class Hub(Enum):
    """Where ids are looked up when they are no path on disk."""

    modelscope = "modelscope"
    huggingface = "huggingface"
    path = "path"  # never ask a hub


class Dedup(Enum):
    """What is done with a conversation that stands in the data a second time."""

    exact = "exact"  # equal to the letter
    near = "near"  # or nearly: see data.near
    none = "none"


class By(Enum):
    """What the numbers of `data.parts` are."""

    passes = "passes"  # times each row of the part stands in an epoch
    rows = "rows"  # the part's share of an epoch's rows
    tokens = "tokens"  # its share of the tokens
    weights = "weights"  # its share of the tokens' weight under the loss scale


class Order(Enum):
    """How the parts of an epoch follow one another; the rows of each are shuffled."""

    shuffled = "shuffled"  # all rows together
    interleaved = "interleaved"  # evenly: any stretch holds the parts as the whole epoch does
    sequential = "sequential"  # one part after the other, as `data.parts` names them


class Thoughts(Enum):
    """What becomes of what the agent thinks."""

    keep = "keep"
    drop = "drop"


class SplitBy(Enum):
    """What stands on one side only, of what is trained or of what is held out."""

    row = "row"
    question = "question"  # what the user first says
    tool = "tool"  # each tool that is called


class Thinking(Enum):
    """Which thoughts are written."""

    keep = "keep"
    drop = "drop"
    last = "last"  # since the user last spoke; an earlier turn that loses some is not trained


class Truncation(Enum):
    """What becomes of a row of more than max_length tokens."""

    delete = "delete"  # it is left out
    left = "left"  # its last max_length tokens are kept
    right = "right"  # its first ones
    split = "split"  # all of it, in pieces of max_length
    turns = "turns"  # its oldest turns go, whole; system, tools and the last exchange stay


@dataclass(kw_only=True)
class Model:
    """Which model: everything that is null is found out from the model's own files."""

    model: str = MISSING  # folder, hub id, or "smollm2" (the embedded one)
    model_type: str | None = MISSING  # ms-swift's; null: detected
    template: str | None = MISSING  # the chat template, ms-swift's name; null: detected
    torch_dtype: str | None = MISSING  # null: bfloat16 where the device computes in it, else float32
    attn_impl: str | None = MISSING  # eager, sdpa, flash_attn …; null: what transformers chooses
    revision: str | None = MISSING  # commit or tag on the hub; null: its main one
    trust_remote_code: bool = MISSING  # true runs Python from the model's folder


@dataclass(kw_only=True)
class Template:
    """How tools, calls and observations become text."""

    agent_template: str = MISSING  # react_en, hermes, qwen_zh … (agentswift list what=templates)
    thinking: Thinking = MISSING  # thoughts: keep, drop, or last: only those since the user last spoke


@dataclass(kw_only=True)
class Data:
    """A mix: names of cards and their shares; or one file."""

    parts: dict[str, float] = MISSING  # dataset → share of its rows: 1.0 each row once, 2.0 twice, 0.1 a tenth
    by: By = MISSING  # passes: `parts` as said; rows, tokens, weights: proportions of an epoch in that measure
    size: int | None = MISSING  # of an epoch, in the measure of `by`; null: as large as it gets without repeating a row
    rows: dict[str, int] = MISSING  # dataset → exact rows, instead of its share; DATASET#N in `parts` says the same
    ratios: dict[str, float] = MISSING  # dataset → its rows for each row of those parts that have a share
    caps: dict[str, int] = MISSING  # dataset → most rows an epoch
    order: Order = MISSING  # shuffled, interleaved, sequential
    path: str | None = MISSING  # a file with no card; then `parts` is left aside
    format: str | None = MISSING  # its row layout; null: detected
    max_refused: str = MISSING  # rows (0), or a share of those read (0.5%); -1: any number
    dedup: Dedup = MISSING  # exact: a conversation seen before, in any part, is left out; near: or nearly seen; none
    near: float = MISSING  # with dedup=near: how alike, 0 to 1, two rows must be in their runs of five words
    decontaminate: list[str] = MISSING  # cards or files of evaluation sets: rows that hold their questions are left out
    system: str | None = MISSING  # for conversations that have none
    model_name: list[str] = MISSING  # {{NAME}} and <NAME>: [zh, en] or one for both; []: self-cognition sets alone
    model_author: list[str] = MISSING  # {{AUTHOR}} and <AUTHOR>, likewise
    thoughts: Thoughts = MISSING  # keep, or drop: what the agent thinks before it acts
    tools: str = MISSING  # given: as the row declares them; shuffled; "sampled N": at most N, those called always
    mask_failed_calls: bool = MISSING  # true: a call whose result is an error is read but not trained
    last_turn_only: bool = MISSING  # true: only what the agent does last is trained
    negatives: dict[str, float] = MISSING  # kind → rows made from good ones, a share of these: docs/mix.md
    seed: int = MISSING  # of what is made, shuffled and sampled above; `seed` of the run is the mix's

    @property
    def names(self) -> list[str]:
        """The parts that give rows, those of share 0 left out; a file is one part, named by its stem."""
        if self.path is not None:
            return [Path(self.path).stem or "data"]
        return [n for n, share in self.parts.items() if self.rows.get(n, self.ratios.get(n, share)) != 0]


class Turns(Enum):
    """Which exchanges of a conversation are trained."""

    all = "all"
    last = "last"  # the last in which the agent says anything


class Normalize(Enum):
    """What the weighted sum of the losses is divided by."""

    tokens = "tokens"  # trained tokens, whatever they weigh: ms-swift's way
    weights = "weights"  # their weights: a mean, so that losses of different scales compare


class Shape(Enum):
    """How weights go from the first set to the last."""

    linear = "linear"
    cosine = "cosine"  # slowly at both ends


@dataclass(kw_only=True)
class Schedule:
    """Weights that change over the run; ids never do."""

    shape: Shape = Shape.linear  # linear, cosine
    to: dict[str, Any] = field(default_factory=dict)  # fields, labels, arguments, end_of_turn at the last step


@dataclass(kw_only=True)
class LossScale:
    """Weights by field. A field not named weighs 1 where the model writes it, 0 elsewhere.

    The one group with values of its own: an option names what it changes, and what it leaves out stays plain.
    """

    name: str = MISSING  # what reports and checkpoints call it
    fields: dict[str, float] = field(default_factory=dict)  # field → weight ≥ 0
    labels: dict[str, float] = field(default_factory=dict)  # field that a label introduces → its weight; fields.label
    arguments: dict[str, float] = field(default_factory=dict)  # keys, values, punctuation: multiply action_input's
    end_of_turn: float = 1.0  # weight of the stop token
    turns: Turns = Turns.all  # all, or last: only the last exchange is trained
    normalize: Normalize = Normalize.tokens  # the loss is divided by: tokens (trained ones), weights (a mean)
    by_dataset: dict[str, Any] = field(default_factory=dict)  # dataset → the same keys, put over these; or an option
    schedule: Schedule = field(default_factory=Schedule)  # to other weights over the run
    file: str | None = None  # a loss-scale JSON of ms-swift's; what is said beside it goes over it


class LossBackend(Enum):
    """What takes the loss."""

    auto = "auto"  # torch: none was measured to be faster
    torch = "torch"  # anywhere
    liger = "liger"  # GPU, the package liger-kernel
    triton = "triton"  # GPU
    swift = "swift"  # ms-swift's own, from logits


@dataclass(kw_only=True)
class Loss:
    """How the loss is taken: always weighted, the same number whatever takes it."""

    backend: LossBackend = MISSING  # auto, torch, liger, triton; swift: ms-swift's own, from logits


@dataclass(kw_only=True)
class Tuner:
    """What is trained."""

    tuner_type: TunerType = MISSING  # lora or full
    lora_rank: int = MISSING  # rank of the adapter matrices
    lora_alpha: int = MISSING  # the adapter is scaled by lora_alpha / lora_rank
    lora_dropout: float = MISSING  # 0 ≤ share < 1
    target_modules: list[str] = MISSING  # layers that get an adapter; [all-linear]: every one but embeddings and head
    modules_to_save: list[str] = MISSING  # layers trained whole beside the adapter: embed_tokens, lm_head
    use_dora: bool = MISSING  # magnitude and direction apart (DoRA); slower
    quant_method: str | None = MISSING  # bnb, of the frozen base; null: not quantised
    quant_bits: int | None = MISSING  # 4 or 8


@dataclass(kw_only=True)
class Compute:
    """What it is trained on."""

    use_cpu: bool | None = MISSING  # null: where no GPU is seen
    deepspeed: str | None = MISSING  # zero2, zero3, or a JSON file
    fsdp: str | None = MISSING  # fsdp2, or a JSON file
    gradient_checkpointing: bool = MISSING  # computes activations twice: slower, far less memory
    ddp_backend: str | None = MISSING  # nccl, gloo; null: gloo on CPU, else nccl


@dataclass(kw_only=True)
class Launch:
    """Which processes."""

    nproc_per_node: int = MISSING  # processes (ranks) on this machine
    threads: int | None = MISSING  # CPU threads a rank; null: cores / ranks
