"""The table of results: what each network reached on each dataset, from a folder of runs."""

import json
import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

from videxplain.errors import VidexplainError
from videxplain.viz.curves import LOGS, read_curves

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
ONE, TWO = "Training on the dataset itself", "Training on two datasets"
WORDS = ("Model", "Data processing", "Initialisation")
MISSING = "–"
METRICS = "evaluation/*/metrics.json"


class Column(NamedTuple):
    """Where an accuracy stands in the table."""

    dataset: str
    split: int
    part: str
    """``"validation"`` or ``"test"``."""


class Setting(NamedTuple):
    """What the runs of one row have in common."""

    two_datasets: bool
    """Trained on two datasets at once."""
    model: str
    data: str
    """How clips were cut from the videos."""
    start: str
    """Where the weights began."""


@dataclass(frozen=True)
class Results:
    """The table.

    Attributes:
        rows: Accuracies in [0, 1] of each setting. Settings with one dataset come before those with two; networks stand
            in the order of `MODELS`.
        left_out: What of the folder is not in the table, and why, in a line each.
    """

    rows: Mapping[Setting, Mapping[Column, float]]
    left_out: Sequence[str] = ()

    @property
    def columns(self) -> list[Column]:
        """Those with a value in some row: UCF101, HMDB51, then others by name; validation before test."""
        parts, known = list(PARTS), list(DATASETS)

        def rank(column: Column) -> tuple[int, str, int, int]:
            place = known.index(column.dataset) if column.dataset in known else len(known)
            return place, column.dataset, column.split, parts.index(column.part)

        return sorted({column for row in self.rows.values() for column in row}, key=rank)

    def markdown(self) -> str:
        """The table in Markdown; the best of each column is bold, among runs on one dataset and among those on two."""
        heads = [_markdown(text) for text in (*WORDS, *self._heads())]
        lines = [_pipes(heads), _pipes(["---"] * len(WORDS) + ["---:"] * len(self.columns))]
        for name, rows in self._blocks():
            if name:
                lines.append(_pipes([f"*{name}*"] + [""] * (len(heads) - 1)))
            for words, numbers in rows:
                shown = [f"**{text}**" if best else text for text, best in numbers]
                lines.append(_pipes([*map(_markdown, words), *shown]))
        return "\n".join(lines) + "\n"

    def latex(self) -> str:
        """The table as a LaTeX ``tabular`` that needs no package; bold as in `markdown`."""
        heads = [_latex(text) for text in (*WORDS, *self._heads())]
        lines = [f"\\begin{{tabular}}{{{'l' * len(WORDS)}{'r' * len(self.columns)}}}", "\\hline", _ampersands(heads)]
        for name, rows in self._blocks():
            lines.append("\\hline")
            if name:
                lines += [f"\\multicolumn{{{len(heads)}}}{{c}}{{{_latex(name)}}} \\\\", "\\hline"]
            for words, numbers in rows:
                shown = [f"\\textbf{{{text}}}" if best else text.replace(MISSING, "--") for text, best in numbers]
                lines.append(_ampersands([*map(_latex, words), *shown]))
        return "\n".join([*lines, "\\hline", "\\end{tabular}"]) + "\n"

    def _heads(self) -> list[str]:
        """Titles of the columns with accuracies; the split is said where a dataset has several."""
        splits = {(column.dataset, column.split) for column in self.columns}
        several = {dataset for dataset, _ in splits if sum(dataset == other for other, _ in splits) > 1}
        return [
            f"{DATASETS.get(dataset, dataset)}{f' split {split}' if dataset in several else ''} {PARTS[part]}"
            for dataset, split, part in self.columns
        ]

    def _blocks(self) -> list[tuple[str, list[tuple[list[str], list[tuple[str, bool]]]]]]:
        """Name, and rows of words and of numbers with whether they are the best; a lone usual block has no name."""
        columns = self.columns
        blocks = []
        for two_datasets, name in ((False, ONE), (True, TWO)):
            settings = [setting for setting in self.rows if setting.two_datasets == two_datasets]
            # Rounded as they are shown: what looks equal is equally good.
            table = [[_rounded(self.rows[setting].get(column)) for column in columns] for setting in settings]
            best = [max(values) for values in zip(*table, strict=True)]
            rows = [
                (
                    [MODELS.get(setting.model, setting.model), setting.data, setting.start],
                    [_number(value, most) for value, most in zip(values, best, strict=True)],
                )
                for setting, values in zip(settings, table, strict=True)
            ]
            if rows:
                blocks.append((name, rows))
        return [("", blocks[0][1])] if [name for name, _ in blocks] == [ONE] else blocks


def results_table(folder: Path) -> Results:
    """Read the runs of a folder: subfolders with ``recipe.yaml`` and ``evaluation/<dataset>-<subset>/metrics.json``.

    Runs of one network on one dataset each share a row where they were trained in the same way. Of several runs that
    would stand in the same place, the best on validation videos does. Where validation videos were not evaluated, their
    accuracy is that of the curves, in the epoch whose weights were kept.

    Args:
        folder: The runs lie in it, or one level deeper.

    Raises:
        VidexplainError: There is no run that was evaluated, or a file says what it should not.
    """
    if not folder.is_dir():
        raise VidexplainError(f"no such folder: {folder}")
    runs = sorted(path.parent for pattern in ("*/recipe.yaml", "*/*/recipe.yaml") for path in folder.glob(pattern))
    if not runs:
        raise VidexplainError(
            f"{folder} has no runs: subfolders with a recipe.yaml are needed, as training writes them"
        )
    left_out = []
    entered: dict[tuple[Setting, str, int], tuple[float, Path, dict[Column, float]]] = {}
    for run in runs:
        setting, accuracies = _setting(run), _accuracies(run)
        if not accuracies:
            left_out.append(f"{run}: not evaluated, {METRICS} is not there")
        for dataset, split in dict.fromkeys((column.dataset, column.split) for column in accuracies):
            mine = {column: value for column, value in accuracies.items() if column[:2] == (dataset, split)}
            validation = mine.get(Column(dataset, split, "validation"), -math.inf)
            place = (setting, dataset, split)
            if place in entered:
                other, path, _ = entered[place]
                better, worse = (run, path) if validation > other else (path, run)
                left_out.append(f"{worse}: {better} is trained in the same way, and no worse on validation videos")
                if better == path:
                    continue
            entered[place] = validation, run, mine
    if not entered:
        raise VidexplainError(f"no run in {folder} has been evaluated: {METRICS} is needed, as evaluating writes it")
    rows: dict[Setting, dict[Column, float]] = {}
    for (setting, _, _), (_, _, mine) in sorted(entered.items(), key=lambda entry: _rank(entry[0][0])):
        rows.setdefault(setting, {}).update(mine)
    return Results(rows, left_out)


def _rank(setting: Setting) -> tuple[bool, int, Setting]:
    known = list(MODELS)
    return setting.two_datasets, known.index(setting.model) if setting.model in known else len(known), setting


def _setting(run: Path) -> Setting:
    """What the recipe of a run says."""
    import yaml

    path = run / "recipe.yaml"
    try:
        recipe = yaml.safe_load(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise VidexplainError(f"cannot read {path}: {error.strerror or error}") from None
    except (yaml.YAMLError, UnicodeDecodeError):
        raise VidexplainError(f"{path} is not YAML") from None
    if not isinstance(recipe, dict) or not {"model", "clips", "data"} <= recipe.keys():
        raise VidexplainError(f"{path} is no recipe: model, clips and data are needed")
    options = recipe.get("options") or {}
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
    return Setting(two_datasets, str(recipe["model"]), cut.get(recipe["clips"], str(recipe["clips"])), start)


def _accuracies(run: Path) -> dict[Column, float]:
    """What the evaluations of a run found, and the curves where validation videos were not evaluated."""
    found: dict[Column, float] = {}
    for path in sorted(run.glob(METRICS)):
        metrics = _read_metrics(path)
        # Accuracy on training videos has no column, and what is measured on some of the videos is no result.
        if metrics["subset"] in PARTS and not metrics.get("limit"):
            found[Column(metrics["dataset"], metrics["split"], metrics["subset"])] = metrics["top1"]
    missing = [column for column in found if column._replace(part="validation") not in found]
    if missing and any((run / name).is_file() for name in LOGS):
        curves = read_curves(run)
        for dataset, split, _ in missing:
            line = curves.accuracy.get(dataset) or curves.accuracy.get("")
            value = line.at(curves.best_epoch) if line else math.nan
            if math.isfinite(value):
                found[Column(dataset, split, "validation")] = value
    return found


def _read_metrics(path: Path) -> dict[str, Any]:
    try:
        metrics = json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise VidexplainError(f"cannot read {path}: {error.strerror or error}") from None
    except ValueError:
        raise VidexplainError(f"{path} is not JSON") from None
    kinds: dict[str, type | tuple[type, ...]] = {"dataset": str, "split": int, "subset": str, "top1": (float, int)}
    for name, kind in kinds.items():
        if not isinstance(metrics, dict) or not isinstance(metrics.get(name), kind):
            raise VidexplainError(f"{path} is not what evaluating writes: {name} is missing or of the wrong kind")
    if not 0 <= metrics["top1"] <= 1:
        raise VidexplainError(f"{path}: top1 is a share from 0 to 1, not {metrics['top1']}")
    return metrics


def _rounded(share: float | None) -> float:
    return -math.inf if share is None else round(100 * share, 2)


def _number(value: float, best: float) -> tuple[str, bool]:
    """A percentage as it is shown, and whether it is the best."""
    return (f"{value:.2f}", value == best) if math.isfinite(value) else (MISSING, False)


def _pipes(cells: Iterable[str]) -> str:
    return f"| {' | '.join(cells)} |"


def _ampersands(cells: Iterable[str]) -> str:
    return " & ".join(cells) + " \\\\"


def _markdown(text: str) -> str:
    return "".join(f"\\{letter}" if letter in "\\`*_{}[]<>|#" else letter for letter in text)


def _latex(text: str) -> str:
    words = {"\\": "\\textbackslash{}", "~": "\\textasciitilde{}", "^": "\\textasciicircum{}", "<": "\\textless{}"}
    words |= {">": "\\textgreater{}", "|": "\\textbar{}", MISSING: "--"}
    return "".join(words.get(letter, f"\\{letter}" if letter in "&%$#_{}" else letter) for letter in text)
