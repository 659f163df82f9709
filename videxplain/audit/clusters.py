"""Explanations that belong together, and those that are unlike the rest of their class."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

GRID = (4, 8, 8)
"""Maps are compared at this number of steps in time, rows and columns."""
_SMALLEST = 4
"""A cluster has at least this many videos, and a class at least twice as many to be clustered."""
_COMPONENTS = 16


@dataclass(frozen=True)
class Cluster:
    """Videos of one predicted class whose explanations are alike.

    Attributes:
        label: The predicted class.
        members: Numbers of the videos.
        oddness: Distance of its median explanation from the median explanation of the data set, in median absolute
            deviations of all explanations.
        share: Its share of the class's videos.
        accuracy: The share of its videos with a right prediction; None without truths.
    """

    label: str
    members: tuple[int, ...]
    oddness: float
    share: float
    accuracy: float | None


def reduced(maps: NDArray[np.float32], grid: tuple[int, int, int] = GRID) -> NDArray[np.float32]:
    """Maps ``(T, h, w)``, averaged to a small grid, divided by their sum and flattened. Negative values count as 0."""
    values = np.maximum(np.nan_to_num(np.asarray(maps, np.float32)), 0)
    for axis, cells in enumerate(grid):
        values = _averaged(values, axis, cells)
    total = values.sum()
    return (values / total if total > 0 else values).ravel()


def _averaged(values: NDArray[np.float32], axis: int, cells: int) -> NDArray[np.float32]:
    """One axis reduced to ``cells`` values, each the mean over its part of the axis."""
    length = values.shape[axis]
    edges = np.linspace(0, length, cells + 1)
    low, high = edges[:-1, None], edges[1:, None]
    places = np.arange(length)
    weights = (np.minimum(places + 1, high) - np.maximum(places, low)).clip(0)
    weights = weights / weights.sum(1, keepdims=True)
    moved = np.moveaxis(values, axis, -1) @ weights.T.astype(np.float32)
    return np.moveaxis(moved, -1, axis)


def find_clusters(
    numbers: Sequence[int],
    predictions: Sequence[str],
    right: Sequence[bool | None],
    maps: NDArray[np.float32],
    features: NDArray[np.float32] | None = None,
) -> tuple[list[Cluster], NDArray[np.float64]]:
    """Cluster the explanations of each predicted class with HDBSCAN (Campello et al., PAKDD 2013).

    Clusters are ordered by their distance from the median explanation of the whole data set, the furthest first. A
    shortcut is a reason that other classes do not have. It may be the most frequent reason in its own class, so a
    distance within the class would miss it.

    The distance of two videos compares their reduced maps and, if given, their pooled features, with equal weight.
    A video that HDBSCAN calls noise is in no cluster.

    Args:
        numbers: Numbers of the N videos.
        predictions: The N predicted classes.
        right: Whether each prediction is right; None without a truth.
        maps: ``(N, D)``, from :func:`reduced`.
        features: ``(N, F)`` or None.

    Returns:
        The clusters, and ``(N,)`` how unlike its class each explanation is: its distance from the class's median
        explanation, in median absolute deviations of these distances.
    """
    from sklearn.cluster import HDBSCAN

    oddness = np.zeros(len(numbers))
    clusters = []
    roots = np.sqrt(maps)
    usual = np.median(roots, 0)
    everywhere = np.linalg.norm(roots - usual, axis=1)
    for label in sorted(set(predictions)):
        at = np.flatnonzero(np.asarray(predictions) == label)
        points = _points(maps[at], None if features is None else features[at])
        distances = np.linalg.norm(points - np.median(points, 0), axis=1)
        oddness[at] = _robust(distances)
        if len(at) < 2 * _SMALLEST:
            continue
        smallest = max(_SMALLEST, round(0.05 * len(at)))
        # A class may be one cluster: a shortcut may be in every clip of it.
        named = HDBSCAN(min_cluster_size=smallest, allow_single_cluster=True, copy=True).fit_predict(points)
        for cluster in sorted(set(named) - {-1}):
            members = at[named == cluster]
            known = [right[i] for i in members if right[i] is not None]
            clusters.append(
                Cluster(
                    label=label,
                    members=tuple(int(numbers[i]) for i in members),
                    oddness=_deviations(float(np.linalg.norm(np.median(roots[members], 0) - usual)), everywhere),
                    share=len(members) / len(at),
                    accuracy=sum(map(bool, known)) / len(known) if known else None,
                )
            )
    return sorted(clusters, key=lambda one: -one.oddness), oddness


def _points(maps: NDArray[np.float32], features: NDArray[np.float32] | None) -> NDArray[np.float64]:
    """Points in few dimensions: principal components of maps and features, with the same total variance each."""
    from sklearn.decomposition import PCA

    parts = []
    # With square roots, the Euclidean distance is Hellinger's, which weights small values more.
    for values in (np.sqrt(maps), features):
        if values is None or len(values) < 2:
            continue
        few = PCA(min(_COMPONENTS, *values.shape), random_state=0).fit_transform(values.astype(np.float64))
        scale = np.sqrt(few.var(0).sum())
        parts.append(few / scale if scale > 0 else few)
    return np.concatenate(parts, 1) if parts else np.zeros((len(maps), 1))


def _deviations(distance: float, others: NDArray[np.floating]) -> float:
    middle = float(np.median(others))
    deviation = float(np.median(np.abs(others - middle)))
    return (distance - middle) / deviation if deviation > 0 else 0.0


def _robust(distances: NDArray[np.float64]) -> NDArray[np.float64]:
    middle = np.median(distances)
    deviation = np.median(np.abs(distances - middle))
    return (distances - middle) / deviation if deviation > 0 else np.zeros_like(distances)
