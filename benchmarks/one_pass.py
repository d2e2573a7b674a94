"""Every assistant turn of a conversation trained in one pass, against one row an assistant turn: tokens and time.

`python benchmarks/one_pass.py [--quick]` reads AGENTSWIFT_CORPUS (default ../shared/data): the glaive tool calls (en
and zh), ToolLLaMA's examples and a set with thoughts. Tokens are counted over all of their rows; time is measured on
a few, forward and backward with LoRA, float32, one row at a time, both ways in turn. A split row ends with what it
trains. --quick takes a tiny random model, twenty rows of each set, and times one. The last line of the output is JSON:
one pass over split; ms-swift is not asked here, and its two ratios are null.
"""

import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import islice
from pathlib import Path
from typing import Any

from beside_swift import CORPUS, GLAIVE_EN, GLAIVE_ZH, last_line, parser

from agentswift.agent_templates import find_agent_template
from agentswift.cards import Card
from agentswift.conversation import Conversation, Step
from agentswift.corpus import read_part
from agentswift.engine.embedded import smollm2, tiny
from agentswift.engine.encode import Encoder, load_chat
from agentswift.engine.tokenizer import load_tokenizer
from agentswift.weights import Scale

FILES = {
    "glaive en": (GLAIVE_EN, "hermes"),
    "glaive zh": (GLAIVE_ZH, "hermes"),
    "ToolLLaMA": ("toolbench/toolllama_examples.json", "toolbench"),
    "with thoughts": ("llamafactory_demos/reason_tool_use_demo_50.jsonl", "react_en"),
}
SCALE = Scale.of({"name": "react", "fields": {"action": 2.0, "action_input": 2.0}})


@dataclass(frozen=True)
class Weighted:
    """A row's ids, and a weight a token."""

    ids: list[int]
    weights: list[float]

    @property
    def trained(self) -> int:
        """Tokens that have a loss."""
        return sum(weight > 0 for weight in self.weights[1:])


@dataclass
class Figures:
    """One pass first, split second."""

    rows: int
    turns: int
    tokens: tuple[int, int] = (0, 0)
    seconds: tuple[float, float] = (0.0, 0.0)
    difference: float = 0.0  # of the losses, relative, the greatest of a row

    def __str__(self) -> str:
        turns = self.turns / self.rows
        tokens = f"{self.tokens[0]:,} | {self.tokens[1]:,} | {_ratio(self.tokens)}"
        return f"{self.rows} | {turns:.1f} | {tokens} | {_ratio(self.seconds)}"

    def __add__(self, other: "Figures") -> "Figures":
        return Figures(
            self.rows + other.rows,
            self.turns + other.turns,
            (self.tokens[0] + other.tokens[0], self.tokens[1] + other.tokens[1]),
            (self.seconds[0] + other.seconds[0], self.seconds[1] + other.seconds[1]),
            max(self.difference, other.difference),
        )


def _ratio(pair: tuple[float, float]) -> float:
    return round(pair[0] / pair[1], 3)


def splits(conversation: Conversation) -> Iterator[Conversation]:
    """Yield a conversation for each generation of the agent: all up to it and its results, it alone trained."""
    for number, turn in enumerate(conversation.turns):
        before = [replace(t, steps=_untrained(t.steps)) for t in conversation.turns[:number]]
        start = 0
        while start < len(turn.steps):
            end = _after(turn.steps, start, seen=False)
            own, close = turn.steps[start:end], _after(turn.steps, end, seen=True)
            if any(step.train and step.weight > 0 for step in own):
                steps = (*_untrained(turn.steps[:start]), *own, *turn.steps[end:close])
                yield replace(conversation, turns=(*before, replace(turn, steps=steps)))
            start = close


def _after(steps: Sequence[Step], at: int, *, seen: bool) -> int:
    while at < len(steps) and (steps[at].kind == "observation") == seen:
        at += 1
    return at


def _untrained(steps: Sequence[Step]) -> tuple[Step, ...]:
    return tuple(replace(step, train=False) for step in steps)


def weighted(encoder: Encoder, conversations: Sequence[Conversation], *, cut: bool = False) -> list[Weighted]:
    """Encode and weigh; `cut`: leave out what stands behind the last trained token."""
    rows = []
    for made in encoder.encode(conversations):
        weights = SCALE.weigh(made.span_ids, made.spans)
        end = max(i for i, weight in enumerate(weights) if weight > 0) + 1 if cut else len(weights)
        rows.append(Weighted(made.input_ids[:end], weights[:end]))
    return rows


def step(model: Any, row: Weighted, items: int) -> float:
    """Go forward and backward over a row; return its weighted loss over `items`."""
    import torch

    from agentswift.engine.loss import weighted_cross_entropy

    ids = torch.tensor([row.ids])
    weights = torch.tensor(row.weights[1:])
    kept = weights.nonzero().squeeze(-1)
    inner = model.get_base_model() if hasattr(model, "get_base_model") else model
    hidden = inner.model(input_ids=ids, use_cache=False).last_hidden_state[0, :-1][kept]
    head = inner.get_output_embeddings()
    loss = weighted_cross_entropy(hidden, head.weight, head.bias, ids[0, 1:][kept], weights[kept]).loss / items
    loss.backward()  # type: ignore[no-untyped-call]
    return float(loss.detach())


def load(folder: Path) -> Any:
    """Return the model in float32 with a LoRA of rank 8 on all linear layers."""
    import torch
    from peft import LoraConfig, get_peft_model
    from transformers import AutoModelForCausalLM

    torch.manual_seed(0)
    model = AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float32)
    return get_peft_model(model, LoraConfig(r=8, target_modules="all-linear", init_lora_weights=False))


def timed(model: Any, rows: Sequence[Weighted], items: int) -> tuple[float, float]:
    """Return seconds and the sum of the losses."""
    start = time.perf_counter()
    loss = sum(step(model, row, items) for row in rows)
    return time.perf_counter() - start, loss


def measured(name: str, tokenizer: Any, model: Any, *, most: int, sample: int) -> Figures:
    """Count a set's tokens both ways, and time both on `sample` of its rows; rows of one turn are left out."""
    file, template = FILES[name]
    encoder = Encoder(tokenizer, load_chat("chatml", tokenizer), find_agent_template(template))
    read = read_part(Card(name=name, format="", path=str(CORPUS / file)), CORPUS / file)
    kept = [o.conversation for o in islice(read, most) if o.conversation is not None]
    once = weighted(encoder, kept)
    each = [weighted(encoder, list(splits(c)), cut=True) for c in kept]
    many = [pair for pair in zip(once, each, strict=True) if len(pair[1]) > 1 and len(pair[0].ids) <= 2048]
    found = Figures(len(many), sum(len(rows) for _, rows in many))
    found.tokens = (sum(len(one.ids) for one, _ in many), sum(len(row.ids) for _, rows in many for row in rows))
    for one, rows in many[:: max(1, len(many) // sample)][:sample]:
        seconds, loss = timed(model, [one], one.trained)
        of_split, split_loss = timed(model, rows, one.trained)
        found.seconds = (found.seconds[0] + seconds, found.seconds[1] + of_split)
        found.difference = max(found.difference, abs(loss - split_loss) / loss)
    return found


def main() -> None:
    """Measure each set; print a table and a line of JSON."""
    quick = parser(__doc__, "a tiny random model, and few rows").parse_args().quick
    tokenizer, model = load_tokenizer(smollm2()), load(tiny() if quick else smollm2())
    step(model, Weighted([1, 2, 3], [0.0, 1.0, 1.0]), 2)  # the first step pays for more than itself
    whole = Figures(0, 0)
    print("| set | rows | turns a row | tokens, one pass | tokens, split | ratio | time ratio |\n" + "|---" * 7 + "|")
    for name in FILES:
        found = measured(name, tokenizer, model, most=20 if quick else 10**9, sample=1 if quick else 4)
        print(f"| {name} | {found} |", flush=True)
        whole += found
    print(f"| all | {whole} |")
    by_split = {"tokens_by_split": _ratio(whole.tokens), "time_by_split": _ratio(whole.seconds)}
    last_line({"model": "tiny" if quick else "smollm2"}, **by_split, loss_difference=whole.difference)


if __name__ == "__main__":
    main()
