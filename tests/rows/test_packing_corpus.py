"""Agent data of every kind in one mix: hardly a token of a packed sequence stays empty."""

from pathlib import Path

import pytest

from agentswift.agent_templates import find_agent_template
from agentswift.engine.embedded import tiny
from agentswift.engine.encode import Encoder, load_chat
from agentswift.engine.packing import packed
from agentswift.engine.tokenizer import load_tokenizer
from tests.rows.test_encode_corpus import CORPUS, conversations

pytestmark = [
    pytest.mark.rows,
    pytest.mark.skipif(not CORPUS.is_dir(), reason="no corpus: set AGENTSWIFT_CORPUS"),
]


def test_sequences_are_98_percent_full() -> None:
    tokenizer = load_tokenizer(tiny())
    encoder = Encoder(tokenizer, load_chat("chatml", tokenizer), find_agent_template("react_en"))
    rows = [c for c in conversations() if c.is_agent and "alpaca_format" not in str(Path(c.source.file))]
    tokens = [len(encoded.input_ids) for encoded in encoder.encode(rows)]
    for max_length in (2048, 4096):
        fitting = [n for n in tokens if n <= max_length]
        for in_order in (False, True):
            packs = packed(fitting, max_length, in_order=in_order)
            assert sum(fitting) / (len(packs) * max_length) > 0.98
