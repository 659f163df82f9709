"""Values of supervoxels from the scores of a clip in which some of them are hidden; LIME and Kernel SHAP share this."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import TypeAlias

import torch
from torch import Tensor

from videxplain.attribution.methods.hidden_parts import falls_of_samples
from videxplain.attribution.options import MOST_PASSES, Option
from videxplain.attribution.passes import Pass
from videxplain.attribution.registry import Attribution
from videxplain.attribution.supervoxels import KINDS, SupervoxelKind, supervoxels
from videxplain.errors import VidexplainError
from videxplain.fills import Fill, Filler

SUPERVOXELS = Option(
    "supervoxels",
    str,
    "tubes",
    "The parts that are hidden: cells that follow the optical flow, cells of one colour (SLIC), or boxes.",
    choices=KINDS,
)
COUNT = Option("count", int, 64, "About how many supervoxels the clip is cut into.", minimum=1, maximum=10_000)
SAMPLES = Option(
    "samples",
    int,
    1000,
    "How many versions of the clip are run. More versions cost more and give narrower intervals.",
    minimum=2,
    maximum=MOST_PASSES,
)
SEED = Option("seed", int, 0, "The seed of the versions.", minimum=0)

FEWEST = 4
"""So many versions for each supervoxel are the fewest from which values and intervals can be estimated."""
_QUANTILE = 1.959964
"""A normal value lies within so many standard errors of its mean with a probability of 95 %."""


@dataclass(frozen=True)
class Values:
    """What was estimated for each of M supervoxels.

    Attributes:
        estimate: ``(M,)``, float64.
        error: Its standard error, ``(M,)``; zero where it is exact.
    """

    estimate: Tensor
    error: Tensor


Draw: TypeAlias = Callable[[int], Tensor]
"""From the number of supervoxels M to the versions that are tried: ``(versions, M)`` bool, True where one is shown."""
Solve: TypeAlias = Callable[[Tensor, Tensor], Values]
"""From the versions, and how far the score falls in each, float64 ``(versions,)``, to the values."""


def explain_supervoxels(p: Pass, kind: SupervoxelKind, count: int, fill: Fill, draw: Draw, solve: Solve) -> Attribution:
    """Cut each sample into supervoxels, run its versions, and give each voxel the value of its supervoxel.

    Args:
        p: The pass. All its scores share all versions.
        kind: The kind of supervoxels.
        count: About how many of them.
        fill: What takes the place of a hidden one.
        draw: Which versions are tried.
        solve: How values follow from the scores.
    """
    parts: list[Tensor] = []
    tried: list[Tensor] = []

    def versions(sample: Tensor) -> Iterator[Tensor]:
        labels = supervoxels(sample, kind, count)
        shown = draw(int(labels.max()) + 1).to(sample.device)
        parts.append(labels)
        tried.append(shown)
        without = Filler(sample, fill)
        for one in shown:
            yield without(~one[labels])

    logits, falls = falls_of_samples(p, versions)
    maps, half_widths = [], []
    for of_samples in falls:
        values = [solve(shown.cpu(), fall.double().cpu()) for shown, fall in zip(tried, of_samples, strict=True)]
        maps.append(_painted(parts, [one.estimate for one in values]))
        half_widths.append(_painted(parts, [_QUANTILE * one.error for one in values]))
    return Attribution(logits, torch.stack(maps), torch.stack(half_widths))


def check_enough(method: str, parts: int, samples: int, fewest: int) -> None:
    """Raise where fewer than ``fewest`` versions are tried for each supervoxel; values would then mean nothing."""
    if samples < fewest * parts:
        raise VidexplainError(
            f"{method} needs {fewest * parts} samples for {parts} supervoxels, and got {samples}: give more samples, "
            "or a smaller count"
        )


def _painted(parts: list[Tensor], values: list[Tensor]) -> Tensor:
    """For each sample the value of each voxel's supervoxel, ``(N, T, H, W)``."""
    return torch.stack([one.float().to(labels.device)[labels] for labels, one in zip(parts, values, strict=True)])


def regression(x: Tensor, y: Tensor, weights: Tensor, penalty: float = 0.0) -> tuple[Tensor, Tensor]:
    """Weighted least squares with a ridge penalty, through the origin.

    Args:
        x: ``(n, M)``, float64.
        y: ``(n,)``.
        weights: ``(n,)``.
        penalty: Times the sum of the squared coefficients.

    Returns:
        The coefficients ``(M,)``, and their covariance ``(M, M)`` over other draws of the rows, which holds whatever
        the residuals are (HC3; MacKinnon and White, Journal of Econometrics 1985).
    """
    weighted = x * weights[:, None]
    inverse = torch.linalg.inv(x.T @ weighted + penalty * torch.eye(x.shape[1], dtype=x.dtype))
    found = inverse @ (weighted.T @ y)
    leverage = ((weighted @ inverse) * x).sum(1)
    residuals = (y - x @ found) / (1 - leverage).clamp_min(1e-9)
    spread = weighted * residuals[:, None]
    return found, inverse @ (spread.T @ spread) @ inverse
