"""Training loss and validation accuracy of several runs together."""

import csv
import math
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, NamedTuple

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import MaxNLocator
from numpy.typing import NDArray

from videxplain.errors import VidexplainError
from videxplain.viz.colour import INK, MUTED, NEGATIVE, POSITIVE, RULE
from videxplain.viz.page import MARGIN, SMALL_POINTS, TEXT_POINTS, Header, Page, elide, text_height

WIDTH = 12.0
PANEL, TICKS, BETWEEN = (3.75, 3.4), 0.5, 0.3
"""Width and height of the axes in inches; room for the numbers at their left; and between the parts of the page."""
ENTRY, SAMPLE, KEY_POINTS = 0.44, 0.32, 9
COLOURS = (NEGATIVE, POSITIVE, "#3a9a5b", "#8a5fb0", "#c23b5a", "#7a5c3e", "#2aa5a5", "#c9a227")
LOGS = ("logs/metrics.csv", "metrics.csv")

Dash = Literal["solid"] | tuple[float, tuple[float, ...]]

SOLID: Dash = "solid"
DASHES: tuple[Dash, ...] = ((0, (4, 1.6)), (0, (1.2, 1.2)))


class Line(NamedTuple):
    """A value for each epoch in which there is one."""

    epochs: NDArray[np.int64]
    """From 1."""
    values: NDArray[np.float64]

    def at(self, epoch: int) -> float:
        """The value of an epoch; nan where there is none."""
        return float(dict(zip(self.epochs.tolist(), self.values.tolist(), strict=True)).get(epoch, math.nan))


@dataclass(frozen=True)
class Curves:
    """How a run went.

    Attributes:
        name: Of the run.
        loss: Mean training loss of each epoch.
        accuracy: Validation accuracy after each epoch, in [0, 1], for each dataset by name; a run on one dataset may
            leave the name empty.
    """

    name: str
    loss: Line
    accuracy: Mapping[str, Line]

    @property
    def best_epoch(self) -> int:
        """The first epoch with the best accuracy, averaged over the datasets: the one whose weights are kept.

        0 where no epoch has an accuracy.
        """
        epochs = sorted({int(epoch) for line in self.accuracy.values() for epoch in line.epochs})
        means = {epoch: float(np.mean([line.at(epoch) for line in self.accuracy.values()])) for epoch in epochs}
        return max((epoch for epoch in epochs if math.isfinite(means[epoch])), key=means.__getitem__, default=0)


def read_curves(run: Path) -> Curves:
    """Read what Lightning's ``CSVLogger`` wrote: columns ``epoch``, ``step``, ``train_loss``, ``val_acc``, ...

    Several losses of one epoch are averaged. Where a run was broken off and resumed, steps and epochs occur twice;
    the later row counts. For a run on two datasets the columns ``val_acc/<dataset>`` are read.

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


def curves_figure(runs: Sequence[Curves], *, title: str = "") -> Figure:
    """Training loss at the left, validation accuracy in the middle, at the right which line is which run.

    A run has one colour. The lines of a run on several datasets are dashed, another pattern for each dataset. Dots
    mark the best epoch of a run.

    Args:
        runs: At least one.
        title: Headline.
    """
    if not runs:
        raise VidexplainError("there is no run to draw")
    colours = [COLOURS[place % len(COLOURS)] for place in range(len(runs))]
    entries = [entry for run, colour in zip(runs, colours, strict=True) for entry in _entries(run, colour)]
    header = Header(title, [], WIDTH)
    top = header.bottom + text_height(TEXT_POINTS) + 0.1
    page = Page(WIDTH, top + max(PANEL[1] + 0.45, ENTRY * len(entries)) + MARGIN)
    header.draw(page)
    panels = []
    for column, heading in enumerate(("training loss", "validation accuracy (%)")):
        left = MARGIN + TICKS + column * (PANEL[0] + TICKS + BETWEEN)
        page.text(left, header.bottom, heading, TEXT_POINTS, weight="bold")
        panels.append(page.axes(left, top, *PANEL))
    for run, colour in zip(runs, colours, strict=True):
        _draw(panels[0], run.loss, colour, DASHES[0] if len(run.accuracy) > 1 else SOLID)
    for entry in entries:
        percent = Line(entry.accuracy.epochs, 100 * entry.accuracy.values)
        _draw(panels[1], percent, entry.colour, entry.dash)
        if entry.best:
            panels[1].plot([entry.best], [percent.at(entry.best)], "o", color=entry.colour, markersize=4.5, zorder=3)
    for axes in panels:
        _finish(axes)
    _draw_key(page, MARGIN + 2 * (PANEL[0] + TICKS + BETWEEN), top, entries)
    return page.figure


class _Entry(NamedTuple):
    """A line of the accuracy panel."""

    name: str
    colour: str
    dash: Dash
    accuracy: Line
    best: int
    """The epoch that is marked."""


def _entries(run: Curves, colour: str) -> list[_Entry]:
    if len(run.accuracy) < 2:
        accuracy = next(iter(run.accuracy.values()), _line([]))
        return [_Entry(run.name, colour, SOLID, accuracy, run.best_epoch)]
    return [
        _Entry(f"{run.name}: {dataset}", colour, DASHES[place % len(DASHES)], accuracy, run.best_epoch)
        for place, (dataset, accuracy) in enumerate(run.accuracy.items())
    ]


def _draw(axes: Axes, line: Line, colour: str, dash: Dash) -> None:
    """The line; a single epoch, which makes no line, as a small dot."""
    marker = "." if len(line.epochs) == 1 else ""
    axes.plot(line.epochs, line.values, color=colour, linestyle=dash, linewidth=1.5, marker=marker)


def _finish(axes: Axes) -> None:
    axes.set_xlabel("epoch", fontsize=TEXT_POINTS, color=INK)
    axes.xaxis.set_major_locator(MaxNLocator(8, integer=True, steps=[1, 2, 5, 10]))
    axes.yaxis.set_major_locator(MaxNLocator(6, steps=[1, 2, 5, 10]))
    axes.tick_params(colors=MUTED, labelsize=SMALL_POINTS, length=3, width=0.6)
    axes.grid(axis="y", color=RULE, linewidth=0.5)
    axes.set_axisbelow(True)
    axes.spines[["top", "right"]].set_visible(False)
    axes.spines[["left", "bottom"]].set(color=RULE, linewidth=0.8)


def _draw_key(page: Page, left: float, top: float, entries: Sequence[_Entry]) -> None:
    """Which line is which run, and the best accuracy of each."""
    room = page.width - MARGIN - left - SAMPLE - 0.1
    for row, entry in enumerate(entries):
        y = top + ENTRY * row
        ends = [left / page.width, (left + SAMPLE) / page.width]
        height = 1 - (y + 0.09) / page.height
        sample = Line2D(ends, [height, height], color=entry.colour, linestyle=entry.dash, linewidth=1.5)
        page.figure.add_artist(sample)
        page.text(left + SAMPLE + 0.1, y, elide(entry.name, KEY_POINTS, room), KEY_POINTS)
        best = 100 * entry.accuracy.at(entry.best)
        said = f"{best:.2f} % after epoch {entry.best}" if entry.best else "no validation accuracy"
        page.text(left + SAMPLE + 0.1, y + text_height(KEY_POINTS), said, SMALL_POINTS, MUTED)


def _line(points: Iterable[tuple[int, float]]) -> Line:
    """Points ``(epoch from 0, value)`` in any order; Lightning counts epochs from 0."""
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
