"""The explanations of a benchmark as CSV, a line each."""

import csv
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

from videxplain.benchmark.measures import MEASURES
from videxplain.benchmark.rows import Row
from videxplain.errors import VidexplainError
from videxplain.files import replacing

FILE = "benchmark.csv"
_FACTS = ("model", "weights", "method", "family", "video", "label", "probability")
_COSTS = ("blank", "seconds", "forward_seconds", "memory_mib", "refused")


def write_csv(path: Path, rows: Sequence[Row]) -> Path:
    """Write all rows; a value that is not known is an empty cell."""
    with replacing(path) as temporary, temporary.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow([*_FACTS, *MEASURES, *_COSTS])
        for row in rows:
            plain = asdict(row)
            measured = [row.values.get(name) for name in MEASURES]
            writer.writerow([*(plain[name] for name in _FACTS), *measured, *(plain[name] for name in _COSTS)])
    return path


def read_csv(folder: Path) -> list[Row]:
    """The rows that a benchmark has written into a folder.

    Raises:
        VidexplainError: There is no such file, or it is not what a benchmark writes.
    """
    path = folder / FILE
    try:
        with path.open(newline="", encoding="utf-8") as file:
            return [_row(line) for line in csv.DictReader(file)]
    except OSError as error:
        raise VidexplainError(f"cannot read {path}: {error.strerror or error}") from None
    except (KeyError, ValueError, TypeError):
        raise VidexplainError(f"{path} is not what a benchmark writes") from None


def _row(line: dict[str, str]) -> Row:
    values = {name: float(line[name]) for name in MEASURES if line.get(name)}
    seconds, forward_seconds, memory = (float(line[name]) if line[name] else None for name in _COSTS[1:4])
    return Row(
        model=line["model"],
        weights=line["weights"],
        method=line["method"],
        family=line["family"],
        video=line["video"],
        label=line["label"],
        probability=float(line["probability"]),
        values=values,
        blank=line["blank"] == "True",
        seconds=seconds,
        forward_seconds=forward_seconds,
        memory_mib=memory,
        refused=line["refused"],
    )
