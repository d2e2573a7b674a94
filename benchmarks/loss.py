"""The loss step: ms-swift's weighted path, ours and the matrix products alone, in one run, each in its own process.

`python benchmarks/loss.py --quick` takes 2,048 tokens, V = 128,256, H = 576 and 2,048, bfloat16, a frozen head, and
ends with the worst ratios as one line of JSON. Without --quick it fills the table of docs/benchmarks.md; flags choose
cells, `--out FILE` keeps them as JSON: started again with the same file, it goes on where it was, and prints all that
is there. A step is forward and backward from hidden states; memory is the peak of the process beyond what it held with
the inputs made. A step longer than `--longest` seconds is taken with fewer tokens and scaled up: such figures carry a
"~". What would not fit into 24 GB is not run.

A CPU without bfloat16 instructions does bfloat16 products 10 to 300 times slower, and ms-swift waits for them. There
its step is taken in two: all up to the last products (where its memory is greatest: with --quick that is a whole run,
in the table one of all tokens at H = 64, since what it holds does not hang on H), and the last products, on 32 tokens,
scaled up. The floor is the matrix products alone, in float32 and in the best of some blockings: two with a frozen
head, three with a trained one; `--native-floor` adds the floor as torch does it in the model's own type.
"""

import argparse
import itertools
import json
import multiprocessing
import sys
import traceback
from functools import cache
from pathlib import Path
from types import SimpleNamespace
from typing import Any, NamedTuple

import torch
import torch.nn.functional as F
from beside_swift import held, last_line, parser, seconds_of
from beside_swift import markdown as table
from swift_loss import swift_loss

from agentswift.engine.dtype import default_dtype
from agentswift.engine.loss import weighted_cross_entropy

ROOM = 24e9
NARROW = 64
BLOCKINGS = ((512, 2048), (512, 4096), (1024, 4096), (2048, 8192))
RATIOS = ("memory_ratio", "time_ratio", "floor_ratio", "part_ratio")


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


class Reached(Exception):
    """The last products are next."""


def swift_step(hidden: Any, head: Any, targets: Any, weights: Any) -> None:
    """Take ms-swift's path with logits_to_keep on: the logits of the kept tokens, its own loss function, weights."""
    loss = swift_loss(head(hidden), targets, weights) / len(targets)
    loss.backward()


def swift_start(hidden: Any, head: Any, targets: Any, weights: Any) -> None:
    """Take ms-swift's path until the logits have their gradient; what it holds is greatest just before."""

    def stop(grad: Any) -> None:
        raise Reached

    hook = head.register_forward_hook(lambda module, given, logits: logits.register_hook(stop) and None)
    try:
        swift_step(hidden, head, targets, weights)
    except Reached:
        return
    finally:
        hook.remove()


def swift_end(hidden: Any, head: Any, targets: Any, weights: Any) -> None:
    """Make the gradients out of the logits' gradient (child() makes the logits beforehand)."""
    head.logits.backward(torch.ones_like(head.logits))


def our_step(hidden: Any, head: Any, targets: Any, weights: Any) -> None:
    """Take ours; tokens of weight 0 are left out, as the trainer does."""
    kept = weights > 0
    out = weighted_cross_entropy(hidden[kept], head.weight, None, targets[kept], weights[kept])
    (out.loss / len(targets)).backward()


def floor_step(hidden: Any, head: Any, targets: Any, weights: Any, sizes: tuple[int, int] | None = None) -> None:
    """Multiply and do nothing else; the products of the second and third are of the logits, not of their gradient."""
    rows_at_once, words_at_once = sizes or head.best
    h, w = hidden.detach(), head.weight.detach()
    to_hidden, to_weight = torch.zeros_like(h), torch.zeros_like(w) if head.weight.requires_grad else None
    for rows in torch.arange(len(h)).split(rows_at_once):
        part = slice(int(rows[0]), int(rows[-1]) + 1)
        for start in range(0, len(w), words_at_once):
            block = w[start : start + words_at_once]
            z = h[part] @ block.t()
            to_hidden[part].addmm_(z, block)
            if to_weight is not None:
                to_weight[start : start + words_at_once].addmm_(z.t(), h[part])


def best_blocking(hidden: Any, head: Any) -> tuple[int, int]:
    """Return the blocking that is fastest on a sixteenth of the vocabulary."""
    weight = head.weight.detach()[: max(1, len(head.weight) // 16)]
    part = SimpleNamespace(weight=weight)
    taken = {s: min(seconds_of(floor_step, hidden, part, None, None, s) for _ in range(2)) for s in BLOCKINGS}
    return min(taken, key=lambda sizes: taken[sizes])


def native_floor_step(hidden: Any, head: Any, targets: Any, weights: Any) -> None:
    """Multiply whole matrices in the model's own type, as ms-swift's path must."""
    z = F.linear(hidden, head.weight)
    torch.autograd.backward(z, z.detach())


STEPS = {
    "swift": swift_step,
    "swift, start": swift_start,
    "swift, end": swift_end,
    "ours": our_step,
    "ours 30 %": our_step,
    "floor": floor_step,
    "native": native_floor_step,
}


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


def measured(path: str, cell: Cell, repeats: int, threads: int) -> tuple[float, float]:
    """Measure one path in this process: seconds of the fastest, bytes of all."""
    torch.set_num_threads(threads)
    parts = inputs(path, cell)
    if path == "floor":
        parts[1].best = best_blocking(*parts[:2])
    Path("/proc/self/clear_refs").write_text("5", encoding="utf-8")  # the peak starts anew
    before, seconds = held(), []
    for _ in range(repeats):
        parts[0].grad = parts[1].weight.grad = None
        if path == "swift, end":
            parts[1].logits = parts[1](parts[0])
        seconds.append(seconds_of(STEPS[path], *parts))
    return min(seconds), held("VmHWM") - before


def child(out: Any, *asked: Any) -> None:
    """Measure, and send what was found, or what went wrong."""
    Path("/proc/self/oom_score_adj").write_text("1000", encoding="utf-8")  # this one goes first, nobody else
    try:
        out.send(measured(*asked))
    except MemoryError:
        out.send(None)
    except Exception as error:
        out.send(None if "can't allocate memory" in str(error) else traceback.format_exc())


@cache
def run(path: str, cell: Cell, repeats: int, threads: int) -> Figures | None:
    """Measure one path in a process of its own; None where memory runs out."""
    context = multiprocessing.get_context("fork")  # what was imported need not be again; nothing was computed yet
    here, there = context.Pipe(duplex=False)
    process = context.Process(target=child, args=(there, path, cell, repeats, threads))
    process.start()
    there.close()
    try:
        found = here.recv()
    except EOFError:
        found = None
    process.join()
    if isinstance(found, str) or (found is None and process.exitcode not in (0, -9)):
        sys.exit(f"{path} at {cell} failed (exit status {process.exitcode}):\n{found or ''}")
    return None if found is None else Figures(*found)


def emulated(cell: Cell, settings: Any) -> bool:
    """Say whether this CPU does the model's own products without instructions for them."""
    return cell.dtype == "bfloat16" and not settings.fast_bf16 and default_dtype(True) != "bfloat16"


def fewer(path: str, cell: Cell, settings: Any, speed: float, least: int) -> Cell:
    """Return the cell with as many tokens as a step of --longest seconds has at `speed` operations a second."""
    if not settings.longest:
        return cell
    products = 1 if path.startswith("swift, ") else 3 if cell.head == "trained" else 2
    tokens = int(settings.longest * speed / (2 * products * cell.vocab * cell.size * settings.repeats))
    return cell._replace(n=min(cell.n, max(least, tokens // least * least)))


def measure(path: str, cell: Cell, settings: Any) -> Figures | None:
    """Measure a path, with fewer tokens where the whole would take too long; None where it would not fit."""
    if path == "swift" and needs(cell) > ROOM:
        return None
    if path == "swift" and emulated(cell, settings) and not settings.whole:
        return in_two(cell, settings)
    slow = path == "native" and emulated(cell, settings)
    part = fewer(path, cell, settings, 1e9 if slow else 100e9, 32 if slow else 1024)  # ours takes 500 at a time
    found = run(path, part, settings.repeats, settings.threads)
    if found is None or part == cell:
        return found
    return Figures(found.seconds * cell.n / part.n, grown(path, cell, part.n, found.memory), True)


def in_two(cell: Cell, settings: Any) -> Figures | None:
    """Measure ms-swift's path where its products are emulated: until the last ones, and those on a few tokens."""
    part = fewer("swift, start", cell, settings, 5e9, 128)
    last = cell._replace(n=min(cell.n, settings.last))
    start = run("swift, start", part, settings.repeats, settings.threads)
    end = run("swift, end", last, 1, settings.threads)
    most = start if part == cell else run("swift, start", cell._replace(size=NARROW), 1, settings.threads)
    if start is None or end is None or most is None:
        return None
    made = whole(cell) + cell.n * (cell.vocab + cell.size) * width(cell)  # the last products: all gradients at once
    return Figures(start.seconds * cell.n / part.n + end.seconds * cell.n / last.n, max(most.memory, made), True)


def width(cell: Cell) -> int:
    """Return the bytes of a number."""
    return int(getattr(torch, cell.dtype).itemsize)


def whole(cell: Cell) -> float:
    """Return the bytes of the head's gradient."""
    return cell.vocab * cell.size * width(cell) if cell.head == "trained" else 0


def grown(path: str, cell: Cell, tokens: int, memory: float) -> float:
    """Return what a whole step holds, from one of fewer tokens: ours grows by the hidden states' gradients alone."""
    if path in ("swift", "native"):
        return whole(cell) + max(0.0, memory - whole(cell)) * cell.n / tokens
    return memory + (cell.n - tokens) * cell.size * width(cell)


def needs(cell: Cell) -> float:
    """Return the bytes that ms-swift's path holds at once: log-softmax and two gradients, the head, its gradient."""
    return cell.n * cell.vocab * 12 + cell.vocab * cell.size * width(cell) + whole(cell)


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
    print(f"| {' | '.join(line(row))} |", flush=True)
    return row


COLUMNS = ["tokens", "V", "H", "type", "head", "ms-swift", "ours", "floor"]
COLUMNS += ["memory", "time", "over the floor", "30 % of tokens"]


def line(row: dict[str, Any]) -> list[str]:
    """Return a cell as a line of the table."""

    def figures(path: str) -> str:
        if row.get(path) is None:
            return "does not fit"
        sign = "~" if row[path]["scaled"] else ""
        return f"{sign}{row[path]['seconds']:.2f} s, {sign}{row[path]['memory'] / 1e6:,.0f} MB"

    ratios = ["" if (ratio := row.get(key)) is None else f"{ratio:.3f}" for key in RATIOS]
    cells = [f"{row['n']:,}", f"{row['vocab']:,}", f"{row['size']:,}", row["dtype"], row["head"]]
    return [*cells, figures("swift"), figures("ours"), figures("floor"), *ratios]


def arguments() -> argparse.Namespace:
    """Read the command line; --quick fixes the cells that no flag names."""
    words = parser(__doc__, "the issue's fixed cells, each step whole")
    words.add_argument("--n", type=int, nargs="+", help="tokens (2048 4096 8192)")
    words.add_argument("--vocab", type=int, nargs="+", help="rows of the head (128256 151936)")
    words.add_argument("--size", type=int, nargs="+", help="hidden size (1024 2048 4096)")
    words.add_argument("--dtype", nargs="+", choices=["float32", "bfloat16"])
    words.add_argument("--head", nargs="+", choices=["frozen", "trained"])
    words.add_argument("--repeats", type=int, default=1, help="the fastest counts")
    words.add_argument("--threads", type=int, default=2)
    words.add_argument("--longest", type=float, help="seconds a step may take unscaled (6); 0: whole steps")
    words.add_argument("--last", type=int, default=32, help="tokens of ms-swift's emulated last products")
    words.add_argument("--whole", action="store_true", help="ms-swift's last products whole too, if it takes an hour")
    words.add_argument("--fast-bf16", action="store_true", help="this CPU has bfloat16 instructions")
    words.add_argument("--native-floor", action="store_true", help="the floor in the model's own type as well")
    words.add_argument("--out", type=Path, help="JSON file of all cells; those that are there are not run again")
    asked = words.parse_args()
    fixed = {"n": [2048], "vocab": [128_256], "size": [576, 2048], "dtype": ["bfloat16"], "head": ["frozen"]}
    table = {"n": [2048, 4096, 8192], "vocab": [128_256, 151_936], "size": [1024, 2048, 4096]}
    table |= {"dtype": ["float32", "bfloat16"], "head": ["frozen", "trained"]}
    for name, value in {**(fixed if asked.quick else table), "longest": 0 if asked.quick else 6}.items():
        setattr(asked, name, value if getattr(asked, name) is None else getattr(asked, name))
    return asked


def kept(file: Path | None) -> list[dict[str, Any]]:
    """Return the cells of before."""
    return json.loads(file.read_text(encoding="utf-8")) if file and file.exists() else []


def keep(file: Path | None, rows: list[dict[str, Any]]) -> None:
    """Write all cells, so that an end in the middle loses none."""
    if file:
        file.parent.mkdir(parents=True, exist_ok=True)
        part = file.with_suffix(".part")
        part.write_text("[\n" + ",\n".join(map(json.dumps, rows)) + "\n]\n", encoding="utf-8")
        part.replace(file)


def main() -> None:
    """Measure the cells that were asked for and are not there yet."""
    settings = arguments()
    axes = (settings.head, settings.dtype, settings.vocab, settings.size, settings.n)
    cells = [Cell(n, vocab, size, dtype, head) for head, dtype, vocab, size, n in itertools.product(*axes)]
    rows = kept(settings.out)
    there = {Cell(*(row[name] for name in Cell._fields)) for row in rows}
    for cell in cells:
        if cell not in there:
            rows.append(compare(cell, settings))
            keep(settings.out, rows)
    print("\n" + table(COLUMNS, map(line, rows)))
    asked = [row for row in rows if Cell(*(row[name] for name in Cell._fields)) in cells]
    worst = {key: round(max(found), 4) for key in RATIOS if (found := [row[key] for row in asked if key in row])}
    names = ("n", "vocab", "size", "dtype", "head", "threads", "repeats", "longest")
    last_line({name: getattr(settings, name) for name in names}, **worst)


if __name__ == "__main__":
    main()
