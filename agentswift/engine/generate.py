"""Greedy generation with transformers: batches of prompts, each row stopped at its own stop word."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from agentswift.engine.dtype import default_dtype
from agentswift.engine.load import load_model, with_adapter
from agentswift.engine.tokenizer import Tokenizer

Progress = Callable[[int, int], None]  # prompts done, prompts in all
_AT_A_TIME = 32  # tokens between two looks at which rows are done


class Generator:
    """A model from disk, with an adapter laid over it where one is given, that goes on from token ids."""

    def __init__(
        self,
        folder: Path,
        tokenizer: Tokenizer,
        *,
        adapter: Path | None = None,
        torch_dtype: str | None = None,
        attn_impl: str | None = None,
        trust_remote_code: bool = False,
        threads: int | None = None,
    ) -> None:
        """Load it on the GPU where there is one. `torch_dtype` None: what the device computes fast in.

        Raises ModelError when the folder cannot be loaded.
        """
        import torch
        from transformers import GenerationConfig

        if threads:
            torch.set_num_threads(threads)
        gpu = torch.cuda.is_available()
        self.torch_dtype = torch_dtype or default_dtype(use_cpu=not gpu)
        self.tokenizer = tokenizer
        model = load_model(folder, self.torch_dtype, attn_impl, trust_remote_code)
        self.own_stops = _ids(model.generation_config.eos_token_id) | _ids(tokenizer.id("eos_token"))
        # Whatever the model's own file asks for (a temperature, a repetition penalty) would not be plain greedy.
        model.generation_config = GenerationConfig()
        if adapter:
            model = with_adapter(model, adapter)
            if self.torch_dtype == "float32":  # exact there, and much faster than going through the adapter each time
                model = model.merge_and_unload()
        self.model = model.to("cuda" if gpu else "cpu").eval()

    @property
    def context(self) -> int:
        """Tokens that prompt and generation may have together; 0: the model's files do not say."""
        return int(getattr(self.model.config, "max_position_embeddings", 0) or 0)

    def generate(
        self,
        prompts: Sequence[Sequence[int]],
        max_new_tokens: int,
        stop: Sequence[str] = (),
        stop_ids: Sequence[int] = (),
        batch_size: int = 8,
        progress: Progress | None = None,
    ) -> list[str]:
        """Return what the model writes after each prompt: up to and with a stop word, or up to a stop id, without it.

        The longest prompts go first, so what does not fit into memory fails at once.
        """
        stops = _Stops(self.tokenizer, tuple(stop), self.own_stops | set(stop_ids))
        texts = [""] * len(prompts)
        order = sorted(range(len(prompts)), key=lambda i: -len(prompts[i]))
        for at in range(0, len(order), batch_size):
            batch = order[at : at + batch_size]
            written = self._batch([prompts[i] for i in batch], max_new_tokens, stops)
            for i, ids in zip(batch, written, strict=True):
                texts[i] = stops.text(ids)
            if progress is not None:
                progress(at + len(batch), len(order))
        return texts

    def _batch(self, prompts: Sequence[Sequence[int]], max_new_tokens: int, stops: "_Stops") -> list[list[int]]:
        """Return what follows each prompt, some tokens at a time: rows that are done leave the batch."""
        import torch
        from transformers import StoppingCriteriaList

        width, filler = max(map(len, prompts)), min(stops.ids, default=0)
        ids = torch.tensor([[filler] * (width - len(p)) + list(p) for p in prompts], device=self.model.device)
        mask = torch.tensor([[0] * (width - len(p)) + [1] * len(p) for p in prompts], device=self.model.device)
        written: list[list[int]] = [[] for _ in prompts]
        rows, cache = list(range(len(prompts))), None
        while rows and (left := width + max_new_tokens - ids.shape[1]) > 0:
            with torch.inference_mode():
                out = self.model.generate(
                    input_ids=ids,
                    attention_mask=mask,
                    past_key_values=cache,
                    max_new_tokens=min(_AT_A_TIME, left),
                    do_sample=False,
                    pad_token_id=filler,
                    eos_token_id=sorted(stops.ids) or None,
                    stopping_criteria=StoppingCriteriaList([stops.at(width)] if stops.words else []),
                    return_dict_in_generate=True,
                )
            for row, whole in zip(rows, out.sequences[:, width:].tolist(), strict=True):
                written[row] = whole
            going = [place for place, row in enumerate(rows) if not stops.done(written[row])]
            rows, ids = [rows[place] for place in going], out.sequences[going]
            mask = torch.cat([mask, mask.new_ones(len(mask), out.sequences.shape[1] - mask.shape[1])], dim=1)[going]
            cache = _of_rows(out.past_key_values, going)
        return written


@dataclass(frozen=True)
class _Stops:
    """What ends a row: words in its text, and token ids."""

    tokenizer: Tokenizer
    words: tuple[str, ...]
    ids: set[int]

    def done(self, ids: list[int]) -> bool:
        return any(i in self.ids for i in ids) or any(word in self.tokenizer.decode(ids) for word in self.words)

    def text(self, ids: list[int]) -> str:
        """Return the text of a row's tokens, up to its stop."""
        end = next((at for at, id_ in enumerate(ids) if id_ in self.ids), len(ids))
        return cut(self.tokenizer.decode(ids[:end]), self.words)

    def at(self, start: int) -> Callable[..., Any]:
        """Return transformers' stopping criterion for rows whose own tokens begin at `start`."""
        import torch

        # A word's tokens in context can be more than those alone, never more than its bytes.
        last = max(len(word.encode()) for word in self.words) + 1

        def criterion(input_ids: Any, scores: Any, **_: Any) -> Any:
            rows = input_ids[:, max(start, input_ids.shape[1] - last) :].tolist()
            said = [any(word in text for word in self.words) for text in map(self.tokenizer.decode, rows)]
            return torch.tensor(said, device=input_ids.device, dtype=torch.bool)

        return criterion


def cut(text: str, stop: Sequence[str]) -> str:
    """Return `text` up to the end of the first stop word in it; the longer of two that begin together."""
    found = [(at, -len(word)) for word in stop if (at := text.find(word)) >= 0]
    return text[: min(found)[0] - min(found)[1]] if found else text


def _of_rows(cache: Any, rows: list[int]) -> Any:
    """Return a batch's key-value cache for `rows` alone; None, to be made anew, where its kind cannot choose rows."""
    import torch

    if not rows or not hasattr(cache, "batch_select_indices"):
        return None
    with torch.inference_mode():
        cache.batch_select_indices(torch.tensor(rows))
    return cache


def _ids(value: int | list[int] | None) -> set[int]:
    return set() if value is None else {value} if isinstance(value, int) else set(value)
