"""The curves of a run, read from what training wrote."""

import csv
import json
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from itertools import takewhile
from pathlib import Path

import numpy as np

from videxplain.errors import VidexplainError
from videxplain.evaluation.runs import LOGS, RECIPE, UNLEARNED_KEYS, read_plain_recipe
from videxplain.viz.curves import CurveGroup, Curves, Line

_FREE = ("seed", *UNLEARNED_KEYS)
"""Keys of a recipe that may differ between runs of one group."""


def read_curve_groups(runs: Sequence[Path]) -> list[CurveGroup]:
    """The curves of several runs. Runs of one recipe with different seeds form a group.

    A run without a ``recipe.yaml`` is a group. If two groups would have the same name, they are named by the paths as
    they were given.

    Args:
        runs: Folders of runs, see :func:`read_curves`.

    Raises:
        VidexplainError: A run has no curves, or a recipe cannot be read.
    """
    members: dict[str, list[tuple[Path, Curves]]] = defaultdict(list)
    for run in dict.fromkeys(runs):
        members[_recipe_key(run)].append((run, read_curves(run)))
    names = [_common_name([curves.name for _, curves in group]) for group in members.values()]
    groups = []
    for name, group in zip(names, members.values(), strict=True):
        said = name if names.count(name) == 1 else _common_name([str(run) for run, _ in group])
        groups.append(CurveGroup(said, [curves for _, curves in group]))
    return groups


def _recipe_key(run: Path) -> str:
    """A text that is the same for runs of one group."""
    if not (run / RECIPE).is_file():
        return str(run)
    recipe = read_plain_recipe(run / RECIPE)
    return json.dumps({name: value for name, value in sorted(recipe.items()) if name not in _FREE}, default=str)


def _common_name(names: Sequence[str]) -> str:
    """What the names have in common at their beginning, ``i3d-seed`` of ``i3d-seed1`` and ``i3d-seed2``."""
    if len(names) == 1:
        return names[0]
    same = takewhile(lambda letters: len(set(letters)) == 1, zip(*names, strict=False))
    return "".join(letters[0] for letters in same).rstrip("-_. /") or f"{names[0]} ..."


def read_curves(run: Path) -> Curves:
    """Read the table of a run, with the columns ``epoch``, ``step``, ``train_loss``, ``val_acc``, ...

    The table was written by our own callback or by Lightning's ``CSVLogger``. Several losses of one epoch are averaged.
    If a run was stopped and resumed, steps and epochs occur twice, and the later row counts. For a run on two datasets
    the columns ``val_acc/<dataset>`` are read.

    Args:
        run: The folder of a run, which has ``logs/metrics.csv`` or ``metrics.csv``, or that file itself.

    Raises:
        VidexplainError: There is no such file, or neither loss nor accuracy in it.
    """
    path = _log_of(run)
    rows = _read_rows(path)
    columns = list(rows[0]) if rows else []
    loss_column = "train_loss_epoch" if "train_loss_epoch" in columns else "train_loss"
    by_epoch: dict[int, dict[str, float]] = defaultdict(dict)
    for row in rows:
        if row.get(loss_column):
            by_epoch[_epoch(path, row)][row.get("step") or ""] = _number(path, row, loss_column)
    loss = _line((epoch, float(np.mean(list(steps.values())))) for epoch, steps in by_epoch.items())
    named = {column.partition("/")[2]: column for column in columns if column.startswith("val_acc/")}
    accuracy = {}
    for dataset, column in (named or {"": "val_acc"}).items():
        last = {_epoch(path, row): _number(path, row, column) for row in rows if row.get(column)}
        if last:
            accuracy[dataset] = _line(last.items())
    if not len(loss.epochs) and not accuracy:
        raise VidexplainError(f"{path} has neither train_loss nor val_acc of any epoch")
    folder = path.resolve().parent
    return Curves((folder.parent if folder.name == "logs" else folder).name, loss, accuracy)


def _line(points: Iterable[tuple[int, float]]) -> Line:
    """A line from points ``(epoch, value)`` in any order. Lightning counts epochs from 0, a :class:`Line` from 1."""
    ordered = sorted(points)
    epochs = np.array([epoch + 1 for epoch, _ in ordered], np.int64)
    return Line(epochs, np.array([value for _, value in ordered], np.float64))


def _log_of(run: Path) -> Path:
    """The file with the curves of a run."""
    if run.is_file():
        return run
    if not run.is_dir():
        raise VidexplainError(f"no such run: {run}")
    for name in LOGS:
        if (run / name).is_file():
            return run / name
    raise VidexplainError(
        f"{run} has no curves: {' or '.join(LOGS)} is needed, which training with the csv logger writes"
    )


def _read_rows(path: Path) -> list[dict[str, str]]:
    try:
        with path.open(newline="", encoding="utf-8-sig") as file:
            return list(csv.DictReader(file))
    except OSError as error:
        raise VidexplainError(f"cannot read {path}: {error.strerror or error}") from None
    except (UnicodeDecodeError, csv.Error):
        raise VidexplainError(f"{path} is not a CSV file") from None


def _number(path: Path, row: Mapping[str, str], column: str) -> float:
    try:
        return float(row[column])
    except (KeyError, TypeError, ValueError):
        raise VidexplainError(f"{path}: '{row.get(column)}' in column {column} is not a number") from None


def _epoch(path: Path, row: Mapping[str, str]) -> int:
    epoch = _number(path, row, "epoch")
    if not epoch.is_integer():
        raise VidexplainError(f"{path}: {epoch} in column epoch is not a whole number")
    return int(epoch)
