"""The shares of concepts in each class: means over its videos, with bootstrap intervals."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from videxplain.concepts.importance import shares_of
from videxplain.concepts.rows import ShareRow

if TYPE_CHECKING:
    import pandas as pd

DRAWS = 4000
_FEWEST = 5
"""Fewer groups get no interval, because they say too little about other groups."""
_AT_ONCE = 2**22
"""The most counts of groups in memory at one time."""


def interval(
    values: NDArray[np.floating], groups: Sequence[str], seed: int = 0
) -> tuple[NDArray[np.float64], NDArray[np.float64]] | None:
    """The 95 % interval of a mean over videos, by the bootstrap with 4,000 draws (Efron, 1979).

    Videos of one group come from one recording and are alike. So groups are drawn, each with all its videos. For few
    groups, an interval between plain percentiles of the draws is too narrow. So it is widened as much as Student's t
    is wider than the normal distribution (expanded percentiles; Hesterberg, The American Statistician 2015).

    Args:
        values: ``(n, K)``, a row for each video.
        groups: The group of each video; empty for a video without a group, which then counts as a group.
        seed: For the draws.

    Returns:
        Lower and upper ends ``(K,)``; None for fewer than five groups.
    """
    names = [group or f"\0{i}" for i, group in enumerate(groups)]
    index = {name: i for i, name in enumerate(dict.fromkeys(names))}
    if len(index) < _FEWEST:
        return None
    sums, counts = np.zeros((len(index), values.shape[1])), np.zeros(len(index))
    for name, row in zip(names, np.asarray(values, np.float64), strict=True):
        sums[index[name]] += row
        counts[index[name]] += 1
    rng = np.random.default_rng(seed)
    parts = []
    for start in range(0, DRAWS, step := max(1, _AT_ONCE // len(index))):
        draws = min(step, DRAWS - start)
        drawn = rng.multinomial(len(index), np.full(len(index), 1 / len(index)), draws)
        parts.append((drawn @ sums) / (drawn @ counts)[:, None])
    tail = tail_of(len(index))
    low, high = np.percentile(np.concatenate(parts), [100 * tail, 100 * (1 - tail)], axis=0)
    return low, high


def tail_of(groups: int) -> float:
    """The share of the draws below the expanded 95 % interval, and above it; nearly 0.025 for many groups."""
    from scipy.stats import norm, t

    return float(norm.cdf(-np.sqrt(groups / (groups - 1)) * t.ppf(0.975, groups - 1)))


def class_shares(videos: "pd.DataFrame", labels: Sequence[str], seed: int) -> list[ShareRow]:
    """A row for each predicted class and each concept.

    Args:
        videos: The table of videos.
        labels: The network's classes, in order.
        seed: For the intervals.
    """
    known = videos[videos["error"].isna()]
    rows: list[ShareRow] = []
    for label in labels:
        own = known[known["prediction"] == label]
        if not len(own):
            continue
        groups = own["group"].tolist()
        parts = np.stack(
            [
                shares_of(np.asarray(one), rest)
                for one, rest in zip(own["gradient_x_activation"], own["rest"], strict=True)
            ]
        )
        without = np.stack(own["probability_without"].to_list())
        fall = own["probability_reconstructed"].to_numpy()[:, None] - without
        strength = np.stack(own["mean"].to_list()).mean(0)
        measured = {
            "gradient_x_activation": _mean_and_ends(parts, groups, seed),
            "fall": _mean_and_ends(fall, groups, seed),
        }
        sobol = np.array([row for row in own["sobol"] if len(row)]).reshape(-1, parts.shape[1])
        # A score that no concept changes has NaN as its indices. The part of every concept is then 0.
        measured["sobol"] = _mean_and_ends(np.nan_to_num(sobol), groups, seed) if len(sobol) == len(own) else {}
        for k in range(parts.shape[1]):
            values: dict[str, Any] = {"sobol": None, "sobol_low": None, "sobol_high": None}
            for name, found in measured.items():
                for suffix, one in found.items():
                    values[name + suffix] = None if one is None else float(one[k])
            rows.append(
                ShareRow(
                    label=label,
                    concept=k,
                    videos=len(own),
                    groups=len({group or f"\0{i}" for i, group in enumerate(groups)}),
                    strength=float(strength[k]),
                    **values,
                )
            )
    return rows


def _mean_and_ends(values: NDArray[np.float64], groups: Sequence[str], seed: int) -> dict[str, Any]:
    """The mean and the ends of the interval, ``(K,)`` each, by the suffix of the column's name."""
    ends = interval(values, groups, seed)
    low, high = ends if ends is not None else (None, None)
    return {"": values.mean(0), "_low": low, "_high": high}
