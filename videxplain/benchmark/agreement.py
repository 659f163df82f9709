"""Do methods agree about a clip? The rank correlation of their maps."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from torch import Tensor

from videxplain.files import file_stem
from videxplain.metrics.randomisation import centred_ranks

GRID = 28
"""Rows and columns at most of the maps that are compared."""


@dataclass(frozen=True, eq=False)
class Agreement:
    """How alike the maps of M methods are, over clips.

    Attributes:
        methods: Their names.
        correlation: ``(M, M)``: Spearman's rank correlation of two methods' maps of one clip, the mean over clips; NaN
            for two methods that have no clip in common.
        clips: ``(M, M)``: how many clips that is.
    """

    methods: tuple[str, ...]
    correlation: NDArray[np.float64]
    clips: NDArray[np.int64]


def small_map(heat: Tensor) -> Tensor:
    """A map ``(T, H, W)`` averaged over squares, ``(T, h, w)`` with at most ``GRID`` rows and columns.

    Maps of single pixels and maps of a coarse layer are compared at the same fineness. The largest value becomes 1 or
    -1, because float16, in which maps are kept, has no room for small gradients.
    """
    rows, columns = (min(GRID, extent) for extent in heat.shape[1:])
    small = F.adaptive_avg_pool2d(heat.float(), (rows, columns))
    largest = small.abs().max()
    return small / largest if largest > 0 else small


def small_map_path(out: Path, model: str, method: str, video: str) -> Path:
    """Where the small map of an explanation is kept."""
    return out / "maps" / file_stem(model) / file_stem(video) / f"{file_stem(method)}.npy"


def agreement(out: Path, model: str, methods: Sequence[str], videos: Sequence[str]) -> Agreement:
    """Compare the small maps that a folder holds.

    Args:
        out: The folder of a benchmark.
        model: The network, as it was asked for.
        methods: Names.
        videos: Names of clips. A clip counts for two methods if both have a map of it that is not the same everywhere.
    """
    total = np.zeros((len(methods), len(methods)))
    clips = np.zeros(total.shape, np.int64)
    for video in videos:
        ranked = [_ranked(small_map_path(out, model, method, video)) for method in methods]
        known = np.array([ranks is not None for ranks in ranked])
        if known.any():
            table = np.stack([ranks for ranks in ranked if ranks is not None])
            total[np.ix_(known, known)] += table @ table.T
            clips += np.outer(known, known)
    with np.errstate(invalid="ignore"):
        return Agreement(tuple(methods), np.where(clips > 0, total / clips, np.nan), clips)


def _ranked(path: Path) -> NDArray[np.float64] | None:
    """The ranks of a map, of mean 0 and length 1; None for a map that is not there or the same everywhere.

    The rank correlation of two maps is the product of their ranks. All pairs are one product of matrices.
    """
    if not path.is_file():
        return None
    ranks = centred_ranks(torch.from_numpy(np.load(path, allow_pickle=False)).float()).numpy()
    length = float(np.linalg.norm(ranks))
    return ranks / length if length > 0 else None
