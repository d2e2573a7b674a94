"""The way of the data on one core: load + check + encode, rows a second and peak memory, beside ms-swift in one run.

`python benchmarks/data.py` makes rows out of AGENTSWIFT_CORPUS (default ../shared/data): the glaive tool calls (en and
zh) and FireAct, repeated with changed numbers, as one file in ms-swift's own layout that both sides read. Each figure
is a process of its own, bound to one core. `--quick` takes few rows, to see that everything runs. The last line of the
output is JSON. Wanted on disk: about 6 kB a row, in the folder that TMPDIR names.
"""

import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from itertools import cycle, islice
from pathlib import Path
from typing import Any

from beside_swift import CORPUS, FIREACT, GLAIVE_EN, GLAIVE_ZH, cold_cache, held, last_line, parser

FILES = (GLAIVE_EN, GLAIVE_ZH, FIREACT)
SPEED, MEMORY, STREAM = 30_000, (30_000, 300_000), 1_000_000  # rows
QUICK = (600, (600, 3_000), 6_000)
Figures = dict[str, Any]


def make(file: Path, rows: int) -> None:
    """Write `rows` tool rows, each with numbers of its own: a third glaive's, two thirds FireAct's, mixed."""
    with file.open("w", encoding="utf-8") as out:
        for number, row in enumerate(islice(cycle(_mixed()), rows)):
            said = [dict(message) for message in row["messages"]]
            digits = str.maketrans({str(d): str((d + number) % 10) for d in range(10)})
            for message in said:
                if message["role"] in ("user", "tool_response"):
                    message["content"] = message["content"].translate(digits)
            said[0 if said[0]["role"] == "user" else 1]["content"] += f" ({number})"
            out.write(json.dumps({**row, "messages": said}, ensure_ascii=False) + "\n")


def _mixed() -> list[dict[str, Any]]:
    from agentswift.cards import Card
    from agentswift.corpus import read_part
    from agentswift.formats import FORMATS

    write = FORMATS["ms_swift"].write
    assert write
    parts = []
    for name in FILES:
        card = Card(name=Path(name).stem, format="", path=str(CORPUS / name))
        kept = (outcome.conversation for outcome in read_part(card, CORPUS / name))
        parts.append([write(c) for c in kept if c is not None and c.turns[0].user is not None])
    glaive, fireact = [*parts[0], *parts[1]], parts[2]
    return [
        row for i, one in enumerate(glaive) for row in (one, *(fireact[(2 * i + j) % len(fireact)] for j in (0, 1)))
    ]


def stream(file: Path) -> Figures:
    """Load and check alone, row by row; nothing is held."""
    from agentswift.cards import Cards
    from agentswift.corpus import Corpus, streams

    corpus = Corpus()
    ((_, kept),) = streams(corpus, _data(file), Cards(), lambda card: Path(card.path))
    return {"rows": sum(1 for _ in kept), "refused": corpus.refused}


def ours(file: Path) -> Figures:
    """Load, check and encode, as `train` does before it starts; rows that the cache holds are not encoded again."""
    from agentswift.agent_templates import find_agent_template
    from agentswift.cards import Cards
    from agentswift.corpus import gather
    from agentswift.engine.embedded import smollm2
    from agentswift.engine.encode import Encoder, load_chat
    from agentswift.engine.prepare import prepare
    from agentswift.engine.tokenizer import load_tokenizer

    tokenizer = load_tokenizer(smollm2())
    encoder = Encoder(tokenizer, load_chat("chatml", tokenizer), find_agent_template("react_en"))
    start = time.perf_counter()
    corpus = gather(_data(file), Cards(), lambda card: Path(card.path))
    read = time.perf_counter()
    prepared = prepare(corpus, encoder)
    done = time.perf_counter()
    rows, tokens = len(prepared.datasets), int(prepared.encodings.lengths.sum())
    return {"rows": rows, "tokens": tokens, "load+check s": read - start, "encode s": done - read, "s": done - start}


def swift(file: Path, processes: int = 1) -> Figures:
    """ms-swift's load_dataset and its EncodePreprocessor (dataset_num_proc), as `swift sft` without lazy_tokenize."""
    from swift.dataset import EncodePreprocessor, load_dataset
    from swift.model import get_processor
    from swift.template import get_template

    from agentswift.engine.embedded import smollm2

    processor = get_processor(str(smollm2()), model_type="llama")
    template = get_template(
        processor, template_type="chatml", agent_template="react_en", loss_scale="react", max_length=10**6
    )
    template.set_mode("train")
    start = time.perf_counter()
    rows, _ = load_dataset([str(file)], num_proc=processes, load_from_cache_file=False)
    read = time.perf_counter()
    encoded = EncodePreprocessor(template=template)(rows, num_proc=processes, load_from_cache_file=False)
    done = time.perf_counter()
    return {"rows": len(encoded), "load+check s": read - start, "encode s": done - read, "s": done - start}


WAYS: dict[str, Callable[[Path], Figures]] = {"stream": stream, "ours": ours, "ms-swift": swift}


def _data(file: Path) -> Any:
    from agentswift.compose import compose_run
    from agentswift.schema.runs import Train

    return compose_run("train", Train, [f"data.path={file}", "data.format=ms_swift"]).data


def measured(way: str, file: Path) -> Figures:
    """Run one way in a process of its own, on one core; memory in MiB is the most that it ever held."""
    env = {**os.environ, "RAYON_NUM_THREADS": "1", "OMP_NUM_THREADS": "1", "TOKENIZERS_PARALLELISM": "false"}
    words = [sys.executable, __file__, "--here", way, str(file)]
    with tempfile.TemporaryDirectory() as folder:
        env["AGENTSWIFT_CACHE"] = str(cold_cache(Path(folder) / "cache"))
        done = subprocess.run(words, env=env, capture_output=True, text=True, check=False)
    if done.returncode:
        raise SystemExit(f"{way}: {done.stderr[-2000:]}")
    found: Figures = json.loads(done.stdout.splitlines()[-1])
    return {"way": way, "file MiB": round(file.stat().st_size / 2**20), **found}


def here(way: str, file: Path) -> None:
    """Be that process; `s` is all of it but the imports."""
    os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})
    start = time.perf_counter()
    found = WAYS[way](file)
    found.setdefault("s", time.perf_counter() - start)
    found["rows/s"] = round(found["rows"] / found["s"])
    found["peak MiB"] = held("VmHWM") // 2**20
    print("\n" + json.dumps({key: round(v, 2) if isinstance(v, float) else v for key, v in found.items()}))


def figures(speed: int, memory: tuple[int, ...], streamed: int, folder: Path) -> Iterator[Figures]:
    """Yield every figure: both sides at `speed` rows, ours at the sizes of `memory`, load + check at `streamed`."""
    for rows in sorted({speed, *memory, streamed}):
        make(file := folder / "rows.jsonl", rows)
        ways = ["stream"] * (rows == streamed) + ["ours"] * (rows in (speed, *memory)) + ["ms-swift"] * (rows == speed)
        yield from (measured(way, file) for way in ways)
        file.unlink()


def main() -> None:
    """Print the table as it comes, and everything as JSON at the end."""
    quick = parser(__doc__, "few rows, to see that everything runs").parse_args().quick
    sizes = QUICK if quick else (SPEED, MEMORY, STREAM)
    every = []
    with tempfile.TemporaryDirectory() as folder:
        for one in figures(*sizes, Path(folder)):
            every.append(one)
            parts = ", ".join(f"{key} {value}" for key, value in one.items() if key.endswith(" s"))
            print(
                f"{one['way']:9} {one['rows']:>9,} rows {one['rows/s']:>7,} rows/s {one['s']:>8.1f} s  peak "
                f"{one['peak MiB']:>6,} MiB  {parts}",
                flush=True,
            )
    theirs = next(one for one in every if one["way"] == "ms-swift")
    mine = next(one for one in every if one["way"] == "ours" and one["file MiB"] == theirs["file MiB"])
    ratios = [round(mine[key] / theirs[key], 3) for key in ("peak MiB", "s")]
    last_line({"quick": quick, "rows": sizes}, *ratios, figures=every)


if __name__ == "__main__":
    if "--here" in sys.argv:
        here(sys.argv[-2], Path(sys.argv[-1]))
    else:
        main()
