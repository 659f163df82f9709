"""The table of results: the accuracy of each network on each dataset, from a folder of runs."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

from videxplain.errors import VidexplainError
from videxplain.evaluation.curves import read_curves
from videxplain.evaluation.runs import EVALUATIONS, LOGS, RECIPE, find_runs, read_plain_recipe, splits_of
from videxplain.files import read_record

MODELS = {
    "late_fusion": "Late Fusion",
    "c3d": "C3D",
    "lrcn": "LRCN",
    "i3d": "I3D",
    "i3d_inception": "I3D (Inception)",
    "non_local": "Non-local",
}
DATASETS = {"ucf101": "UCF101", "hmdb51": "HMDB51", "actionfigures": "ActionFigures"}
PARTS = {"validation": "val acc", "test": "test acc"}


class Column(NamedTuple):
    """A column of the table."""

    dataset: str
    split: int
    part: str
    """``"validation"`` or ``"test"``."""
    views: str = ""
    """Clips in time x crops of multi-view testing, such as ``"10x3"``; empty for the usual clips."""


class Cell(NamedTuple):
    """An accuracy."""

    accuracy: float
    """In [0, 1]."""
    majority: float = 0.0
    """The accuracy of always answering the most frequent class; 0 if it is not known."""
    videos: int = 0
    """Of how many videos; 0 if it is not known."""

    @property
    def beats_majority(self) -> bool:
        """Whether it is better than the most frequent class, and by more than chance (binomial test, p < 0.05)."""
        if not self.videos or self.accuracy <= self.majority:
            return self.accuracy > self.majority
        from scipy.stats import binomtest

        right = round(self.accuracy * self.videos)
        return bool(binomtest(right, self.videos, self.majority, alternative="greater").pvalue < 0.05)


class Setting(NamedTuple):
    """What the runs of one row have in common."""

    two_datasets: bool
    """Trained on two datasets at once."""
    model: str
    data: str
    """How clips were cut from the videos."""
    start: str
    """The weights at the beginning."""


@dataclass(frozen=True)
class Results:
    """The table; :mod:`videxplain.evaluation.table_text` writes it.

    Attributes:
        rows: The cells of each setting. Settings with one dataset come first; networks are in the order of `MODELS`.
        left_out: Runs and evaluations that are not in the table, with the reasons, a line each.
    """

    rows: Mapping[Setting, Mapping[Column, Cell]]
    left_out: Sequence[str] = ()

    @property
    def columns(self) -> list[Column]:
        """Those with a value in some row: UCF101, HMDB51, then others by name; validation before test."""
        parts, known = list(PARTS), list(DATASETS)

        def rank(column: Column) -> tuple[int, str, int, int, str]:
            place = known.index(column.dataset) if column.dataset in known else len(known)
            return place, column.dataset, column.split, parts.index(column.part), column.views

        return sorted({column for row in self.rows.values() for column in row}, key=rank)


def results_table(folder: Path) -> Results:
    """Read the runs of a folder: subfolders with ``recipe.yaml`` and ``evaluation/*/metrics.json``.

    An evaluation on a split that the run was not trained on is left out: its test videos may be training videos. An
    evaluation of some videos only (``--limit``) is left out too. Runs of one network on different datasets share a row
    if they were trained in the same way. If several runs belong to the same cells, the run that is best on validation
    videos is shown. If validation videos were not evaluated, their accuracy comes from the curves, from the epoch
    whose weights were kept.

    Args:
        folder: The folder with the runs, in it or one level deeper.

    Raises:
        VidexplainError: No run was evaluated, or a file is damaged.
    """
    left_out: list[str] = []
    entered: dict[tuple[Setting, str, int], tuple[float, Path, dict[Column, Cell]]] = {}
    for run in find_runs(folder):
        setting, (cells, partial) = _setting(run), _cells(run)
        left_out += [f"{path.parent}: {reason}" for path, reason in partial]
        if not cells and not partial:
            left_out.append(f"{run}: not evaluated, {EVALUATIONS} is not there")
        for dataset, split in dict.fromkeys((column.dataset, column.split) for column in cells):
            mine = {column: cell for column, cell in cells.items() if column[:2] == (dataset, split)}
            validated = mine.get(Column(dataset, split, "validation"))
            validation = -math.inf if validated is None else validated.accuracy
            place = (setting, dataset, split)
            if place in entered:
                other, path, _ = entered[place]
                better, worse = (run, path) if validation > other else (path, run)
                left_out.append(f"{worse}: {better} is trained in the same way, and no worse on validation videos")
                if better == path:
                    continue
            entered[place] = validation, run, mine
    if not entered:
        rejected = [reason for reason in left_out if EVALUATIONS not in reason]
        if rejected:
            raise VidexplainError(f"no evaluation in {folder} belongs in the table: {rejected[0]}")
        raise VidexplainError(
            f"no run in {folder} has been evaluated: {EVALUATIONS} is needed, as evaluating writes it"
        )
    rows: dict[Setting, dict[Column, Cell]] = {}
    for (setting, _, _), (_, _, mine) in sorted(entered.items(), key=lambda entry: _rank(entry[0][0])):
        rows.setdefault(setting, {}).update(mine)
    return Results(rows, left_out)


def _rank(setting: Setting) -> tuple[bool, int, Setting]:
    known = list(MODELS)
    return setting.two_datasets, known.index(setting.model) if setting.model in known else len(known), setting


def _setting(run: Path) -> Setting:
    """The setting of a run, from its recipe."""
    path = run / RECIPE
    recipe = read_plain_recipe(path)
    options = recipe.get("options") or {}
    if not isinstance(options, dict):
        raise VidexplainError(f"{path}: options are 'name: value' each")
    frames = options.get("num_frames", 5 if recipe["clips"] == "uniform" else 16)
    apart = f", interval {options['frame_interval']}" if options.get("frame_interval", 1) != 1 else ""
    cut = {
        "uniform": f"{frames} frames",
        "one": f"{frames}-frame clip{apart}",
        "five": f"five {frames}-frame clips{apart}",
    }
    start = str(recipe.get("init") or "none")
    start = {"none": "random", "imagenet": "ImageNet"}.get(start, Path(start).name)
    if "depth" in options:
        start = f"ResNet-{options['depth']}, {start}"
    two_datasets = isinstance(recipe["data"], list) and len(recipe["data"]) > 1
    clips = str(recipe["clips"])
    return Setting(two_datasets, str(recipe["model"]), cut.get(clips, clips), start)


def _cells(run: Path) -> tuple[dict[Column, Cell], list[tuple[Path, str]]]:
    """The accuracies of a run's evaluations, and the evaluations that are left out, with the reasons.

    If validation videos were not evaluated, their accuracy comes from the curves.
    """
    cells: dict[Column, Cell] = {}
    partial: list[tuple[Path, str]] = []
    trained = splits_of(read_plain_recipe(run / RECIPE))
    for path in sorted(run.glob(EVALUATIONS)):
        metrics = _read_metrics(path)
        if metrics.get("limit"):
            partial.append((path, f"measured on some of the videos only (--limit {metrics['limit']})"))
        elif metrics["split"] not in trained:
            splits = " and ".join(map(str, sorted(trained, key=str)))
            partial.append((path, f"measured on split {metrics['split']}, and trained on split {splits}"))
        elif metrics["subset"] in PARTS:  # accuracy on training videos has no column
            views = metrics.get("views", "")
            column = Column(metrics["dataset"], metrics["split"], metrics["subset"], str(views))
            cells[column] = Cell(metrics["top1"], metrics.get("majority", 0.0), metrics.get("videos", 0))
    usual = [column for column in cells if not column.views]
    missing = [column for column in usual if column._replace(part="validation") not in cells]
    if missing and any((run / name).is_file() for name in LOGS):
        curves = read_curves(run)
        for dataset, split, _, _ in missing:
            line = curves.accuracy.get(dataset) or curves.accuracy.get("")
            value = line.at(curves.best_epoch) if line else math.nan
            if math.isfinite(value):
                cells[Column(dataset, split, "validation")] = Cell(value)
    return cells, partial


def _read_metrics(path: Path) -> dict[str, Any]:
    metrics = read_record(path, "is not what evaluating writes")
    kinds: dict[str, type | tuple[type, ...]] = {"dataset": str, "split": int, "subset": str, "top1": (float, int)}
    for name, kind in kinds.items():
        if not isinstance(metrics.get(name), kind):
            raise VidexplainError(f"{path} is not what evaluating writes: {name} is missing or of the wrong kind")
    videos = metrics.get("videos", 0)
    if not isinstance(videos, int) or isinstance(videos, bool) or videos < 0:
        raise VidexplainError(f"{path}: videos is a number of them, not {videos}")
    for name in ("top1", "majority"):
        if not (isinstance(share := metrics.get(name, 0), float | int) and 0 <= share <= 1):
            raise VidexplainError(f"{path}: {name} is a share from 0 to 1, not {share}")
    return metrics
