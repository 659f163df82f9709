"""A list of videos as a dataset: a CSV or Parquet file with the columns ``path`` and ``label``."""

import csv
import os
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from videxplain.data.datasets.types import UNLABELLED, Video, VideoDataset, own_name
from videxplain.errors import VidexplainError

LIST_SUFFIXES = (".csv", ".tsv", ".parquet")
COLUMNS = ("path", "label", "split", "group")
_PARTS = ("train", "test")


def is_list(path: Path) -> bool:
    """Whether a path is a file that may be such a list."""
    return path.suffix.lower() in LIST_SUFFIXES and path.is_file()


def open_list(root: Path, split: int) -> VideoDataset:
    """The videos of a list.

    Args:
        root: A file with a column ``path``, and ``label``, ``split`` (train or test) and ``group`` where they are
            known; other columns are left alone. Paths are relative to the file's folder. Without ``split`` all videos
            are test videos; without ``group`` every video is a group of its own.
        split: 1; a list holds one split.

    Raises:
        VidexplainError: No such column, a row without a path, a split that is neither train nor test, labels for some
            rows only, a video in two rows, or a file of another kind.
    """
    if split != 1:
        raise VidexplainError(f"{root} is a list of videos, which has split 1; there is no split {split}")
    rows = [_row(where, row) for where, row in (_parquet(root) if root.suffix.lower() == ".parquet" else _csv(root))]
    unlabelled = [where for where, row in rows if not row["label"]]
    if 0 < len(unlabelled) < len(rows):
        raise VidexplainError(f"{unlabelled[0]}: no label, though other rows have one")
    labels = tuple(sorted({row["label"] for _, row in rows} - {""}, key=_natural))
    numbers = {label: number for number, label in enumerate(labels)}
    parts: dict[str, list[Video]] = {part: [] for part in _PARTS}
    missing: dict[str, list[Path]] = {part: [] for part in _PARTS}
    named: dict[str, str] = {}
    for where, row in rows:
        part = row["split"] or "test"
        if part not in parts:
            raise VidexplainError(f"{where}: the split is train or test, not '{row['split']}'")
        path = root.parent / row["path"]
        if (before := named.setdefault(os.path.normpath(path), where)) != where:
            raise VidexplainError(f"{where}: {row['path']} is named twice, first in {before.removeprefix(f'{root}, ')}")
        if path.exists():
            parts[part].append(Video(path, numbers.get(row["label"], UNLABELLED), row["group"] or str(path)))
        else:
            missing[part].append(path)
    train, test = (tuple(parts[part]) for part in _PARTS)
    gone = (*missing["train"], *missing["test"])
    return VideoDataset(
        own_name(root), root, labels, train, test, gone, missing_test=tuple(missing["test"]), layout="list"
    )


def _row(where: str, row: Mapping[str, Any]) -> tuple[str, dict[str, str]]:
    known = {column: str(row.get(column) if row.get(column) is not None else "").strip() for column in COLUMNS}
    if not known["path"]:
        raise VidexplainError(f"{where}: no path")
    return where, known


def _natural(label: str) -> tuple[int, int, str]:
    """Numbers in their order, before names."""
    return (0, int(label), label) if label.isdecimal() else (1, 0, label)


def _csv(path: Path) -> Iterator[tuple[str, Mapping[str, Any]]]:
    try:
        with path.open(newline="", encoding="utf-8-sig") as file:
            reader = csv.DictReader(file, delimiter="\t" if path.suffix.lower() == ".tsv" else ",")
            reader.fieldnames = [name.strip() for name in reader.fieldnames or ()]
            _check_columns(path, reader.fieldnames)
            for row in reader:
                if None in row:  # a comma in a name
                    raise VidexplainError(
                        f"{path}, line {reader.line_num}: {len(reader.fieldnames) + len(row[None])} values for "
                        f"{len(reader.fieldnames)} columns; a value with a comma needs quotation marks"
                    )
                yield f"{path}, line {reader.line_num}", row
    except (UnicodeDecodeError, csv.Error):
        raise VidexplainError(f"{path} is not a list in plain text") from None


def _parquet(path: Path) -> Iterator[tuple[str, Mapping[str, Any]]]:
    try:
        import pyarrow as pa
        import pyarrow.parquet as pq
    except ImportError:
        raise VidexplainError(f"reading {path} needs pyarrow: pip install 'videxplain[audit]'") from None
    try:
        names = pq.read_schema(path).names
        _check_columns(path, names)
        rows = pq.read_table(path, columns=[column for column in COLUMNS if column in names]).to_pylist()
    except pa.ArrowException:
        raise VidexplainError(f"{path} is not a Parquet file that can be read") from None
    for number, row in enumerate(rows, start=1):
        yield f"{path}, row {number}", row


def _check_columns(path: Path, names: Any) -> None:
    if "path" not in names:
        have = ", ".join(map(str, names)) or "none"
        raise VidexplainError(f"{path} has no column 'path' (its columns: {have}); a list of videos has path and label")
    for name in COLUMNS:
        if list(names).count(name) > 1:
            raise VidexplainError(f"{path} has several columns '{name}'")
