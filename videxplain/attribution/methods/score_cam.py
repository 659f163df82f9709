"""Class activation maps without gradients: one pass of the network for each channel of a layer."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from itertools import count
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from videxplain.attribution.engine import Precision, Trace, at_once, computing_in, forward, trace
from videxplain.attribution.layers import LayerCall, count_uses
from videxplain.attribution.registry import Attribution, Choose, method
from videxplain.attribution.targets import score_versions
from videxplain.attribution.tokens import lay_out, replaced, split
from videxplain.untouched import untouched

_COST = "1 forward pass, and 1 for each channel of the layer"


@method(
    "scorecam",
    family="cam",
    summary="channels weighted by the score of the clip seen through them alone",
    paper="Wang et al., CVPR workshop 2020",
    cost=_COST,
    layer="last",
    candidates=5,
)
def scorecam(
    module: nn.Module,
    x: Tensor,
    choose: Choose,
    layer: LayerCall | None,
    precision: Precision = "fp32",
) -> Attribution:
    """Score-CAM: each channel's weight is the softmax, over channels, of the score that the masked clip gets (eq. 8).

    The mask is the channel between its smallest and largest value, enlarged to the size of the input. The weights are
    never negative, so that a map appears even where no channel raises the score.

    Args:
        module: A network from ``(N, C, T, H, W)`` to ``(N, K)``.
        x: The batch.
        choose: Which scores to explain; they share all passes.
        layer: Where to look.
        precision: ``"bf16"`` runs the passes of masked clips in bfloat16.

    Returns:
        Maps ``(M, N, T, h, w)``, never negative.
    """
    assert layer is not None
    with trace(module, x, [layer], precision=precision) as run:
        activations, logits = run.activations(layer), run.logits.detach()
    low, high = activations.amin((2, 3, 4), keepdim=True), activations.amax((2, 3, 4), keepdim=True)
    # A channel that is the same everywhere hides everything.
    masks = (activations - low) / (high - low).clamp_min(1e-7)

    def masked(n: int, channels: Tensor) -> Tensor:
        size = tuple(x.shape[2:])
        mask = F.interpolate(masks[n, channels, None], size=size, mode="trilinear", align_corners=False)
        return forward(module, x[n] * mask)

    versions = _by_channel(module, x, activations.shape[1], precision, masked)
    return _weighted(activations, logits, versions, choose, lambda score, without: without.softmax(0))


@method(
    "ablationcam",
    family="cam",
    summary="channels weighted by how much the score falls without them",
    paper="Desai and Ramaswamy, WACV 2020",
    cost=_COST,
    layer="last",
    candidates=5,
)
def ablationcam(
    module: nn.Module,
    x: Tensor,
    choose: Choose,
    layer: LayerCall | None,
    precision: Precision = "fp32",
) -> Attribution:
    """Ablation-CAM: each channel's weight is the score less the score when the channel is zero.

    It is not divided by the score as in eq. 3: that would only scale the map of a clip, turn it around where the score
    is negative, and make windows of a video that have different scores incomparable.

    Args:
        module: A network from ``(N, C, T, H, W)`` to ``(N, K)``.
        x: The batch.
        choose: Which scores to explain; they share all passes.
        layer: Where to look.
        precision: ``"bf16"`` runs all passes in bfloat16.

    Returns:
        Maps ``(M, N, T, h, w)``, never negative.
    """
    assert layer is not None
    with trace(module, x, [layer], precision=precision) as run:
        activations, logits = run.activations(layer), run.logits.detach()
        uses, tokens = _uses(run, layer), run.forms[layer][0] is not None

    def without(n: int, channels: Tensor) -> Tensor:
        with _ablated(module, layer, uses, tokens, channels):
            return forward(module, x[n : n + 1].repeat(len(channels), 1, 1, 1, 1))

    versions = _by_channel(module, x, activations.shape[1], precision, without)
    return _weighted(activations, logits, versions, choose, lambda score, without: score - without)


def _by_channel(
    module: nn.Module, x: Tensor, channels: int, precision: Precision, run: Callable[[int, Tensor], Tensor]
) -> list[Tensor]:
    """For each sample the logits ``(channels, K)`` of its versions, as many at a time as memory should hold."""
    found = []
    with untouched(module), torch.no_grad(), computing_in(precision, x.device):
        for n in range(len(x)):
            parts = torch.arange(channels, device=x.device).split(at_once(x[n : n + 1]))
            found.append(torch.cat([run(n, part) for part in parts]))
    return found


def _weighted(
    activations: Tensor,
    logits: Tensor,
    versions: list[Tensor],
    choose: Choose,
    weigh: Callable[[Tensor, Tensor], Tensor],
) -> Attribution:
    maps = []
    for score in choose(logits):
        values = score(logits)
        weights = torch.stack(
            [weigh(values[n], score_versions(score, logits, n, one)) for n, one in enumerate(versions)]
        )
        maps.append(torch.einsum("nk,nkthw->nthw", weights, activations).relu())
    return Attribution(logits, torch.stack(maps))


def _uses(run: Trace, layer: LayerCall) -> int:
    shapes = [lay_out(call, form).shape for call, form in zip(run.outputs[layer], run.forms[layer], strict=True)]
    return count_uses(shapes, run.layout)


@contextmanager
def _ablated(module: nn.Module, layer: LayerCall, uses: int, tokens: bool, channels: Tensor) -> Iterator[None]:
    """While active, row b of the batch lacks channel ``channels[b]`` of the layer, in all its frames or tokens."""
    calls = count()

    def hook(_: nn.Module, __: Any, output: Any) -> Any:
        if next(calls) % uses != (layer.use or 0):
            return None
        tensor, _grid = split(output)
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
