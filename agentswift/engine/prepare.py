"""Everything a run needs before a process starts: model folder, chat template, data encoded, rows chosen.

`train` and `train dry_run=true` call the same `prepare`, so what one prints the other trains on. `show` reads and
encodes alike, but unless rows=all no more than it draws: a row of a later part may be a duplicate of one not read.
"""

import hashlib
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from agentswift import __version__
from agentswift.agent_templates import find_agent_template
from agentswift.cards import find_cards
from agentswift.conversation import Conversation
from agentswift.corpus import Corpus, gather
from agentswift.engine.cache import LAYOUT, Encodings, cached
from agentswift.engine.detect import detect_model
from agentswift.engine.encode import Encoded, Encoder, load_chat
from agentswift.engine.hub import local_copy, model_folder
from agentswift.engine.look import look
from agentswift.engine.native import native_chat
from agentswift.engine.swift_facts import cache_folder
from agentswift.engine.tokenizer import load_tokenizer
from agentswift.errors import ModelError
from agentswift.mix import Line, Mix
from agentswift.schema.groups import Data, Hub, Model, Template
from agentswift.spool import Joined

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


def gathered(data: Data, registry: list[str], hub: Hub) -> Corpus:
    """Read the parts of `data`, fetching from `hub` what is not on disk."""
    return gather(data, find_cards(registry), lambda card: local_copy(card, hub.value))


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

    encodings = cached(cache_folder() / "encoded" / f"{key}.arrow", encode)
    return Prepared(corpus, conversations, encodings, datasets, fingerprint=key)


def fingerprint(conversations: Iterable[Conversation], encoder: Encoder) -> str:
    """Return the cache's key: 32 hex digits over the data's content, the tokenizer, both templates and our version."""
    digest = hashlib.sha256()
    settings = (__version__, LAYOUT, encoder.template.name, encoder.thinking, encoder.chat, encoder.tokenizer.digest)
    digest.update(repr(settings).encode())
    for c in conversations:
        digest.update(repr((c.system, c.tools, c.turns)).encode("utf-8", "surrogatepass"))
    return digest.hexdigest()[:32]
