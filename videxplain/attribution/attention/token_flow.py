"""How much each token counts, followed back through a layer of attention and the skip connection around it."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeAlias

import torch
from torch import Tensor

from videxplain.models.config import TokenLayout

Step: TypeAlias = Callable[[Tensor, Tensor], Tensor]
"""From a row, and that row times a layer's attention, to the row before the layer."""


@dataclass(frozen=True)
class LayerAttention:
    """Attention of one layer: ``(B, queries, keys)`` or, before heads are fused, ``(B, heads, queries, keys)``.

    It lies between the tokens of ``form``; ``pools`` says that one query collects from them.
    """

    weights: Tensor
    form: TokenLayout
    pools: bool


@dataclass
class TokenRow:
    """How much each token counts: those of no place ``(n, p)`` and those of the grid ``(n, t, h w)``."""

    loose: Tensor
    placed: Tensor

    def of_list(self, form: TokenLayout) -> Tensor:
        """All of them as the network's list ``(n, L)``."""
        placed = self.placed if form.order == "thw" else self.placed.transpose(1, 2)
        return torch.cat([self.loose[:, : form.prefix], placed.flatten(1)], 1)

    def from_list(self, row: Tensor, form: TokenLayout) -> "TokenRow":
        """The reverse of :meth:`of_list`; tokens of no place that are not in the list stay as they are."""
        assert form.grid is not None
        t, places = form.grid[0], form.grid[1] * form.grid[2]
        first, placed = row[:, : form.prefix], row[:, form.prefix :]
        placed = placed.unflatten(1, (t, places) if form.order == "thw" else (places, t))
        loose = self.loose.clone()
        loose[:, : form.prefix] = first
        return TokenRow(loose, placed if form.order == "thw" else placed.transpose(1, 2))


def back_through(row: TokenRow, one: LayerAttention, step: Step) -> TokenRow:
    """The row before a layer."""
    form = one.form
    n, t, places = row.placed.shape
    if form.order == "places":
        by_place = row.placed.transpose(1, 2).reshape(n * places, t)
        by_place = step(by_place, times(by_place, one.weights))
        return TokenRow(row.loose, by_place.unflatten(0, (n, places)).transpose(1, 2))
    if form.order == "frames":
        # Each frame has a copy of the class token, and the copies are averaged behind the attention.
        prefix = form.prefix or 0
        copies = (row.loose[:, None, :prefix] / t).expand(n, t, prefix)
        by_frame = torch.cat([copies, row.placed], 2).flatten(0, 1)
        by_frame = step(by_frame, times(by_frame, one.weights)).unflatten(0, (n, t))
        loose = row.loose.clone()
        loose[:, :prefix] = by_frame[:, :, :prefix].sum(1)
        return TokenRow(loose, by_frame[:, :, prefix:])
    whole = row.of_list(form)
    return row.from_list(step(whole, times(whole, one.weights)), form)


def times(row: Tensor, weights: Tensor) -> Tensor:
    """A row ``(B, queries)`` of each group times its attention ``(B, queries, keys)``."""
    return torch.einsum("bq,bqk->bk", row, weights)
