"""A model's shape out of its config.json, and what can be counted from it: its weights, its adapters; no torch."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from agentswift.errors import ModelError

# Names in config.json, most usual first.
_NAMES = {
    "hidden": ("hidden_size", "n_embd", "d_model"),
    "layers": ("num_hidden_layers", "n_layer", "num_layers"),
    "heads": ("num_attention_heads", "n_head"),
    "vocab": ("vocab_size", "padded_vocab_size"),
}
_EXPERTS = ("num_experts", "num_local_experts", "n_routed_experts")
# Model types whose layers have Llama's matrices → whether the head is the embedding where config.json does not say.
LIKE_LLAMA = {
    **dict.fromkeys(("", "llama", "mistral", "mixtral", "qwen", "qwen2", "qwen3", "qwen3_moe"), False),
    **dict.fromkeys(("phi3", "granite", "olmo2", "seed_oss", "baichuan", "internlm2", "internlm3"), False),
    **dict.fromkeys(("gemma", "gemma2", "gemma3_text", "smollm3"), True),
}
# Those whose MLP has no gate: two matrices.
UNGATED = {"phi", "gpt2", "gpt_bigcode", "gpt_neox", "gptj", "codegen", "opt", "bloom", "falcon", "mpt", "starcoder2"}
_ATTENTION, _MLP = ("q_proj", "k_proj", "v_proj", "o_proj"), ("gate_proj", "up_proj", "down_proj")
LINEAR = (*_ATTENTION, *_MLP)  # a layer's matrices, by Llama's names


@dataclass(frozen=True)
class Shape:
    """A decoder's shape; widths are numbers of features."""

    hidden: int
    layers: int
    heads: int
    query: int  # width of all query heads
    key: int  # width of all key heads, and of the values
    inner: int  # the MLP's width, of one expert where there are several
    vocab: int
    is_tied: bool  # the head is the embedding
    norms_heads: bool = False  # queries and keys are normed, as in Qwen3
    experts: int = 1
    experts_used: int = 1  # by a token
    is_gated: bool = True  # the MLP has a gate, three matrices
    unlike: str = ""  # the model type, where its layers are not Llama's: the sums are then rougher

    @classmethod
    def of(cls, config: Mapping[str, Any]) -> "Shape":
        """Return the shape that a config.json tells; a multimodal model's text part alone is counted.

        Raises ModelError naming what is missing.
        """
        inside = {**config, **(config.get("text_config") or {})}
        kind = str(inside.get("model_type") or "")
        found = {name: _first(inside, names) for name, names in _NAMES.items()}
        missing = [_NAMES[name][0] for name, value in found.items() if value is None]
        if missing:
            raise ModelError(f"config.json says no {', '.join(missing)}: the memory of this model cannot be estimated")
        hidden, layers, heads, vocab = (int(found[name] or 0) for name in ("hidden", "layers", "heads", "vocab"))
        head = int(inside.get("head_dim") or hidden // heads)
        experts = int(_first(inside, _EXPERTS) or 1)
        return cls(
            hidden=hidden,
            layers=layers,
            heads=heads,
            query=heads * head,
            key=int(inside.get("num_key_value_heads") or heads) * head,
            inner=_inner(inside, kind, experts) or 4 * hidden,
            vocab=vocab,
            is_tied=bool(inside.get("tie_word_embeddings", LIKE_LLAMA.get(kind, True))),
            norms_heads=kind.startswith(("qwen3", "gemma3")),
            experts=experts,
            experts_used=int(_first(inside, ("num_experts_per_tok", "moe_topk")) or 1) if experts > 1 else 1,
            is_gated=kind not in UNGATED,
            unlike="" if kind in LIKE_LLAMA else kind,
        )

    @property
    def linear(self) -> dict[str, tuple[int, int]]:
        """Each matrix of a layer (of one expert): features in, features out."""
        h, q, k, f = self.hidden, self.query, self.key, self.inner
        sizes = dict(zip(LINEAR, ((h, q), (h, k), (h, k), (q, h), (h, f), (h, f), (f, h)), strict=True))
        return {name: size for name, size in sizes.items() if self.is_gated or name != "gate_proj"}

    def _layer(self, experts: int) -> int:
        size = {name: wide * high for name, (wide, high) in self.linear.items()}
        return sum(size[n] for n in _ATTENTION) + experts * sum(size.get(n, 0) for n in _MLP)

    @property
    def layer(self) -> int:
        """Weights of a layer's matrices, every expert of it."""
        return self._layer(self.experts)

    @property
    def active_layer(self) -> int:
        """Weights of a layer's matrices that a token meets."""
        return self._layer(self.experts_used)

    @property
    def matrix(self) -> int:
        """Weights of the greatest matrix of a layer."""
        return max(wide * high for wide, high in self.linear.values())

    @property
    def head(self) -> int:
        """Weights of the head, which may be the embedding's."""
        return self.vocab * self.hidden

    @property
    def outer(self) -> int:
        """Weights outside the layers' matrices: embedding, head, norms."""
        return self.head * (1 if self.is_tied else 2) + self.hidden * (2 * self.layers + 1)

    @property
    def parameters(self) -> int:
        """All weights; biases, a thousandth of them at most, are left aside."""
        return self.layers * self.layer + self.outer

    def adapted(self, targets: Iterable[str]) -> list[str]:
        """Return the matrices of a layer that `targets` name, by ms-swift's target_modules; unknown names count as all.

        Experts kept in one packed tensor have no adapter.
        """
        wanted = {target.rpartition(".")[2] for target in targets}
        inside = [name for name in self.linear if name in wanted]
        chosen = inside if wanted and "all-linear" not in wanted and (inside or wanted <= HEADS) else list(self.linear)
        return [name for name in chosen if self.experts == 1 or name in _ATTENTION]

    def adapter(self, targets: Iterable[str], rank: int) -> int:
        """Return the weights of LoRA matrices of a rank on all layers, and on the head and embedding where named."""
        sizes = self.linear
        inside = sum(sum(sizes[name]) for name in self.adapted(targets)) * self.layers
        named = {target.rpartition(".")[2] for target in targets} & HEADS
        return rank * (inside + len(named) * (self.vocab + self.hidden))


HEADS = {"lm_head", "embed_tokens"}


def _inner(config: Mapping[str, Any], kind: str, experts: int) -> int:
    """Return the MLP's width, of one expert where there are several; 0 where config.json does not say."""
    if experts > 1 and (of_one := _first(config, ("moe_intermediate_size",))):
        return of_one
    width = _first(config, ("intermediate_size", "n_inner", "ffn_hidden_size")) or 0
    return width // 2 if kind == "qwen" else width  # whose figure is gate and up together


def _first(config: Mapping[str, Any], names: Iterable[str]) -> int | None:
    return next((int(config[name]) for name in names if isinstance(config.get(name), int)), None)
