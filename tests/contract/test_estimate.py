"""The estimate's counts against PyTorch's own: what transformers' Llama keeps for backward, what the loss holds."""

import warnings
from collections.abc import Callable, Mapping
from itertools import accumulate
from types import SimpleNamespace
from typing import Any

import pytest

from agentswift.engine.activations import kept_by_layer, last_norm
from agentswift.engine.architecture import LIKE_LLAMA, Shape
from agentswift.engine.estimate import HEAD_BUFFER, ROUGH, SWIFT_LOGIT, memory, trained
from agentswift.engine.step import Batch, Settings

with warnings.catch_warnings():
    warnings.simplefilter("ignore")  # third parties' own, while they are imported
    import torch
    from peft import LoraConfig, get_peft_model
    from swift.trainers.utils import per_token_loss_func
    from transformers import CONFIG_MAPPING, AutoModelForCausalLM, LlamaConfig, LlamaForCausalLM

from agentswift.engine import loss_torch
from agentswift.engine.loss import weighted_cross_entropy

CONFIG: dict[str, Any] = {"vocab_size": 512, "hidden_size": 128, "intermediate_size": 448, "num_hidden_layers": 2,
                          "num_attention_heads": 8, "num_key_value_heads": 2, "tie_word_embeddings": False}  # fmt: skip
TOKENS = 256


def model(settings: Settings, config: Mapping[str, Any] = CONFIG) -> Any:
    """Return a Llama as ms-swift would train it: transformers' own, with PEFT's adapters."""
    made: Any = LlamaForCausalLM(LlamaConfig(**config, use_cache=False)).to(getattr(torch, settings.dtype))
    if settings.tuner == "lora":
        config = LoraConfig(
            r=settings.rank, lora_dropout=settings.dropout, target_modules="all-linear", task_type="CAUSAL_LM"
        )
        made = get_peft_model(made, config)
        made.enable_input_require_grads()
    return made.train()


def kept(settings: Settings, rows: int, padded: bool) -> int:
    """Return the bytes that the layers keep for the backward pass, weights apart."""
    made = model(settings)
    decoder = made.get_base_model().model if settings.tuner == "lora" else made.model
    weights = {p.untyped_storage().data_ptr() for p in made.parameters()}
    found: dict[int, Any] = {}

    def pack(tensor: torch.Tensor) -> torch.Tensor:
        found[tensor.untyped_storage().data_ptr()] = tensor.untyped_storage()
        return tensor

    ids, mask = torch.ones(rows, TOKENS, dtype=torch.int64), torch.ones(rows, TOKENS, dtype=torch.int64)
    mask[-1, -3:] = 0 if padded else 1
    half = torch.autocast("cpu", torch.bfloat16, enabled=settings.size == 2)
    with half, torch.autograd.graph.saved_tensors_hooks(pack, lambda t: t):
        decoder(ids, attention_mask=mask, use_cache=False)
    return sum(storage.nbytes() for at, storage in found.items() if at not in weights)


@pytest.mark.parametrize("dtype", ["float32", "bfloat16"])
@pytest.mark.parametrize(("tuner", "dropout", "rows", "padded"), [
    ("full", 0.0, 1, False), ("lora", 0.0, 1, False), ("lora", 0.1, 1, False), ("lora", 0.0, 2, True),
    ("full", 0.0, 2, True),
])  # fmt: skip
def test_a_layer_keeps_what_is_counted(tuner: Any, dropout: float, rows: int, padded: bool, dtype: str) -> None:
    settings = Settings(tuner=tuner, dropout=dropout, dtype=dtype, on_gpu=False)
    shape, batch = Shape.of(CONFIG), Batch(rows, TOKENS, 0, is_padded=padded)
    counted = shape.layers * kept_by_layer(shape, settings, batch) + last_norm(shape, settings, batch)
    assert kept(settings, rows, padded) == pytest.approx(counted, rel=0.08)


def test_adapters_are_float32_and_as_many_as_counted() -> None:
    settings = Settings(rank=4)
    adapters = [p for p in model(settings).parameters() if p.requires_grad]
    assert {p.dtype for p in adapters} == {torch.float32}
    assert sum(p.numel() for p in adapters) == trained(Shape.of(CONFIG), settings)


def test_our_losss_buffer_is_as_big_as_counted() -> None:
    assert loss_torch.CHUNK_BYTES == HEAD_BUFFER


def most_held(work: Callable[[], object]) -> int:
    """Return the most bytes of tensors that are there at once during `work`, by PyTorch's own count."""
    with torch.profiler.profile(activities=[torch.profiler.ProfilerActivity.CPU], profile_memory=True) as profiler:
        work()
    found = [event for event in profiler.profiler.kineto_results.events() if event.name() == "[memory]"]
    return max(accumulate(int(event.nbytes()) for event in sorted(found, key=lambda event: event.start_ns())))


@pytest.mark.parametrize(("dtype", "tokens"), [("float32", 64), ("float32", 512), ("bfloat16", 128)])
@pytest.mark.parametrize("checkpointing", [False, True])
@pytest.mark.parametrize("tuner", ["full", "lora"])
def test_a_step_holds_what_is_counted(tuner: Any, checkpointing: bool, dtype: str, tokens: int) -> None:
    """A forward pass under autocast, our loss, a backward pass: gradients, activations and head at their peak."""
    config = {**CONFIG, "num_hidden_layers": 6}
    settings = Settings(tuner=tuner, checkpointing=checkpointing, dtype=dtype, on_gpu=False)
    made = model(settings, config)
    bare = made.get_base_model() if tuner == "lora" else made
    if checkpointing:
        bare.gradient_checkpointing_enable(gradient_checkpointing_kwargs={"use_reentrant": False})
    ids, kept = torch.randint(0, 512, (1, tokens)), slice(0, tokens // 2)

    def step() -> None:
        with torch.autocast("cpu", torch.bfloat16, enabled=dtype != "float32"):
            hidden = bare.model(ids, use_cache=False).last_hidden_state[0, kept]
            loss: Any = weighted_cross_entropy(
                hidden, bare.lm_head.weight, None, ids[0, kept], torch.ones(tokens // 2), backend="torch"
            ).loss
        loss.backward()

    parts = memory(Shape.of(config), settings, Batch(1, tokens, tokens // 2)).parts
    counted = sum(parts[name] for name in ("gradients", "activations", "head"))
    assert most_held(step) == pytest.approx(counted, rel=ROUGH)


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_swifts_loss_holds_as_many_bytes_a_logit_as_counted(dtype: torch.dtype) -> None:
    """As in its compute_loss: only the loss is returned, so that the logits are gone when backward starts."""
    hidden, head = torch.randn(256, 64, dtype=dtype, requires_grad=True), torch.randn(8192, 64, dtype=dtype)
    labels = torch.randint(0, 8192, (1, 256))

    def loss() -> Any:
        return per_token_loss_func(SimpleNamespace(logits=(hidden @ head.t())[None]), labels).sum()

    assert most_held(lambda: loss().backward()) == pytest.approx(SWIFT_LOGIT * 256 * 8192, rel=0.01)


@pytest.mark.parametrize("kind", sorted({*LIKE_LLAMA, "phi", "starcoder2"} & {*CONFIG_MAPPING}))
def test_a_model_type_has_the_weights_that_are_counted(kind: str) -> None:
    """Transformers' own model on no device, deep, so that a matrix too many would show; its head tied by default."""
    own = {**CONFIG, "num_hidden_layers": 16, "head_dim": 16, "pad_token_id": 0}
    del own["tie_word_embeddings"]
    config = CONFIG_MAPPING[kind](**own)
    with torch.device("meta"):
        made = AutoModelForCausalLM.from_config(config)
    told = {name: value for name, value in config.to_dict().items() if name != "tie_word_embeddings"}
    counted = Shape.of({**told, **({} if kind in LIKE_LLAMA else {"tie_word_embeddings": config.tie_word_embeddings})})
    assert counted.parameters == pytest.approx(made.num_parameters(), rel=0.01)
