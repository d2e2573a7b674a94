"""`agentswift eval`: what a model calls on held-out rows, scored against what it should have called."""

import json
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from agentswift.compose import command
from agentswift.errors import UsageError
from agentswift.mix import divide
from agentswift.schema.runs import Eval
from agentswift.shape import as_given

if TYPE_CHECKING:
    from agentswift.conversation import Conversation
    from agentswift.engine.evaluate import Evaluation
    from agentswift.engine.generate import Generator
    from agentswift.engine.prepare import Spoken


@command("eval", shape=Eval)
def main(run: Eval) -> None:
    """Score the tool calls a model makes on held-out rows."""
    from agentswift import runs
    from agentswift.corpus import enforce
    from agentswift.engine.evaluate import questions
    from agentswift.engine.prepare import gathered
    from agentswift.engine.run_report import add_scores
    from agentswift.report.tables import before_after, table

    base = _compared(run.compare)
    scored = _scored(run)
    data = replace(as_given(run.data), system=run.data.system if run.data.system is not None else scored.system)
    corpus = gathered(data, run.registry, run.hub)
    if said := enforce(corpus, run.data.max_refused):
        print(said)
    parts = _held_out(corpus.parts, run)
    asked, silent = questions(parts, run.samples, run.seed)
    with runs.start(Path(run.output_dir), "eval", asdict(run)) as folder:
        generator = scored.load(run)
        evaluation = _prompted(run, scored, generator, asked, silent)
        scores = _answered(run, scored, generator, evaluation)
        folder.note(scores=str(folder.path / "scores.json"))
    print(table("scores", _COLUMNS, list(_rows(scores["parts"]))))
    if base is not None:
        print(before_after(base, scores["parts"]))
    if scored.run and add_scores(Path(scored.run), base, scores["parts"]):
        print(f"Put into {Path(scored.run) / 'report.html'}")
    print(f"\nScores: {folder.path / 'scores.json'} (every answer: predictions.jsonl)")
    print(f"Next: {scored.next(run)}")


def _held_out(parts: "Mapping[str, Sequence[Conversation]]", run: Eval) -> "dict[str, list[Conversation]]":
    """Return the conversations that `train` with the same split and seed does not train on; all, without a split."""
    if not run.split:
        return {name: list(rows) for name, rows in parts.items()}
    sides = divide(parts, run.split, run.seed, run.split_by, made=False)
    return {name: [rows[at] for at in sides[name].held] for name, rows in parts.items()}


@dataclass
class _Scored:
    """The model that is scored, as its checkpoint or the run says it is."""

    spoken: "Spoken"
    adapter: Path | None
    checkpoint: str | None  # None: a base model
    model: str
    system: str | None  # of conversations that have none
    run: str = ""  # the folder of the run that trained it

    def load(self, run: Eval) -> "Generator":
        from agentswift.engine.generate import Generator

        print(f"loading {self.checkpoint or self.model} ...", flush=True)
        return Generator(
            self.spoken.folder,
            self.spoken.encoder.tokenizer,
            adapter=self.adapter,
            torch_dtype=run.model.torch_dtype,
            attn_impl=run.model.attn_impl,
            trust_remote_code=run.model.trust_remote_code,
            threads=run.threads,
        )

    def facts(self) -> dict[str, Any]:
        """What scores.json says of the model."""
        return {
            "checkpoint": self.checkpoint,
            "model": self.model,
            "model_type": self.spoken.model_type,
            "template": self.spoken.chat_template,
            "agent_template": self.spoken.encoder.template.name,
        }

    def next(self, run: Eval) -> str:
        """The command one would type after this."""
        if self.checkpoint is None:
            return f"agentswift train model.model={self.model} data=NAME"
        if self.adapter:
            return f"agentswift export checkpoint={self.checkpoint}"
        name = self.spoken.encoder.template.name
        return (
            f"agentswift eval checkpoint=null model.model={self.model} template={name} data=…   (the base, to compare)"
        )


def _compared(path: str | None) -> dict[str, Any] | None:
    """Return the parts of another eval's scores.json. Raises UsageError where it is none."""
    if path is None:
        return None
    file = Path(path) / "scores.json" if Path(path).is_dir() else Path(path)
    try:
        parts: dict[str, Any] = json.loads(file.read_text(encoding="utf-8"))["parts"]
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise UsageError(f"compare={path}: not the scores of an eval; name its folder, or its scores.json") from error
    return parts


def _scored(run: Eval) -> _Scored:
    from agentswift.engine.checkpoint import trained
    from agentswift.engine.prepare import spoken

    if run.checkpoint is None:
        return _Scored(spoken(run.model, run.template, run.hub), None, None, run.model.model, None)
    found = trained(run.checkpoint, run.model, run.hub)
    said = found.manifest
    return _Scored(found.spoken, found.adapter, str(found.folder), said.model, said.system, said.run)


def _prompted(run: Eval, scored: _Scored, generator: "Generator", asked: list[Any], silent: int) -> "Evaluation":
    from agentswift.engine.evaluate import prompted

    room = max(1, generator.context - run.max_new_tokens) if generator.context else 0
    evaluation = prompted(asked, silent, scored.spoken.encoder, room)
    left_out = f", {silent} without an agent's word" if silent else ""
    left_out += (
        f", {evaluation.too_long} longer than the model's {generator.context} tokens" if evaluation.too_long else ""
    )
    print(
        f"{len(evaluation.questions)} rows{left_out}; chat template {scored.spoken.chat_template}, agent template "
        f"{scored.spoken.encoder.template.name}, {generator.torch_dtype}",
        flush=True,
    )
    return evaluation


def _answered(run: Eval, scored: _Scored, generator: "Generator", evaluation: "Evaluation") -> dict[str, Any]:
    """Generate, read, score and write; return what scores.json says."""
    from agentswift import runs
    from agentswift.engine.evaluate import generate
    from agentswift.engine.predictions import predictions, save
    from agentswift.report.progress import Progress

    started, encoder = time.monotonic(), scored.spoken.encoder
    with Progress("generating", "rows") as progress:
        written = generate(evaluation, generator, encoder, run.max_new_tokens, run.batch_size, progress)
    facts = scored.facts() | {
        "torch_dtype": generator.torch_dtype,
        "samples": run.samples,
        "seed": run.seed,
        "max_new_tokens": run.max_new_tokens,
        "rows": len(evaluation.questions),
        "rows_silent": evaluation.silent,
        "rows_too_long": evaluation.too_long,
        "generation_seconds": round(time.monotonic() - started, 1),
        "versions": runs.versions(),
    }
    return save(list(predictions(evaluation, written, encoder.template)), Path(run.output_dir), facts)


_SHOWN = ("exact_call", "tool_name", "argument_f1", "valid_format", "missed_call", "no_call", "made_up_tool")
_COLUMNS = ("held out", "rows", "calls", *_SHOWN)


def _rows(parts: dict[str, Any]) -> Iterator[list[str]]:
    """Yield a row a part, and below it one a language."""
    for name, summary in parts.items():
        yield _row(name, summary)
        yield from (_row(f"{name}, {language}", part) for language, part in summary["by_language"].items())


def _row(name: str, summary: dict[str, Any]) -> list[str]:
    shares = ["–" if summary[figure] is None else f"{100 * summary[figure]:.1f} %" for figure in _SHOWN]
    return [name, str(summary["rows"]), str(summary["calls"]), *shares]
