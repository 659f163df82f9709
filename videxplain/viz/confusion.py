"""Confusion matrices as heat maps, readable with ten classes and with a hundred."""

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import LinearSegmentedColormap, Normalize, PowerNorm
from matplotlib.figure import Figure
from numpy.typing import NDArray

from videxplain.errors import VidexplainError
from videxplain.viz.colour import LIGHT, Palette
from videxplain.viz.page import (
    GAP,
    SMALL_POINTS,
    TEXT_POINTS,
    Header,
    Page,
    Paper,
    elide,
    text_height,
    text_width,
    wrap,
)

if TYPE_CHECKING:
    from matplotlib.colors import Colormap

WIDTH = 12.0
LARGEST_CELL, SMALLEST_BESIDE = 0.56, 0.38
"""Sizes of a cell in inches.

If cells beside the list of pairs were smaller than the second size, the list is put below.
"""
LARGEST_NAME, TICK, HAIR = 1.7, 0.05, 0.006
SMALLEST_POINTS, SMALLEST_NUMBER = 7.0, 6.0
LINE = 1.15
"""Smallest distance of neighbouring names, as a multiple of their size."""
FILLED = 0.88
"""Largest share of a cell's width that its number takes."""
MOST_PAIRS, BESIDE, PAIR, PAIR_POINTS, ARROW = 10, 4.3, 0.24, 9, " → "
BAR, BETWEEN_BARS = 2.6, 0.6
TREE = 0.7
"""Height in inches of the tree of classes."""
RIGHT, WRONG = ("#c3d5e8", "#4f7fb5", "#1d3f6b"), ("#fbd5b8", "#e8702a", "#8c2f06")
"""The colours of right and of wrong answers, from few to many. None has the colour of the page."""

Pair: TypeAlias = tuple[str, str, int, float]
"""True class, predicted class, number of videos, and their share of the true class."""


def row_shares(matrix: NDArray[np.int64]) -> NDArray[np.float64]:
    """Divide each row of counts ``(K, K)`` by its sum. A row of zeros stays zero."""
    return matrix / np.maximum(matrix.sum(axis=1, keepdims=True), 1)


def confusion_figure(
    matrix: NDArray[np.int64],
    labels: Sequence[str],
    pairs: Sequence[Pair],
    *,
    normalise: bool = True,
    linkage: NDArray[np.float64] | None = None,
    title: str = "",
) -> Figure:
    """Draw the matrix as a heat map, and the most confused pairs beside or below it.

    Right answers (the diagonal) are blue and wrong ones are orange. More videos are darker. The orange scale is a
    square root, so that a few per cent can still be seen. Cells hold numbers if they fit. If rows are too narrow for
    their names, the names alternate between the two sides. If that is still too narrow, every n-th class is named, and
    the page says so. A class without videos has a grey row.

    Args:
        matrix: ``(K, K)`` counts, rows true.
        labels: K names.
        pairs: The most frequent mistakes, in order; the first ten are listed.
        normalise: Show shares of the true class in per cent; otherwise numbers of videos.
        linkage: ``(K - 1, 4)``, a tree of the classes as SciPy's ``linkage`` gives it. The classes then stand in the
            order of its leaves, and the tree is drawn above the matrix. Without it they stand in the order given.
        title: Headline.

    Raises:
        VidexplainError: The number of labels is not the size of the matrix.
    """
    matrix = np.asarray(matrix)
    if not labels or matrix.shape != (len(labels), len(labels)):
        raise VidexplainError(f"{len(labels)} labels need a matrix of as many rows and columns, not {matrix.shape}")
    if linkage is not None:
        from scipy.cluster.hierarchy import leaves_list

        order = leaves_list(linkage)
        matrix, labels = matrix[np.ix_(order, order)], [labels[number] for number in order]
    layout = _Layout(labels, title, _summary(matrix), min(len(pairs), MOST_PAIRS), tree=linkage is not None)
    page = Page(layout.paper, layout.height)
    layout.header.draw(page)
    page.lines(layout.paper.margin, layout.header.bottom, layout.summary, TEXT_POINTS, page.palette.muted)
    axes = page.axes(layout.left, layout.top, layout.side, layout.side)
    _draw_cells(page, axes, layout, matrix, normalise)
    if linkage is not None:
        _draw_tree(page, page.axes(layout.left, layout.tree_top, layout.side, TREE), matrix, linkage)
    _draw_names(page, layout)
    _draw_pairs(page, layout, pairs[:MOST_PAIRS])
    return page.figure


class _Layout:
    """Where things go on the page, in inches from the top left corner."""

    def __init__(self, labels: Sequence[str], title: str, summary: str, pairs: int, *, tree: bool) -> None:
        count = len(labels)
        self.paper = paper = Paper.of(WIDTH)
        self.header = Header(title, [], paper)
        self.summary = wrap(summary, TEXT_POINTS, paper.inner)
        self.names = [elide(label, TEXT_POINTS, min(LARGEST_NAME, 0.3 * paper.inner)) for label in labels]
        self.reach = max(text_width(name, TEXT_POINTS) for name in self.names) + 2 * TICK
        axis_title = text_height(TEXT_POINTS) + GAP
        room = paper.inner - axis_title - self.reach
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
        self.left = paper.margin + axis_title + self.reach
        self.tree_top = self.header.bottom + text_height(TEXT_POINTS, len(self.summary)) + 0.16
        self.top = self.tree_top + (TREE + 0.04 if tree else 0.0) + (self.reach if self.sides == 2 else 0.0)
        self.key_top = self.top + self.side + self.reach + axis_title + 0.12
        self.keys_beside = self.left + 2 * BAR + BETWEEN_BARS <= paper.width - paper.margin
        self.key_left = self.left if self.keys_beside else paper.margin + paper.plot_end
        self.key_height = text_height(SMALL_POINTS, 2) + 0.2
        key_bottom = self.key_top + self.key_height * (1 if self.keys_beside else 2)
        key_right = self.key_left + 2 * BAR + BETWEEN_BARS
        self.list_left = max(self.left + self.side, key_right) + 0.5 if self.beside else paper.margin
        self.list_top = self.top if self.beside else key_bottom + 0.1
        self.list_columns = 1 if self.beside or not self.keys_beside else 2
        room = paper.width - paper.margin - self.list_left
        self.list_width = (room - 0.4 * (self.list_columns - 1)) / self.list_columns
        self.list_rows = math.ceil(MOST_PAIRS / self.list_columns) if self.keys_beside else max(pairs, 1)
        list_bottom = self.list_top + text_height(TEXT_POINTS) + 0.1 + self.list_rows * PAIR
        self.height = max(key_bottom, list_bottom) + paper.margin


def _summary(matrix: NDArray[np.int64]) -> str:
    """How many videos, and how many of them are right."""
    videos, present = int(matrix.sum()), matrix.sum(axis=1) > 0
    if not videos:
        return "no videos"
    right = np.trace(matrix) / videos
    mean = np.diag(row_shares(matrix))[present].mean()
    empty = f"; {int((~present).sum())} without videos (grey)" if not present.all() else ""
    of = f"{videos:,} videos of {len(matrix)} classes{empty}"
    return f"{of}; right: {100 * right:.1f} %, mean of the classes {100 * mean:.1f} %"


def _draw_cells(page: Page, axes: Axes, layout: _Layout, matrix: NDArray[np.int64], normalise: bool) -> None:
    """Draw two heat maps in one, of the diagonal and of the other cells, each with its key."""
    values = row_shares(matrix) if normalise else matrix.astype(np.float64)
    limit = 1.0 if normalise else float(matrix.max() or 1)
    diagonal, empty = np.eye(len(matrix), dtype=bool), (matrix.sum(axis=1) == 0)[:, None]
    texts, points = _numbers(values, layout.cell, normalise)
    what = "share of the true class" if normalise else "number of videos"
    blues, oranges = shades(page.palette, RIGHT), shades(page.palette, WRONG)
    right = f"right, {what}", blues, Normalize(0, limit), ~diagonal, (0, 0.5, 1)
    wrong = f"taken for another class, {what}", oranges, PowerNorm(0.5, 0, limit), diagonal, (0, 0.05, 0.25, 1)
    axes.set_facecolor(page.palette.rule)
    for number, (name, colours, norm, mask, fractions) in enumerate((right, wrong)):
        left = layout.key_left + (number * (BAR + BETWEEN_BARS) if layout.keys_beside else 0.0)
        top = layout.key_top + (0.0 if layout.keys_beside else number * layout.key_height)
        page.text(left, top, elide(name, SMALL_POINTS, layout.paper.inner), SMALL_POINTS, page.palette.muted)
        key = page.axes(left, top + text_height(SMALL_POINTS) + 0.03, BAR, 0.12)
        marks = [limit * fraction for fraction in fractions]
        marks = marks if normalise else sorted({float(round(mark)) for mark in marks})
        numbers = texts if points else None
        _heat_map(page, axes, key, values, mask | empty, colours, norm, marks, numbers, points, layout.cell)
        key.set_xticklabels([f"{100 * mark:.0f} %" if normalise else f"{mark:,.0f}" for mark in marks])
        key.tick_params(length=0, pad=2)
        page.tick_labels(key)
    for spine in axes.spines.values():
        spine.set(visible=True, color=page.palette.muted, linewidth=0.6)


def shades(palette: Palette, colours: Sequence[str]) -> "Colormap":
    """Return a colour map from the colour of the page through ``colours``.

    On a dark page it ends in the lightest of them.
    """
    return LinearSegmentedColormap.from_list("", [palette.paper, *(colours if palette is LIGHT else colours[::-1])])


def _heat_map(
    page: Page,
    axes: Axes,
    key: Axes,
    values: NDArray[np.float64],
    mask: NDArray[np.bool_],
    colours: "Colormap",
    norm: Normalize,
    marks: Sequence[float],
    texts: NDArray[Any] | None,
    points: float,
    cell: float,
) -> None:
    import seaborn

    seaborn.heatmap(
        values,
        mask=mask,
        cmap=colours,
        norm=norm,
        vmin=norm.vmin,
        vmax=norm.vmax,
        annot=False if texts is None else texts,
        fmt="",
        annot_kws={
            "fontsize": page.paper.points(points),
            "va": "center_baseline",
            "family": page.paper.style.families or None,
        },
        # In points, and in proportion to the cells: thicker lines between many classes would make the page grey.
        linewidths=min(0.5, 0.04 * 72 * cell),
        linecolor=page.palette.rule,
        cbar_ax=key,
        cbar_kws={"orientation": "horizontal", "ticks": marks},
        xticklabels=False,
        yticklabels=False,
        ax=axes,
        rasterized=True,  # ten thousand cells as shapes make a slow PDF
    )


def _numbers(values: NDArray[np.float64], cell: float, normalise: bool) -> tuple[NDArray[Any], float]:
    """Return the text of each cell, empty for zero, and its size in points.

    The size is 0 if the widest does not fit.
    """
    texts = np.full(values.shape, "", dtype=object)
    for place in zip(*np.nonzero(values), strict=True):
        texts[place] = _cell_text(float(values[place]), normalise)
    widest = max((text_width(text, TEXT_POINTS) for text in set(texts.flat) if text), default=cell)
    points = min(TEXT_POINTS, TEXT_POINTS * FILLED * cell / widest)
    return texts, points if points >= SMALLEST_NUMBER else 0


def _cell_text(value: float, normalise: bool) -> str:
    if not normalise:
        return f"{value:.0f}"
    return f"{100 * value:.0f}" if value >= 0.005 else "<1"


def _draw_tree(page: Page, axes: Axes, matrix: NDArray[np.int64], linkage: NDArray[np.float64]) -> None:
    """Draw the tree above the matrix. The columns are in the order of its leaves."""
    from seaborn.matrix import dendrogram

    lines = {"colors": page.palette.muted, "linewidths": 0.7}
    dendrogram(matrix, linkage=linkage, axis=1, label=False, ax=axes, tree_kws=lines)
    joins = linkage[:, 2]
    # The first join is high in a good network, so the empty space below it is left out.
    axes.set_ylim(joins.min() - 0.25 * max(float(np.ptp(joins)), 1e-3), joins.max() + 0.02)
    axes.axis("off")


def _draw_names(page: Page, layout: _Layout) -> None:
    """Names of the rows and columns, and what the two directions mean."""
    right, bottom, muted = layout.left + layout.side, layout.top + layout.side, page.palette.muted
    for place, number in enumerate(range(0, len(layout.names), layout.step)):
        name, across = layout.names[number], (number + 0.5) * layout.cell
        x, y = layout.left + across, layout.top + across
        if place % layout.sides == 0:
            page.box(layout.left - TICK, y - HAIR / 2, TICK, HAIR, muted)
            page.box(x - HAIR / 2, bottom, HAIR, TICK, muted)
            page.text(layout.left - 1.5 * TICK, y, name, layout.points, ha="right", va="center_baseline")
            page.text(x, bottom + 1.5 * TICK, name, layout.points, rotation=90, ha="center")
        else:
            page.box(right, y - HAIR / 2, TICK, HAIR, muted)
            page.box(x - HAIR / 2, layout.top - TICK, HAIR, TICK, muted)
            page.text(right + 1.5 * TICK, y, name, layout.points, va="center_baseline")
            page.text(x, layout.top - 1.5 * TICK, name, layout.points, rotation=90, ha="center", va="bottom")
    named = f" (one in {layout.step} is named)" if layout.step > 1 else ""
    middle = layout.side / 2
    page.text(
        layout.paper.margin, layout.top + middle, f"true class{named}", TEXT_POINTS, muted, rotation=90, va="center"
    )
    below = bottom + layout.reach + GAP
    page.text(layout.left + middle, below, f"predicted class{named}", TEXT_POINTS, muted, ha="center")


def _draw_pairs(page: Page, layout: _Layout, pairs: Sequence[Pair]) -> None:
    """List the most frequent mistakes: number of videos, share of the true class, and both classes."""
    page.text(layout.list_left, layout.list_top, "most confused", TEXT_POINTS, weight="bold")
    top = layout.list_top + text_height(TEXT_POINTS) + 0.1
    if not pairs:
        page.text(layout.list_left, top, "no mistakes", PAIR_POINTS, page.palette.muted)
    for place, (true, predicted, count, share) in enumerate(pairs):
        column, row = divmod(place, layout.list_rows)
        left, y = layout.list_left + column * (layout.list_width + 0.4), top + row * PAIR
        page.text(left + 0.4, y, f"{count:,}", PAIR_POINTS, ha="right")
        page.text(left + 0.95, y, f"{100 * share:.0f} %", PAIR_POINTS, page.palette.muted, ha="right")
        room = (layout.list_width - 1.1 - text_width(ARROW, PAIR_POINTS)) / 2
        names = elide(true, PAIR_POINTS, room) + ARROW + elide(predicted, PAIR_POINTS, room)
        page.text(left + 1.1, y, names, PAIR_POINTS)
