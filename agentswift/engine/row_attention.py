"""sdpa over rows laid end to end, row by row: what it costs grows with each row's length, not with the whole batch's.

transformers keeps packed rows apart by a mask over the whole sequence: sdpa works out every pair of tokens, and throws
those of two rows away. At 2,048 tokens of 300-token rows that is six of seven. Here each row attends alone, under its
own square of that mask, so that sliding windows and the like stay as they stand in it; a square that is merely causal
goes as `is_causal`, with which sdpa needs neither mask nor repeated keys.
"""

import weakref
from itertools import pairwise
from typing import Any

import torch
from transformers import AttentionInterface
from transformers.integrations.sdpa_attention import sdpa_attention_forward


def attend_by_row() -> None:
    """Let the models of this process that attend by sdpa do it row by row, where rows are laid end to end."""
    AttentionInterface.register("sdpa", _Sdpa())


class _Sdpa:
    """transformers' sdpa, row by row. The rows of a mask are found once, not once a layer."""

    def __init__(self) -> None:
        self.mask: Any = lambda: None
        self.rows: list[tuple[slice, Any]] = []

    def __call__(
        self, module: Any, query: Any, key: Any, value: Any, attention_mask: Any, position_ids: Any = None, **said: Any
    ) -> tuple[Any, None]:
        """Return [1, tokens, heads, size], and no attention weights.

        `query`, `key` and `value` are [1, heads, tokens, size], `attention_mask` [1, 1, tokens, tokens], `position_ids`
        [1, tokens], beginning anew at each row. Anything else (padded rows, a cache, a model that hands its attention
        no positions) is left to transformers.
        """
        if not _is_end_to_end(position_ids, query, key, attention_mask):
            said["position_ids"] = position_ids
            whole, _ = sdpa_attention_forward(module, query, key, value, attention_mask, **said)
            return whole, None
        outputs = [
            sdpa_attention_forward(module, query[:, :, row], key[:, :, row], value[:, :, row], mask, **said)[0]
            for row, mask in self._rows(position_ids, attention_mask)
        ]
        return torch.cat(outputs, dim=1), None

    def _rows(self, position_ids: Any, mask: Any) -> list[tuple[slice, Any]]:
        if self.mask() is not mask:
            self.mask, self.rows = weakref.ref(mask), rows(position_ids, mask)
        return self.rows


def _is_end_to_end(position_ids: Any, query: Any, key: Any, mask: Any) -> bool:
    tokens = query.shape[2]
    if mask is None or position_ids is None or mask.dtype is not torch.bool:
        return False  # without a mask rows were not told apart, so they are not taken apart
    shapes = tuple(position_ids.shape), tuple(mask.shape), key.shape[2]
    return shapes == ((1, tokens), (1, 1, tokens, tokens), tokens)


def rows(position_ids: Any, mask: Any) -> list[tuple[slice, Any]]:
    """Return the place of each row, and its square of the mask: None where that is merely causal."""
    begins = (position_ids[0, 1:] - position_ids[0, :-1] != 1).nonzero()[:, 0] + 1  # as transformers' masks find them
    ends = [0, *begins.tolist(), position_ids.shape[1]]
    places = [slice(start, end) for start, end in pairwise(ends)]
    return [(place, _square(mask[:, :, place, place])) for place in places]


def _square(mask: Any) -> Any:
    causal = torch.ones_like(mask).tril()
    return None if torch.equal(mask, causal) else mask.contiguous()
