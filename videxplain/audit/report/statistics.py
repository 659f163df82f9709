"""What the report says of a network on a data set, computed from the table of an audit."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    import pandas as pd

BINS = 10
RELIANCE = ("shuffled", "reversed", "frozen")


@dataclass(frozen=True)
class Calibration:
    """How well probabilities say how often the network is right (Guo et al., ICML 2017).

    Attributes:
        bins: A row a bin of the predicted probability: its lower edge, how many videos, their mean probability, and
            the share of them that is right.
        error: The expected calibration error: the mean of the differences, weighted by the bins' videos.
    """

    bins: tuple[tuple[float, int, float, float], ...]
    error: float


def calibration(probability: NDArray[np.float64], correct: NDArray[np.bool_], bins: int = BINS) -> Calibration:
    """The reliability curve of predictions, in bins of equal width."""
    place = np.minimum((probability * bins).astype(int), bins - 1)
    rows = []
    for i in range(bins):
        inside = place == i
        if inside.any():
            rows.append((i / bins, int(inside.sum()), float(probability[inside].mean()), float(correct[inside].mean())))
    error = sum(count * abs(mean - share) for _, count, mean, share in rows) / max(len(probability), 1)
    return Calibration(tuple(rows), float(error))


def top_k(table: "pd.DataFrame", labels: Sequence[str], k: int) -> float:
    """The share of the videos whose truth is among the ``k`` most probable classes."""
    index = {label: i for i, label in enumerate(labels)}
    hits = 0
    for truth, probabilities in zip(table["truth"], table["probabilities"], strict=True):
        best = np.argsort(-np.asarray(probabilities), kind="stable")[:k]
        hits += index.get(truth, -1) in best
    return hits / len(table) if len(table) else 0.0


def confusion(table: "pd.DataFrame", labels: Sequence[str]) -> NDArray[np.int64]:
    """``(K, K)`` how many videos of each truth (rows) got each prediction (columns)."""
    index = {label: i for i, label in enumerate(labels)}
    counts = np.zeros((len(labels), len(labels)), np.int64)
    for truth, prediction in zip(table["truth"], table["prediction"], strict=True):
        if truth in index and prediction in index:
            counts[index[truth], index[prediction]] += 1
    return counts


def most_confused(counts: NDArray[np.int64], labels: Sequence[str], most: int = 20) -> list[dict[str, Any]]:
    """The pairs of classes that are confused most, the most frequent first."""
    wrong = counts.copy()
    np.fill_diagonal(wrong, 0)
    rows = counts.sum(1)
    order = np.argsort(-wrong, axis=None, kind="stable")[:most]
    pairs = [(int(i), int(j)) for i, j in zip(*np.unravel_index(order, wrong.shape), strict=True) if wrong[i, j]]
    return [
        {
            "truth": labels[i],
            "prediction": labels[j],
            "count": int(wrong[i, j]),
            "share": float(wrong[i, j] / rows[i]),
        }
        for i, j in pairs
    ]


def classes(table: "pd.DataFrame", labels: Sequence[str]) -> "pd.DataFrame":
    """A row a class: videos, accuracy, what its explanations have in common, and temporal reliance.

    Where the data set gives truths, a class is that of its truth; otherwise that of its prediction.
    """
    import pandas as pd

    explained = table[table["error"].isna()]
    by = "truth" if explained["truth"].notna().any() else "prediction"
    rows = []
    for label in labels:
        own = explained[explained[by] == label]
        row: dict[str, Any] = {"label": label, "videos": len(own)}
        known = own["correct"].dropna()
        row["accuracy"] = float(known.astype(bool).mean()) if len(known) else None
        for name in ("probability", "trust", "trust_random", "x", "y", "spread", "middle", "border", "time_share"):
            row[name] = _mean(own[name])
        row["concentration"], row["motion"] = _mean(own["concentration"]), _mean(own["motion"])
        for name in RELIANCE:
            row[name] = _mean(own[name])
        row["energy"], row["pointing"] = _mean(own["energy"]), _mean(own["pointing"])
        rows.append(row)
    return pd.DataFrame(rows)


def overview(table: "pd.DataFrame", labels: Sequence[str]) -> dict[str, Any]:
    """The figures of the first page."""
    explained = table[table["error"].isna()]
    known = explained[explained["truth"].isin(list(labels))]
    figures: dict[str, Any] = {
        "videos": len(table),
        "explained": len(explained),
        "failed": int(table["error"].notna().sum()),
        "seconds": float(explained["seconds"].fillna(0).sum()),
        "frames": int(explained["frames"].fillna(0).sum()),
        "trust": _mean(explained["trust"]),
        "trust_random": _mean(explained["trust_random"]),
        "energy": _mean(explained["energy"]),
        "pointing": _mean(explained["pointing"]),
        **{name: _mean(explained[name]) for name in RELIANCE},
    }
    if len(known):
        correct = known["correct"].to_numpy(bool)
        found = calibration(known["probability"].to_numpy(float), correct)
        figures |= {
            "accuracy": float(correct.mean()),
            "top5": top_k(known, labels, 5) if len(labels) > 5 else None,
            "calibration_error": found.error,
            "calibration": [list(row) for row in found.bins],
        }
    return figures


def _mean(values: "pd.Series[Any]") -> float | None:
    known = values.dropna()
    return float(known.astype(float).mean()) if len(known) else None
