"""Packed rows do not see each other on any attention that runs here; a model in which they would is refused."""

import warnings
from pathlib import Path
from typing import Any

import pytest
import torch

from agentswift.engine.cache import cached
from agentswift.engine.embedded import tiny
from agentswift.engine.encode import Encoded
from agentswift.errors import EngineError
from agentswift.weights import Scale, SpanRow
from tests.swift_template import swift_template

with warnings.catch_warnings():
    warnings.simplefilter("ignore")  # third parties' own, while they are imported
    from transformers import AutoModelForCausalLM, MambaConfig, MambaForCausalLM

    from agentswift.engine.batch import Collator, Rows
    from agentswift.engine.isolation import check_isolation, leak

ANSWER = (SpanRow(field="answer", of="", step=0, turn=0, weight=1.0),)
LENGTHS = (5, 1, 9, 2)


def model(attention: str, dtype: torch.dtype = torch.float32) -> Any:
    return AutoModelForCausalLM.from_pretrained(str(tiny()), attn_implementation=attention, dtype=dtype)


@pytest.mark.parametrize("attention", ["sdpa", "eager"])
def test_a_packed_row_has_the_logits_and_losses_of_the_row_alone(tmp_path: Path, attention: str) -> None:
    encoded = [Encoded([7 * n + at for at in range(n)], [0] * n, ANSWER, "") for n in LENGTHS]
    rows = Rows(cached(tmp_path / "k.arrow", lambda: encoded), list(range(len(LENGTHS))))
    batch = Collator(swift_template(packing=True), Scale({}))([[rows[i] for i in range(len(LENGTHS))]])
    net = model(attention)
    with torch.no_grad():
        packed = net(input_ids=batch["input_ids"], position_ids=batch["position_ids"], use_cache=False).logits[0]
        alone = torch.cat([net(input_ids=torch.tensor([row.input_ids]), use_cache=False).logits[0] for row in encoded])
    assert (packed - alone).abs().max() < 1e-6 * alone.abs().max()
    labels = batch["labels"][0, 1:]
    losses = [torch.nn.functional.cross_entropy(x[:-1], labels, reduction="none") for x in (packed, alone)]
    torch.testing.assert_close(*losses, rtol=1e-6, atol=1e-6)
    assert labels.eq(-100).sum() == len(LENGTHS) - 1  # the first token of each row is nobody's to predict


@pytest.mark.parametrize("attention", ["sdpa", "eager"])
@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_rows_kept_apart_are_the_same_to_the_bit(attention: str, dtype: torch.dtype) -> None:
    net = model(attention, dtype)
    assert leak(net) == 0
    check_isolation(net)
    assert not net.training


@pytest.mark.filterwarnings("ignore")
def test_a_model_that_carries_a_state_along_the_sequence_is_refused() -> None:
    mamba = MambaForCausalLM(MambaConfig(vocab_size=64, hidden_size=16, num_hidden_layers=1, state_size=4))
    with pytest.raises(EngineError, match=r"a row changes with the row packed before it .* packing=false"):
        check_isolation(mamba)


def test_a_model_spread_over_ranks_is_said_not_to_be_tried_out(capsys: pytest.CaptureFixture[str]) -> None:
    net = model("sdpa")
    net.to("meta")
    check_isolation(net)
    assert "was not tried out" in capsys.readouterr().out
