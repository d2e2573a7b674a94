"""`agentswift list`: what there is to choose from, one line each."""

import json
from collections.abc import Callable
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

from agentswift.agent_templates import ABOUT
from agentswift.cards import Card, find_cards
from agentswift.compose import command
from agentswift.compose.search_path import options_here
from agentswift.errors import UsageError, did_you_mean
from agentswift.formats import FORMATS
from agentswift.models import find_models
from agentswift.schema.runs import List, Output


@dataclass(frozen=True)
class Choice:
    """One thing to choose: its name, one line about it, and the facts that output=jsonl adds."""

    name: str
    about: str
    details: dict[str, Any] = field(default_factory=dict)


@command("list", shape=List)
def main(run: List) -> None:
    """List datasets, models, templates, loss scales, experiments and formats, one line each."""
    if run.what not in ("all", *KINDS):
        raise UsageError(f"what={run.what}: there is no list of that.{did_you_mean(run.what, ('all', *KINDS))}")
    for kind in KINDS if run.what == "all" else [run.what]:
        choices = KINDS[kind](run)
        if run.output is Output.jsonl:
            for choice in choices:
                named = {"what": kind, "name": choice.name, "about": choice.about}
                print(json.dumps(named | choice.details, ensure_ascii=False))
        else:
            print(_section(kind, choices))


def datasets(run: List) -> list[Choice]:
    """Return the mixes of conf/data, and the cards: ours, the plugins' and the user's."""
    mixes = [replace(mix, about=f"a mix: {mix.about}") for mix in _options("data") if mix.name != "card"]
    return [*mixes, *map(_dataset, find_cards(run.registry).values())]


def models(run: List) -> list[Choice]:
    """Return the options of model=, with what the registry knows of each."""
    facts = {name: asdict(known) for name, known in find_models().items()}
    return [replace(option, details=option.details | facts.get(option.name, {})) for option in _options("model")]


def _dataset(card: Card) -> Choice:
    rows = f"{card.rows:,} rows" if card.rows else ""
    licence = "licence unknown" if card.license == "unknown" else card.license
    facts = ", ".join(filter(None, (rows, " ".join(card.languages), licence)))
    return Choice(card.name, ": ".join(filter(None, (facts, card.about or card.path))), asdict(card))


def _options(group: str) -> list[Choice]:
    """Return the options of a conf group, each with its file's first comment line."""
    files = options_here().files.get(group, {})
    return [Choice(name, _first_comment(file), {"file": str(file)}) for name, file in sorted(files.items())]


def _first_comment(file: Path) -> str:
    for line in file.read_text(encoding="utf-8").splitlines():
        if not line.startswith("#"):
            break
        if "@package" not in line:
            return line.lstrip("# ").rstrip()
    return ""


def _section(kind: str, choices: list[Choice]) -> str:
    width = max((len(choice.name) for choice in choices), default=0)
    lines = [f"  {choice.name:{width}}  {choice.about}".rstrip() for choice in choices]
    return "\n".join([f"{kind.replace('_', ' ')} ({HOW[kind]})", *lines, ""])


KINDS: dict[str, Callable[[List], list[Choice]]] = {
    "datasets": datasets,
    "models": models,
    "templates": lambda _: [Choice(name, about) for name, about in ABOUT.items()],
    "loss_scales": lambda _: _options("loss_scale"),
    "experiments": lambda _: _options("experiment"),
    "formats": lambda _: [Choice(layout.name, layout.about) for layout in FORMATS.values()],
}
HOW = {
    "datasets": "data=NAME",
    "models": "model=NAME, or model.model=PATH_OR_ID",
    "templates": "template=NAME",
    "loss_scales": "loss_scale=NAME",
    "experiments": "experiment=NAME",
    "formats": "format=NAME",
}
