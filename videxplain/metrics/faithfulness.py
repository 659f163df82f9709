"""Does the network use what the map shows?

Parts of a clip are hidden in the order of the map's values, and the score is recorded.
"""

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Literal, TypeAlias

import torch
from torch import Tensor

from videxplain.errors import VidexplainError, unknown
from videxplain.fills import Fill, Filler

Score: TypeAlias = Callable[[Tensor], Tensor]
"""Versions of one clip ``(B, C, T, H, W)`` to a score each, ``(B,)``; here the probability of a class."""
Unit: TypeAlias = Literal["voxel", "tubelet", "frame"]
UNITS = ("voxel", "tubelet", "frame")
TUBELET = (4, 8, 8)
"""Into so many tubelets a clip is divided in time, height and width, as far as it has frames and pixels."""
_VOXELS = 4 * 16 * 112 * 112
"""So many positions, over all versions of a clip, are scored together."""


@dataclass(frozen=True, eq=False)
class Curve:
    """A score while a clip is hidden or shown step by step.

    Attributes:
        shares: ``(S + 1,)``, how much has been hidden or shown, from 0 to 1.
        scores: ``(S + 1,)``.
    """

    shares: Tensor
    scores: Tensor

    @property
    def area(self) -> float:
        """The area under the curve, by trapezoids."""
        return float(torch.trapezoid(self.scores.double(), self.shares.double()))


def deletion(
    score: Score, x: Tensor, heat: Tensor, *, unit: Unit = "tubelet", fill: Fill = "mean", steps: int = 20
) -> Curve:
    """The score while the clip is hidden, the most important part first (Petsiuk et al., BMVC 2018, section 3.4).

    A low area speaks for the map. Units of equal importance are hidden in the order of time, rows and columns.

    Args:
        score: See ``Score``.
        x: One clip ``(1, C, T, H, W)``, normalised, so that zero is the mean colour.
        heat: ``(T, H, W)``; larger is more important, also among negative values.
        unit: The smallest part that is hidden at once: a ``"voxel"``; a ``"tubelet"``, a box of a quarter of the frames
            and an eighth of the height and width, ranked by its mean; or a ``"frame"``, ranked by its mean.
        fill: The replacement: ``"mean"``, the mean colour; ``"blur"``, the blurred picture; ``"freeze"``, the last
            earlier frame in which this place was not hidden.
        steps: Number of steps; at most the number of units.
    """
    return _curve(score, x, heat, unit, fill, steps, hide=True)


def insertion(
    score: Score, x: Tensor, heat: Tensor, *, unit: Unit = "tubelet", fill: Fill = "mean", steps: int = 20
) -> Curve:
    """The score while the clip is shown, the most important part first; a high area speaks for the map.

    The arguments are those of :func:`deletion`. It begins with the whole clip hidden.
    """
    return _curve(score, x, heat, unit, fill, steps, hide=False)


def average_drop(score: Score, x: Tensor, heat: Tensor) -> float:
    """The share of the score that is lost when the clip is seen through the map; 0 if the score rises.

    Chattopadhyay et al. (Grad-CAM++), WACV 2018, section 4.1, for one clip. Negative values of the map count as zero,
    as in the paper, whose maps end with a ReLU; otherwise places without evidence would be shown by half in a signed
    map. The map is then scaled to [0, 1] and multiplied with the normalised clip, so that unimportant places turn into
    the mean colour.
    """
    whole, seen = _through(score, x, heat)
    return max(0.0, whole - seen) / whole if whole > 0 else 0.0


def increase(score: Score, x: Tensor, heat: Tensor) -> float:
    """1 if the score rises when the clip is seen through the map, as in :func:`average_drop`; otherwise 0."""
    whole, seen = _through(score, x, heat)
    return float(seen > whole)


def ranks(heat: Tensor, unit: Unit = "tubelet") -> Tensor:
    """The place of each voxel in the order of hiding: ``(T, H, W)`` of numbers, 0 for the most important unit."""
    if unit not in UNITS:
        raise unknown("unit", unit, UNITS)
    if heat.ndim != 3 or not torch.isfinite(heat).all():
        raise VidexplainError(f"a map is finite and (T, H, W), not {tuple(heat.shape)}")
    frames, height, width = heat.shape
    if unit == "voxel":
        names = torch.arange(heat.numel(), device=heat.device).reshape(heat.shape)
    else:
        counts = (frames, 1, 1) if unit == "frame" else TUBELET
        t, y, x = (
            torch.arange(extent, device=heat.device) * min(count, extent) // extent
            for extent, count in zip(heat.shape, counts, strict=True)
        )
        rows, columns = min(counts[1], height), min(counts[2], width)
        names = (t[:, None, None] * rows + y[:, None]) * columns + x
    values = heat.double().flatten()
    number = int(names.max()) + 1
    sums = torch.zeros(number, dtype=torch.float64, device=heat.device).index_add_(0, names.flatten(), values)
    order = (sums / names.flatten().bincount(minlength=number)).argsort(descending=True, stable=True)
    places = torch.empty_like(order)
    places[order] = torch.arange(number, device=heat.device)
    return places[names]


def _curve(score: Score, x: Tensor, heat: Tensor, unit: Unit, fill: Fill, steps: int, hide: bool) -> Curve:
    check_pair(x, heat)
    if steps < 1:
        raise VidexplainError(f"steps is a number, at least 1, not {steps}")
    places = ranks(heat, unit)
    number = int(places.max()) + 1
    # The share is one of units, and rounded up, so that every step hides something and the last one all.
    reached = sorted({math.ceil(number * step / steps) for step in range(steps + 1)})

    without = Filler(x, fill)
    versions = (without(places < count if hide else places >= count) for count in reached)
    scores = in_batches(score, versions, x)
    shares = torch.tensor([count / number for count in reached], dtype=torch.float64)
    return Curve(shares, scores)


def in_batches(score: Score, versions: Iterator[Tensor], x: Tensor) -> Tensor:
    """Scores of versions ``(1, C, T, H, W)`` of a clip, several at once where they are small; on the CPU."""
    together = max(1, _VOXELS // x[0, 0].numel())
    scores: list[Tensor] = []
    held: list[Tensor] = []
    with torch.no_grad():
        for version in versions:
            held.append(version)
            if len(held) == together:
                scores.append(score(torch.cat(held)).detach().cpu())
                held = []
        if held:
            scores.append(score(torch.cat(held)).detach().cpu())
    return torch.cat(scores)


def _through(score: Score, x: Tensor, heat: Tensor) -> tuple[float, float]:
    check_pair(x, heat)
    heat = heat.clamp(min=0)
    low, high = heat.min(), heat.max()
    # A map that is the same everywhere singles nothing out: the clip is not seen at all.
    mask = (heat - low) / (high - low) if high > low else torch.zeros_like(heat)
    whole, seen = in_batches(score, iter((x, x * mask)), x).tolist()
    return whole, seen


def check_pair(x: Tensor, heat: Tensor) -> None:
    """Raise unless a map belongs to a clip."""
    if x.ndim != 5 or len(x) != 1 or x.shape[2:] != heat.shape:
        shapes = f"{tuple(x.shape)} and {tuple(heat.shape)}"
        raise VidexplainError(f"a clip (1, C, T, H, W) and its map (T, H, W) belong together, not {shapes}")
