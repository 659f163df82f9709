"""``predictions.csv``: the prediction of a network for each video."""

import csv
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from videxplain.data.datasets.types import Video
from videxplain.errors import VidexplainError, unknown
from videxplain.files import replacing

PREDICTIONS = "predictions.csv"
COLUMNS = ("video", "group", "label", "predicted")


@dataclass(frozen=True, eq=False)
class Predictions:
    """The predictions of a network for V videos.

    Attributes:
        labels: Names of the K classes.
        videos: The videos. Their paths are class folder and file name, as in the file.
        predicted: ``(V,)`` class numbers.
        probabilities: ``(V, K)``, or None if a row of the file lacks them.
    """

    labels: tuple[str, ...]
    videos: tuple[Video, ...]
    predicted: NDArray[np.int64]
    probabilities: NDArray[np.float32] | None

    @property
    def truth(self) -> NDArray[np.int64]:
        """``(V,)`` labels."""
        return np.array([video.label for video in self.videos], np.int64)


def write_predictions(
    path: Path, videos: Sequence[Video], labels: Sequence[str], probabilities: NDArray[np.float32]
) -> None:
    """Write a row for each video: video, group, label, predicted, and a probability for each class.

    Args:
        path: The file.
        videos: V videos.
        labels: Names of the K classes.
        probabilities: ``(V, K)``; written with nine digits, so that reading gives the same float32 numbers.
    """
    # A file name that is not UTF-8 holds surrogates, which UTF-8 cannot hold.
    form: dict[str, Any] = {"newline": "", "encoding": "utf-8", "errors": "backslashreplace"}
    with replacing(path) as temporary, temporary.open("w", **form) as file:
        writer = csv.writer(file)
        writer.writerow([*COLUMNS, *labels])
        for video, row in zip(videos, probabilities, strict=True):
            name = f"{video.path.parent.name}/{video.path.name}"
            shares = (f"{share:.9g}" for share in row)
            writer.writerow([name, video.group, labels[video.label], labels[int(row.argmax())], *shares])


def read_predictions(path: Path) -> Predictions:
    """Read a file with the columns video, group, label and predicted, and one column for each class.

    Args:
        path: The file, or the folder of an evaluation, which has it.

    Raises:
        VidexplainError: There is no such file, it has other columns, or names a class that has no column.
    """
    path = _file_of(path)
    header, rows = _read_rows(path)
    first, labels = header[: len(COLUMNS)], tuple(header[len(COLUMNS) :])
    if tuple(first) != COLUMNS or not labels:
        raise VidexplainError(f"{path} needs the columns {', '.join(COLUMNS)}, and then one for each class")
    if not rows:
        raise VidexplainError(f"{path} has no predictions")
    number = {label: place for place, label in enumerate(labels)}
    for line, row in enumerate(rows, start=2):
        if len(row) < len(COLUMNS):
            raise VidexplainError(f"{path}: row {line} is cut short")
        for name in row[2:4]:
            if name not in number:
                raise VidexplainError(f"{path}: row {line}: {unknown('class', name, labels)}")
    videos = tuple(Video(Path(row[0]), number[row[2]], row[1]) for row in rows)
    predicted = np.array([number[row[3]] for row in rows], np.int64)
    return Predictions(labels, videos, predicted, _probabilities(path, rows, len(labels)))


def _file_of(path: Path) -> Path:
    if not path.is_dir():
        return path
    if (path / PREDICTIONS).is_file():
        return path / PREDICTIONS
    below = sorted(path.glob(f"evaluation/*/{PREDICTIONS}"))
    hint = f"; did you mean {' or '.join(str(one.parent) for one in below[:3])}?" if below else ""
    raise VidexplainError(f"{path} has no {PREDICTIONS}, which 'videxplain evaluate' writes{hint}")


def _read_rows(path: Path) -> tuple[list[str], list[list[str]]]:
    try:
        with path.open(newline="", encoding="utf-8-sig") as file:
            header, *rows = [row for row in csv.reader(file) if row] or [[]]
    except OSError as error:
        raise VidexplainError(f"cannot read {path}: {error.strerror or error}") from None
    except (UnicodeDecodeError, csv.Error):
        raise VidexplainError(f"{path} is not a CSV file") from None
    return header, rows


def _probabilities(path: Path, rows: Sequence[Sequence[str]], classes: int) -> NDArray[np.float32] | None:
    shares = [row[len(COLUMNS) :] for row in rows]
    if any(len(row) != classes for row in shares):
        return None
    try:
        return np.array(shares, np.float32)
    except ValueError:
        raise VidexplainError(f"{path}: the columns of the classes hold numbers only") from None
