"""A file of good rows with faults sown among them; for benchmarks/faults.py. It imports nothing of agentswift.

Good rows are real ones (glaive, FireAct, alpaca, GSM8K of the corpus) in one layout: messages with user, assistant,
tool_call and tool, which ms-swift and LLaMA-Factory read too. Which lines hold which fault is returned beside them.
"""

import csv
import json
import random
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

Row = dict[str, Any]
SEARCH = {
    "name": "search",
    "description": "Search the web",
    "parameters": {"type": "object", "properties": {"query": {"type": "string"}}, "required": ["query"]},
}
ROLES = {"human": "user", "gpt": "assistant", "function_call": "tool_call", "observation": "tool"}


class Sown(NamedTuple):
    """The lines of a file, and the kind of fault that stands in a line (from 1); good lines are not in it."""

    lines: list[bytes]
    faults: dict[int, str]


def glaive(corpus: Path, language: str) -> Iterator[Row]:
    """Yield LLaMA-Factory's glaive tool calls."""
    for row in json.loads((corpus / f"llamafactory_demos/glaive_toolcall_{language}_demo.json").read_text("utf-8")):
        messages = [{"role": ROLES[m["from"]], "content": m["value"]} for m in row["conversations"]]
        yield {"tools": row["tools"] or "[]", "messages": messages}


def fireact(corpus: Path) -> Iterator[Row]:
    """Yield FireAct's trajectories, `search[…]` as calls and `finish[…]` as the answer; thoughts are left out."""
    for line in (corpus / "fireact/multitask_multimethod.jsonl").read_text("utf-8").splitlines():
        messages = []
        for message in json.loads(line)["messages"]:
            text = message["content"]
            if action := re.search(r"Action: (search|finish)\[(.*?)\]\s*\Z", text, re.DOTALL):
                call = {"name": "search", "arguments": {"query": action[2]}}
                done = action[1] == "finish"
                content = action[2] if done else json.dumps(call, ensure_ascii=False)
                messages.append({"role": "assistant" if done else "tool_call", "content": content})
                if done:
                    break
            elif text.startswith("Observation: "):
                messages.append({"role": "tool", "content": text.removeprefix("Observation: ")})
            else:
                messages.append({"role": message["role"], "content": text.removeprefix("Question: ")})
        shape = "".join(m["role"][0] if m["role"] != "tool_call" else "c" for m in messages)
        if re.fullmatch(r"u(ct)*a", shape):
            yield {"tools": json.dumps([SEARCH]), "messages": messages}


def plain(corpus: Path) -> Iterator[Row]:
    """Yield questions and answers without tools."""
    for language in ("en", "zh"):
        for row in json.loads((corpus / f"llamafactory_demos/alpaca_{language}_demo.json").read_text("utf-8")):
            yield _asked("\n".join(filter(None, (row["instruction"], row["input"]))), row["output"])
    for line in (corpus / "gsm8k/train.jsonl").read_text("utf-8").splitlines():
        row = json.loads(line)
        yield _asked(row["question"], row["answer"])
    with (corpus / "arc/mmlu_aux_arc_easy.csv").open(encoding="utf-8", newline="") as file:
        for cells in csv.reader(file):
            if len(cells) == 6 and cells[5] in "ABCD":
                yield _asked(
                    cells[0] + "".join(f"\n{x}. {c}" for x, c in zip("ABCD", cells[1:5], strict=True)), cells[5]
                )


def _asked(question: str, answer: str) -> Row:
    return {
        "tools": "[]",
        "messages": [{"role": "user", "content": question}, {"role": "assistant", "content": answer}],
    }


def good_rows(corpus: Path, count: int, seed: int) -> list[Row]:
    """Return `count` real rows, no two alike: tool calls first, then plain talk; numbered, in an order of `seed`."""
    kept: list[Row] = []
    holders: dict[tuple[str, ...], list[int]] = {}  # five words → rows that have them
    sizes: list[int] = []
    for row in (*glaive(corpus, "en"), *glaive(corpus, "zh"), *fireact(corpus), *plain(corpus)):
        said = [m["content"] for m in row["messages"]]
        if len(kept) == count:
            break
        if (
            sum(map(len, said)) > 6000
            or not all(text.strip() for text in said)
            or row["messages"][-1]["role"] != "assistant"
        ):
            continue
        words = re.findall(r"[\u4e00-\u9fff]|\w+", " ".join(said).lower())
        grams = {tuple(words[i : i + 5]) for i in range(max(1, len(words) - 4))}
        shared: dict[int, int] = {}
        for gram in grams:
            for other in holders.get(gram, ()):
                shared[other] = shared.get(other, 0) + 1
        if any(n / (len(grams) + sizes[other] - n) > 0.7 for other, n in shared.items()):
            continue
        for gram in grams:
            holders.setdefault(gram, []).append(len(kept))
        kept.append(row)
        sizes.append(len(grams))
    random.Random(seed).shuffle(kept)
    return [{"id": f"row-{number}", **row} for number, row in enumerate(kept)]


def sow(corpus: Path, *, good: int, each: int, seed: int = 1) -> Sown:
    """Return `good` good rows and `each` rows of every kind of fault, in a mixed order."""
    from seeded_kinds import KINDS, Soil

    chance = random.Random(seed)
    rows = good_rows(corpus, 5000 + each * len(KINDS), seed)
    called = [row for row in rows if _is_called(row)]
    spoiled: list[tuple[str, bytes | Row]] = []
    used: set[str] = set()
    for kind in KINDS:
        pool = (row for row in (called if kind.needs_call else rows) if row["id"] not in used and kind.takes(row))
        for _ in range(each):
            if (row := next(pool, None)) is None:
                raise ValueError(f"too few rows for {kind.name!r}")
            used.add(row["id"])
            sown = kind.sow(json.loads(json.dumps(row)), Soil(chance, corpus))
            spoiled += [line if isinstance(line, tuple) else (kind.name, line) for line in sown]
    left = [("", row) for row in rows if row["id"] not in used][:good]
    # What is said of a second row (a duplicate, an id) is said of the one that comes later.
    lines = _mixed(left, spoiled, chance)
    faults = {number: kind for number, (kind, _) in enumerate(lines, 1) if kind not in ("", "good")}
    return Sown([line if isinstance(line, bytes) else _line(line) for _, line in lines], faults)


def _is_called(row: Row) -> bool:
    """Whether the row asks, calls once, gets a result and answers, all in its first turn, as most glaive rows do."""
    roles = [m["role"] for m in row["messages"]]
    return roles[:4] == ["user", "tool_call", "tool", "assistant"] and roles.count("tool_call") == 1


def _mixed(left: list[Any], spoiled: list[Any], chance: random.Random) -> list[Any]:
    """Return both mixed, the spoiled ones in their own order."""
    places = set(chance.sample(range(len(left) + len(spoiled)), len(spoiled)))
    good, bad = iter(left), iter(spoiled)
    return [next(bad) if at in places else next(good) for at in range(len(left) + len(spoiled))]


def _line(row: Row) -> bytes:
    return json.dumps(row, ensure_ascii=False).encode("utf-8")
