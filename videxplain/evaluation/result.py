"""The result of an evaluation: its numbers, and its files."""

from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from videxplain.claim import claimed
from videxplain.data.datasets.types import Video
from videxplain.errors import VidexplainError
from videxplain.evaluation.confusion import confusion_matrix, most_confused
from videxplain.evaluation.evidence import EVIDENCE, EvidenceReport
from videxplain.evaluation.predictions import PREDICTIONS, read_predictions, write_predictions
from videxplain.evaluation.reliance import order_pairs
from videxplain.evaluation.runs import METRICS
from videxplain.evaluation.setup import EvaluationSetup
from videxplain.files import output_folder, read_record, write_json
from videxplain.viz.confusion import Pair

CONFUSED = 10
"""The most pairs of classes that ``metrics.json`` lists."""
CONFUSION = "confusion.png"
_PAIR = ("true", "predicted", "count", "share")


@dataclass(frozen=True, eq=False)
class Evaluation:
    """The evaluation of a network on V videos with K classes; see :func:`videxplain.evaluate`.

    Attributes:
        setup: The network and the videos, in words.
        videos: The videos, with the network's labels.
        labels: Names of the network's classes.
        probabilities: ``(V, K)``, the mean over the clips of each video.
        temporal: Top-1 accuracy with the order of frames destroyed, by the name of the disturbance.
        skipped: Videos of the subset that are missing or damaged, with the reasons.
        evidence: How far Grad-CAM agrees with the known evidence; None if this was not measured.
        filled: Number of videos that have fewer frames than the network sees, so that the last frame was repeated.
    """

    setup: EvaluationSetup
    videos: tuple[Video, ...]
    labels: tuple[str, ...]
    probabilities: NDArray[np.float32]
    temporal: Mapping[str, float] = field(default_factory=dict)
    skipped: tuple[tuple[Path, str], ...] = ()
    evidence: EvidenceReport | None = None
    filled: int = 0

    @property
    def truth(self) -> NDArray[np.int64]:
        """``(V,)`` labels."""
        return np.array([video.label for video in self.videos], np.int64)

    @property
    def predicted(self) -> NDArray[np.int64]:
        """``(V,)`` best classes."""
        return self.probabilities.argmax(1)

    @cached_property
    def confusion(self) -> NDArray[np.int64]:
        """``(K, K)``; row i, column j counts the videos of class i that were taken for class j."""
        return confusion_matrix(self.truth, self.predicted, len(self.labels))

    def accuracy(self, top: int = 1) -> float:
        """The share of videos whose class is among the ``top`` best, in [0, 1]."""
        return top_accuracy(self.probabilities, self.truth, top)

    def majority(self) -> float:
        """The accuracy of always answering the most frequent class."""
        return float(np.bincount(self.truth).max() / len(self.videos))

    def per_class(self) -> dict[str, float]:
        """Top-1 accuracy of each class that has videos."""
        truth, right = self.truth, self.predicted == self.truth
        return {self.labels[k]: float(right[truth == k].mean()) for k in np.unique(truth).tolist()}

    def most_confused(self) -> list[Pair]:
        """The most frequent mistakes, see :func:`videxplain.evaluation.confusion.most_confused`."""
        return most_confused(self.confusion, self.labels, CONFUSED)

    def metrics(self) -> dict[str, Any]:
        """The content of ``metrics.json``, as plain values."""
        return {
            **self.setup.as_dict(),
            "skipped": len(self.skipped),
            "videos": len(self.videos),
            "filled": self.filled,
            "top1": self.accuracy(),
            "top5": self.accuracy(5),
            "majority": self.majority(),
            "per_class": self.per_class(),
            "temporal": dict(self.temporal),
            "order_pairs": order_pairs(self.probabilities, self.truth, self.labels),
            "most_confused": [dict(zip(_PAIR, pair, strict=True)) for pair in self.most_confused()],
            "skipped_videos": {f"{path.parent.name}/{path.name}": reason for path, reason in self.skipped},
        }

    def save(self, folder: str | Path, *, overwrite: bool = False) -> Path:
        """Write ``predictions.csv``, ``confusion.png``, ``metrics.json`` and, if there is evidence, ``evidence.json``.

        Args:
            folder: Made if it is missing.
            overwrite: Replace an evaluation of another network or of other videos.

        Returns:
            The folder.

        Raises:
            VidexplainError: The folder holds another evaluation, or cannot be written.
        """
        from videxplain.viz.confusion import confusion_figure
        from videxplain.viz.save import save_figure

        folder = Path(folder)
        if not overwrite:
            self.setup.refuse_other(folder)
        with output_folder(folder), claimed(folder):
            if overwrite:
                # They may be of the other evaluation. A folder without metrics.json counts as empty if this fails.
                for name in (METRICS, EVIDENCE):
                    (folder / name).unlink(missing_ok=True)
            write_predictions(folder / PREDICTIONS, self.videos, self.labels, self.probabilities)
            figure = confusion_figure(self.confusion, self.labels, self.most_confused(), title=self.setup.words)
            save_figure(figure, folder / CONFUSION)
            if self.evidence:
                write_json(folder / EVIDENCE, self.evidence.as_dict())
            write_json(folder / METRICS, self.metrics())  # last: a folder with it is complete
        return folder

    def files(self, folder: str | Path) -> list[Path]:
        """The files that :meth:`save` writes into a folder."""
        names = [METRICS, PREDICTIONS, CONFUSION, *([EVIDENCE] if self.evidence else [])]
        return [Path(folder) / name for name in names]

    @staticmethod
    def load(folder: str | Path) -> "Evaluation":
        """Read what :meth:`save` wrote. The paths of videos are then class folder and file name.

        Raises:
            VidexplainError: The folder does not hold a complete evaluation.
        """
        folder = Path(folder)
        metrics = read_record(folder / METRICS, "is not what evaluating writes")
        predictions = read_predictions(folder / PREDICTIONS)
        if predictions.probabilities is None:
            raise VidexplainError(f"{folder / PREDICTIONS} lacks probabilities")
        names = {entry.name for entry in fields(EvaluationSetup)}
        try:
            setup = EvaluationSetup(**{name: value for name, value in metrics.items() if name in names})
            temporal = {str(name): float(share) for name, share in metrics["temporal"].items()}
            skipped = metrics.get("skipped_videos", {}).items()
            filled = int(metrics.get("filled", 0))
        except (TypeError, KeyError, ValueError, AttributeError):
            raise VidexplainError(f"{folder / METRICS} is not what evaluating writes") from None
        evidence = folder / EVIDENCE
        return Evaluation(
            setup,
            predictions.videos,
            predictions.labels,
            predictions.probabilities,
            temporal,
            tuple((Path(path), str(reason)) for path, reason in skipped),
            EvidenceReport.read(evidence) if evidence.is_file() else None,
            filled,
        )


def top_accuracy(probabilities: NDArray[np.float32], truth: NDArray[np.int64], top: int = 1) -> float:
    """The share of rows of ``(V, K)`` in which the true class is among the ``top`` best."""
    best = np.argsort(-probabilities, axis=1, kind="stable")[:, :top]
    return float((best == truth[:, None]).any(1).mean())
