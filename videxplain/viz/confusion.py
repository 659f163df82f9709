"""Confusion matrices: which classes are taken for which, readable at a dozen classes and at a hundred."""

import csv
import math
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import LinearSegmentedColormap
from matplotlib.figure import Figure
from numpy.typing import ArrayLike, NDArray

from videxplain.errors import VidexplainError, unknown
from videxplain.viz.colour import INK, MUTED, RULE
from videxplain.viz.page import GAP, MARGIN, SMALL_POINTS, TEXT_POINTS, Header, Page, elide, text_height, text_width

WIDTH = 12.0
LARGEST_CELL, SMALLEST_BESIDE = 0.56, 0.38
"""Inches; below the second one the list of pairs goes under the matrix, so that cells can be larger."""
LARGEST_NAME, TICK, HAIR = 1.7, 0.05, 0.006
SMALLEST_POINTS, SMALLEST_NUMBER = 7.0, 6.0
LINE = 1.15
"""Distance of neighbouring names as a multiple of their size, at the least."""
FILLED = 0.88
"""Largest share of a cell's width that its number takes."""
MOST_PAIRS, BESIDE, PAIR, PAIR_POINTS, ARROW = 10, 4.3, 0.24, 9, " → "
BAR, BETWEEN_BARS = 2.6, 0.6
NO_VIDEOS = (0xE3, 0xE5, 0xE8)
LUMINANCE = np.array([0.299, 0.587, 0.114])

RIGHT = LinearSegmentedColormap.from_list("right", ["#ffffff", "#c3d5e8", "#4f7fb5", "#1d3f6b"])
WRONG = LinearSegmentedColormap.from_list("wrong", ["#ffffff", "#fbd5b8", "#e8702a", "#8c2f06"])

COLUMNS = ("video", "group", "label", "predicted")

Pair = tuple[str, str, int, float]


class Predictions(NamedTuple):
    """What a classifier said of N videos.

    Attributes:
        labels: Names of the K classes.
        true: ``(N,)`` class numbers.
        predicted: ``(N,)`` class numbers.
    """

    labels: tuple[str, ...]
    true: NDArray[np.int64]
    predicted: NDArray[np.int64]


def read_predictions(path: Path) -> Predictions:
    """Read a CSV file with the columns video, group, label and predicted, and then one of scores for each class.

    Raises:
        VidexplainError: There is no such file, it has other columns, or names a class that has no column.
    """
    try:
        with path.open(newline="", encoding="utf-8-sig") as file:
            header, *rows = [row for row in csv.reader(file) if row] or [[]]
    except OSError as error:
        raise VidexplainError(f"cannot read {path}: {error.strerror or error}") from None
    except (UnicodeDecodeError, csv.Error):
        raise VidexplainError(f"{path} is not a CSV file") from None
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
    true, predicted = (np.array([number[row[column]] for row in rows], np.int64) for column in (2, 3))
    return Predictions(labels, true, predicted)


def confusion_matrix(true: ArrayLike, predicted: ArrayLike, num_classes: int) -> NDArray[np.int64]:
    """How often each class was taken for each.

    Args:
        true: ``(N,)`` class numbers.
        predicted: ``(N,)`` class numbers.
        num_classes: K.

    Returns:
        ``(K, K)``; row i, column j counts the videos of class i that were taken for class j.
    """
    rows, columns = np.asarray(true, dtype=np.int64), np.asarray(predicted, dtype=np.int64)
    if rows.shape != columns.shape or rows.ndim != 1:
        raise VidexplainError(f"one prediction for each video is needed, not {columns.shape} for {rows.shape}")
    for name, numbers in (("true", rows), ("predicted", columns)):
        outside = numbers[(numbers < 0) | (numbers >= num_classes)]
        if len(outside):
            raise VidexplainError(
                f"a {name} class is {outside[0]}; with {num_classes} classes 0 to {num_classes - 1} work"
            )
    return np.bincount(rows * num_classes + columns, minlength=num_classes**2).reshape(num_classes, num_classes)


def most_confused(matrix: NDArray[np.int64], labels: Sequence[str], count: int = 10) -> list[Pair]:
    """The most frequent mistakes, the most frequent first; of equally frequent ones the larger share first.

    Args:
        matrix: ``(K, K)`` counts, rows true.
        labels: K names.
        count: How many at the most; pairs that never occur are left out.

    Returns:
        True label, predicted label, number of videos, and their share of the videos of the true class.
    """
    matrix = _checked(matrix, labels)
    share = _shares(matrix)
    rows, columns = np.nonzero(matrix * ~np.eye(len(matrix), dtype=bool))
    order = np.lexsort((columns, rows, -share[rows, columns], -matrix[rows, columns]))[:count]
    pairs = zip(rows[order], columns[order], strict=True)
    return [(labels[i], labels[j], int(matrix[i, j]), float(share[i, j])) for i, j in pairs]


def confusion_figure(
    matrix: NDArray[np.int64], labels: Sequence[str], *, normalise: bool = True, title: str = ""
) -> Figure:
    """The matrix, and the most confused pairs beside or under it.

    What is right (the diagonal) is blue, what is wrong is orange, darker where there is more of it; the orange
    grows with the square root, so that a few per cent can still be seen. Numbers stand in the cells where they
    fit. Where rows are too narrow for their names, names alternate between the two sides; where even that is too
    narrow, every n-th class is named and the page says so. A class without videos has a grey row.

    Args:
        matrix: ``(K, K)`` counts, rows true.
        labels: K names.
        normalise: Shares of the true class in per cent; otherwise numbers of videos.
        title: Headline.
    """
    matrix = _checked(matrix, labels)
    layout = _Layout(labels, title)
    page = Page(WIDTH, layout.height)
    layout.header.draw(page)
    page.text(MARGIN, layout.header.bottom, _summary(matrix), TEXT_POINTS, MUTED)
    axes = page.axes(layout.left, layout.top, layout.side, layout.side)
    values = _shares(matrix) if normalise else matrix.astype(np.float64)
    limit = 1.0 if normalise else float(matrix.max() or 1)
    pixels = _colours(values / limit, matrix.sum(axis=1) == 0)
    _draw_cells(axes, pixels, layout.cell)
    _draw_numbers(axes, values, pixels, layout.cell, normalise)
    _draw_names(page, layout)
    _draw_key(page, layout, limit, normalise)
    _draw_pairs(page, layout, most_confused(matrix, labels, MOST_PAIRS))
    return page.figure


class _Layout:
    """Where things go on the page, in inches from the top left corner."""

    def __init__(self, labels: Sequence[str], title: str) -> None:
        count = len(labels)
        self.header = Header(title, [], WIDTH)
        self.names = [elide(label, TEXT_POINTS, LARGEST_NAME) for label in labels]
        self.reach = max(text_width(name, TEXT_POINTS) for name in self.names) + 2 * TICK
        axis_title = text_height(TEXT_POINTS) + GAP
        room = WIDTH - 2 * MARGIN - axis_title - self.reach
        self.beside = (room - BESIDE) / count >= SMALLEST_BESIDE
        if self.beside:
            room -= BESIDE
        # Names on both sides have twice the height of a row each.
        self.sides = 1 if 72 * room / count >= LINE * SMALLEST_POINTS else 2
        if self.sides == 2:
            room -= self.reach
        self.cell = min(LARGEST_CELL, room / count)
        pitch = self.sides * 72 * self.cell
        self.step = math.ceil(LINE * SMALLEST_POINTS / pitch)
        self.points = min(TEXT_POINTS, self.step * pitch / LINE)

        self.side = self.cell * count
        self.left = MARGIN + axis_title + self.reach
        self.top = self.header.bottom + text_height(TEXT_POINTS) + 0.16 + (self.reach if self.sides == 2 else 0.0)
        self.key_top = self.top + self.side + self.reach + axis_title + 0.12
        key_bottom = self.key_top + text_height(SMALL_POINTS, 2) + 0.2
        key_right = self.left + 2 * BAR + BETWEEN_BARS
        self.list_left = max(self.left + self.side, key_right) + 0.5 if self.beside else MARGIN
        self.list_top = self.top if self.beside else key_bottom + 0.1
        self.list_columns = 1 if self.beside else 2
        self.list_width = (WIDTH - MARGIN - self.list_left - 0.4 * (self.list_columns - 1)) / self.list_columns
        self.list_rows = math.ceil(MOST_PAIRS / self.list_columns)
        list_bottom = self.list_top + text_height(TEXT_POINTS) + 0.1 + self.list_rows * PAIR
        self.height = max(key_bottom, list_bottom) + MARGIN


def _checked(matrix: NDArray[np.int64], labels: Sequence[str]) -> NDArray[np.int64]:
    matrix = np.asarray(matrix)
    if not labels or matrix.shape != (len(labels), len(labels)):
        raise VidexplainError(f"{len(labels)} labels need a matrix of as many rows and columns, not {matrix.shape}")
    return matrix


def _shares(matrix: NDArray[np.int64]) -> NDArray[np.float64]:
    """Each row divided by its sum; a row of zeros stays one."""
    return matrix / np.maximum(matrix.sum(axis=1, keepdims=True), 1)


def _summary(matrix: NDArray[np.int64]) -> str:
    """How many videos, and how many of them are right."""
    videos, present = int(matrix.sum()), matrix.sum(axis=1) > 0
    if not videos:
        return "no videos"
    right = np.trace(matrix) / videos
    mean = np.diag(_shares(matrix))[present].mean()
    empty = f"; {int((~present).sum())} without videos (grey)" if not present.all() else ""
    of = f"{videos:,} videos of {len(matrix)} classes{empty}"
    return f"{of}; right: {100 * right:.1f} %, mean of the classes {100 * mean:.1f} %"


def _colours(level: NDArray[np.float64], empty: NDArray[np.bool_]) -> NDArray[np.uint8]:
    """``(K, K, 3)``: blue on the diagonal, orange beside it, grey in rows without videos."""
    pixels = WRONG(np.sqrt(level), bytes=True)[..., :3].copy()
    diagonal = np.arange(len(level))
    pixels[diagonal, diagonal] = RIGHT(np.diag(level), bytes=True)[:, :3]
    pixels[empty] = NO_VIDEOS
    return pixels


def _draw_cells(axes: Axes, pixels: NDArray[np.uint8], cell: float) -> None:
    count = len(pixels)
    axes.imshow(pixels, aspect="auto", interpolation="nearest")
    edges = np.arange(count - 1) + 0.5
    # In points; in proportion to the cells, or the lines of many classes would make the page grey.
    thickness = min(0.5, 0.04 * 72 * cell)
    axes.hlines(edges, -0.5, count - 0.5, color=RULE, linewidth=thickness)
    axes.vlines(edges, -0.5, count - 0.5, color=RULE, linewidth=thickness)
    axes.set(xlim=(-0.5, count - 0.5), ylim=(count - 0.5, -0.5), xticks=[], yticks=[])
    for spine in axes.spines.values():
        spine.set(color=MUTED, linewidth=0.6)


def _draw_numbers(
    axes: Axes, values: NDArray[np.float64], pixels: NDArray[np.uint8], cell: float, normalise: bool
) -> None:
    """Per cent or counts in the cells that are not zero, where the widest of them fits."""
    texts = {(i, j): _cell_text(values[i, j], normalise) for i, j in zip(*np.nonzero(values), strict=True)}
    widest = max((text_width(text, TEXT_POINTS) for text in texts.values()), default=cell)
    points = min(TEXT_POINTS, TEXT_POINTS * FILLED * cell / widest)
    if points < SMALLEST_NUMBER:
        return
    for (i, j), text in texts.items():
        dark = pixels[i, j] @ LUMINANCE < 140
        colour = "white" if dark else INK
        axes.text(j, i, text, fontsize=points, color=colour, ha="center", va="center_baseline")


def _cell_text(value: float, normalise: bool) -> str:
    if not normalise:
        return f"{value:.0f}"
    return f"{100 * value:.0f}" if value >= 0.005 else "<1"


def _draw_names(page: Page, layout: _Layout) -> None:
    """Names of the rows and columns, with what the two directions mean."""
    right, bottom = layout.left + layout.side, layout.top + layout.side
    for place, number in enumerate(range(0, len(layout.names), layout.step)):
        name, across = layout.names[number], (number + 0.5) * layout.cell
        x, y = layout.left + across, layout.top + across
        if place % layout.sides == 0:
            page.box(layout.left - TICK, y - HAIR / 2, TICK, HAIR, MUTED)
            page.box(x - HAIR / 2, bottom, HAIR, TICK, MUTED)
            page.text(layout.left - 1.5 * TICK, y, name, layout.points, ha="right", va="center_baseline")
            page.text(x, bottom + 1.5 * TICK, name, layout.points, rotation=90, ha="center")
        else:
            page.box(right, y - HAIR / 2, TICK, HAIR, MUTED)
            page.box(x - HAIR / 2, layout.top - TICK, HAIR, TICK, MUTED)
            page.text(right + 1.5 * TICK, y, name, layout.points, va="center_baseline")
            page.text(x, layout.top - 1.5 * TICK, name, layout.points, rotation=90, ha="center", va="bottom")
    named = f" (one in {layout.step} is named)" if layout.step > 1 else ""
    middle = layout.side / 2
    page.text(MARGIN, layout.top + middle, f"true class{named}", TEXT_POINTS, MUTED, rotation=90, va="center")
    below = bottom + layout.reach + GAP
    page.text(layout.left + middle, below, f"predicted class{named}", TEXT_POINTS, MUTED, ha="center")


def _draw_key(page: Page, layout: _Layout, limit: float, normalise: bool) -> None:
    """What the two colours mean, each with its scale."""
    heading = "share of the true class" if normalise else "number of videos"
    levels = np.linspace(0, 1, 256)
    for number, (name, colours, power, fractions) in enumerate(
        (("right", RIGHT, 1.0, (0, 0.5, 1)), ("taken for another class", WRONG, 0.5, (0, 0.05, 0.25, 1)))
    ):
        left, top = layout.left + number * (BAR + BETWEEN_BARS), layout.key_top
        page.text(left, top, f"{name}, {heading}", SMALL_POINTS, MUTED)
        top += text_height(SMALL_POINTS) + 0.03
        page.picture(left, top, BAR, 0.12, colours(levels, bytes=True)[None, :, :3])
        marks = fractions if normalise else sorted({round(limit * fraction) / limit for fraction in fractions})
        for mark in marks:
            text = f"{100 * mark:.0f} %" if normalise else f"{limit * mark:,.0f}"
            page.text(left + mark**power * BAR, top + 0.16, text, SMALL_POINTS, MUTED, ha="center")


def _draw_pairs(page: Page, layout: _Layout, pairs: Sequence[Pair]) -> None:
    """The most frequent mistakes as a list: how many videos, what share of their class, which class for which."""
    page.text(layout.list_left, layout.list_top, "most confused", TEXT_POINTS, weight="bold")
    top = layout.list_top + text_height(TEXT_POINTS) + 0.1
    if not pairs:
        page.text(layout.list_left, top, "no mistakes", PAIR_POINTS, MUTED)
    for place, (true, predicted, count, share) in enumerate(pairs):
        column, row = divmod(place, layout.list_rows)
        left, y = layout.list_left + column * (layout.list_width + 0.4), top + row * PAIR
        page.text(left + 0.4, y, f"{count:,}", PAIR_POINTS, ha="right")
        page.text(left + 0.95, y, f"{100 * share:.0f} %", PAIR_POINTS, MUTED, ha="right")
        room = (layout.list_width - 1.1 - text_width(ARROW, PAIR_POINTS)) / 2
        names = elide(true, PAIR_POINTS, room) + ARROW + elide(predicted, PAIR_POINTS, room)
        page.text(left + 1.1, y, names, PAIR_POINTS)
