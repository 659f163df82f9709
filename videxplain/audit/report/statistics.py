"""The figures of the report, computed from the table of an audit."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from videxplain.evaluation.confusion import confusion_matrix
from videxplain.evaluation.result import top_accuracy

if TYPE_CHECKING:
    import pandas as pd

BINS = 10
RELIANCE = ("shuffled", "reversed", "frozen")

_OF_CLASSES = (
    *("correct", "probability", "trust", "trust_random", "x", "y", "spread", "middle", "border", "time_share"),
    *("concentration", "motion", *RELIANCE, "energy", "pointing", "unfamiliar"),
)
"""The columns of videos whose means are columns of classes."""


@dataclass(frozen=True)
class Calibration:
    """How well probabilities say how often the network is right (Guo et al., ICML 2017).

    Attributes:
        bins: For each bin of the predicted probability that has videos: its lower edge, the number of videos, their
            mean probability, and the share of right predictions.
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


def confusion(table: "pd.DataFrame", labels: Sequence[str]) -> NDArray[np.int64]:
    """``(K, K)``, the number of videos of each truth (rows) with each prediction (columns).

    Videos whose truth is none of ``labels`` are left out.
    """
    known = table[table["truth"].isin(list(labels))]
    return confusion_matrix(_numbers(known["truth"], labels), _numbers(known["prediction"], labels), len(labels))


def _numbers(names: "pd.Series[Any]", labels: Sequence[str]) -> NDArray[np.int64]:
    index = {label: i for i, label in enumerate(labels)}
    return np.array([index[name] for name in names], np.int64)


def classes(table: "pd.DataFrame", labels: Sequence[str]) -> "pd.DataFrame":
    """A row for each class: number of videos, accuracy, means of the figures of its maps, temporal reliance.

    The class of a video is its truth. If the data set has no truths, it is the prediction.
    """
    explained = table[table["error"].isna()]
    by = "truth" if explained["truth"].notna().any() else "prediction"
    rows = explained[list(_OF_CLASSES)].astype(float).groupby(explained[by]).mean().reindex(list(labels))
    rows.insert(0, "videos", explained[by].value_counts().reindex(list(labels), fill_value=0).to_numpy())
    return rows.rename(columns={"correct": "accuracy"}).rename_axis("label").reset_index()


def overview(table: "pd.DataFrame", labels: Sequence[str]) -> dict[str, Any]:
    """The figures of the first page, by name."""
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
        "unfamiliar": int(explained["unfamiliar"].dropna().sum()) if explained["unfamiliar"].notna().any() else None,
        **{name: _mean(explained[name]) for name in RELIANCE},
    }
    if len(known):
        correct = known["correct"].to_numpy(bool)
        found = calibration(known["probability"].to_numpy(float), correct)
        figures |= {
            "accuracy": float(correct.mean()),
            "top5": _top_five(known, labels) if len(labels) > 5 else None,
            "calibration_error": found.error,
            "calibration": [list(row) for row in found.bins],
        }
    return figures


def _top_five(known: "pd.DataFrame", labels: Sequence[str]) -> float:
    probabilities = np.stack([np.asarray(row, np.float32) for row in known["probabilities"]])
    return top_accuracy(probabilities, _numbers(known["truth"], labels), 5)


def _mean(values: "pd.Series[Any]") -> float | None:
    known = values.dropna()
    return float(known.astype(float).mean()) if len(known) else None
