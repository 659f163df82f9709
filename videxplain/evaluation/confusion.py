"""Which classes a network takes for which."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike, NDArray

from videxplain.errors import VidexplainError
from videxplain.viz.confusion import Pair, row_shares


def confusion_matrix(true: ArrayLike, predicted: ArrayLike, num_classes: int) -> NDArray[np.int64]:
    """How often each class was taken for each.

    Args:
        true: ``(N,)`` class numbers.
        predicted: ``(N,)`` class numbers.
        num_classes: K.

    Returns:
        ``(K, K)``; row i, column j counts the videos of class i that were taken for class j.

    Raises:
        VidexplainError: The two have different lengths, or a class number is outside 0 to K - 1.
    """
    rows, columns = np.asarray(true, dtype=np.int64), np.asarray(predicted, dtype=np.int64)
    if rows.shape != columns.shape or rows.ndim != 1:
        raise VidexplainError(f"one prediction for each video is needed, not {columns.shape} for {rows.shape}")
    for name, numbers in (("true", rows), ("predicted", columns)):
        outside = numbers[(numbers < 0) | (numbers >= num_classes)]
        if len(outside):
            raise VidexplainError(
                f"a {name} class is {outside[0]}; with {num_classes} classes 0 to {num_classes - 1} work"
            )
    return np.bincount(rows * num_classes + columns, minlength=num_classes**2).reshape(num_classes, num_classes)


def most_confused(matrix: NDArray[np.int64], labels: Sequence[str], count: int = 10) -> list[Pair]:
    """The most frequent mistakes, the most frequent first; of equally frequent ones the larger share first.

    Args:
        matrix: ``(K, K)`` counts, rows true.
        labels: K names.
        count: How many at the most; pairs that never occur are left out.

    Returns:
        True class, the class it is taken for, number of videos, and their share of the videos of the true class.
    """
    share = row_shares(matrix)
    rows, columns = np.nonzero(matrix * ~np.eye(len(matrix), dtype=bool))
    order = np.lexsort((columns, rows, -share[rows, columns], -matrix[rows, columns]))[:count]
    pairs = zip(rows[order], columns[order], strict=True)
    return [(labels[i], labels[j], int(matrix[i, j]), float(share[i, j])) for i, j in pairs]


def similarity_linkage(matrix: NDArray[np.int64]) -> NDArray[np.float64]:
    """A tree of the classes in which those that are taken for each other are neighbours.

    The distance of two classes is ``1 - sqrt(s)``, where ``s`` is the mean of the two shares of videos that are taken
    for the other class. The tree joins groups by their average distance (UPGMA). Its leaves are ordered so that
    neighbours are as near as the tree allows (Bar-Joseph et al., Bioinformatics 2001).

    Args:
        matrix: ``(K, K)`` counts, rows true.

    Returns:
        ``(K - 1, 4)``, as ``scipy.cluster.hierarchy.linkage`` gives it.

    Raises:
        VidexplainError: There are fewer than two classes.
    """
    from scipy.cluster.hierarchy import linkage
    from scipy.spatial.distance import squareform

    if len(matrix) < 2:
        raise VidexplainError("an order by similarity needs two classes or more")
    share = row_shares(matrix)
    distance = 1 - np.sqrt((share + share.T) / 2)
    np.fill_diagonal(distance, 0)
    tree: NDArray[np.float64] = linkage(squareform(distance, checks=False), "average", optimal_ordering=True)
    return tree
