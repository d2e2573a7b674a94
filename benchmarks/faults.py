"""Seeded faults: recall and precision of `agentswift check`, and what ms-swift's and LLaMA-Factory's loaders say.

`python benchmarks/faults.py [--quick]` reads AGENTSWIFT_CORPUS (default ../shared/data), sows every kind of fault of
seeded_kinds.py ten times among 5,000 good real rows, and prints a table and a last line of JSON. The others are run
row by row in processes of their own (faults_swift.py, faults_factory.py), and once on the whole file. LLaMA-Factory is
put in an environment of its own in the cache folder. --quick sows fewer rows, and asks neither them nor a model.
"""

import json
import os
import subprocess
import sys
import tempfile
import venv
from collections import Counter, defaultdict
from pathlib import Path
from typing import Any

from beside_swift import CORPUS, last_line, markdown, parser
from seeded import sow

HERE = Path(__file__).parent
CACHE = Path(os.environ.get("XDG_CACHE_HOME", Path.home() / ".cache")) / "agentswift-benchmarks"
FACTORY = "llamafactory==0.9.5"
# The rules that name each kind rightly; any other finding on the line counts as found, not as named.
NAMED = {
    "line cut off": {"unreadable-line"},
    "line is a list": {"not-an-object"},
    "not UTF-8": {"invalid-utf8"},
    "NaN": {"bad-call", "bad-arguments"},
    "messages under another key": {"unknown-format", "no-messages"},
    "message without role": {"unknown-role"},
    "role misspelt": {"unknown-role"},
    "no assistant": {"no-assistant"},
    "empty answer": {"empty-assistant", "empty-answer"},
    "answer of spaces": {"empty-assistant", "empty-answer"},
    "content null": {"bad-content"},
    "content a number": {"bad-content"},
    "ends with the user": {"empty-assistant"},
    "agent speaks first": {"wrong-order"},
    "user speaks twice": {"wrong-order"},
    "agent answers twice": {"wrong-order"},
    "system in the middle": {"system-not-first"},
    "unknown tool": {"unknown-tool"},
    "tool without name": {"bad-call"},
    "argument missing": {"missing-argument"},
    "argument unknown": {"unknown-argument"},
    "argument ill-typed": {"ill-typed-argument"},
    "call not JSON": {"bad-call"},
    "arguments a list": {"bad-arguments"},
    "schema of no type": {"invalid-schema"},
    "required no list": {"invalid-schema"},
    "tools not JSON": {"bad-tools"},
    "tool declared twice": {"duplicate-tool"},
    "result without call": {"orphan-observation"},
    "call without result": {"call-without-observation"},
    "error unheeded": {"unheeded-error"},
    "call repeated": {"repeated-call"},
    "ends with a result": {"no-last-answer"},
    "answer is the result": {"repeated-observation"},
    "call in prose": {"call-in-prose"},
    "placeholder": {"placeholder-left"},
    "control token": {"control-token"},
    "garbled": {"garbled-text"},
    "duplicate row": {"duplicate"},
    "near duplicate": {"near-duplicate"},
    "duplicate id": {"duplicate-id"},
    "other language": {"mixed-languages"},
    "e-mail address": {"personal-data"},
    "telephone number": {"personal-data"},
    "key": {"personal-data"},
    "loss contradicts": {"loss-contradicts"},
    "loss is a word": {"bad-loss"},
    "nothing trained": {"nothing-to-train", "all-masked"},
    "prompt of another format": {"format-mismatch"},
    "far too long": {"over-length"},
    "evaluation question": {"contaminated"},
}
OPTIONS = ("also=[mixed-languages,personal-data]", "data.dedup=near", "max_length=8192", "model=smollm2")
Found = dict[int, set[str]]  # line → rules, or what a loader says


def checked(file: Path, folder: Path, *options: str) -> Found:
    """Return what `agentswift check` says, line by line."""
    words = [f"path={file}", "format=messages", "output=jsonl", "hub=path", *options]
    command = [sys.executable, "-m", "agentswift", "check", *words]
    done = subprocess.run(command, capture_output=True, text=True, cwd=folder, check=False)
    if done.returncode not in (0, 1):
        raise SystemExit(done.stderr)
    found: Found = defaultdict(set)
    for finding in map(json.loads, done.stdout.splitlines()):
        found[finding["line"]].add(finding["rule"])
    return found


def other(python: Path | str, script: str, file: Path, folder: Path) -> dict[str, Any]:
    """Return what another loader says: {"whole": …, "loader": {line: …}, "encoding": {line: …}}, or why it cannot."""
    command = [str(python), str(HERE / script), str(file)]
    done = subprocess.run(command, capture_output=True, text=True, cwd=folder, check=False)
    if done.returncode:
        return {"failed": (done.stderr.strip().splitlines() or ["no word"])[-1]}
    return dict(json.loads(done.stdout.splitlines()[-1]))


def factory() -> Path:
    """Return the Python of an environment with LLaMA-Factory, made at first; all it needs besides is this one's."""
    folder = CACHE / FACTORY.replace("==", "-")
    python = folder / "bin" / "python"
    if not python.exists():
        venv.create(folder, with_pip=True)
        subprocess.run([python, "-m", "pip", "install", "-q", "--no-deps", FACTORY], check=True)
        packages = next(folder.glob("lib/python*/site-packages"))
        (packages / "beside.pth").write_text("\n".join(p for p in sys.path if p.endswith("site-packages")))
    return python


def figures(found: Found, faults: dict[int, str], good: int) -> dict[str, Any]:
    """Return recall and precision over lines, and by kind how many were found."""
    hit = {line for line in faults if found.get(line)}
    wrong = [line for line in found if line not in faults and found[line]]
    return {
        "recall": len(hit) / len(faults),
        "named": sum(bool(found.get(line, set()) & NAMED[kind]) for line, kind in faults.items()) / len(faults),
        "precision": len(hit) / max(1, len(hit) + len(wrong)),
        "good_flagged": len(wrong),
        "good": good,
        "by_kind": Counter(faults[line] for line in hit),
        "rules_on_good": Counter(rule for line in wrong for rule in found[line]),
    }


def main() -> None:
    """Sow, check, compare, print."""
    quick = parser(__doc__, "fewer rows, neither the others nor a model").parse_args().quick
    each = 2 if quick else 10
    sown = sow(CORPUS, good=500 if quick else 5000, each=each)
    with tempfile.TemporaryDirectory() as name:
        folder, file = Path(name), Path(name) / "seeded.jsonl"
        file.write_bytes(b"\n".join(sown.lines) + b"\n")
        evaluation = folder / "gsm8k_test.jsonl"
        evaluation.write_bytes((CORPUS / "gsm8k/test.jsonl").read_bytes())
        options = (*(OPTIONS[:-2] if quick else OPTIONS), f"data.decontaminate=[{evaluation}]")
        runs = {"plain": checked(file, folder), "all options": checked(file, folder, *options)}
        others = {} if quick else {"ms-swift": other(sys.executable, "faults_swift.py", file, folder)}
        if not quick:
            others["LLaMA-Factory"] = other(factory(), "faults_factory.py", file, folder)
    columns = {
        f"check, {name}": figures(found, sown.faults, len(sown.lines) - len(sown.faults))
        for name, found in runs.items()
    }
    for name, said in others.items():
        print(f"{name}, whole file: {said.get('whole', said.get('failed'))}")
        for stage in ("loader", "encoding") if "loader" in said else ():
            found = {int(line): {words} for line, words in said[stage].items()}
            columns[f"{name}, {stage}"] = figures(found, sown.faults, len(sown.lines) - len(sown.faults))
    table(columns, each)
    last_line({"quick": quick, "kinds": len(NAMED), "each": each}, columns=columns)


def table(columns: dict[str, dict[str, Any]], each: int) -> None:
    """Print a Markdown table: kinds found by each, then recall and precision."""
    lines = [[kind, *(c["by_kind"][kind] for c in columns.values())] for kind in NAMED]
    for figure in ("recall", "precision"):
        lines.append([f"**{figure}**", *(f"{100 * c[figure]:.1f} %" for c in columns.values())])
    lines.append(["good rows flagged", *(f"{c['good_flagged']} of {c['good']}" for c in columns.values())])
    print("\n" + markdown([f"kind ({each} rows each)", *columns], lines))
    for name, c in columns.items():
        if name.startswith("check"):
            print(f"{name}: named rightly {100 * c['named']:.1f} %; on good rows {dict(c['rules_on_good'])}")


if __name__ == "__main__":
    main()
