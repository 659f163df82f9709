"""How the score changes when parts of a clip are hidden. All chosen scores share all passes."""

from collections.abc import Callable, Iterator, Sequence
from itertools import product

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from videxplain.attribution.engine import Precision, at_once, computing_in, forward
from videxplain.attribution.layers import LayerCall
from videxplain.attribution.registry import Attribution, Choose, method
from videxplain.attribution.targets import score_versions
from videxplain.errors import VidexplainError
from videxplain.fills import Fill, Filler, check_fill
from videxplain.untouched import untouched

_CELLS = 7
"""A RISE mask has as many cells in the height and in the width of the picture (Petsiuk et al., section 4.2)."""
_FRAMES_A_CELL = 4
"""And one in time for so many frames."""


@method(
    "occlusion",
    family="perturbation",
    summary="how much the score falls when a box in space and time is hidden",
    paper="Zeiler and Fergus, ECCV 2014",
    cost="1 forward pass, and 1 for each box: some 8 x 11 x 11 at 16 frames",
    candidates=5,
    options=("box", "fill"),
)
def occlusion(
    module: nn.Module,
    x: Tensor,
    choose: Choose,
    layer: LayerCall | None = None,
    precision: Precision = "fp32",
    box: Sequence[int] | None = None,
    fill: Fill = "mean",
) -> Attribution:
    """The fall of the score when a box is hidden, averaged over the boxes that cover a voxel.

    Boxes lie half a box apart; at the far borders they are cut off. What sticks out is not moved back.

    Args:
        module: A network from ``(N, C, T, H, W)`` to ``(N, K)``.
        x: The batch.
        choose: Which scores to explain.
        layer: Not looked at: the input is explained.
        precision: ``"bf16"`` runs all passes in bfloat16 where autocast does.
        box: Frames, rows and columns of a box; None for a quarter of the frames and a sixth of the height and width.
        fill: What the box is filled with: ``"mean"``, the mean colour; ``"blur"``, the picture out of focus;
            ``"freeze"``, what was there in the frame before the box (after it, where there is none before).

    Returns:
        Signed maps ``(M, N, T, H, W)``.
    """
    extents = tuple(int(extent) for extent in x.shape[2:])
    size = _box(box, extents)
    boxes = [
        tuple(slice(start, start + edge) for start, edge in zip(corner, size, strict=True))
        for corner in product(*(_starts(extent, edge) for extent, edge in zip(extents, size, strict=True)))
    ]
    count = torch.zeros(extents, device=x.device)
    for where in boxes:
        count[where] += 1

    def hidden(sample: Tensor) -> Iterator[Tensor]:
        without = Filler(sample, fill)
        for where in boxes:
            part = torch.zeros(extents, dtype=torch.bool, device=x.device)
            part[where] = True
            yield without(part)

    def collect(falls: Tensor) -> Tensor:
        total = torch.zeros(extents, device=x.device)
        for where, fall in zip(boxes, falls, strict=True):
            total[where] += fall
        return total / count

    check_fill(fill)
    return _explain(module, x, choose, precision, hidden, collect)


@method(
    "frame-occlusion",
    family="perturbation",
    summary="how much the score falls without a frame: when, and not where",
    paper="Zeiler and Fergus, ECCV 2014, with boxes of whole frames",
    cost="1 forward pass, and 1 for each frame",
    candidates=5,
    options=("fill",),
)
def frame_occlusion(
    module: nn.Module,
    x: Tensor,
    choose: Choose,
    layer: LayerCall | None = None,
    precision: Precision = "fp32",
    fill: Fill = "mean",
) -> Attribution:
    """The fall of the score when a whole frame is hidden, one frame at a time.

    The arguments are those of :func:`occlusion`. With ``fill="freeze"`` a frame is replaced by the one before it, so
    that what falls is owed to movement.

    Returns:
        Signed maps ``(M, N, T, 1, 1)``.
    """
    check_fill(fill)

    def hidden(sample: Tensor) -> Iterator[Tensor]:
        without = Filler(sample, fill)
        frames = torch.arange(sample.shape[2], device=x.device)[:, None, None].expand(sample.shape[2:])
        for t in range(sample.shape[2]):
            yield without(frames == t)

    return _explain(module, x, choose, precision, hidden, lambda falls: falls[:, None, None])


@method(
    "rise",
    family="perturbation",
    summary="the score of the clip seen through many random masks",
    paper="Petsiuk et al., BMVC 2018",
    cost="1 forward pass, and 500 (samples)",
    candidates=5,
    options=("samples", "seed"),
)
def rise(
    module: nn.Module,
    x: Tensor,
    choose: Choose,
    layer: LayerCall | None = None,
    precision: Precision = "fp32",
    samples: int = 500,
    seed: int = 0,
) -> Attribution:
    """RISE with masks in space and time: how the score goes with what each voxel shows (eq. 6).

    A mask is a grid of cells that are open with probability 1/2, enlarged, and shifted by a part of a cell. The score's
    mean over the masks is subtracted first: in the paper, where it is a probability, it only adds the same to every
    voxel, and subtracting it takes out the noise that it would multiply.

    Args:
        module: A network from ``(N, C, T, H, W)`` to ``(N, K)``.
        x: The batch.
        choose: Which scores to explain.
        layer: Not looked at: the input is explained.
        precision: ``"bf16"`` runs all passes in bfloat16 where autocast does.
        samples: How many masks.
        seed: Of the masks; every sample sees the same.

    Returns:
        Signed maps ``(M, N, T, H, W)``.
    """
    if samples < 2:
        raise VidexplainError(f"samples is a number of masks, at least 2, not {samples}")
    extents = tuple(int(extent) for extent in x.shape[2:])

    def masks() -> Iterator[Tensor]:
        generator = torch.Generator().manual_seed(seed)
        for _ in range(samples):
            yield random_mask(extents, generator).to(x.device)

    def collect(falls: Tensor) -> Tensor:
        scores = -falls  # the score of the whole clip, less a constant
        total = torch.zeros(extents, device=x.device)
        for mask, score in zip(masks(), scores - scores.mean(), strict=True):
            total += score * mask
        return total / (samples / 2)

    return _explain(module, x, choose, precision, lambda sample: (sample * mask for mask in masks()), collect)


def random_mask(extents: tuple[int, ...], generator: torch.Generator) -> Tensor:
    """A mask ``(T, H, W)`` of values in [0, 1]: cells open or closed by chance, enlarged, shifted by chance."""
    cells = [max(1, round(extents[0] / _FRAMES_A_CELL)), _CELLS, _CELLS]
    sides = [-(-extent // count) for extent, count in zip(extents, cells, strict=True)]
    grid = (torch.rand([1, 1, *(count + 1 for count in cells)], generator=generator) < 0.5).float()
    size = [(count + 1) * side for count, side in zip(cells, sides, strict=True)]
    large = F.interpolate(grid, size=size, mode="trilinear", align_corners=False)[0, 0]
    for dimension, (side, extent) in enumerate(zip(sides, extents, strict=True)):
        large = large.narrow(dimension, int(torch.randint(side, (), generator=generator)), extent)
    return large


def _explain(
    module: nn.Module,
    x: Tensor,
    choose: Choose,
    precision: Precision,
    versions: Callable[[Tensor], Iterator[Tensor]],
    collect: Callable[[Tensor], Tensor],
) -> Attribution:
    """Run the versions ``(1, C, T, H, W)`` of each sample; ``collect`` makes a map of how far its score falls."""
    with untouched(module), torch.no_grad(), computing_in(precision, x.device):
        logits = forward(module, x)
        found = []
        for n in range(len(x)):
            sample, parts, held = x[n : n + 1], [], []
            for version in versions(sample):
                held.append(version)
                if len(held) == at_once(sample):
                    parts.append(forward(module, torch.cat(held)))
                    held = []
            if held:
                parts.append(forward(module, torch.cat(held)))
            found.append(torch.cat(parts))
        maps = []
        for score in choose(logits):
            values = score(logits)
            falls = [values[n] - score_versions(score, logits, n, one) for n, one in enumerate(found)]
            maps.append(torch.stack([collect(fall) for fall in falls]))
    return Attribution(logits, torch.stack(maps))


def _box(box: Sequence[int] | None, extents: tuple[int, ...]) -> tuple[int, ...]:
    if box is None:
        return max(1, extents[0] // 4), max(1, extents[1] // 6), max(1, extents[2] // 6)
    size = tuple(int(edge) for edge in box)
    if len(size) != 3 or min(size) < 1:
        raise VidexplainError(f"a box has frames, rows and columns, at least 1 each, not {tuple(box)}")
    return tuple(min(edge, extent) for edge, extent in zip(size, extents, strict=True))


def _starts(extent: int, edge: int) -> range:
    """Where boxes begin along a dimension: half a box apart, until one reaches the end."""
    stride = max(1, edge // 2)
    return range(0, max(extent - edge, 0) + stride, stride)
