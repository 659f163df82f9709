"""Ablation-CAM: channels weighted by how much the score falls without them."""

from collections.abc import Iterator
from contextlib import contextmanager
from itertools import count
from typing import Any

import torch
from torch import Tensor, nn

from videxplain.attribution.engine import read_layer, rows_of
from videxplain.attribution.layers import LayerCall, hook_output
from videxplain.attribution.methods.channel_passes import COST, weight_channels
from videxplain.attribution.passes import Pass
from videxplain.attribution.registry import Attribution, register_method
from videxplain.attribution.rows.layer_rows import LayerRows, find_owners
from videxplain.attribution.tokens import replaced, tensor_and_grid


@register_method(
    "ablationcam",
    family="cam",
    summary="channels weighted by how much the score falls without them",
    paper="Desai and Ramaswamy, WACV 2020",
    cost=COST,
    layer="last",
    candidates=5,
)
def ablationcam(p: Pass) -> Attribution:
    """Ablation-CAM: each channel's weight is the score less the score when the channel is zero.

    The weight is not divided by the score as in eq. 3. The division would only scale the map of one clip, turn it
    around where the score is negative, and make windows of a video that have different scores incomparable. In
    bfloat16 all passes run in bfloat16. All scores share all passes.

    Returns:
        Maps ``(M, N, T, h, w)``, never negative.
    """
    layer = p.target_layer
    with p.trace() as run:
        activations, logits = run.activations(layer), run.logits.detach()
        rows, tokens = run.rows(layer), run.recordings[layer].forms[0] is not None
    if not rows.is_direct and len(p.x) > 1:
        rows = rows_of(p.module, p.x[:1], layer, p.tokens)
    together = min(p.at_once(), activations.shape[1])

    def without(n: int, channels: Tensor) -> Tensor:
        # Always as many versions, so that only one size of batch has to be looked into.
        more = 0 if rows.is_direct else together - len(channels)
        padded = torch.cat([channels, channels[-1:].expand(more)])
        clips = p.x[n : n + 1].repeat(len(padded), 1, 1, 1, 1)
        owners = _owners(p, clips, rows)
        if owners is not None:
            with _ablated(p.module, layer, owners, tokens, padded):
                return p.logits(clips)[: len(channels)]
        alone = []
        for channel in channels.split(1):
            whole = {call: torch.zeros(1, dtype=torch.long, device=p.x.device) for call in rows.calls_of(layer)}
            with _ablated(p.module, layer, whole, tokens, channel):
                alone.append(p.logits(clips[:1]))
        return torch.cat(alone)

    return weight_channels(p, activations, logits, without, lambda score, ablated: score - ablated)


def _owners(p: Pass, clips: Tensor, rows: LayerRows) -> dict[int, Tensor] | None:
    """For each call of the layer the version that each row belongs to; None where versions have to go one by one."""
    layer = p.target_layer
    if len(clips) == 1:
        return None
    if rows.is_direct:
        return {call: torch.arange(len(clips), device=clips.device) for call in rows.calls}

    def run(x: Tensor) -> list[Tensor]:
        return read_layer(p.module, x, layer, p.tokens)

    owners = find_owners(p.module, clips, layer, p.tokens, rows, run)
    return None if owners is None else {call: owners[call] for call in rows.calls_of(layer)}


@contextmanager
def _ablated(
    module: nn.Module, layer: LayerCall, owners: dict[int, Tensor], tokens: bool, channels: Tensor
) -> Iterator[None]:
    """While active, version b of the batch lacks channel ``channels[b]`` of the layer, in all its frames or tokens.

    Args:
        module: The network.
        layer: The layer.
        owners: For each call that counts, by its number, the version that each row belongs to; one for all rows.
        tokens: Whether the layer puts out tokens.
        channels: The channel that each version lacks.
    """
    calls = count()

    def hook(_: nn.Module, __: Any, output: Any) -> Any:
        owner = owners.get(next(calls))
        if owner is None:
            return None
        tensor, _grid = tensor_and_grid(output)
        assert tensor is not None
        values = tensor.clone(memory_format=torch.contiguous_format)
        # Tokens of one place each have as many rows a version as there are places.
        missing = channels[owner].repeat_interleave(len(values) // len(owner))
        numbers = torch.arange(len(values), device=values.device)
        if tokens:
            values[numbers, ..., missing] = 0
        else:
            values[numbers, missing] = 0
        return replaced(output, values)

    remove = hook_output(module, layer, hook)
    try:
        yield
    finally:
        remove()
