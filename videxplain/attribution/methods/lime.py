"""LIME: a linear model of the score in which supervoxels of a clip are shown or hidden."""

import torch
from torch import Tensor

from videxplain.attribution.methods.coalitions import (
    COUNT,
    FEWEST,
    SAMPLES,
    SEED,
    SUPERVOXELS,
    Values,
    check_enough,
    explain_supervoxels,
    regression,
)
from videxplain.attribution.methods.hidden_parts import FILL
from videxplain.attribution.passes import Pass
from videxplain.attribution.registry import Attribution, register_method
from videxplain.attribution.supervoxels import SupervoxelKind
from videxplain.fills import Fill

_WIDTH = 0.25
"""Width of the kernel over cosine distances, as for images in the authors' code."""
_PENALTY = 1.0
"""Weight of the squared coefficients, as in the authors' code."""


@register_method(
    "lime",
    family="perturbation",
    summary="a linear model of the score around the clip: what each supervoxel adds, with an interval",
    paper="Ribeiro et al., KDD 2016",
    cost="1 forward pass, and 1000 (samples)",
    candidates=5,
    options=(SUPERVOXELS, COUNT, SAMPLES, FILL, SEED),
)
def lime(
    p: Pass,
    supervoxels: SupervoxelKind = "tubes",
    count: int = 64,
    samples: int = 1000,
    fill: Fill = "mean",
    seed: int = 0,
) -> Attribution:
    """The coefficients of a ridge regression of the score on which supervoxels are shown (eq. 1 and section 3.4).

    The clip itself and versions in which each supervoxel is shown with probability 1/2 are weighed by
    ``sqrt(exp(-d^2 / 0.25^2))``, d being the cosine distance from the clip, and squared coefficients are penalised with
    weight 1, both as for images in the authors' code. All supervoxels keep their coefficient; none is selected. The
    score is the network's output, not a probability. Every sample and every window has the same draw of versions, if it
    has as many supervoxels.

    Returns:
        Signed maps ``(M, N, T, H, W)``: each voxel has the value of its supervoxel. The intervals say how far values
        would vary with other versions. They do not say how far the network is from a linear one.

    Raises:
        VidexplainError: Fewer than four versions for each supervoxel.
    """
    check_enough("lime", count, samples, FEWEST)

    def draw(parts: int) -> Tensor:
        check_enough("lime", parts, samples, 2)  # SLIC may give more parts than were asked for
        generator = torch.Generator().manual_seed(seed)
        shown = torch.rand((samples, parts), dtype=torch.float32, generator=generator) < 0.5
        shown[0] = True
        return shown

    return explain_supervoxels(p, supervoxels, count, fill, draw, linear_model)


def linear_model(shown: Tensor, falls: Tensor) -> Values:
    """LIME's ridge regression with an intercept, which is not penalised.

    Args:
        shown: ``(versions, M)`` bool.
        falls: How far the score falls in each version, ``(versions,)``.
    """
    x, y, weights = shown.to(falls.dtype), -falls, nearness(shown)
    share = weights / weights.sum()
    x, y = x - share @ x, y - share @ y
    found, covariance = regression(x, y, weights, _PENALTY)
    return Values(found, covariance.diagonal().clamp_min(0).sqrt())


def nearness(shown: Tensor) -> Tensor:
    """The weight of each version, ``(versions,)``: 1 for the clip itself."""
    cosine = shown.double().mean(1).sqrt()  # between a vector of zeros and ones and one of ones
    return torch.exp(-(((1 - cosine) / _WIDTH) ** 2) / 2)
