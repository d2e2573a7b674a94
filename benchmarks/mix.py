"""Mixes over real data: realised beside asked shares; planted near duplicates and contamination, found and not.

`python benchmarks/mix.py [--quick]` reads AGENTSWIFT_CORPUS (default ../shared/data) and prints tables; its last line
is JSON. What is planted is changed by rules of its own, and what is truly alike is counted over every pair of rows, so
neither is judged by the code that it judges.
"""

import json
import random
import re
import time
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

from beside_swift import CORPUS, FIREACT, GLAIVE_EN, GLAIVE_ZH, last_line, markdown, parser

from agentswift.agent_templates import find_agent_template
from agentswift.cards import Card, Cards
from agentswift.compose import compose_run
from agentswift.conversation import Conversation, Turn
from agentswift.corpus import gather
from agentswift.engine.choose import choose
from agentswift.engine.embedded import smollm2
from agentswift.engine.encode import Encoder, load_chat
from agentswift.engine.prepare import prepare
from agentswift.engine.tokenizer import load_tokenizer
from agentswift.mix import Asked, account, contaminated, near_duplicates
from agentswift.schema.groups import By, Data
from agentswift.schema.runs import Check
from agentswift.weights import Scale

FILES = {
    "glaive-en-600": GLAIVE_EN,
    "glaive-zh-600": GLAIVE_ZH,
    "fireact": FIREACT,
    "toolbench-50": "toolbench/toolllama_examples.json",
    "alpaca-en-1000": "llamafactory_demos/alpaca_en_demo.json",
    "alpaca-zh-1000": "llamafactory_demos/alpaca_zh_demo.json",
    "myself": "self_cognition/swift_v2_self_cognition.jsonl",
}
GLAIVE = {"glaive-en-600": 0.4, "glaive-zh-600": 0.2, "fireact": 0.4}
TALK = {"fireact": 0.5, "glaive-en-600": 0.3, "alpaca-en-1000": 0.2}
MIXES: dict[str, dict[str, Any]] = {
    "seed 003's ratios": {
        "parts": {"fireact": 1.0, "toolbench-50": 1.0, "alpaca-en-1000": 1.0, "myself": 1.0},
        "ratios": {"alpaca-en-1000": 2.0},
        "rows": {"myself": 3000},
    },
    "by rows": {"parts": GLAIVE, "by": By.rows},
    "by tokens": {"parts": {**GLAIVE, "alpaca-zh-1000": 0.25}, "by": By.tokens},
    "by weights": {"parts": TALK, "by": By.weights},
    "by tokens, 1,000,000 of them": {"parts": TALK, "by": By.tokens, "size": 1_000_000},
}
REACT = Scale.of({"name": "react", "fields": {"action": 2.0, "action_input": 2.0, "observation": 0.0}})


def cards() -> Cards:
    """Return cards of the real files."""
    return Cards({name: Card(name=name, format="", path=str(CORPUS / file)) for name, file in FILES.items()})


def shares(known: Cards, data: Data, quick: bool) -> list[dict[str, Any]]:
    """Return each mix's parts, asked and got, and how far off the worst of three epochs is."""
    tokenizer = load_tokenizer(smollm2())
    encoder = Encoder(tokenizer, load_chat("chatml", tokenizer), find_agent_template("react_en"))
    found = []
    for title, changes in MIXES.items():
        if quick and title not in ("by rows", "by tokens"):
            continue
        asked = replace(data, **changes)
        prepared = prepare(gather(asked, known, lambda card: Path(card.path)), encoder)
        choose(prepared, asked, 4096, 0.01, 42, scale=REACT)
        plan = Asked(asked.parts, asked.rows, asked.ratios, asked.caps, asked.by, asked.size)
        lengths = prepared.encodings.lengths.tolist()
        epochs = [account(prepared.mix, plan, lengths, epoch) for epoch in range(3)]
        for at, line in enumerate(epochs[0]):
            worst = max(lines[at].off for lines in epochs)
            found.append({"mix": title, "cells": line.cells, "off": line.off, "worst": worst})
    return found


def said(row: Conversation) -> str:
    """Return a row's longest text."""
    return max([t.user or "" for t in row.turns] + [s.text for s in row.steps()], key=len)


def respelt(text: str, chance: random.Random) -> str:
    """Change what readers do not see: case, blanks, punctuation. Nothing of it is by chance."""
    return re.sub(r"[,，.。]", "  ;", text).upper() + " !!"


def one_word(text: str, chance: random.Random) -> str:
    """Change one word in the middle."""
    return _changed(text, chance, lambda count: 1)


def many_words(text: str, chance: random.Random) -> str:
    """Change every eighth word: another text about the same, which must stay."""
    return _changed(text, chance, lambda count: count // 8)


def _changed(text: str, chance: random.Random, often: Callable[[int], int]) -> str:
    pieces = re.findall(r"[\u4e00-\u9fff]|[A-Za-z0-9']+|[^A-Za-z0-9'\u4e00-\u9fff]+", text)
    places = [i for i, piece in enumerate(pieces) if piece[0].isalnum()]
    for place in chance.sample(places, min(len(places), often(len(places)))):
        pieces[place] = chance.choice(["quxx", "换"]) if pieces[place][0].isascii() else "龘"
    return "".join(pieces)


def rewritten(row: Conversation, change: Callable[[str], str]) -> Conversation:
    """Return the row with its longest text changed."""
    long = said(row)
    turns = tuple(
        Turn(
            user=change(turn.user) if turn.user == long else turn.user,
            steps=tuple(replace(s, text=change(s.text)) if s.text == long else s for s in turn.steps),
        )
        for turn in row.turns
    )
    return replace(row, turns=turns)


_WORD = r"[\u3040-\u30ff\u3400-\u9fff]|[^\W_\u3040-\u30ff\u3400-\u9fff]+"


def alike(rows: Sequence[Conversation], threshold: float) -> set[tuple[int, int]]:
    """Return every pair of rows with that Jaccard similarity, counted over all pairs (the truth to judge by)."""
    import numpy as np
    from scipy.sparse import csr_matrix, triu

    numbers: dict[tuple[str, ...], int] = {}
    columns, starts = [], [0]
    for row in rows:
        texts = [t.user or "" for t in row.turns] + [_text(s) for s in row.steps()]
        words = re.findall(_WORD, "\n".join(texts).lower())
        runs = {tuple(words[i : i + 5]) for i in range(max(1, len(words) - 4))} if words else set()
        columns += [numbers.setdefault(run, len(numbers)) for run in runs]
        starts.append(len(columns))
    matrix = csr_matrix((np.ones(len(columns), np.int32), columns, starts), shape=(len(rows), len(numbers)))
    common, sizes = triu(matrix @ matrix.T, 1).tocoo(), np.diff(starts)
    similar = common.data / (sizes[common.row] + sizes[common.col] - common.data)
    keep = similar >= threshold
    return set(zip(common.row[keep].tolist(), common.col[keep].tolist(), strict=True))


def _text(step: Any) -> str:
    call = json.dumps(dict(step.arguments), ensure_ascii=False, sort_keys=True)
    return f"{step.tool} {call}" if step.kind == "call" else step.text


def duplicates(rows: list[Conversation], planted: int) -> dict[str, Any]:
    """Plant changed copies of rows, and count those found, by what was changed; and what else is named."""
    chance = random.Random(1)
    long = [
        row for row in rows if len(said(row)) > 200 and len(said(row)) > 0.6 * sum(len(s.text) for s in row.steps())
    ]
    copies: list[Conversation] = []
    kinds: list[str] = []
    for change in (respelt, one_word, many_words):
        for row in chance.sample(long, planted):
            copies.append(rewritten(row, partial(change, chance=chance)))
            kinds.append(change.__name__)
    every = [*rows, *copies]
    started = time.perf_counter()
    named = {found.row: found.of for found in near_duplicates(every, 0.8)}
    seconds = time.perf_counter() - started
    pairs = alike(every, 0.8)
    true = {later for _, later in pairs}
    found = Counter(kind for at, kind in enumerate(kinds, len(rows)) if at in named)
    should = Counter(kind for at, kind in enumerate(kinds, len(rows)) if at in true)
    wrong = [
        row for row, of in named.items() if (of, row) not in alike([every[of], every[row]], 0.79) and row not in true
    ]
    chains = [at for at in true if at not in named and any((a, at) in pairs and a not in named for a in range(at))]
    return {
        "rows": len(every),
        "planted": planted,
        "truly alike": {kind: should[kind] for kind in ("respelt", "one_word", "many_words")},
        "found": {kind: found[kind] for kind in ("respelt", "one_word", "many_words")},
        "alike among the real rows": sum(at < len(rows) for at in true),
        "of them named": sum(at < len(rows) for at in named),
        "alike to a row that stays, and missed": len(chains),
        "named and not alike": len(wrong),
        "rows a second": round(len(every) / seconds),
    }


def overlaps(rows: list[Conversation], questions: list[str], planted: int) -> dict[str, Any]:
    """Plant questions of an evaluation set in rows, each in another way, and count those found, and what else is."""
    chance = random.Random(2)
    kinds: dict[str, Callable[[str], str]] = {
        "verbatim": lambda q: q,
        "respelt": lambda q: respelt(q, chance),
        "within a prompt": lambda q: f"Please think step by step. 请一步一步想。 {q} Thank you. 谢谢。",
        "second half": lambda q: q[len(q) // 2 :],
    }
    long = [
        q
        for q in questions
        if len(re.findall(r"[A-Za-z0-9]+", q)) >= 32 or len(re.findall(r"[\u4e00-\u9fff]", q)) >= 48
    ]
    copies, names = [], []
    for name, change in kinds.items():
        for question in chance.sample(long, min(planted, len(long))):
            row = chance.choice(rows)
            copies.append(replace(row, turns=(replace(row.turns[0], user=change(question)), *row.turns[1:])))
            names.append(name)
    started = time.perf_counter()
    found = contaminated([*rows, *copies], [[q] for q in questions])
    seconds = time.perf_counter() - started
    by_kind = Counter(names[one.row - len(rows)] for one in found if one.row >= len(rows))
    other = [one for one in found if one.row < len(rows)]
    return {
        "rows": len(rows) + len(copies),
        "questions": len(questions),
        "planted of each kind": min(planted, len(long)),
        "found": {name: by_kind[name] for name in kinds},
        "named among the rows that nothing was planted in": len(other),
        "what they share": [one.text[:120] for one in other[:5]],
        "rows a second": round((len(rows) + len(copies)) / seconds),
    }


def main() -> None:
    """Measure, and print."""
    quick = parser(__doc__, "two of the mixes, a fifth of the rows").parse_args().quick
    known = cards()
    data = compose_run("check", Check, ["data.parts={quickstart: 1.0}"]).data
    data = replace(data, max_refused="-1")
    results: dict[str, Any] = {"shares": shares(known, data, quick)}
    columns = ["mix", "dataset", "available", "rows", "tokens", "asked", "got", "off", "worst of 3 epochs"]
    print(markdown(columns, [[line["mix"], *line["cells"], f"{line['worst']:.2%}"] for line in results["shares"]]))
    every = replace(data, parts=dict.fromkeys(FILES, 1.0))
    parts = gather(every, known, lambda card: Path(card.path)).parts
    step = 5 if quick else 1
    rows = [row for name, part in parts.items() for row in list(part)[::step] if name != "myself"]
    planted = 20 if quick else 200
    results["near duplicates"] = duplicates(rows, planted)
    gsm8k = {name: _questions(CORPUS / "gsm8k" / f"{name}.jsonl")[::step] for name in ("test", "train")}
    trained = [Conversation(turns=(Turn(user=q),)) for q in gsm8k["train"]]
    results["contamination, GSM8K test"] = overlaps([*rows, *trained], gsm8k["test"], planted)
    chinese = [row.turns[0].user or "" for row in parts["alpaca-zh-1000"]]
    glaive = [row for name in ("glaive-zh-600", "fireact") for row in list(parts[name])[::step]]
    results["contamination, Chinese"] = overlaps(glaive, chinese, planted)
    for title in ("near duplicates", "contamination, GSM8K test", "contamination, Chinese"):
        print(f"\n{title}")
        for name, value in results[title].items():
            print(f"  {name}: {value}")
    last_line({"quick": quick, "mixes": list(MIXES)}, **results)


def _questions(file: Path) -> list[str]:
    return [json.loads(line)["question"] for line in file.read_text(encoding="utf-8").splitlines()]


if __name__ == "__main__":
    main()
