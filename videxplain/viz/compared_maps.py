"""Several maps of one clip: a page with a row for each."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from videxplain.boxes import Box, scaled_box
from videxplain.errors import VidexplainError
from videxplain.viz.colour import lut
from videxplain.viz.curves import COLOURS
from videxplain.viz.figure_parts import BESIDE, draw_scale, frame_moments, heading_of, limit_time, seconds_of
from videxplain.viz.layout import Layout
from videxplain.viz.overlay import DEFAULT_OPACITY, NO_EVIDENCE, overlay
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
    text_height,
    text_width,
)

WIDTH = 10.0
COLUMNS, NARROWEST = 6, 0.9
"""Most frames in a row where no number is asked for, and the least width of one in inches."""
_CURVE, _SQUARE = 1.2, 0.12
_WIDEST_NAME = 0.3
"""Of the page, for the names beside the rows."""


@dataclass(frozen=True)
class ComparedMaps:
    """One row of the page.

    Attributes:
        name: What is compared.
        maps: A raw map ``(h, w)`` for each frame that is drawn, at any resolution.
        scale: The values with the darkest and the brightest colour; if the second is not above the first, there is
            nothing to highlight.
        temporal: ``(T,)`` contribution of every frame of the clip; None if it is not drawn.
        box: The part of a frame that the network saw, in pixels; None for the whole frame.
        empty: What frames say if there is nothing to highlight.
    """

    name: str
    maps: Sequence[np.ndarray]
    scale: tuple[float, float]
    temporal: np.ndarray | None = None
    box: Box | None = None
    empty: str = NO_EVIDENCE


def comparison_frames(frames: int, layout: Layout, curve: np.ndarray | None = None) -> list[int]:
    """The numbers of the frames that a page in the current style shows of a clip of so many frames.

    ``curve`` is as for :meth:`videxplain.viz.layout.Layout.chosen`.

    Raises:
        VidexplainError: The clip does not have a frame that is asked for, or rows are asked for.
    """
    if layout.rows is not None:
        raise VidexplainError("the rows of a comparison are what is compared: choose columns, or frames by number")
    most = columns_that_fit(Paper.of(WIDTH), COLUMNS, NARROWEST)
    return layout.chosen(frames, layout.columns or most, curve)


def comparison_figure(
    frames: np.ndarray,
    indices: Sequence[int],
    compared: Sequence[ComparedMaps],
    *,
    shared: bool,
    fps: float | None,
    times: np.ndarray | None = None,
    title: str = "",
    subtitle: str = "",
    notes: Sequence[str] = (),
    colormap: str | None = None,
    opacity: float = DEFAULT_OPACITY,
    layout: Layout = Layout(),  # noqa: B008  (frozen)
) -> Figure:
    """A page with the clip in the first row, a map over it in each other row, and the contributions over time.

    The page says whether all rows have one colour scale or each has its own, and where the scales end.

    Args:
        frames: ``(k, H, W, 3)`` uint8 RGB, those that :func:`comparison_frames` names.
        indices: The numbers of the frames in the clip.
        compared: The rows.
        shared: Whether the rows have one colour scale.
        fps: Frames per second, for the times; None to name frames by their numbers.
        times: Seconds at which each frame of the clip is shown; None where they are index / fps.
        title: Headline.
        subtitle: What belongs to it, in small print.
        notes: What the reader must not miss.
        colormap: Name of a matplotlib colour map; None for that of the style.
        opacity: How much of the frame the brightest colour hides, in [0, 1].
        layout: Whether there are titles, captions and curves.
    """
    paper = Paper.of(WIDTH)
    colormap = colormap or paper.style.colormap
    header = Header(title if layout.titles else "", notes, paper, subtitle if layout.titles else "")
    coloured = [(row, COLOURS[place % len(COLOURS)]) for place, row in enumerate(compared)]
    curves = [one for one in coloured if layout.charts and one[0].temporal is not None]
    places = _Places(header, compared, frames.shape[:3], shared, layout)
    page = Page(paper, (places.curve_top + _CURVE + 0.4 if curves else places.bottom) + paper.margin)
    header.draw(page)

    pictures = [fit_picture(frame, places.cell, paper) for frame in frames]
    seconds = None if fps is None else seconds_of(max(indices) + 1 if times is None else len(times), fps, times)
    _draw_clip(page, places, pictures, frame_moments(indices, seconds, places.cell) if layout.captions else None)
    look: dict[str, Any] = {"colormap": colormap, "opacity": opacity}
    for place, (row, colour) in enumerate(coloured):
        top = places.rows_top + place * places.block
        _name(page, row.name, "" if shared else _ends(row), places.middle(top), places.names, colour if curves else "")
        low, high = row.scale
        for x, picture, values in zip(places.across, pictures, row.maps, strict=True):
            part = scaled_box(row.box, frames.shape[1:3], picture.shape[:2])
            drawn = overlay(picture, values - low, high - low, empty=row.empty, box=part, **look)
            page.picture(x, top + places.line, places.cell, places.tall, drawn)
    if shared:
        said = "one colour scale for all rows" if layout.captions else ""
        draw_scale(page, places.scale_top, compared[0].scale, said, lut(colormap), compared[0].empty)
    elif layout.captions:
        said = elide("each row has its own colour scale; its ends are beside the name", SMALL_POINTS, paper.inner)
        page.lines(paper.margin, places.scale_top, [said], SMALL_POINTS, page.palette.muted)
    if curves:
        if layout.captions:
            scaled = "" if shared else " (largest: 1)"
            texts = [f"contribution of each frame{scaled}"]
            texts += [f"contribution{scaled}", scaled.strip(" ()")] if layout.peaks else []
            said = heading_of(layout, paper.inner, texts, "highest means")
            page.text(paper.margin, places.bottom, said, TEXT_POINTS, weight="bold")
        lines = [(np.asarray(row.temporal, np.float64), colour) for row, colour in curves]
        _curves(page, places.curve_top, lines, indices, seconds_of(len(lines[0][0]), fps or 1.0, times), shared)
    return page.figure


class _Places:
    """Where things stand on the page, in inches from the top left corner.

    Attributes:
        beside: Whether names stand beside the rows, and not above them.
        names: Width of the names beside the rows; 0 if they stand above.
        across: The left side of each column.
        cell: Width of a picture.
        tall: Height of a picture.
        moments_top: Where the moments of the frames stand.
        clip_top: Where the pictures of the clip begin.
        rows_top: Where the rows begin.
        block: From one row to the next.
        line: Height of the name above a row; 0 if it stands beside.
        scale_top: Where the colour scale begins.
        bottom: Where it ends.
        curve_top: Where the curves begin, below their heading.
    """

    def __init__(
        self, header: Header, compared: Sequence[ComparedMaps], shape: tuple[int, ...], shared: bool, layout: Layout
    ) -> None:
        """Place ``compared`` rows of frames of a ``shape`` ``(k, H, W)`` below a header."""
        (count, height, width), paper = shape, Paper.of(WIDTH)
        self.beside = paper.inner >= BESIDE
        self.names = _width_of_names(compared, paper) if self.beside else 0.0
        self.cell = (paper.inner - self.names - (count - 1) * GAP) / count
        self.tall = self.cell * height / width
        self.across = [paper.margin + self.names + column * (self.cell + GAP) for column in range(count)]
        self.line = 0.0 if self.beside else text_height(TEXT_POINTS) + 0.02
        self.block = self.line + self.tall + (GAP if self.beside else 0.1)
        self.clip_top = header.bottom + (text_height(SMALL_POINTS) + 0.02 if layout.captions else 0.0)
        self.moments_top = header.bottom
        self.rows_top = self.clip_top + self.tall + GAP
        self.scale_top = self.rows_top + len(compared) * self.block + 0.08
        if shared:
            scale = 0.4 if self.beside or not layout.captions else 0.6
        else:
            scale = text_height(SMALL_POINTS) + 0.12 if layout.captions else 0.0
        self.bottom = self.scale_top + scale
        self.curve_top = self.bottom + (text_height(TEXT_POINTS) + 0.1 if layout.captions else 0.06)

    def middle(self, top: float) -> float:
        """The middle of the name of a row that begins at ``top``."""
        return top + (self.tall if self.beside else text_height(TEXT_POINTS)) / 2


def _width_of_names(compared: Sequence[ComparedMaps], paper: Paper) -> float:
    """Width of the names beside the rows, with the ends of their scales below them."""
    longest = max(text_width(row.name, TEXT_POINTS) for row in compared)
    numbers = max(text_width(_ends(row), SMALL_POINTS) for row in compared)
    return min(max(longest + _SQUARE + 0.09, numbers), _WIDEST_NAME * paper.inner) + 0.15


def _draw_clip(page: Page, places: _Places, pictures: Sequence[np.ndarray], moments: Sequence[str] | None) -> None:
    """The frames without maps, each below its moment if there are captions."""
    for x, picture in zip(places.across, pictures, strict=True):
        page.picture(x, places.clip_top, places.cell, places.tall, picture)
    for x, moment in zip(places.across, moments or (), strict=moments is not None):
        page.text(x, places.moments_top, moment, SMALL_POINTS, page.palette.muted)
    if places.beside:
        page.text(page.paper.margin, places.clip_top + places.tall / 2, "clip", TEXT_POINTS, va="center")


def _ends(row: ComparedMaps) -> str:
    """Where the colour scale of a row begins and ends."""
    low, high = row.scale
    return f"{number(low) if low else '0'} to {number(high)}" if high > low else row.empty


def _name(page: Page, name: str, ends: str, middle: float, names: float, colour: str) -> None:
    """The name of a row, beside it or above it, with the colour of its curve and the ends of its scale."""
    left = page.paper.margin
    if colour:
        page.box(left, middle - _SQUARE / 2 - (0.08 if ends and names else 0.0), _SQUARE, _SQUARE, colour)
        left += _SQUARE + 0.08
    if names:
        up = text_height(SMALL_POINTS) / 2 if ends else 0.0
        room = names - 0.15 - (left - page.paper.margin)
        page.text(left, middle - up, elide(name, TEXT_POINTS, room), TEXT_POINTS, va="center")
        text = elide(ends, SMALL_POINTS, names - 0.15)
        page.text(page.paper.margin, middle + 1.1 * up, text, SMALL_POINTS, page.palette.muted, va="center")
        return
    right = page.width - page.paper.margin
    room = right - left - text_width(ends, SMALL_POINTS) - 0.1
    page.text(left, middle, elide(name, TEXT_POINTS, room), TEXT_POINTS, va="center")
    page.text(right, middle, ends, SMALL_POINTS, page.palette.muted, va="center", ha="right")


def _curves(
    page: Page,
    top: float,
    curves: Sequence[tuple[np.ndarray, str]],
    indices: Sequence[int],
    seconds: np.ndarray,
    shared: bool,
) -> None:
    """A line for each row, and a thin mark at each frame that is drawn."""
    paper = page.paper
    axes = page.axes(paper.margin + 0.6, top, paper.inner - 0.6 - paper.plot_end, _CURVE)
    for curve, colour in curves:
        largest = float(np.abs(curve).max())
        values = curve if shared or not largest else curve / largest
        axes.plot(seconds, values, color=colour, linewidth=1.2, marker="." if len(curve) == 1 else "")
    for index in indices:
        axes.axvline(seconds[index], color=page.palette.rule, linewidth=0.8, zorder=0)
    axes.axhline(0, color=page.palette.muted, linewidth=0.6, zorder=0)
    limit_time(axes, seconds)
    axes.yaxis.set_major_locator(MaxNLocator(3))
    axes.yaxis.set_major_formatter(lambda value, _: number(value))
    page.finish(axes, "time (s)")
