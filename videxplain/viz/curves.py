"""Training loss and validation accuracy of several runs together."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal, NamedTuple

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import MaxNLocator
from numpy.typing import NDArray

from videxplain.errors import VidexplainError
from videxplain.viz.colour import NEGATIVE, POSITIVE
from videxplain.viz.page import SMALL_POINTS, TEXT_POINTS, Header, Page, Paper, elide, text_height

WIDTH = 12.0
PANEL, TICKS, BETWEEN = (3.75, 3.4), 0.5, 0.3
"""Width and height of the axes in inches; room for the numbers at their left; and between the parts of the page.

On a narrow page the axes are as wide as it is, and lie below each other, with the key below them.
"""
ENTRY, SAMPLE, KEY_POINTS = 0.44, 0.32, 9
COLOURS = (NEGATIVE, POSITIVE, "#3a9a5b", "#8a5fb0", "#c23b5a", "#7a5c3e", "#2aa5a5", "#c9a227")

Dash = Literal["solid"] | tuple[float, tuple[float, ...]]

SOLID: Dash = "solid"
DASHES: tuple[Dash, ...] = ((0, (4, 1.6)), (0, (1.2, 1.2)))


class Line(NamedTuple):
    """A value for each epoch in which there is one."""

    epochs: NDArray[np.int64]
    """From 1."""
    values: NDArray[np.float64]

    def at(self, epoch: int) -> float:
        """The value of an epoch; nan if there is none."""
        return float(dict(zip(self.epochs.tolist(), self.values.tolist(), strict=True)).get(epoch, math.nan))


@dataclass(frozen=True)
class Curves:
    """Loss and accuracy of a run.

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
        """The first epoch with the best accuracy, averaged over the datasets: its weights are kept.

        0 if no epoch has an accuracy.
        """
        epochs = sorted({int(epoch) for line in self.accuracy.values() for epoch in line.epochs})
        means = {epoch: float(np.mean([line.at(epoch) for line in self.accuracy.values()])) for epoch in epochs}
        return max((epoch for epoch in epochs if math.isfinite(means[epoch])), key=means.__getitem__, default=0)


@dataclass(frozen=True)
class CurveGroup:
    """Runs of one recipe with different seeds, or a single run.

    Attributes:
        name: What the key calls them.
        runs: At least one.
    """

    name: str
    runs: Sequence[Curves]


def curves_figure(groups: Sequence[CurveGroup], *, title: str = "") -> Figure:
    """Draw the training loss at the left, the validation accuracy in the middle, and the key at the right.

    Each group has one colour. Its line is the mean of its runs in each epoch, and the band goes from the lowest to the
    highest of them. With several datasets, each dataset has a pattern of dashes. A dot marks the best epoch of a single
    run.

    Args:
        groups: At least one.
        title: Headline.

    Raises:
        VidexplainError: There is no group.
    """
    if not groups:
        raise VidexplainError("there is no run to draw")
    colours = [COLOURS[place % len(COLOURS)] for place in range(len(groups))]
    entries = [entry for group, colour in zip(groups, colours, strict=True) for entry in _entries(group, colour)]
    paper = Paper.of(WIDTH)
    header = Header(title, [], paper)
    head = text_height(TEXT_POINTS) + 0.1
    beside = paper.inner >= 3 * (TICKS + BETWEEN) + 2 * PANEL[0]
    width = PANEL[0] if beside else paper.inner - TICKS - paper.plot_end
    tall = PANEL[1] if beside else min(PANEL[1], 0.75 * width)
    block = head + tall + (0.45 if beside else 0.6)
    key_top = header.bottom + head if beside else header.bottom + 2 * block + 0.15
    key = ENTRY * len(entries)
    page = Page(paper, (max(header.bottom + block, key_top + key) if beside else key_top + key) + paper.margin)
    header.draw(page)
    panels = []
    for number, heading in enumerate(("training loss", "validation accuracy (%)")):
        left = paper.margin + TICKS + (number * (PANEL[0] + TICKS + BETWEEN) if beside else 0.0)
        top = header.bottom + (0.0 if beside else number * block)
        page.text(left, top, heading, TEXT_POINTS, weight="bold")
        panels.append(page.axes(left, top + head, width, tall))
    for group, colour in zip(groups, colours, strict=True):
        several = any(len(run.accuracy) > 1 for run in group.runs)
        _draw(panels[0], [run.loss for run in group.runs], colour, DASHES[0] if several else SOLID)
    for entry in entries:
        percent = [Line(line.epochs, 100 * line.values) for line in entry.accuracy]
        _draw(panels[1], percent, entry.colour, entry.dash)
        if len(entry.best) == 1 and entry.best[0]:
            best = entry.best[0]
            panels[1].plot([best], [percent[0].at(best)], "o", color=entry.colour, markersize=4.5, zorder=3)
    for axes in panels:
        _finish(page, axes)
    _draw_key(page, paper.margin + (2 * (PANEL[0] + TICKS + BETWEEN) if beside else 0.0), key_top, entries)
    return page.figure


class _Entry(NamedTuple):
    """A line of the accuracy panel."""

    name: str
    colour: str
    dash: Dash
    accuracy: Sequence[Line]
    """One for each run."""
    best: Sequence[int]
    """The epoch of each run whose weights are kept."""

    def reached(self) -> str:
        """The accuracy of the weights that are kept, in words."""
        kept = [100 * line.at(epoch) for line, epoch in zip(self.accuracy, self.best, strict=True) if epoch]
        if not kept:
            return "no validation accuracy"
        if len(kept) == 1:
            return f"{kept[0]:.2f} % after epoch {next(filter(None, self.best))}"
        return f"{np.mean(kept):.1f} % ({min(kept):.1f} to {max(kept):.1f}), {len(kept)} runs"


def _entries(group: CurveGroup, colour: str) -> list[_Entry]:
    nothing = Line(np.empty(0, np.int64), np.empty(0))
    best = [run.best_epoch for run in group.runs]
    datasets = list(dict.fromkeys(dataset for run in group.runs for dataset in run.accuracy))
    if len(datasets) < 2:
        lines = [next(iter(run.accuracy.values()), nothing) for run in group.runs]
        return [_Entry(group.name, colour, SOLID, lines, best)]
    return [
        _Entry(
            f"{group.name}: {dataset}",
            colour,
            DASHES[place % len(DASHES)],
            [run.accuracy.get(dataset, nothing) for run in group.runs],
            best,
        )
        for place, dataset in enumerate(datasets)
    ]


def _draw(axes: Axes, lines: Sequence[Line], colour: str, dash: Dash) -> None:
    """Draw the mean of the lines and a band over all of them. A single epoch, which makes no line, is a small dot."""
    import seaborn

    epochs = np.concatenate([line.epochs for line in lines])
    if not len(epochs):
        return
    seaborn.lineplot(
        x=epochs,
        y=np.concatenate([line.values for line in lines]),
        errorbar=("pi", 100) if len(lines) > 1 else None,
        color=colour,
        linestyle=dash,
        linewidth=1.5,
        marker="." if len(np.unique(epochs)) == 1 else "",
        markeredgecolor=colour,
        ax=axes,
    )


def _finish(page: Page, axes: Axes) -> None:
    axes.xaxis.set_major_locator(MaxNLocator(8, integer=True, steps=[1, 2, 5, 10]))
    axes.yaxis.set_major_locator(MaxNLocator(6, steps=[1, 2, 5, 10]))
    axes.grid(axis="y", color=page.palette.rule, linewidth=0.5)
    axes.set_axisbelow(True)
    page.finish(axes, "epoch", points=TEXT_POINTS)


def _draw_key(page: Page, left: float, top: float, entries: Sequence[_Entry]) -> None:
    """Write which line is which run, and the accuracy that it reached."""
    room = page.width - page.paper.margin - left - SAMPLE - 0.1
    for row, entry in enumerate(entries):
        y = top + ENTRY * row
        ends = [left / page.width, (left + SAMPLE) / page.width]
        height = 1 - (y + 0.09) / page.height
        sample = Line2D(ends, [height, height], color=entry.colour, linestyle=entry.dash, linewidth=1.5)
        page.figure.add_artist(sample)
        page.text(left + SAMPLE + 0.1, y, elide(entry.name, KEY_POINTS, room), KEY_POINTS)
        said = elide(entry.reached(), SMALL_POINTS, room)
        page.text(left + SAMPLE + 0.1, y + text_height(KEY_POINTS), said, SMALL_POINTS, page.palette.muted)
