"""Occlusion: how much the score falls when a box in space and time is hidden."""

from collections.abc import Iterator, Sequence
from itertools import product

import torch
from torch import Tensor

from videxplain.attribution.methods.hidden_parts import FILL, fall_of_scores
from videxplain.attribution.options import Option
from videxplain.attribution.passes import Pass
from videxplain.attribution.registry import Attribution, register_method
from videxplain.fills import Fill, Filler

_BOX = Option(
    "box",
    tuple[int, int, int],
    None,
    "Frames, rows and columns of the box, in the network's input. A small box means many passes.",
    minimum=1,
    metavar="T,H,W",
)


@register_method(
    "occlusion",
    family="perturbation",
    summary="how much the score falls when a box in space and time is hidden",
    paper="Zeiler and Fergus, ECCV 2014",
    cost="1 forward pass, and 1 for each box: some 8 x 11 x 11 at 16 frames",
    candidates=5,
    options=(_BOX, FILL),
)
def occlusion(p: Pass, box: Sequence[int] | None = None, fill: Fill = "mean") -> Attribution:
    """The fall of the score when a box is hidden, averaged over the boxes that cover a voxel.

    Boxes lie half a box apart. At the far borders they are cut off, and not moved back. The default box has a quarter
    of the frames and a sixth of the height and width. ``fill`` is that of :class:`videxplain.fills.Filler`.

    Returns:
        Signed maps ``(M, N, T, H, W)``.
    """
    extents = tuple(int(extent) for extent in p.x.shape[2:])
    size = _box(box, extents)
    boxes = [
        tuple(slice(start, start + edge) for start, edge in zip(corner, size, strict=True))
        for corner in product(*(_starts(extent, edge) for extent, edge in zip(extents, size, strict=True)))
    ]
    count = torch.zeros(extents, dtype=torch.float32, device=p.x.device)
    for where in boxes:
        count[where] += 1

    def hidden(sample: Tensor) -> Iterator[Tensor]:
        without = Filler(sample, fill)
        for where in boxes:
            part = torch.zeros(extents, dtype=torch.bool, device=p.x.device)
            part[where] = True
            yield without(part)

    def collect(falls: Tensor) -> Tensor:
        total = torch.zeros(extents, dtype=torch.float32, device=p.x.device)
        for where, fall in zip(boxes, falls, strict=True):
            total[where] += fall
        return total / count

    return fall_of_scores(p, hidden, collect)


def _box(box: Sequence[int] | None, extents: tuple[int, ...]) -> tuple[int, ...]:
    if box is None:
        return max(1, extents[0] // 4), max(1, extents[1] // 6), max(1, extents[2] // 6)
    return tuple(min(int(edge), extent) for edge, extent in zip(box, extents, strict=True))


def _starts(extent: int, edge: int) -> range:
    """Where boxes begin along a dimension: half a box apart, until one reaches the end."""
    stride = max(1, edge // 2)
    return range(0, max(extent - edge, 0) + stride, stride)
