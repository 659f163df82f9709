"""An evaluation as files."""

import csv
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from videxplain.evaluation.evaluate import Evaluation
from videxplain.files import replacing
from videxplain.viz.confusion import confusion_figure, confusion_matrix, most_confused
from videxplain.viz.save import save_figure

CONFUSED = 10


def write_results(evaluation: Evaluation, out: Path, facts: Mapping[str, Any], title: str = "") -> dict[str, Any]:
    """Write ``predictions.csv``, ``confusion.png`` and, last, ``metrics.json``.

    Args:
        evaluation: What was found.
        out: A folder that is there.
        facts: What goes into the metrics besides: model, weights, dataset, ...
        title: Of the picture.

    Returns:
        The metrics.
    """
    labels = list(evaluation.labels)
    matrix = confusion_matrix(evaluation.truth, evaluation.predicted, len(labels))
    confused = most_confused(matrix, labels, CONFUSED)
    with replacing(out / "predictions.csv") as temporary, temporary.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(["video", "group", "label", "predicted", *labels])
        for video, best, row in zip(evaluation.videos, evaluation.predicted, evaluation.probabilities, strict=True):
            name = f"{video.path.parent.name}/{video.path.name}"
            writer.writerow([name, video.group, labels[video.label], labels[best], *(f"{share:.6f}" for share in row)])
    save_figure(confusion_figure(matrix, labels, title=title), out / "confusion.png")
    names = ("true", "predicted", "count", "share")
    metrics = {**facts, **evaluation.metrics()}
    metrics["most_confused"] = [dict(zip(names, entry, strict=True)) for entry in confused]
    with replacing(out / "metrics.json") as temporary:
        temporary.write_text(json.dumps(metrics, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    return metrics
