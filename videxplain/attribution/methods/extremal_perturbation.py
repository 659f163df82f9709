"""The part of a clip, of a given size, that alone keeps the score up: masks smooth in space and time."""

from collections.abc import Sequence
from typing import Literal

import torch
import torch.nn.functional as F
from torch import Tensor

from videxplain.attribution.methods.mask_search import STEPS, Reward, optimise
from videxplain.attribution.options import Option
from videxplain.attribution.passes import Pass
from videxplain.attribution.registry import Attribution, register_method
from videxplain.fills import blur

AREAS = (0.05, 0.1, 0.2)
_CELL = 8
"""A mask has a value for so many rows and columns of the input, and one for each frame."""
_SIGMA = (1.0, 1.0, 1.0)
"""Width of the smoothing kernel in frames and cells."""
_AREA_WEIGHT, _GROWTH = 1.0, 300.0
"""The weight of the area's error at the first step, when the score leads, and by how much it has grown at the last."""
_RATE, _TEMPERATURE = 0.05, 20.0
_EQUAL = 1e-5
"""Values of a mask in one step of this size are equal, as far as rounding lets them be."""


@register_method(
    "extremal-perturbation",
    family="perturbation",
    summary="small parts of the clip, smooth in space and time, that are enough to keep the score",
    paper="Fong et al., ICCV 2019; for video after Li et al., WACV 2021",
    cost="2 forward passes, and 3 x 100 (areas x steps) forward and backward passes",
    candidates=1,
    gradients=True,
    options=(
        STEPS,
        Option(
            "areas",
            tuple[float, ...],
            AREAS,
            "Which share of the clip each mask shows. There is a mask for each share, so the cost grows with them.",
            minimum=0.001,
            maximum=0.999,
            metavar="SHARE,...",
        ),
        Option(
            "fill",
            str,
            "blur",
            "What replaces the hidden parts: the blurred picture, or the mean colour.",
            ("blur", "mean"),
        ),
    ),
)
def extremal_perturbation(
    p: Pass, steps: int = 100, areas: Sequence[float] = AREAS, fill: Literal["blur", "mean"] = "blur"
) -> Attribution:
    """The mean of the best masks of several sizes, each found by gradient ascent.

    A mask shows the clip where it is 1 and the fill where it is 0. It maximises the score less a weight times
    ``mean((sort(m) - r_a)^2)``, where r_a is 0 for a share 1 - a of the voxels and 1 for the others (Fong et al., eq. 2
    and section 3.2). So its area is a, and its values are near 0 and 1. It is smooth because it is a soft maximum of
    bumps (their eq. 5 and 6), one for each cell of 8 x 8 pixels in a frame. Bumps reach as far into neighbouring frames
    as into neighbouring cells. Li et al. make the mask smooth in time in another way, by a second ranking of its means
    over ellipsoids. So this is Fong et al.'s method in space and time, not Li et al.'s.

    The score is scaled so that it is 0 where nothing is seen and 1 where all is, and the weight means the same for
    every score. The weight grows from 1 to 300 during the search. Values start at 1/2; nothing is random.

    Returns:
        Maps ``(M, N, T, h, w)`` in [0, 1]: in how many of the masks a place is.
    """

    def filling(sample: Tensor) -> Tensor:
        return blur(sample) if fill == "blur" else torch.zeros_like(sample)

    def search(reward: Reward, sample: Tensor) -> Tensor:
        other = filling(sample)
        return torch.stack([_best_mask(reward, sample, other, area, steps) for area in areas]).mean(0)

    return optimise(p, filling, search)


def smooth_maximum(cells: Tensor, sigma: Sequence[float] = _SIGMA) -> Tensor:
    """Bumps of Gaussian shape around each cell of ``(t, h, w)``, of which the largest counts at each place, softly.

    ``m(u) = softmax-weighted mean over v of k(u - v) p(v)`` (Fong et al., eq. 5 and 6), one dimension after the other:
    the maximum of a product of what is not negative is the product of the maxima.
    """
    for dimension, width in enumerate(sigma):
        reach = max(1, round(2 * width))
        kernel = torch.exp(
            -0.5 * (torch.arange(-reach, reach + 1, dtype=cells.dtype, device=cells.device) / width) ** 2
        )
        moved = F.pad(cells.movedim(dimension, -1), (reach, reach)).unfold(-1, 2 * reach + 1, 1) * kernel
        cells = (moved * (_TEMPERATURE * moved).softmax(-1)).sum(-1).movedim(-1, dimension)
    return cells


def area_error(mask: Tensor, area: float) -> Tensor:
    """How far the sorted values of a mask are from 0 in a share ``1 - area`` and 1 in the rest, squared, on average.

    Equal values have no order, so they share what their places ask for. At first all are equal, and a sort would choose
    the places that rise, each machine others.
    """
    values = mask.flatten().sort().values
    wanted = torch.zeros_like(values)
    wanted[values.numel() - max(1, round(area * values.numel())) :] = 1
    _, group, counts = (values.detach() / _EQUAL).round().unique_consecutive(return_inverse=True, return_counts=True)
    shared = (wanted.new_zeros(len(counts)).index_add_(0, group, wanted) / counts)[group]
    # The mean of (value - wanted)^2 over all orders of equal values, because 0 and 1 are their own squares.
    return (values.square() - 2 * values * shared + shared).mean()


def _best_mask(reward: Reward, sample: Tensor, other: Tensor, area: float, steps: int) -> Tensor:
    frames, height, width = sample.shape[2:]
    size = (frames, -(-height // _CELL), -(-width // _CELL))
    cells = sample.new_full(size, 0.5, dtype=torch.float32).requires_grad_()
    ascent = torch.optim.Adam([cells], lr=_RATE)
    for step in range(steps):
        mask = smooth_maximum(cells)
        large = F.interpolate(mask[None, None], size=(frames, height, width), mode="trilinear", align_corners=False)
        weight = _AREA_WEIGHT * _GROWTH ** (step / steps)
        loss = weight * area_error(mask, area) - reward(large * sample + (1 - large) * other)
        (cells.grad,) = torch.autograd.grad(loss, cells)
        ascent.step()
        with torch.no_grad():
            cells.clamp_(0, 1)
    return smooth_maximum(cells).detach()
