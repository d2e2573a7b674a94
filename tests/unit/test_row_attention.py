"""Rows laid end to end attend one by one, and nothing of the result changes but by rounding."""

from collections.abc import Iterator
from typing import Any

import pytest
import torch
from transformers import AttentionInterface, AutoModelForCausalLM, LlamaConfig, MistralConfig, PretrainedConfig
from transformers.integrations.sdpa_attention import sdpa_attention_forward

from agentswift.engine import row_attention

SIZES = {"vocab_size": 50, "hidden_size": 32, "intermediate_size": 48, "num_hidden_layers": 2, "num_attention_heads": 4,
         "num_key_value_heads": 2, "attn_implementation": "sdpa"}  # fmt: skip
CONFIGS = {"causal": LlamaConfig(**SIZES), "sliding": MistralConfig(**SIZES, sliding_window=3)}
LENGTHS = (7, 1, 12, 4)


@pytest.fixture(autouse=True)
def _restored() -> Iterator[None]:
    yield
    AttentionInterface.register("sdpa", sdpa_attention_forward)


def model_of(config: PretrainedConfig) -> Any:
    torch.manual_seed(0)
    return AutoModelForCausalLM.from_config(config)


def stepped(model: Any, **inputs: Any) -> tuple[torch.Tensor, dict[str, torch.Tensor]]:
    """Return logits, and the gradients of a loss that looks at all of them."""
    model.zero_grad()
    logits = model(**inputs, use_cache=False).logits
    logits.square().mean().backward()
    return logits.detach(), {name: p.grad.clone() for name, p in model.named_parameters()}


def attended(monkeypatch: pytest.MonkeyPatch) -> list[tuple[int, bool]]:
    """Return the tokens, and whether there is a mask, of every call of transformers' sdpa, as they come."""
    calls: list[tuple[int, bool]] = []

    def told(module: Any, query: Any, key: Any, value: Any, mask: Any, **said: Any) -> Any:
        calls.append((query.shape[2], mask is not None))
        return sdpa_attention_forward(module, query, key, value, mask, **said)

    monkeypatch.setattr(row_attention, "sdpa_attention_forward", told)
    return calls


@pytest.mark.parametrize("kind", CONFIGS)
@pytest.mark.parametrize("checkpointing", [False, True])
def test_logits_and_gradients_are_those_of_the_masked_sequence(
    kind: str, checkpointing: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    model = model_of(CONFIGS[kind])
    if checkpointing:
        model.gradient_checkpointing_enable({"use_reentrant": False})
    ids = torch.arange(sum(LENGTHS))[None] * 7 % 50
    positions = torch.cat([torch.arange(n) for n in LENGTHS])[None]
    whole = stepped(model, input_ids=ids, position_ids=positions)
    row_attention.attend_by_row()
    calls = attended(monkeypatch)
    by_row = stepped(model, input_ids=ids, position_ids=positions)
    torch.testing.assert_close(by_row, whole, rtol=1e-4, atol=1e-7)
    masked = [kind == "sliding" and n > 3 for n in LENGTHS]
    assert calls == list(zip(LENGTHS, masked, strict=True)) * 2 * (2 if checkpointing else 1)


def test_another_batch_has_rows_of_its_own(monkeypatch: pytest.MonkeyPatch) -> None:
    model = model_of(CONFIGS["causal"])
    row_attention.attend_by_row()
    calls = attended(monkeypatch)
    for lengths in ((3, 5), (5, 3), (2, 4)):
        model(input_ids=torch.ones(1, sum(lengths), dtype=torch.long),
              position_ids=torch.cat([torch.arange(n) for n in lengths])[None], use_cache=False)  # fmt: skip
    assert [n for n, _ in calls] == [3, 5, 3, 5, 5, 3, 5, 3, 2, 4, 2, 4]


def test_padded_rows_and_generation_are_left_to_transformers(monkeypatch: pytest.MonkeyPatch) -> None:
    model = model_of(CONFIGS["causal"]).eval()
    ids = torch.tensor([[5, 6, 7, 8], [9, 1, 2, 2]])
    mask = torch.tensor([[1, 1, 1, 1], [1, 1, 0, 0]])
    wanted = model(input_ids=ids, attention_mask=mask).logits
    written = model.generate(ids[:1], max_new_tokens=4, do_sample=False, eos_token_id=None, pad_token_id=0)
    row_attention.attend_by_row()
    calls = attended(monkeypatch)
    torch.testing.assert_close(model(input_ids=ids, attention_mask=mask).logits, wanted)
    assert calls == [(4, True)] * 2
    again = model.generate(ids[:1], max_new_tokens=4, do_sample=False, eos_token_id=None, pad_token_id=0)
    assert torch.equal(again, written)
