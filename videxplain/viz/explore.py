"""Figures of a dataset: a frame of every class, clips of each class, lengths, sizes and frame rates."""

import math
from collections.abc import Mapping, Sequence

import cv2
import numpy as np
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from videxplain.viz.colour import NEGATIVE, POSITIVE
from videxplain.viz.page import (
    SMALL_POINTS,
    TEXT_POINTS,
    Header,
    Page,
    Paper,
    elide,
    text_height,
    text_width,
)

WIDTH = 12.0
MOST_COLUMNS = 10
MOST_ROWS = 34
MOST_KINDS = 8
BINS = 40
PART_COLOURS = (NEGATIVE, POSITIVE, "#c9cdd3")
_GAP, _NARROWEST_SAMPLE = 0.12, 0.95
_ROW = 0.215
_NARROWEST_BARS = 2.2
"""Least width in inches of a column of classes."""
_PANEL, _BETWEEN = 2.9, 0.7
_NARROWEST_PANEL = 3.6
"""Two panels are below each other if each would be narrower than this, in inches."""
_BOX = 0.3
LIGHT = "#c3d5e8"
_NEARLY = 3


def dataset_figures(
    name: str,
    labels: Sequence[str],
    *,
    samples: Sequence[np.ndarray | None],
    counts: Mapping[str, np.ndarray],
    seconds: np.ndarray,
    frames: np.ndarray,
    sizes: Sequence[tuple[str, int]],
    rates: Sequence[tuple[str, int]],
    skipped: int = 0,
) -> dict[str, Figure]:
    """Draw all figures of a dataset, by name: samples, classes, lengths and formats.

    Args:
        name: Of the dataset.
        labels: Names of the classes.
        samples: See :func:`samples_figure`.
        counts: See :func:`classes_figure`.
        seconds: ``(N,)``, see :func:`lengths_figure`.
        frames: ``(N,)``.
        sizes: See :func:`formats_figure`.
        rates: See there.
        skipped: How many videos are missing or damaged; the figures say so.
    """
    title = f"{name}: {len(seconds):,} videos, {len(labels)} classes"
    notes = [f"missing or damaged, and not counted: {skipped:,}"] if skipped else []
    return {
        "samples": samples_figure(samples, labels, title=title, notes=notes),
        "classes": classes_figure(counts, labels, title=f"{title}; clips of each class", notes=notes),
        "lengths": lengths_figure(seconds, frames, title=f"{title}; lengths", notes=notes),
        "formats": formats_figure(sizes, rates, title=f"{title}; formats", notes=notes),
    }


def samples_figure(
    frames: Sequence[np.ndarray | None], labels: Sequence[str], *, title: str = "", notes: Sequence[str] = ()
) -> Figure:
    """Draw a frame of every class above its name. A frame of an unusual shape lies on black.

    Args:
        frames: One ``(H, W, 3)`` uint8 RGB for each class, of any size; None for a class without videos.
        labels: Names of the classes.
        title: Headline.
        notes: What the reader must not miss, in a box above the pictures.
    """
    paper = Paper.of(WIDTH)
    most = max(1, min(MOST_COLUMNS, int(paper.inner / _NARROWEST_SAMPLE)))
    columns = min(most, math.ceil(math.sqrt(1.2 * len(labels))))
    cell = (paper.inner - (columns - 1) * _GAP) / columns
    shapes = [frame.shape[0] / frame.shape[1] for frame in frames if frame is not None]
    cell_height = cell * float(np.median(shapes)) if shapes else 0.75 * cell
    points = float(np.clip(cell * 6.4, 6.5, TEXT_POINTS))
    block = cell_height + text_height(points) + 0.08
    header = Header(title, notes, paper)
    page = Page(paper, header.bottom + math.ceil(len(labels) / columns) * block + paper.margin)
    header.draw(page)
    for position, (frame, label) in enumerate(zip(frames, labels, strict=True)):
        row, column = divmod(position, columns)
        x, y = paper.margin + column * (cell + _GAP), header.bottom + row * block
        page.picture(x, y, cell, cell_height, _on_black(frame, cell, cell_height, paper.density))
        page.text(x + cell / 2, y + cell_height + 0.03, elide(label, points, cell), points, ha="center")
    return page.figure


def classes_figure(
    counts: Mapping[str, np.ndarray], labels: Sequence[str], *, title: str = "", notes: Sequence[str] = ()
) -> Figure:
    """Draw the clips of every class as bars, the largest class first.

    Args:
        counts: ``(K,)`` clips of each class, for one part of the dataset or several ("train", "test"), which are drawn
            end to end; a part without any is left out.
        labels: K names.
        title: Headline.
        notes: What the reader must not miss, in a box above the bars.
    """
    parts = {name: np.asarray(values) for name, values in counts.items() if np.any(values)}
    total = np.sum([*parts.values(), np.zeros(len(labels), np.int64)], axis=0).astype(np.int64)
    order = np.argsort(-total, kind="stable")
    paper = Paper.of(WIDTH)
    columns = min(math.ceil(len(labels) / MOST_ROWS), max(1, int(paper.inner / _NARROWEST_BARS)))
    rows = math.ceil(len(labels) / columns)
    header = Header(title, notes, paper)
    key_height = text_height(SMALL_POINTS) + 0.12
    page = Page(paper, header.bottom + key_height + rows * _ROW + paper.margin)
    header.draw(page)
    _key(page, header.bottom, list(parts))
    width = (paper.inner - (columns - 1) * 0.35) / columns
    names = [elide(label, SMALL_POINTS, 0.5 * width) for label in labels]
    reach = max(text_width(name, SMALL_POINTS) for name in names) + 0.1
    number_width = text_width(f"{total.max():,}", SMALL_POINTS) + 0.1
    scale = (width - reach - number_width) / max(int(total.max()), 1)
    for place, number in enumerate(order):
        column, row = divmod(place, rows)
        left = paper.margin + column * (width + 0.35) + reach
        middle = header.bottom + key_height + (row + 0.5) * _ROW
        page.text(left - 0.08, middle, names[number], SMALL_POINTS, ha="right", va="center_baseline")
        for values, colour in zip(parts.values(), PART_COLOURS, strict=False):
            page.box(left, middle - 0.07, scale * int(values[number]), 0.14, colour)
            left += scale * int(values[number])
        page.text(left + 0.06, middle, f"{total[number]:,}", SMALL_POINTS, page.palette.muted, va="center_baseline")
    return page.figure


def lengths_figure(seconds: np.ndarray, frames: np.ndarray, *, title: str = "", notes: Sequence[str] = ()) -> Figure:
    """Draw how long videos are: histograms of seconds and of frames, each below a box plot.

    Args:
        seconds: ``(N,)``.
        frames: ``(N,)``.
        title: Headline.
        notes: What the reader must not miss, in a box above.
    """
    paper = Paper.of(WIDTH)
    header = Header(title, notes, paper)
    columns, width = _panels(paper)
    block = _PANEL + 0.45
    page = Page(paper, header.bottom + block * (3 - columns) + paper.margin)
    header.draw(page)
    for number, (values, unit, decimals) in enumerate(((seconds, "seconds", 1), (frames, "frames", 0))):
        row, column = divmod(number, columns)
        left, top = paper.margin + column * (width + _BETWEEN), header.bottom + row * block
        _distribution(page, left, top, width, np.asarray(values), unit, decimals)
    return page.figure


def formats_figure(
    sizes: Sequence[tuple[str, int]], rates: Sequence[tuple[str, int]], *, title: str = "", notes: Sequence[str] = ()
) -> Figure:
    """Draw frame sizes and frame rates with the number of videos that have them, the most frequent first.

    Args:
        sizes: Such as ``("320x240", 13320)``, ordered.
        rates: Such as ``("25", 13320)``, in frames per second, ordered.
        title: Headline.
        notes: What the reader must not miss, in a box above.
    """
    paper = Paper.of(WIDTH)
    header = Header(title, notes, paper)
    columns, width = _panels(paper)
    both = [("width x height (pixels)", _most(sizes)), ("frames per second", _most(rates))]
    rows = max(len(kinds) for _, kinds in both)
    head = text_height(TEXT_POINTS) + 0.1
    block = head + 0.28 * rows
    page = Page(paper, header.bottom + block * (3 - columns) + paper.margin)
    header.draw(page)
    for number, (heading, kinds) in enumerate(both):
        place, column = divmod(number, columns)
        left, top = paper.margin + column * (width + _BETWEEN), header.bottom + place * block
        page.text(left, top, heading, TEXT_POINTS, weight="bold")
        reach = max(text_width(name, TEXT_POINTS) for name, _ in kinds) + 0.12
        counts = [f"{count:,} ({_percent(count, sum(n for _, n in kinds))})" for _, count in kinds]
        room = width - reach - max(text_width(text, SMALL_POINTS) for text in counts) - 0.12
        most = max(count for _, count in kinds)
        for row, ((name, count), text) in enumerate(zip(kinds, counts, strict=True)):
            middle = top + head + 0.28 * (row + 0.5)
            page.text(left + reach - 0.1, middle, name, TEXT_POINTS, ha="right", va="center_baseline")
            page.box(left + reach, middle - 0.085, room * count / most, 0.17, NEGATIVE)
            at = left + reach + room * count / most + 0.07
            page.text(at, middle, text, SMALL_POINTS, page.palette.muted, va="center_baseline")
    return page.figure


def _panels(paper: Paper) -> tuple[int, float]:
    """Return how many of two panels are side by side (1 or 2), and the width of each in inches."""
    width = (paper.inner - _BETWEEN) / 2
    return (2, width) if width >= _NARROWEST_PANEL else (1, paper.inner)


def _on_black(frame: np.ndarray | None, width: float, height: float, density: float) -> np.ndarray:
    """Return a black picture of the size of a cell with the whole frame in its middle; a grey one if there is no frame.

    Args:
        frame: ``(H, W, 3)`` uint8 RGB.
        width: Of the cell in inches.
        height: Of the cell in inches.
        density: Pixels for each inch.
    """
    columns, rows = round(width * density), round(height * density)
    if frame is None:
        return np.full((rows, columns, 3), 0xEE, np.uint8)
    scale = min(columns / frame.shape[1], rows / frame.shape[0])
    size = round(frame.shape[1] * scale), round(frame.shape[0] * scale)
    if columns - size[0] <= _NEARLY and rows - size[1] <= _NEARLY:  # the shape of the cell but for rounding
        size = columns, rows
    method = cv2.INTER_AREA if scale < 1 else cv2.INTER_CUBIC
    picture = np.zeros((rows, columns, 3), np.uint8)
    top, left = (rows - size[1]) // 2, (columns - size[0]) // 2
    picture[top : top + size[1], left : left + size[0]] = cv2.resize(frame, size, interpolation=method)
    return picture


def _key(page: Page, top: float, names: Sequence[str]) -> None:
    """Draw the names of the colours of the bars."""
    left = page.paper.margin
    for name, colour in zip(names, PART_COLOURS, strict=False):
        page.box(left, top, 0.14, 0.14, colour)
        page.text(left + 0.2, top + 0.07, name, SMALL_POINTS, page.palette.muted, va="center_baseline")
        left += 0.2 + text_width(name, SMALL_POINTS) + 0.3


def _distribution(
    page: Page, left: float, top: float, width: float, values: np.ndarray, unit: str, decimals: int
) -> None:
    """A histogram, and over it a box plot: median, quartiles, whiskers to 1.5 times their distance, and outliers."""
    import seaborn

    middle = float(np.median(values))
    lengths = [f"{value:,.{decimals}f}" for value in (middle, values.min(), values.max())]
    heading = f"median {lengths[0]} {unit}, from {lengths[1]} to {lengths[2]}"
    head = text_height(TEXT_POINTS) + 0.1
    page.text(left, top, heading, TEXT_POINTS, weight="bold")
    plot = width - 0.55 - page.paper.plot_end
    boxes = page.axes(left + 0.55, top + head, plot, _BOX)
    axes = page.axes(left + 0.55, top + head + _BOX, plot, _PANEL - head - _BOX)
    seaborn.histplot(
        x=values,
        bins=min(BINS, max(1, len(np.unique(values)))),
        color=NEGATIVE,
        alpha=1,
        edgecolor=page.palette.paper,
        linewidth=0.4,
        ax=axes,
    )
    line = {"color": page.palette.ink, "linewidth": 0.8}
    seaborn.boxplot(
        x=values,
        color=LIGHT,
        width=0.6,
        linecolor=page.palette.ink,
        linewidth=0.8,
        medianprops={"color": POSITIVE, "linewidth": 1.6},
        flierprops={"marker": "|", "markeredgecolor": page.palette.muted, "markersize": 4},
        whiskerprops=line,
        capprops=line,
        ax=boxes,
    )
    boxes.set_xlim(axes.get_xlim())
    boxes.axis("off")
    axes.yaxis.set_major_locator(MaxNLocator(5, integer=True))
    page.finish(axes, unit, "videos", points=TEXT_POINTS)


def _most(kinds: Sequence[tuple[str, int]]) -> list[tuple[str, int]]:
    """The most frequent ones, and all others together."""
    if len(kinds) <= MOST_KINDS:
        return list(kinds)
    shown, others = kinds[: MOST_KINDS - 1], kinds[MOST_KINDS - 1 :]
    return [*shown, (f"{len(others)} others", sum(count for _, count in others))]


def _percent(count: int, total: int) -> str:
    return f"{100 * count / total:.3g} %"
