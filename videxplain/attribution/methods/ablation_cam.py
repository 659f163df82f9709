"""Ablation-CAM: channels weighted by how much the score falls without them."""

from collections.abc import Iterator
from contextlib import contextmanager
from itertools import count
from typing import Any

import torch
from torch import Tensor, nn

from videxplain.attribution.engine import Trace
from videxplain.attribution.layers import LayerCall, count_uses
from videxplain.attribution.methods.channel_passes import COST, weight_channels
from videxplain.attribution.passes import Pass
from videxplain.attribution.registry import Attribution, register_method
from videxplain.attribution.tokens import lay_out, replaced, tensor_and_grid


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
        uses, tokens = _uses(run, layer), run.forms[layer][0] is not None

    def without(n: int, channels: Tensor) -> Tensor:
        with _ablated(p.module, layer, uses, tokens, channels):
            return p.logits(p.x[n : n + 1].repeat(len(channels), 1, 1, 1, 1))

    return weight_channels(p, activations, logits, without, lambda score, ablated: score - ablated)


def _uses(run: Trace, layer: LayerCall) -> int:
    shapes = [lay_out(call, form).shape for call, form in zip(run.outputs[layer], run.forms[layer], strict=True)]
    return count_uses(shapes, run.shape)


@contextmanager
def _ablated(module: nn.Module, layer: LayerCall, uses: int, tokens: bool, channels: Tensor) -> Iterator[None]:
    """While active, row b of the batch lacks channel ``channels[b]`` of the layer, in all its frames or tokens."""
    calls = count()

    def hook(_: nn.Module, __: Any, output: Any) -> Any:
        if next(calls) % uses != (layer.use or 0):
            return None
        tensor, _grid = tensor_and_grid(output)
        assert tensor is not None
        values = tensor.clone(memory_format=torch.contiguous_format)
        rows = torch.arange(len(channels), device=values.device)
        # A row of the batch may be several rows of the layer, one a frame.
        by_row = values.unflatten(0, (len(channels), -1))
        if tokens:
            by_row[rows, ..., channels] = 0
        else:
            by_row[rows, :, channels] = 0
        return replaced(output, values)

    handle = module.get_submodule(layer.name).register_forward_hook(hook)
    try:
        yield
    finally:
        handle.remove()
