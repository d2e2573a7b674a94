"""The loss step: ms-swift's weighted path, ours and the matrix products alone, in one run, each in its own process.

`python benchmarks/loss.py --quick` takes 2,048 tokens, V = 128,256, H = 576 and 2,048, bfloat16, a frozen head, and
ends with the worst ratios as one line of JSON. Without --quick it fills the table of docs/benchmarks.md; flags choose
cells, and `--out FILE` writes the Markdown. A step is forward and backward from hidden states; memory is the peak of
the process beyond what it held with the inputs made. A step longer than `--longest` seconds is taken with fewer tokens
and scaled up: such figures carry a "~". What would not fit into 24 GB is not run.

The floor is the matrix products alone, in float32 and in the best of some blockings: two with a frozen head, three with
a trained one. A CPU without bfloat16 instructions does bfloat16 products 10 to 300 times slower, and ms-swift waits for
them; `--native-floor` adds the floor as torch does it in the model's own type.
"""

import argparse
import itertools
import json
import multiprocessing
import time
from pathlib import Path
from types import SimpleNamespace
from typing import Any, NamedTuple

import torch
import torch.nn.functional as F
from swift.trainers.utils import per_token_loss_func

from agentswift.engine.loss import weighted_cross_entropy

ROOM = 24e9
BLOCKINGS = ((512, 2048), (512, 4096), (1024, 4096), (2048, 8192))


class Cell(NamedTuple):
    """One line of the table."""

    n: int
    vocab: int
    size: int
    dtype: str
    head: str


class Figures(NamedTuple):
    """Seconds and bytes of a step; `scaled` says that they were worked out from fewer tokens."""

    seconds: float
    memory: float
    scaled: bool = False


def swift_step(hidden: Any, head: Any, targets: Any, weights: Any) -> None:
    """Take ms-swift's path with logits_to_keep on: the logits of the kept tokens, its own loss function, weights."""
    labels = torch.roll(targets, 1)[None]  # it rolls them back
    outputs = SimpleNamespace(logits=head(hidden)[None])
    outputs.loss = per_token_loss_func(outputs, labels) * weights
    (outputs.loss.sum() / len(targets)).backward()


def our_step(hidden: Any, head: Any, targets: Any, weights: Any) -> None:
    """Take ours; tokens of weight 0 are left out, as the trainer does."""
    kept = weights > 0
    out = weighted_cross_entropy(hidden[kept], head.weight, None, targets[kept], weights[kept])
    (out.loss / len(targets)).backward()


def floor_step(hidden: Any, head: Any, targets: Any, weights: Any, sizes: tuple[int, int] = BLOCKINGS[0]) -> None:
    """Multiply and do nothing else; the products of the second and third are of the logits, not of their gradient."""
    h, w = hidden.detach(), head.weight.detach()
    to_hidden, to_weight = torch.zeros_like(h), torch.zeros_like(w) if head.weight.requires_grad else None
    for rows in torch.arange(len(h)).split(sizes[0]):
        part = slice(int(rows[0]), int(rows[-1]) + 1)
        for start in range(0, len(w), sizes[1]):
            block = w[start : start + sizes[1]]
            z = h[part] @ block.t()
            to_hidden[part].addmm_(z, block)
            if to_weight is not None:
                to_weight[start : start + sizes[1]].addmm_(z.t(), h[part])


def floor_best(hidden: Any, head: Any, targets: Any, weights: Any) -> None:
    """Run the floor in the blocking that is fastest on a sixteenth of the vocabulary."""
    part = SimpleNamespace(weight=head.weight.detach()[: len(head.weight) // 16])
    seconds = {sizes: min(timed(floor_step, hidden, part, None, None, sizes) for _ in range(2)) for sizes in BLOCKINGS}
    head.best = min(seconds, key=lambda sizes: seconds[sizes])


def native_floor_step(hidden: Any, head: Any, targets: Any, weights: Any) -> None:
    """Multiply whole matrices in the model's own type, as ms-swift's path must."""
    z = F.linear(hidden, head.weight)
    torch.autograd.backward(z, z.detach())


STEPS = {"swift": swift_step, "ours": our_step, "ours 30 %": our_step, "floor": floor_step, "native": native_floor_step}


def timed(step: Any, *args: Any) -> float:
    """Return the seconds that a call takes."""
    start = time.perf_counter()
    step(*args)
    return time.perf_counter() - start


def status(key: str) -> float:
    """Return a figure of this process in bytes: VmRSS (now) or VmHWM (the peak)."""
    lines = Path("/proc/self/status").read_text(encoding="utf-8").splitlines()
    return float(next(line.split()[1] for line in lines if line.startswith(key))) * 1024


def inputs(path: str, cell: Cell) -> tuple[Any, ...]:
    """Return hidden states, a head, targets and weights that are drawn alike for every path."""
    torch.manual_seed(7)
    dtype = torch.float32 if path == "floor" else getattr(torch, cell.dtype)
    head = torch.nn.Linear(cell.size, cell.vocab, bias=False, device="meta").to_empty(device="cpu").to(dtype)
    torch.nn.init.normal_(head.weight, std=cell.size**-0.5).requires_grad_(cell.head == "trained")
    hidden = torch.randn(cell.n, cell.size).to(dtype).requires_grad_()
    weights = torch.rand(cell.n) + 0.5
    if path == "ours 30 %":
        weights[torch.randperm(cell.n)[round(cell.n * 0.3) :]] = 0
    return hidden, head, torch.randint(cell.vocab, (cell.n,)), weights


def child(path: str, cell: Cell, repeats: int, threads: int, out: Any) -> None:
    """Measure one path in this process."""
    torch.set_num_threads(threads)
    parts = inputs(path, cell)
    if path == "floor":
        floor_best(*parts)
        parts = (*parts, parts[1].best)
    Path("/proc/self/clear_refs").write_text("5", encoding="utf-8")  # the peak starts anew
    before, seconds = status("VmRSS"), []
    for _ in range(repeats):
        parts[0].grad = parts[1].weight.grad = None
        seconds.append(timed(STEPS[path], *parts))
    out.send((min(seconds), status("VmHWM") - before))


def run(path: str, cell: Cell, repeats: int, threads: int) -> Figures | None:
    """Measure one path in a process of its own; None where it dies (for want of memory)."""
    context = multiprocessing.get_context("fork")  # what was imported need not be again; nothing was computed yet
    here, there = context.Pipe(duplex=False)
    process = context.Process(target=child, args=(path, cell, repeats, threads, there))
    process.start()
    there.close()
    try:
        return Figures(*here.recv())
    except EOFError:
        return None
    finally:
        process.join()


def measure(path: str, cell: Cell, settings: Any) -> Figures | None:
    """Measure a path, with fewer tokens where the whole would take too long; None where it would not fit."""
    products = 3 if cell.head == "trained" else 2
    if path == "swift" and needs(cell) > ROOM:
        return None
    tokens = cell.n
    if settings.longest:
        emulated = cell.dtype == "bfloat16" and path in ("swift", "native") and not settings.fast_bf16
        speed = 1.5e9 if emulated else 100e9
        tokens = int(settings.longest * speed / (2 * products * cell.vocab * cell.size * settings.repeats))
        least = 32 if emulated else 1024  # ours takes some 500 tokens at a time
        tokens = min(cell.n, max(least, tokens // least * least))
    figures = run(path, cell._replace(n=tokens), settings.repeats, settings.threads)
    if figures is None or tokens == cell.n:
        return figures
    return scaled(path, cell, tokens, figures)


def scaled(path: str, cell: Cell, tokens: int, figures: Figures) -> Figures:
    """Return what a whole step takes, from one of fewer tokens: ours grows by the hidden states' gradients alone."""
    width = getattr(torch, cell.dtype).itemsize
    whole = cell.vocab * cell.size * width if cell.head == "trained" else 0
    if path in ("swift", "native"):
        memory = whole + max(0.0, figures.memory - whole) * cell.n / tokens
    else:
        memory = figures.memory + (cell.n - tokens) * cell.size * width
    return Figures(figures.seconds * cell.n / tokens, memory, True)


def needs(cell: Cell) -> float:
    """Return the bytes that ms-swift's path holds at once: logits, log-softmax and two gradients, and the head's."""
    width = getattr(torch, cell.dtype).itemsize
    head = cell.vocab * cell.size * width * (2 if cell.head == "trained" else 1)
    return cell.n * cell.vocab * (12 + width) + head


def compare(cell: Cell, settings: Any) -> dict[str, Any]:
    """Measure a cell's paths, print them, and return them with the ratios."""
    paths = ["swift", "ours", "ours 30 %", "floor", *(["native"] if settings.native_floor else [])]
    if settings.quick:
        paths.remove("ours 30 %")
    got = {path: measure(path, cell, settings) for path in paths}
    ours, swift, floor = got["ours"], got["swift"], got["floor"]
    row: dict[str, Any] = {**cell._asdict(), **{path: None if f is None else f._asdict() for path, f in got.items()}}
    if ours and floor:
        row["floor_ratio"] = ours.seconds / floor.seconds
    if ours and swift:
        row |= {"memory_ratio": ours.memory / swift.memory, "time_ratio": ours.seconds / swift.seconds}
    if ours and (part := got.get("ours 30 %")):
        row["part_ratio"] = part.seconds / ours.seconds
    print(markdown(row), flush=True)
    return row


HEADER = (
    "| tokens | V | H | type | head | ms-swift | ours | floor | memory | time | over the floor | 30 % of tokens |\n"
    "| --- | --- | --- | --- | --- | --- | --- | --- | --- | --- | --- | --- |"
)


def markdown(row: dict[str, Any]) -> str:
    """Return a cell as a line of the table."""

    def figures(path: str) -> str:
        if row.get(path) is None:
            return "does not fit"
        sign = "~" if row[path]["scaled"] else ""
        return f"{sign}{row[path]['seconds']:.2f} s, {sign}{row[path]['memory'] / 1e6:,.0f} MB"

    ratios = [row.get(key) for key in ("memory_ratio", "time_ratio", "floor_ratio", "part_ratio")]
    cells = [f"{row['n']:,}", f"{row['vocab']:,}", f"{row['size']:,}", row["dtype"], row["head"]]
    cells += [figures("swift"), figures("ours"), figures("floor")]
    return f"| {' | '.join([*cells, *('' if r is None else f'{r:.3f}' for r in ratios)])} |"


def arguments() -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="the issue's fixed cells, and one line of JSON at the end")
    parser.add_argument("--n", type=int, nargs="+", default=[2048, 4096, 8192])
    parser.add_argument("--vocab", type=int, nargs="+", default=[128_256, 151_936])
    parser.add_argument("--size", type=int, nargs="+", default=[1024, 2048, 4096])
    parser.add_argument("--dtype", nargs="+", default=["float32", "bfloat16"])
    parser.add_argument("--head", nargs="+", default=["frozen", "trained"], choices=["frozen", "trained"])
    parser.add_argument("--repeats", type=int, default=1, help="the fastest counts")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--longest", type=float, default=6, help="seconds a step may take unscaled; 0: whole steps")
    parser.add_argument("--fast-bf16", action="store_true", help="this CPU has bfloat16 instructions")
    parser.add_argument("--native-floor", action="store_true", help="the floor in the model's own type as well")
    parser.add_argument("--out", type=Path, help="where to write the table")
    return parser.parse_args()


def main() -> None:
    """Measure the cells that were asked for."""
    settings = arguments()
    if settings.quick:
        settings.n, settings.vocab, settings.size = [2048], [128_256], [576, 2048]
        settings.dtype, settings.head, settings.longest = ["bfloat16"], ["frozen"], 0
    print(HEADER, flush=True)
    axes = (settings.head, settings.dtype, settings.vocab, settings.size, settings.n)
    cells = [Cell(n, vocab, size, dtype, head) for head, dtype, vocab, size, n in itertools.product(*axes)]
    rows = [compare(cell, settings) for cell in cells]
    if settings.out:
        settings.out.write_text("\n".join([HEADER, *map(markdown, rows)]) + "\n", encoding="utf-8")
    keys = ("memory_ratio", "time_ratio", "floor_ratio", "part_ratio")
    worst = {key: round(max(found), 4) for key in keys if (found := [row[key] for row in rows if key in row])}
    names = ("n", "vocab", "size", "dtype", "head", "threads", "repeats", "longest")
    print(json.dumps({**worst, "settings": {name: getattr(settings, name) for name in names}}))


if __name__ == "__main__":
    main()
