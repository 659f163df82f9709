"""The contact sheet: frames, their maps, the predictions, and the contributions over time."""

from collections.abc import Sequence

import numpy as np
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from videxplain.boxes import Box, scaled_box
from videxplain.viz.colour import NEGATIVE, POSITIVE, lut
from videxplain.viz.figure_parts import BESIDE, draw_scale, frame_moments, heading_of, limit_time, seconds_of
from videxplain.viz.layout import Layout
from videxplain.viz.overlay import CONSTANT, DEFAULT_OPACITY, NO_EVIDENCE, overlay
from videxplain.viz.page import (
    GAP,
    SMALL_POINTS,
    TEXT_POINTS,
    Header,
    Page,
    Paper,
    columns_that_fit,
    elide,
    fit_picture,
    number,
    one_line,
    text_height,
    text_width,
)

WIDTH = 12.0
COLUMNS, NARROWEST = 8, 0.9
"""Most frames in a row where no number is asked for, and the least width of one in inches."""
TALLEST = 2.6
MOST_PREDICTIONS = 5
LABEL_POINTS = 9
_CURVE, _PREDICTION = 1.35, 0.27


def sheet_frames(frames: int, layout: Layout, curve: np.ndarray | None = None) -> list[int]:
    """The numbers of the frames that a contact sheet in the current style shows of a clip of so many frames.

    ``curve`` is as for :meth:`videxplain.viz.layout.Layout.chosen`.

    Raises:
        VidexplainError: The clip does not have a frame that is asked for, or they do not fit.
    """
    most = columns_that_fit(Paper.of(WIDTH), COLUMNS, NARROWEST)
    rows, columns = layout.grid(most, frames)
    return layout.chosen(frames, rows * columns, curve)


def sheet_columns(count: int, layout: Layout) -> int:
    """In how many columns so many frames are drawn in the current style."""
    most = columns_that_fit(Paper.of(WIDTH), COLUMNS, NARROWEST)
    return min(count, layout.grid(most, count)[1])


def contact_sheet(
    frames: np.ndarray,
    maps: Sequence[np.ndarray],
    indices: Sequence[int],
    *,
    limit: float,
    low: float = 0.0,
    target: str = "",
    quantity: str = "",
    predictions: Sequence[tuple[str, float]],
    probabilities: bool = True,
    temporal: np.ndarray,
    fps: float,
    times: np.ndarray | None = None,
    title: str = "",
    subtitle: str = "",
    notes: Sequence[str] = (),
    box: Box | None = None,
    colormap: str | None = None,
    opacity: float = DEFAULT_OPACITY,
    layout: Layout = Layout(),  # noqa: B008  (frozen)
) -> Figure:
    """Draw the contact sheet, which says what the network saw, where and when.

    Args:
        frames: ``(k, H, W, 3)`` uint8 RGB, those that :func:`sheet_frames` names.
        maps: k raw maps ``(h, w)``, at any resolution.
        indices: Where in ``temporal`` each frame is.
        limit: The value with the brightest colour; at or below ``low`` there is no positive evidence.
        low: The value with the darkest colour; other than zero where negative values are part of the picture.
        target: The class that is explained; its bar among the predictions has the colour of evidence.
        quantity: What the maps measure, where it is no contribution to a class.
        predictions: ``(label, probability)``, best first; five are shown.
        probabilities: Whether they are probabilities; otherwise they are values of any size.
        temporal: ``(T,)`` contribution of every frame of the video.
        fps: Frames per second, for the times.
        times: ``(T,)`` seconds at which each frame is shown; None where they are index / fps.
        title: Headline.
        subtitle: What belongs to it, in small print.
        notes: What the reader must not miss, in a box above the pictures.
        box: The part of a frame that the network saw, in pixels; None for the whole frame.
        colormap: Name of a matplotlib colour map; None for that of the style.
        opacity: How much of the frame the brightest colour hides, in [0, 1].
        layout: Rows, columns, and whether there are titles, captions and charts.
    """
    paper = Paper.of(WIDTH)
    header = Header(title if layout.titles else "", notes, paper, subtitle if layout.titles else "")
    places = _Places(header, frames.shape[:3], min(len(predictions), MOST_PREDICTIONS), layout)
    page = Page(paper, places.bottom + paper.margin)
    header.draw(page)
    empty = CONSTANT if quantity else NO_EVIDENCE
    seconds = seconds_of(len(temporal), fps, times)
    colormap = colormap or paper.style.colormap

    moments = frame_moments(indices, seconds, places.width)
    for position, (frame, values) in enumerate(zip(frames, maps, strict=True)):
        x, y = places.of_frame(position)
        seen = fit_picture(frame, places.width, paper)
        if layout.captions:
            page.text(x, y, moments[position], SMALL_POINTS, page.palette.muted)
        page.picture(x, y + places.label, places.width, places.height, seen)
        part = scaled_box(box, frames.shape[1:3], seen.shape[:2])
        drawn = overlay(seen, values - low, limit - low, colormap=colormap, opacity=opacity, empty=empty, box=part)
        page.picture(x, y + places.label + places.height + GAP, places.width, places.height, drawn)

    measured = quantity or f"contribution to '{one_line(target)}'"
    draw_scale(page, places.scale_top, (low, limit), measured if layout.captions else "", lut(colormap), empty)
    if not layout.charts:
        return page.figure
    _predictions(page, places.charts_top, places.heads, places.bars_width, predictions, target, probabilities)
    words = [f"{quantity}, by frame"] if quantity else ["contribution of each frame"]
    words += ["contribution"] if layout.peaks and not quantity else []
    left = places.curve_left
    heading = heading_of(layout, paper.width - paper.margin - left, words)
    _curve(page, left, places.curve_top, places.charts_bottom - places.curve_top, heading, temporal, indices, seconds)
    return page.figure


class _Places:
    """Where things stand on the sheet, in inches from the top left corner.

    Attributes:
        width: Of a picture.
        height: Of a picture.
        label: Height of the words above a frame.
        scale_top: Where the colour scale begins.
        charts_top: Where the predictions begin.
        charts_bottom: Where the charts end.
        heads: Height of a heading of the charts.
        bars_width: Width of the predictions.
        curve_left: The left side of the curve.
        curve_top: Where it begins.
        bottom: Where everything ends.
    """

    def __init__(self, header: Header, shape: tuple[int, ...], predictions: int, layout: Layout) -> None:
        """Place frames of a ``shape`` ``(k, H, W)``, and so many predictions, below a header."""
        (count, frame_height, frame_width), paper = shape, Paper.of(WIDTH)
        self._columns, inner = sheet_columns(count, layout), paper.inner
        width = (inner - (self._columns - 1) * GAP) / self._columns
        self.height = min(width * frame_height / frame_width, TALLEST)
        self.width = min(width, self.height * frame_width / frame_height)
        self._left = paper.margin + (inner - self._columns * self.width - (self._columns - 1) * GAP) / 2
        self._top = header.bottom
        small = text_height(SMALL_POINTS)
        self.label = small + 0.02 if layout.captions else 0.0
        self._block = self.label + 2 * self.height + GAP + 0.12
        self.scale_top = self._top + -(-count // self._columns) * self._block

        beside = inner >= BESIDE
        one_line_scale = beside or not layout.captions
        self.charts_top = self.scale_top + (0.55 if one_line_scale else 0.75)
        self.heads = text_height(TEXT_POINTS) + 0.1 if layout.captions else 0.0
        bars = self.heads + _PREDICTION * predictions
        split = 0.44 * inner
        self.bars_width = split - 0.35 if beside else inner
        self.curve_left = paper.margin + (split if beside else 0.0)
        self.curve_top = self.charts_top + (0.0 if beside else bars + 0.1)
        curve = self.heads + _CURVE
        self.charts_bottom = self.curve_top + (max(curve, bars) if beside else curve)
        scale_bottom = self.scale_top + 0.14 + small + (0.0 if one_line_scale else 0.04 + small)
        self.bottom = self.charts_bottom if layout.charts else scale_bottom

    def of_frame(self, position: int) -> tuple[float, float]:
        """The left side and the top of a frame with its label."""
        row, column = divmod(position, self._columns)
        return self._left + column * (self.width + GAP), self._top + row * self._block


def _predictions(
    page: Page,
    top: float,
    heads: float,
    width: float,
    predictions: Sequence[tuple[str, float]],
    target: str,
    probabilities: bool,
) -> None:
    """Labels, bars and percentages or values; the bar of the explained class has the colour of evidence."""
    left, palette = page.paper.margin, page.palette
    if heads:
        page.text(left, top, "predictions", TEXT_POINTS, weight="bold")
    shown = predictions[:MOST_PREDICTIONS]
    names = [elide(label, LABEL_POINTS, 0.62 * width) for label, _ in shown]
    bar_left = left + max((text_width(name, LABEL_POINTS) for name in names), default=0.0) + 0.12
    longest = 1.0 if probabilities else max((abs(value) for _, value in shown), default=0.0) or 1.0
    texts = [f"{100 * value:.1f} %" if probabilities else number(value) for _, value in shown]
    full = left + width - 0.12 - max((text_width(text, SMALL_POINTS) for text in texts), default=0.0) - bar_left
    for row, (name, text, (label, value)) in enumerate(zip(names, texts, shown, strict=True)):
        middle = top + heads + _PREDICTION * row + 0.11
        page.text(left, middle, name, LABEL_POINTS, va="center_baseline")
        filled = max(full * abs(value) / longest, 0.01) if np.isfinite(value) else 0.01
        page.box(bar_left, middle - 0.075, filled, 0.15, POSITIVE if label == target else palette.bar)
        page.text(bar_left + filled + 0.06, middle, text, SMALL_POINTS, palette.muted, va="center_baseline")


def _curve(
    page: Page,
    left: float,
    top: float,
    height: float,
    heading: str,
    temporal: np.ndarray,
    indices: Sequence[int],
    seconds: np.ndarray,
) -> None:
    """Contribution over time, with a dot where each shown frame was taken."""
    ink, right = page.palette.ink, page.width - page.paper.margin
    if heading:
        page.text(left, top, elide(heading, TEXT_POINTS, right - left, "bold"), TEXT_POINTS, weight="bold")
        top, height = top + text_height(TEXT_POINTS) + 0.1, height - text_height(TEXT_POINTS) - 0.1
    ticks, below = 0.62, 0.42
    axes = page.axes(left + ticks, top, right - left - ticks - page.paper.plot_end, height - below)
    curve = np.asarray(temporal, dtype=np.float64)
    for part, colour in ((np.maximum(curve, 0), POSITIVE), (np.minimum(curve, 0), NEGATIVE)):
        axes.fill_between(seconds, part, color=colour, alpha=0.35, linewidth=0)
    axes.plot(seconds, curve, color=ink, linewidth=1)
    axes.axhline(0, color=page.palette.muted, linewidth=0.6)
    chosen = np.asarray(indices)
    axes.vlines(seconds[chosen], 0, curve[chosen], color=ink, linewidth=0.6)
    axes.plot(seconds[chosen], curve[chosen], "o", color=ink, markersize=4.5, clip_on=False, zorder=3)
    limit_time(axes, seconds)
    top_value, bottom_value = max(curve.max(), 0.0), min(curve.min(), 0.0)
    margin = 0.12 * ((top_value - bottom_value) or 1.0)
    axes.set_ylim(bottom_value - (margin if bottom_value < 0 else 0), top_value + margin)
    axes.yaxis.set_major_locator(MaxNLocator(3))
    axes.yaxis.set_major_formatter(lambda value, _: number(value))
    page.finish(axes, "time (s)")
