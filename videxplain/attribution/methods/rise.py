"""RISE: the score of the clip seen through random masks."""

from collections.abc import Iterator

import torch
import torch.nn.functional as F
from torch import Tensor

from videxplain.attribution.methods.hidden_parts import fall_of_scores
from videxplain.attribution.options import MOST_PASSES, Option
from videxplain.attribution.passes import Pass
from videxplain.attribution.registry import Attribution, register_method

_CELLS = 7
"""A mask has as many cells in the height and in the width of the picture (Petsiuk et al., section 4.2)."""
_FRAMES_A_CELL = 4
"""A mask has one cell in time for so many frames."""


@register_method(
    "rise",
    family="perturbation",
    summary="random masks, averaged with the scores of the masked clips as weights",
    paper="Petsiuk et al., BMVC 2018",
    cost="1 forward pass, and 500 (samples)",
    candidates=5,
    options=(
        Option(
            "samples",
            int,
            500,
            "How many masks. More masks cost more and give a map with less noise.",
            minimum=2,
            maximum=MOST_PASSES,
        ),
        Option("seed", int, 0, "The seed of the masks.", minimum=0),
    ),
)
def rise(p: Pass, samples: int = 500, seed: int = 0) -> Attribution:
    """RISE with masks in space and time: how the score goes with what each voxel shows (eq. 6).

    A mask is a grid of cells that are open with probability 1/2, enlarged, and shifted by a part of a cell. The score's
    mean over the masks is subtracted first. In the paper, where the score is a probability, the mean only adds the same
    to every voxel; subtracting it removes the noise that it would multiply. Every sample sees the same masks.

    Returns:
        Signed maps ``(M, N, T, H, W)``.
    """
    extents = tuple(int(extent) for extent in p.x.shape[2:])

    def masks() -> Iterator[Tensor]:
        generator = torch.Generator().manual_seed(seed)
        for _ in range(samples):
            yield random_mask(extents, generator).to(p.x.device)

    def collect(falls: Tensor) -> Tensor:
        scores = -falls  # the score of the whole clip, less a constant
        total = torch.zeros(extents, dtype=torch.float32, device=p.x.device)
        for mask, score in zip(masks(), scores - scores.mean(), strict=True):
            total += score * mask
        return total / (samples / 2)

    return fall_of_scores(p, lambda sample: (sample * mask for mask in masks()), collect)


def random_mask(extents: tuple[int, ...], generator: torch.Generator) -> Tensor:
    """A mask ``(T, H, W)`` of values in [0, 1]: cells open or closed by chance, enlarged, shifted by chance."""
    cells = [max(1, round(extents[0] / _FRAMES_A_CELL)), _CELLS, _CELLS]
    sides = [-(-extent // count) for extent, count in zip(extents, cells, strict=True)]
    grid = (torch.rand([1, 1, *(count + 1 for count in cells)], dtype=torch.float32, generator=generator) < 0.5).float()
    size = [(count + 1) * side for count, side in zip(cells, sides, strict=True)]
    large = F.interpolate(grid, size=size, mode="trilinear", align_corners=False)[0, 0]
    for dimension, (side, extent) in enumerate(zip(sides, extents, strict=True)):
        large = large.narrow(dimension, int(torch.randint(side, (), generator=generator)), extent)
    return large
