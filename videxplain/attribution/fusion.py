"""Run a method at one layer, or at several whose maps become one."""

import dataclasses
from typing import Any

import torch
import torch.nn.functional as F

from videxplain.attribution.default_layer import note_of_default
from videxplain.attribution.layers import FusedLayers
from videxplain.attribution.passes import Pass
from videxplain.attribution.registry import Attribution, Method
from videxplain.attribution.rows.layer_rows import note_of_placement
from videxplain.attribution.versions import VARIES, known_to_vary
from videxplain.exclusive import alone
from videxplain.network_answers import look_now
from videxplain.untouched import without_autocast


def run_method(method: Method, p: Pass, **options: Any) -> Attribution:
    """Run a method on one pass. Where the pass has several layers, run it at each and fuse the maps.

    Coarse layers know the class, fine layers the place. The fused map is the geometric mean of the layers' maps, each
    enlarged to the size of the finest: only what all layers show stays. A geometric mean needs no common scale of the
    layers, and a scale would differ between the windows of a video.

    Args:
        method: The method. At several layers its maps must never be negative.
        p: The pass. Its scores are chosen once for all layers.
        **options: The options of the method.
    """
    with alone(p.module), without_autocast():  # a method may set hooks of its own, and compute outside the network
        look_now(p.module)  # before passes leave marks in it
        if not isinstance(p.layer, FusedLayers):
            return _with_notes(method.run(p, **options), p)
        results = [method.run(p.at(layer), **options) for layer in p.layer.layers]
    size = tuple(max(extent) for extent in zip(*(one.maps.shape[2:] for one in results), strict=True))
    enlarged = [F.interpolate(one.maps, size=size, mode="trilinear", align_corners=False) for one in results]
    # Each root is taken before the product, which would otherwise fall below the smallest float.
    roots = torch.stack([maps.pow(1 / len(enlarged)) for maps in enlarged])
    return _with_notes(Attribution(results[0].logits, roots.prod(0)), p)


def _with_notes(result: Attribution, p: Pass) -> Attribution:
    layers = p.layer.layers if isinstance(p.layer, FusedLayers) else (p.layer,) if p.layer else ()
    notes = (
        VARIES if known_to_vary(p.module) else "",
        note_of_default(p.module, p.layer),
        *(note_of_placement(p.module, p.x, layer, p.tokens) for layer in layers),
    )
    return dataclasses.replace(result, notes=(*result.notes, *filter(None, notes)))
