"""One map from several layers: coarse ones know the class, fine ones the place."""

from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from videxplain.attribution.engine import Precision
from videxplain.attribution.layers import FusedLayers, LayerCall
from videxplain.attribution.registry import Attribution, Choose, Method
from videxplain.attribution.targets import Score


def run_method(
    method: Method,
    module: nn.Module,
    x: Tensor,
    choose: Choose,
    layer: LayerCall | FusedLayers | None,
    precision: Precision,
    **options: Any,
) -> Attribution:
    """One method on one batch, at one layer or, one after the other, at several whose maps are fused.

    The fused map is the geometric mean of the layers' maps, enlarged to the finest of them: evidence has to be in all
    of them. Maps of different layers have different units, and a geometric mean needs no common scale, which would be
    another one for every window of a video.

    Args:
        method: What to run; several layers need one whose maps are never negative.
        module: A network from ``(N, C, T, H, W)`` to ``(N, K)``.
        x: The batch.
        choose: Which scores to explain, asked once.
        layer: Where to look.
        precision: See :func:`videxplain.attribution.engine.trace`.
        **options: What the method takes besides.
    """
    if not isinstance(layer, FusedLayers):
        return method.run(module, x, choose, layer, precision, **options)
    scores: list[Score] = []

    def choose_once(logits: Tensor) -> list[Score]:
        if not scores:
            scores.extend(choose(logits))
        return scores

    found = [method.run(module, x, choose_once, one, precision, **options) for one in layer.layers]
    size = tuple(max(extent) for extent in zip(*(one.maps.shape[2:] for one in found), strict=True))
    enlarged = [F.interpolate(one.maps, size=size, mode="trilinear", align_corners=False) for one in found]
    # Each root is taken before the product, which would otherwise fall below the smallest float.
    roots = torch.stack([maps.pow(1 / len(enlarged)) for maps in enlarged])
    return Attribution(found[0].logits, roots.prod(0))
