"""Runs of a few steps on tiny random models through the real worker classes, for tests of where the loss is taken.

In this process, or as ranks: `torchrun … -m tests.loss_bench CASE OUT`, CASE a JSON object of Case's fields.
"""

import json
import sys
import warnings
from collections.abc import Callable, Mapping
from copy import deepcopy
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
from torch.distributed.tensor import DTensor
from torch.utils.data import Dataset

from agentswift.conversation import FIELDS

with warnings.catch_warnings():
    warnings.simplefilter("ignore")  # third parties' own, while they are imported
    from accelerate.state import AcceleratorState, PartialState
    from accelerate.utils import DistributedType
    from swift.pipelines.train.sft import SwiftSft
    from swift.trainers import TrainerFactory
    from transformers import TrainerCallback

    from agentswift.engine.deepspeed_cpu import ready
    from agentswift.engine.loss_choice import LossPlan
    from agentswift.engine.trainer import AgentTrainer
    from agentswift.engine.worker import AgentSftArguments

Change = Callable[[dict[str, torch.Tensor]], dict[str, torch.Tensor]]
VOCAB = 320
SIZES = {
    "vocab_size": VOCAB,
    "hidden_size": 32,
    "intermediate_size": 64,
    "num_hidden_layers": 2,
    "num_attention_heads": 4,
    "num_key_value_heads": 2,
    "max_position_embeddings": 256,
    "pad_token_id": 2,
    "eos_token_id": 2,
    "bos_token_id": 1,
}
MODELS: dict[str, tuple[str, str, dict[str, Any]]] = {  # name → class, ms-swift's model_type, config
    "tied": ("Llama", "llama", {"tie_word_embeddings": True}),
    "untied": ("Llama", "llama", {"tie_word_embeddings": False}),
    "bias": ("Phi", "phi2", {}),
    "experts": ("Qwen3Moe", "qwen3_moe", {"num_experts": 4, "num_experts_per_tok": 2, "moe_intermediate_size": 32,
                                          "head_dim": 8, "decoder_sparse_step": 1}),
    "soft_cap": ("Gemma2", "gemma2", {"final_logit_softcapping": 3.0, "head_dim": 8}),
    "factor": ("Cohere", "c4ai", {"logit_scale": 0.3}),
    "quotient": ("Granite", "llama", {"logits_scaling": 3.0}),
}  # fmt: skip
GROUPS = [FIELDS.index(name) for name in ("thought", "action", "action_input", "answer")]
WEIGHTS = (0.5, 2.0, 3.0, 1.0)  # of those


@dataclass
class Case:
    """One run: a model, what is trained of it, ms-swift's other arguments, and the loss's plan."""

    model: str = "tied"
    backend: str = "torch"
    arguments: dict[str, Any] = field(default_factory=dict)
    plan: dict[str, Any] = field(default_factory=dict)
    scheduled: bool = False
    steps: int = 2
    datasets: int = 1


@dataclass
class Done:
    """What came of it. `gradient`: of the first step, by parameter; `weights` where ranks only hold parts of it."""

    losses: list[float]
    norms: list[float]
    logs: list[dict[str, float]]
    gradient: dict[str, torch.Tensor]
    trained: dict[str, torch.Tensor]
    said: str  # the way the loss went
    ranks: str  # how accelerate holds them together
    held: float  # the share of the parameters that rank 0 holds while it trains
    trainer: Any = None
    start: Any = None  # the model as it was before training


def model_folder(name: str, root: Path) -> Path:
    """Return the folder of a tiny random model, made once."""
    import transformers

    from agentswift.engine.embedded import tiny

    folder = root / name
    if not folder.is_dir():
        kind, _, options = MODELS[name]
        torch.manual_seed(0)
        config = getattr(transformers, f"{kind}Config")(**{**SIZES, **options})
        model = getattr(transformers, f"{kind}ForCausalLM")(config)
        with torch.no_grad():
            for parameter in model.parameters():  # a head that is sure of itself: losses differ by token
                parameter.mul_(4)
        model.save_pretrained(folder)
        for file in ("tokenizer.json", "tokenizer_config.json", "special_tokens_map.json"):
            if (tiny() / file).exists():
                (folder / file).write_bytes((tiny() / file).read_bytes())
    return folder


class Rows(Dataset):  # type: ignore[type-arg]
    """Rows of random ids; a token in three has weight 0, the first always."""

    def __init__(self, case: Case, count: int = 8) -> None:
        make = torch.Generator().manual_seed(1)
        self.rows = []
        for number in range(count):
            n = int(torch.randint(6, 24, (1,), generator=make))
            which = torch.randint(0, 6, (n,), generator=make)
            self.rows.append({
                "input_ids": torch.randint(3, VOCAB, (n,), generator=make),
                "groups": torch.tensor([*GROUPS, 0, 0])[which] + number % case.datasets * len(FIELDS),
                "loss_scale": torch.tensor([*WEIGHTS, 0.0, 0.0])[which],
                "loss_scale_end": torch.tensor([1.0, 0.0, 1.0, 4.0, 0.0, 0.0])[which],
            })  # fmt: skip
        self.scheduled = case.scheduled
        self.change: Change = dict

    def __len__(self) -> int:
        return len(self.rows)

    def __getitem__(self, index: int) -> dict[str, Any]:
        return self.rows[index]

    def lengths(self) -> list[int]:
        return [len(row["input_ids"]) for row in self.rows]

    def collate(self, rows: list[dict[str, Any]], **_: Any) -> dict[str, torch.Tensor]:
        """Make a batch as engine/batch.py promises it."""
        pad = torch.nn.utils.rnn.pad_sequence
        fill = {"input_ids": 2, "groups": -1, "loss_scale": 0.0, "loss_scale_end": 0.0}
        batch = {key: pad([row[key] for row in rows], True, value) for key, value in fill.items()}
        batch["loss_scale"][:, 0] = batch["loss_scale_end"][:, 0] = 0.0
        ends = batch["loss_scale_end"] if self.scheduled else batch.pop("loss_scale_end")
        trained = (batch["loss_scale"] > 0) | ((ends > 0) & torch.tensor(self.scheduled))
        batch["labels"] = torch.where(trained, batch["input_ids"], -100)
        batch["attention_mask"] = (batch["groups"] >= 0).long()
        return self.change(batch)

    def pack(self, rows: list[dict[str, Any]], **_: Any) -> dict[str, torch.Tensor]:
        """Lay rows one behind the other."""
        single = [self.collate([row]) for row in rows]
        batch = {key: torch.cat([one[key] for one in single], 1) for key in single[0] if key != "attention_mask"}
        batch["position_ids"] = torch.cat([torch.arange(n)[None] for n in map(len, (r["input_ids"] for r in rows))], 1)
        return batch


class Bench(SwiftSft):  # type: ignore[misc]
    """ms-swift's SFT as the worker runs it, on the rows above, with the trainer kept for looking at."""

    args_class = AgentSftArguments

    def __init__(self, case: Case, argv: list[str]) -> None:
        self.case, self.rows = case, Rows(case)
        ready(argv)
        super().__init__(argv)

    def _prepare_dataset(self) -> tuple[Any, Any]:
        packed = self.case.arguments.get("packing")
        if packed:
            self.template.packing = self.template.padding_free = True
        self.template.data_collator = self.rows.pack if packed else self.rows.collate
        return self.rows, self.rows if self.case.arguments.get("eval_strategy") == "steps" else None

    def train(self, trainer: Any) -> Any:
        datasets = [f"set{n}" for n in range(self.case.datasets)]
        trainer.plan = LossPlan(**{"backend": self.case.backend, "datasets": datasets, **self.case.plan})
        self.trainer, self.gradient = trainer, First(trainer)
        trainer.add_callback(self.gradient)
        self.start = deepcopy(trainer.model) if trainer.args.world_size == 1 else None
        trainer.train()
        sizes = [(p.numel(), p.to_local().numel()) for p in trainer.model.parameters() if isinstance(p, DTensor)]
        self.held = sum(part for _, part in sizes) / sum(whole for whole, _ in sizes) if sizes else 1.0
        self.trained = trainer.accelerator.get_state_dict(trainer.model_wrapped)
        return {}


class BenchTrainer(AgentTrainer):
    """Reads rows in their order."""

    def get_train_dataloader(self, skip_batches: int = 0) -> Any:
        from torch.utils.data import DataLoader, DistributedSampler

        ranks = {"num_replicas": self.args.world_size, "rank": self.args.process_index, "shuffle": False}
        sampler: Any = DistributedSampler(self.train_dataset, **ranks)
        return DataLoader(
            self.train_dataset, self.args.train_batch_size, sampler=sampler, collate_fn=self.data_collator
        )


class First(TrainerCallback):  # type: ignore[misc]
    """Keeps the gradient of the first step."""

    def __init__(self, trainer: Any) -> None:
        self.trainer, self.kept = trainer, dict[str, torch.Tensor]()

    def on_pre_optimizer_step(self, args: Any, state: Any, control: Any, **_: Any) -> None:
        if state.global_step == 0:
            named = self.trainer.model.named_parameters()
            self.kept = {n: p.grad.detach().clone().float() for n, p in named if isinstance(p.grad, torch.Tensor)}


def run(case: Case, root: Path, change: Change = dict) -> Done:
    """Train `case` in this process, each batch changed; ROOT holds the models and what ms-swift writes."""
    folder = model_folder(case.model, root)
    out = root / "out"
    named = {
        "model": folder, "model_type": MODELS[case.model][1], "template": "chatml", "dataset": "none",
        "torch_dtype": "float32", "fp16": False, "bf16": False, "use_cpu": True, "check_model": False,
        "load_args": False, "add_version": False, "output_dir": out, "attn_impl": "eager", "report_to": "none",
        "dataloader_num_workers": 0, "per_device_train_batch_size": 2, "gradient_accumulation_steps": 2,
        "max_steps": case.steps, "logging_steps": 1, "save_strategy": "no", "eval_strategy": "no", "optim": "sgd",
        "learning_rate": 0.1, "lr_scheduler_type": "constant", "weight_decay": 0, "max_grad_norm": 1e9,
        "gradient_checkpointing": False, "lora_dropout": 0, "lora_rank": 4, "max_length": 256, "seed": 7,
        "create_checkpoint_symlink": False,
        "target_modules": ["all-linear"], **case.arguments,
    }  # fmt: skip
    words = [w for key, value in named.items() if value is not None for w in (f"--{key}", *_words(value))]
    TrainerFactory.TRAINER_MAPPING["causal_lm"] = "tests.loss_bench.BenchTrainer"
    torch.manual_seed(7)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        bench = Bench(case, words)
        bench.rows.change = change
        bench.run()
    history = bench.trainer.state.log_history
    steps = [record for record in history if "loss" in record]
    trained = {k: v.detach().float() for k, v in (bench.trained or {}).items()}  # ZeRO-3: whole on rank 0
    ranks = bench.trainer.accelerator.distributed_type.value
    return Done(
        [record["loss"] for record in steps], [record["grad_norm"] for record in steps], history,
        bench.gradient.kept, trained, str(bench.trainer.choice), ranks, bench.held, bench.trainer,
        bench.start,
    )  # fmt: skip


def _words(value: Any) -> list[str]:
    if isinstance(value, (list, tuple)):
        return [str(v) for v in value]
    return [
        str(value).lower()
        if isinstance(value, bool)
        else json.dumps(value)
        if isinstance(value, Mapping)
        else str(value)
    ]


def shard_on_cpu() -> None:
    """Let accelerate shard on a CPU too: it takes FSDP for devices alone, and would quietly train by DDP."""
    made = AcceleratorState.__init__

    def init(state: Any, *args: Any, fsdp_plugin: Any = None, **kwargs: Any) -> None:
        made(state, *args, fsdp_plugin=fsdp_plugin, **kwargs)
        if fsdp_plugin is not None:
            state.fsdp_plugin = fsdp_plugin
            state.distributed_type = PartialState._shared_state["distributed_type"] = DistributedType.FSDP

    AcceleratorState.__init__ = init


def main(cases: str, out: str) -> None:
    """Run cases one after another as a rank, and leave what came of them in OUT on rank 0."""
    shard_on_cpu()
    root = Path(out)
    done = []
    for case in json.loads(cases):
        one = run(Case(**case), root)
        done.append({k: v for k, v in vars(one).items() if k not in ("trainer", "start")})
    if not torch.distributed.is_initialized() or torch.distributed.get_rank() == 0:
        torch.save(done, root / "done.pt")


if __name__ == "__main__":
    main(*sys.argv[1:])
