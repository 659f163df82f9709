"""A contact sheet: chosen frames, what was seen in them, the predictions, and when it mattered."""

from collections.abc import Sequence

import numpy as np
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from videxplain.boxes import Box, scaled_box
from videxplain.viz.colour import DEFAULT_COLORMAP, INK, MUTED, NEGATIVE, POSITIVE, RULE, WARNING, lut
from videxplain.viz.overlay import CONSTANT, DEFAULT_OPACITY, NO_EVIDENCE, overlay
from videxplain.viz.page import (
    GAP,
    MARGIN,
    SMALL_POINTS,
    TEXT_POINTS,
    Header,
    Page,
    elide,
    fit_picture,
    number,
    one_line,
    text_height,
    text_width,
)

WIDTH = 12.0
COLUMNS = 8
TALLEST = 2.6
MOST_PREDICTIONS = 5
LABEL_POINTS = 9
BAR = "#aab0b9"


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
    temporal: np.ndarray,
    fps: float,
    title: str = "",
    subtitle: str = "",
    notes: Sequence[str] = (),
    box: Box | None = None,
    colormap: str = DEFAULT_COLORMAP,
    opacity: float = DEFAULT_OPACITY,
) -> Figure:
    """One page that says what, where and when.

    Args:
        frames: ``(k, H, W, 3)`` uint8 RGB; six to eight fill a row well, more make further rows.
        maps: k raw maps ``(h, w)``, at any resolution.
        indices: Where in ``temporal`` each frame is.
        limit: The value with the brightest colour; at or below ``low`` there is no positive evidence.
        low: The value with the darkest colour; other than zero where negative values are part of the picture.
        target: The class that is explained; its bar among the predictions has the colour of evidence.
        quantity: What the maps measure, where it is no contribution to a class.
        predictions: ``(label, probability)``, best first; five are shown.
        temporal: ``(T,)`` contribution of every frame of the video.
        fps: Frames per second, for the times.
        title: Headline.
        subtitle: What belongs to it, in small print.
        notes: What the reader must not miss, in a box above the pictures.
        box: The part of a frame that the network saw, in pixels; None for the whole frame.
        colormap: Name of a matplotlib colour map.
        opacity: How much of the frame the brightest colour hides, in [0, 1].
    """
    count, frame_height, frame_width = frames.shape[:3]
    columns = min(count, COLUMNS)
    inner = WIDTH - 2 * MARGIN
    cell_width = (inner - (columns - 1) * GAP) / columns
    cell_height = min(cell_width * frame_height / frame_width, TALLEST)
    cell_width = min(cell_width, cell_height * frame_width / frame_height)
    left = MARGIN + (inner - columns * cell_width - (columns - 1) * GAP) / 2

    header = Header(title, notes, WIDTH, subtitle)
    label_height = text_height(SMALL_POINTS) + 0.02
    block = label_height + 2 * cell_height + GAP
    rows = -(-count // columns)
    scale_top = header.bottom + rows * (block + 0.12)
    bottom_top = scale_top + 0.55
    bottom_height = text_height(TEXT_POINTS) + 0.1 + max(1.35, 0.27 * min(len(predictions), MOST_PREDICTIONS))
    page = Page(WIDTH, bottom_top + bottom_height + MARGIN)
    header.draw(page)
    empty = CONSTANT if quantity else NO_EVIDENCE

    for position, (frame, values, index) in enumerate(zip(frames, maps, indices, strict=True)):
        row, column = divmod(position, columns)
        x = left + column * (cell_width + GAP)
        y = header.bottom + row * (block + 0.12)
        seen = fit_picture(frame, cell_width)
        page.text(x, y, elide(f"{index / fps:.2f} s", SMALL_POINTS, cell_width), SMALL_POINTS, MUTED)
        page.picture(x, y + label_height, cell_width, cell_height, seen)
        part = scaled_box(box, (frame_height, frame_width), seen.shape[:2])
        drawn = overlay(seen, values - low, limit - low, colormap=colormap, opacity=opacity, empty=empty, box=part)
        page.picture(x, y + label_height + cell_height + GAP, cell_width, cell_height, drawn)

    measured = quantity or f"contribution to '{one_line(target)}'"
    _scale(page, scale_top, inner, (low, limit), measured, lut(colormap), empty)
    split = MARGIN + 0.44 * inner
    _predictions(page, bottom_top, split - 0.35 - MARGIN, predictions, target)
    heading = f"{quantity}, by frame" if quantity else "contribution of each frame"
    _curve(page, split, bottom_top, bottom_height, heading, temporal, indices, fps)
    return page.figure


def _scale(
    page: Page, top: float, inner: float, ends: tuple[float, float], quantity: str, colours: np.ndarray, empty: str
) -> None:
    """What the colours measure at the left, the colour bar at the right."""
    low, high = ends
    if not high > low:
        text = f"{empty}: {quantity}"
        page.text(MARGIN, top, elide(text, TEXT_POINTS, inner, "bold"), TEXT_POINTS, WARNING, weight="bold")
        return
    after = " (raw)"
    bar = 0.4 * inner
    room = inner - bar - 0.25 - text_width(after, TEXT_POINTS)
    page.text(MARGIN, top + 0.05, elide(quantity, TEXT_POINTS, room) + after, TEXT_POINTS, va="center_baseline")
    page.colour_bar(page.width - MARGIN - bar, top, bar, colours, (number(low) if low else "0", number(high)))


def _heading(page: Page, left: float, top: float, text: str) -> float:
    """A bold line; returns where what it heads begins."""
    page.text(left, top, text, TEXT_POINTS, weight="bold")
    return top + text_height(TEXT_POINTS) + 0.1


def _predictions(page: Page, top: float, width: float, predictions: Sequence[tuple[str, float]], target: str) -> None:
    """Labels, bars and percentages; the bar of the explained class has the colour of evidence."""
    top = _heading(page, MARGIN, top, "predictions")
    shown = predictions[:MOST_PREDICTIONS]
    names = [elide(label, LABEL_POINTS, 0.62 * width) for label, _ in shown]
    bar_left = MARGIN + max((text_width(name, LABEL_POINTS) for name in names), default=0.0) + 0.12
    full = MARGIN + width - 0.6 - bar_left
    for row, (name, (label, probability)) in enumerate(zip(names, shown, strict=True)):
        middle = top + 0.27 * row + 0.11
        page.text(MARGIN, middle, name, LABEL_POINTS, va="center_baseline")
        filled = max(full * probability, 0.01)
        page.box(bar_left, middle - 0.075, filled, 0.15, POSITIVE if label == target else BAR)
        share = f"{100 * probability:.1f} %"
        page.text(bar_left + filled + 0.06, middle, share, SMALL_POINTS, MUTED, va="center_baseline")


def _curve(
    page: Page,
    left: float,
    top: float,
    height: float,
    heading: str,
    temporal: np.ndarray,
    indices: Sequence[int],
    fps: float,
) -> None:
    """Contribution over time, with a dot where each shown frame was taken."""
    start = _heading(page, left, top, elide(heading, TEXT_POINTS, page.width - MARGIN - left, "bold"))
    ticks, below = 0.62, 0.42
    axes = page.axes(left + ticks, start, page.width - MARGIN - left - ticks, top + height - start - below)
    curve = np.asarray(temporal, dtype=np.float64)
    seconds = np.arange(len(curve)) / fps
    for part, colour in ((np.maximum(curve, 0), POSITIVE), (np.minimum(curve, 0), NEGATIVE)):
        axes.fill_between(seconds, part, color=colour, alpha=0.35, linewidth=0)
    axes.plot(seconds, curve, color=INK, linewidth=1)
    axes.axhline(0, color=MUTED, linewidth=0.6)
    chosen = np.asarray(indices)
    axes.vlines(seconds[chosen], 0, curve[chosen], color=INK, linewidth=0.6)
    axes.plot(seconds[chosen], curve[chosen], "o", color=INK, markersize=4.5, clip_on=False, zorder=3)
    half_frame = 0.5 / fps
    axes.set_xlim(-half_frame, seconds[-1] + half_frame)
    top_value, bottom_value = max(curve.max(), 0.0), min(curve.min(), 0.0)
    margin = 0.12 * ((top_value - bottom_value) or 1.0)
    axes.set_ylim(bottom_value - (margin if bottom_value < 0 else 0), top_value + margin)
    axes.set_xlabel("time (s)", fontsize=SMALL_POINTS, color=MUTED, labelpad=2)
    if len(curve) == 1:
        axes.set_xticks([0])
    axes.yaxis.set_major_locator(MaxNLocator(3))
    axes.yaxis.set_major_formatter(lambda value, _: number(value))
    axes.tick_params(labelsize=SMALL_POINTS, colors=MUTED, length=3, width=0.6)
    axes.spines[["top", "right"]].set_visible(False)
    axes.spines[["left", "bottom"]].set(color=RULE, linewidth=0.8)
