"""What ms-swift knows of chat templates and models, read once a version and kept as JSON: importing it takes seconds.

`python -m agentswift.engine.swift_facts FILE` writes the facts; whoever asks for them never imports ms-swift itself.
"""

import json
import os
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass, fields
from datetime import date
from functools import cache
from importlib.metadata import version
from pathlib import Path
from typing import Any

from agentswift.errors import EngineError, OutputError
from agentswift.files import write_text

# A piece of a chat template: its text, or tokens by id or by the tokenizer's attribute ("eos_token_id").
Pieces = list[str | list[str | int]]
_SHAPE = 1  # of the JSON; another number makes it anew
# How ms-swift's templates write the day that they are imported on; kept as a mark, for the day that they are used.
_DAYS = {"{{TODAY}}": "%d %b %Y", "{{ISO_TODAY}}": "%Y-%m-%d"}


@dataclass(frozen=True)
class ChatTemplate:
    """ms-swift's TemplateMeta, whose names these are (swift/template/template_meta.py)."""

    name: str
    prefix: Pieces  # where there is no system message
    prompt: Pieces  # the user's turn, with {{QUERY}}, up to the generation prompt; {{SYSTEM}} too if is_post_system
    chat_sep: Pieces | None  # between turns; None: made for one turn alone
    suffix: Pieces  # the stop token, and what follows it
    system_prefix: Pieces | None  # with {{SYSTEM}}
    default_system: str | None
    auto_add_bos: bool  # the tokenizer puts its own first token
    stop_words: Pieces
    is_post_system: bool  # the system message stands in the last turn
    agent_template: str | None
    is_thinking: bool
    thinking_prefix: str
    non_thinking_prefix: str
    template_cls: str  # "Template": the pieces say all; else that class changes more when it encodes


@dataclass(frozen=True)
class ModelType:
    """ms-swift's ModelMeta: one kind of model, and the models known to be of it."""

    name: str
    template: str | None  # None: it depends on the model
    templates: list[str]  # every chat template that its models use
    architectures: list[str]
    ids: dict[str, str | None]  # last part of a hub id, lower case → chat template


def cache_folder() -> Path:
    """Return the user's cache folder, made if need be, for the user alone: $AGENTSWIFT_CACHE, or agentswift in the
    XDG cache. Raises OutputError where it cannot be made."""
    named = os.environ.get("AGENTSWIFT_CACHE")
    folder = Path(named).expanduser() if named else _xdg_cache() / "agentswift"
    try:
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    except OSError as error:
        raise OutputError(
            f"{folder}: cannot be made ({error.strerror}); name another folder: AGENTSWIFT_CACHE"
        ) from error
    return folder.absolute()


def _xdg_cache() -> Path:
    return Path(os.environ.get("XDG_CACHE_HOME") or "~/.cache").expanduser()


@cache
def chat_templates() -> dict[str, ChatTemplate]:
    """Return every chat template of ms-swift by name, with today's date where one tells the date."""
    return {name: ChatTemplate(name, **pieces) for name, pieces in _facts()["chat_templates"].items()}


@cache
def model_types() -> dict[str, ModelType]:
    """Return every model type of ms-swift by name, in its order."""
    return {name: ModelType(name, **kind) for name, kind in _facts()["model_types"].items()}


@cache
def _facts() -> Any:
    file = cache_folder() / f"swift-facts-{version('ms-swift')}-{_SHAPE}.json"
    if not file.exists():
        print("reading ms-swift's templates and models, once (about 10 s) ...", file=sys.stderr, flush=True)
        run_module("agentswift.engine.swift_facts", [str(file)])
    return json.loads(_undated(file.read_text(encoding="utf-8"), date.today()))


def run_module(name: str, words: Sequence[str]) -> str:
    """Run `python -m name words` with no hub to ask and return what it prints; its stderr is the user's.

    Raises EngineError when it fails.
    """
    # In the cache folder: a user's swift.py or datasets.py beside the run must not be taken for the engine's.
    offline = dict.fromkeys(("HF_HUB_OFFLINE", "HF_HUB_DISABLE_TELEMETRY", "TRANSFORMERS_OFFLINE", "DO_NOT_TRACK"), "1")
    env = {**os.environ, **offline, "PYTHONWARNINGS": "ignore", "TRANSFORMERS_VERBOSITY": "error"}
    done = subprocess.run(
        [sys.executable, "-m", name, *words], cwd=cache_folder(), env=env, stdout=subprocess.PIPE, encoding="utf-8"
    )
    if done.returncode:
        raise EngineError(
            f"python -m {name} {' '.join(words)} ended with status {done.returncode}; its words are above"
        )
    return done.stdout


def _dated(text: str, day: date) -> str:
    for mark, form in _DAYS.items():
        text = text.replace(day.strftime(form), mark)
    return text


def _undated(text: str, day: date) -> str:
    for mark, form in _DAYS.items():
        text = text.replace(mark, day.strftime(form))
    return text


def _write(file: Path) -> None:
    """Import ms-swift and write what it knows."""
    day = date.today()
    from swift.model import MODEL_MAPPING
    from swift.template import TEMPLATE_MAPPING

    facts = {
        "chat_templates": {meta.template_type: _template(meta) for meta in TEMPLATE_MAPPING.values()},
        "model_types": {meta.model_type: _model_type(meta) for meta in MODEL_MAPPING.values()},
    }
    write_text(file, _dated(json.dumps(facts, ensure_ascii=False), day))


def chat_template(meta: Any) -> ChatTemplate:
    """Return a TemplateMeta of ms-swift's as the facts have it, with what a run has changed in it."""
    return ChatTemplate(meta.template_type, **_template(meta))


def _template(meta: Any) -> dict[str, Any]:
    named = {f.name: getattr(meta, f.name) for f in fields(ChatTemplate) if f.name not in ("name", "template_cls")}
    if meta.is_post_system:
        named["prompt"] = meta.system_prompt
    return {**named, "template_cls": meta.template_cls.__name__}


def _model_type(meta: Any) -> dict[str, Any]:
    ids = {
        id_.rsplit("/", 1)[-1].lower(): group.template or meta.template
        for group in reversed(meta.model_groups)  # the first group that has an id wins, as in ms-swift
        for model in group.models
        for id_ in (model.model_path, model.hf_model_id, model.ms_model_id)
        if id_
    }
    architectures = [a for a in meta.architectures if a != "null"]
    return {
        "template": meta.template,
        "templates": meta.candidate_templates,
        "architectures": architectures,
        "ids": ids,
    }


if __name__ == "__main__":
    _write(Path(sys.argv[1]))
