"""Everything a run needs before a process starts: model folder, chat template, data encoded, rows chosen.

`train` and `train dry_run=true` call the same `prepare`, so what one prints the other trains on. `show` reads and
encodes alike, but unless rows=all no more than it draws: a row of a later part may be a duplicate of one not read.

The node that `train` is called on encodes there and then. `python -m agentswift.engine.prepare RUN/run.yaml` does the
same on another node, once, before its ranks: with a shared cache folder it finds the rows, else it encodes them.
"""

import hashlib
import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from functools import cache
from pathlib import Path

from agentswift import __version__
from agentswift.agent_templates import find_agent_template
from agentswift.cards import find_cards
from agentswift.conversation import FIELDS, Conversation
from agentswift.corpus import Corpus, gather, part_cards
from agentswift.engine.cache import SCHEMA, Encodings, cached
from agentswift.engine.detect import detect_model
from agentswift.engine.encode import Encoded, Encoder, load_chat
from agentswift.engine.hub import local_copy, model_folder
from agentswift.engine.look import look
from agentswift.engine.native import native_chat
from agentswift.engine.swift_facts import cache_folder
from agentswift.engine.tokenizer import load_tokenizer
from agentswift.errors import AgentswiftError, EngineError, ModelError, UsageError
from agentswift.mix import Line, Mix
from agentswift.rows import data_files
from agentswift.schema.groups import Data, Hub, Model, Template
from agentswift.spool import Joined
from agentswift.weights import PARTS

Progress = Callable[[int, int], None]  # rows done, rows in all


@dataclass(frozen=True)
class Spoken:
    """A model's folder and how it is spoken to: ms-swift's model type and chat template, and the encoder for both."""

    folder: Path
    model_type: str
    chat_template: str
    encoder: Encoder


def spoken(model: Model, template: Template, hub: Hub) -> Spoken:
    """Find the model, look it over, detect what the run leaves open, and make its encoder.

    Raises HubError or ModelError before anything of the folder is executed or imported.
    """
    if model.trust_remote_code and model.revision is None and not Path(model.model).expanduser().exists():
        raise ModelError(
            f"model.trust_remote_code=true runs Python from {model.model}: pin what runs with model.revision=COMMIT, "
            "or name a folder on disk that you have looked into"
        )
    folder = model_folder(model.model, hub.value, model.revision)
    look(folder, model.trust_remote_code)
    model_type, chat_template = model.model_type, model.template
    if model_type is None or chat_template is None:
        found = detect_model(folder, model.model)
        model_type, chat_template = model_type or found.model_type, chat_template or found.template
    tokenizer = load_tokenizer(folder, model.trust_remote_code)
    encoder = Encoder(
        tokenizer,
        native_chat(folder, tokenizer) if template.agent_template == "native" else load_chat(chat_template, tokenizer),
        find_agent_template(template.agent_template),
        template.thinking.value,
    )
    return Spoken(folder, model_type, chat_template, encoder)


@dataclass
class Prepared:
    """Rows encoded, and which of them are trained and held out (indices into `encodings`, in order)."""

    corpus: Corpus
    conversations: Sequence[Conversation]
    encodings: Encodings
    datasets: list[str]  # the part each row came from
    train: list[int] = field(default_factory=list)
    val: list[int] = field(default_factory=list)
    fingerprint: str = ""
    mix: Mix = field(default_factory=lambda: Mix({}, {}, 0))  # the rows of every epoch; `train` is its first
    account: list[Line] = field(default_factory=list)  # what was asked of the mix and what it comes to, a part a line


_LAST: dict[str, Corpus] = {}  # what was read last, under what it hangs on: the points of a sweep mostly read the same


def gathered(data: Data, registry: list[str], hub: Hub) -> Corpus:
    """Read the parts of `data`, fetching from `hub` what is not on disk; what this process read last is kept."""
    cards = find_cards(registry)
    files = {card.name: local_copy(card, hub.value) for card in part_cards(data, cards)}
    stats = [(str(f), f.stat().st_size, f.stat().st_mtime_ns) for path in files.values() for f in data_files(path)]
    key = repr((data, list(files), [cards.get(name) for name in files], stats))
    if key not in _LAST or data.decontaminate:
        _LAST.clear()
        _LAST[key] = gather(data, cards, lambda card: files.get(card.name) or local_copy(card, hub.value))
    read = _LAST[key]  # a copy of its own for each run: what is left out for its length is counted there
    ledgers = {name: replace(ledger) for name, ledger in read.ledgers.items()}
    return Corpus(dict(read.parts), ledgers, list(read.findings))


def prepare(corpus: Corpus, encoder: Encoder, progress: Progress | None = None) -> Prepared:
    """Encode every kept conversation of `corpus`, from the cache where it was encoded before."""
    conversations = Joined(corpus.parts.values())
    datasets = [name for name, part in corpus.parts.items() for _ in part]
    key = fingerprint(conversations, encoder)

    def encode() -> Iterator[Encoded]:
        for done, row in enumerate(encoder.encode(conversations), 1):
            if progress is not None:
                progress(done, len(conversations))
            yield row

    encodings = cached(encoded_folder() / f"{key}.arrow", encode)
    return Prepared(corpus, conversations, encodings, datasets, fingerprint=key)


def encoded_folder() -> Path:
    """Return where encoded rows are kept, a file a key."""
    return cache_folder() / "encoded"


def fingerprint(conversations: Iterable[Conversation], encoder: Encoder) -> str:
    """Return the cache's key: 32 hex digits over all that decides on ids and spans.

    That is the data's content, the tokenizer, both templates, which thoughts are written, the cache's columns, and
    the code that writes text: rows that another version encoded, or a changed source, are never found.
    """
    digest = hashlib.sha256()
    settings = (__version__, encoder.template.name, encoder.thinking, encoder.chat, encoder.tokenizer.digest)
    digest.update(repr((settings, SCHEMA.to_string(), FIELDS, PARTS, _sources())).encode())
    for c in conversations:
        digest.update(repr((c.system, c.tools, c.turns)).encode("utf-8", "surrogatepass"))
    return digest.hexdigest()[:32]


@cache
def _sources() -> str:
    """Return the SHA-256 of the modules that make a conversation into text, spans and ids."""
    house = Path(__file__).parents[1]
    engine = ("chat", "chat_jinja", "native", "encode", "cache", "cut", "script", "detect", "tokenizer")
    files = [*(house / "engine" / f"{name}.py" for name in engine), *sorted((house / "agent_templates").glob("*.py"))]
    return hashlib.sha256(b"".join(file.read_bytes() for file in files)).hexdigest()


def on_this_node(run_yaml: Path) -> Path:
    """Have the rows of RUN/run.yaml (or RUN) encoded in this node's cache folder, and return the file.

    Raises EngineError when they are not the rows that RUN/engine.json was made for.
    """
    from agentswift.engine.cut import truncate
    from agentswift.engine.job import Job
    from agentswift.report.progress import Progress as Shown
    from agentswift.schema.written import read_train

    run_yaml = run_yaml / "run.yaml" if run_yaml.is_dir() else run_yaml
    run = read_train(run_yaml)
    corpus = gathered(run.data, run.registry, run.hub)
    encoder = spoken(run.model, run.template, run.hub).encoder
    with Shown("encoding", "rows") as progress:
        prepared = prepare(corpus, encoder, progress)
        truncate(prepared, encoder, run.truncation_strategy, run.max_length, progress)
    file = prepared.encodings.file
    if (run_yaml.parent / "engine.json").exists() and Path(Job.read(run_yaml.parent).cache).name != file.name:
        raise EngineError(
            f"{run_yaml}: this node encodes other rows than the run was started with. Its data, the model's folder or "
            "agentswift's version differ; or it stands in another folder, where relative paths mean other files"
        )
    return file


if __name__ == "__main__":
    from agentswift.engine import prepare as here

    try:
        if len(sys.argv) != 2:
            raise UsageError("give one run: python -m agentswift.engine.prepare RUN/run.yaml")
        print(here.on_this_node(Path(sys.argv[1])))
    except AgentswiftError as error:
        print(f"agentswift.engine.prepare: {error}", file=sys.stderr)
        sys.exit(error.exit_status)
