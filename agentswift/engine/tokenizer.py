"""A model's tokenizer as transformers loads it, kept so that the next command needs neither transformers nor torch."""

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any

from agentswift.engine.swift_facts import cache_folder
from agentswift.errors import ModelError
from agentswift.files import write_text

if TYPE_CHECKING:
    import tokenizers
    from transformers import PreTrainedTokenizerFast

_ATTRIBUTES = ("eos_token", "bos_token", "pad_token")
# What transformers reads to make a tokenizer; config.json, because it can name the class.
_FILES = ("*token*", "vocab*", "merges*", "*.model", "*.tiktoken", "config.json", "*.jinja")


@dataclass(frozen=True)
class Tokenizer:
    """The Rust half of a fast tokenizer (it gives each token's place in the text) and its special tokens."""

    rust: "tokenizers.Tokenizer"
    specials: dict[str, str]  # "eos_token" → its text; one that the model lacks is absent
    first: str  # what the tokenizer itself puts before any text, for templates that leave that to it

    def encode(self, text: str) -> list[int]:
        """Return the text's ids; a special token written in it is that token."""
        return list(self.rust.encode(text, add_special_tokens=False).ids)

    def encodings(self, texts: Sequence[str]) -> list["tokenizers.Encoding"]:
        """Return ids and offsets of each text, on all cores."""
        return list(self.rust.encode_batch(list(texts), add_special_tokens=False))

    def decode(self, ids: Sequence[int]) -> str:
        """Return the ids' text, special tokens written out."""
        return str(self.rust.decode(list(ids), skip_special_tokens=False))

    def id(self, attribute: str) -> int | None:
        """Return the id of a special token, by transformers' name for it ("eos_token"); None where there is none."""
        found = self.rust.token_to_id(self.specials.get(attribute, ""))
        return None if found is None else int(found)

    @cached_property
    def digest(self) -> str:
        """SHA-256 of all that decides on ids: 64 hex digits."""
        return hashlib.sha256(self.rust.to_str().encode()).hexdigest()


def load_tokenizer(folder: Path, trust_remote_code: bool = False) -> Tokenizer:
    """Load the tokenizer of a model's folder, from disk alone: from our cache if transformers made it there before.

    Raises ModelError where it cannot be read, or gives no offsets.
    """
    if trust_remote_code:
        return reduced(whole_tokenizer(folder, trust_remote_code=True))
    kept = cache_folder() / "tokenizers" / f"{_key(folder)}.json"
    if kept.exists():
        return _restored(kept.read_text(encoding="utf-8"))
    made = reduced(whole_tokenizer(folder))
    kept.parent.mkdir(exist_ok=True)
    head = json.dumps({"specials": made.specials, "first": made.first})
    write_text(kept, f"{head}\n{made.rust.to_str()}")
    return made


def whole_tokenizer(folder: Path, trust_remote_code: bool = False) -> "PreTrainedTokenizerFast":
    """Load it with transformers: to be saved beside merged weights. Raises ModelError where it cannot be read."""
    from transformers import AutoTokenizer

    try:
        tokenizer: PreTrainedTokenizerFast = AutoTokenizer.from_pretrained(
            str(folder), local_files_only=True, trust_remote_code=trust_remote_code
        )
    except (OSError, ValueError, KeyError) as error:
        raise ModelError(f"{folder}: its tokenizer cannot be read: {str(error).splitlines()[0]}") from error
    return tokenizer


def reduced(whole: "PreTrainedTokenizerFast") -> Tokenizer:
    """Return what we need of transformers' tokenizer. Raises ModelError for one that gives no offsets."""
    if not whole.is_fast:
        raise ModelError(
            f"{whole.name_or_path}: its tokenizer gives no character offsets (no tokenizer.json); weights need "
            "them. Convert it once: AutoTokenizer.from_pretrained(folder, use_fast=True).save_pretrained(folder)"
        )
    named = {name: getattr(whole, name) for name in _ATTRIBUTES}
    with_first, alone = whole.encode("a"), whole.encode("a", add_special_tokens=False)
    first = whole.decode(with_first[: with_first.index(alone[0])]) if alone and alone[0] in with_first else ""
    return _plain(whole._tokenizer, {name: text for name, text in named.items() if text is not None}, str(first))


def _restored(text: str) -> Tokenizer:
    from tokenizers import Tokenizer as Rust

    head, _, rust = text.partition("\n")
    named = json.loads(head)
    return _plain(Rust.from_str(rust), named["specials"], named["first"])


def _plain(rust: Any, specials: dict[str, str], first: str) -> Tokenizer:
    # A tokenizer.json may ask for both; a cut text would be a silent fault.
    rust.no_truncation()
    rust.no_padding()
    return Tokenizer(rust, specials, first)


def _key(folder: Path) -> str:
    digest = hashlib.sha256(f"{version('transformers')} {version('tokenizers')}".encode())
    for file in sorted({file for pattern in _FILES for file in folder.glob(pattern)}):
        digest.update(f"{file.name} {file.stat().st_size} ".encode() + file.read_bytes())
    return digest.hexdigest()[:32]
