"""Pictures of motion and appearance, the two parts of one explanation, over the same frames."""

from collections.abc import Sequence

import cv2
import numpy as np
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from videxplain.boxes import Box, scaled_box
from videxplain.viz.colour import NEGATIVE, POSITIVE, cover, rgb
from videxplain.viz.figure_parts import frame_moments, heading_of, limit_time, seconds_of
from videxplain.viz.layout import Layout
from videxplain.viz.overlay import DEFAULT_OPACITY, draw_inside, enlarge
from videxplain.viz.page import (
    GAP,
    SMALL_POINTS,
    TEXT_POINTS,
    Header,
    Page,
    Paper,
    fit_picture,
    text_height,
    text_width,
)
from videxplain.viz.sheet import WIDTH, sheet_columns

_CURVE = 1.2

MOTION, APPEARANCE = POSITIVE, NEGATIVE
"""The colours of the two parts, orange and blue."""


def two_part_overlay(
    frame: np.ndarray,
    motion: np.ndarray,
    appearance: np.ndarray,
    limit: float,
    opacity: float = DEFAULT_OPACITY,
    box: Box | None = None,
) -> np.ndarray:
    """Draw both parts over a frame. Their sum decides how much is hidden, and their shares mix the two colours.

    Args:
        frame: ``(H, W, 3)`` uint8 RGB.
        motion: ``(h, w)``, never negative, at any resolution.
        appearance: Likewise.
        limit: The sum that is hidden most; one for a whole video, or the colours flicker.
        opacity: How much of the frame that hides, in [0, 1].
        box: The part of the frame that the network saw, in pixels; the rest is dimmed. None for the whole frame.

    Returns:
        ``(H, W, 3)`` uint8 RGB, a new array.
    """
    if box is not None:
        return draw_inside(frame, box, lambda part: two_part_overlay(part, motion, appearance, limit, opacity))
    if not limit > 0:
        return np.array(frame)
    parts = [np.maximum(enlarge(part, frame.shape[:2]), 0) for part in (motion, appearance)]
    total = parts[0] + parts[1]
    share = parts[0] / np.maximum(total, 1e-12)
    colour = share[..., None] * np.array(rgb(MOTION)) + (1 - share[..., None]) * np.array(rgb(APPEARANCE))
    level = np.clip(255 * total / limit, 0, 255).astype(np.uint8)
    alpha = cover(opacity)[level][..., None]
    mixed = (1 - alpha) * frame + alpha * colour
    return cv2.convertScaleAbs(mixed)


def two_part_sheet(
    frames: np.ndarray,
    motion: Sequence[np.ndarray],
    appearance: Sequence[np.ndarray],
    indices: Sequence[int],
    temporal: tuple[np.ndarray, np.ndarray],
    *,
    limit: float,
    share: float,
    fps: float,
    times: np.ndarray | None = None,
    title: str = "",
    subtitle: str = "",
    notes: Sequence[str] = (),
    box: Box | None = None,
    layout: Layout = Layout(),  # noqa: B008  (frozen)
) -> Figure:
    """Draw frames, both parts over them, and the contribution of each part over time.

    Args:
        frames: ``(k, H, W, 3)`` uint8 RGB.
        motion: k maps ``(h, w)``.
        appearance: Likewise.
        indices: Where in ``temporal`` each frame is.
        temporal: ``(T,)`` contributions of motion, and of appearance.
        limit: See :func:`two_part_overlay`.
        share: How much of all evidence is motion, in [0, 1].
        fps: Frames per second, for the times.
        times: ``(T,)`` seconds at which each frame is shown; None where they are index / fps.
        title: Headline.
        subtitle: What belongs to it, in small print.
        notes: What the reader must not miss.
        box: The part of a frame that the network saw, in pixels; None for the whole frame.
        layout: Rows, columns, and whether there are titles, captions and charts.
    """
    count, height, width = frames.shape[:3]
    paper, columns = Paper.of(WIDTH), sheet_columns(count, layout)
    cell = (paper.inner - (columns - 1) * GAP) / columns
    tall = cell * height / width
    label = text_height(SMALL_POINTS) + 0.02 if layout.captions else 0.0
    block, rows = label + 2 * tall + GAP + 0.12, -(-count // columns)
    header = Header(title if layout.titles else "", notes, paper, subtitle if layout.titles else "")
    below = header.bottom + rows * block + 0.03
    parts = ((MOTION, f"motion, {100 * share:.0f} %"), (APPEARANCE, f"appearance, {100 - 100 * share:.0f} %"))
    of_whole = ["of the evidence of the whole clip", *(["of the whole clip"] if layout.peaks else [])]
    whole = heading_of(layout, paper.inner, of_whole)
    key = sum(0.5 + text_width(words, TEXT_POINTS) for _, words in parts)
    beside = key + text_width(whole, TEXT_POINTS) <= paper.inner
    curve_top = below + text_height(TEXT_POINTS, 1 if beside else 2) + 0.1
    page = Page(paper, curve_top + (_CURVE + 0.4 if layout.charts else 0.0) + paper.margin)
    header.draw(page)
    seconds = seconds_of(len(temporal[0]), fps, times)
    moments = frame_moments(indices, seconds, cell)
    for position, frame in enumerate(frames):
        row, column = divmod(position, columns)
        left, top = paper.margin + column * (cell + GAP), header.bottom + row * block
        seen = fit_picture(frame, cell, paper)
        if layout.captions:
            page.text(left, top, moments[position], SMALL_POINTS, page.palette.muted)
        page.picture(left, top + label, cell, tall, seen)
        part = scaled_box(box, (height, width), seen.shape[:2])
        drawn = two_part_overlay(seen, motion[position], appearance[position], limit, box=part)
        page.picture(left, top + label + tall + GAP, cell, tall, drawn)
    left = paper.margin
    for colour, words in parts:
        page.box(left, below + 0.02, 0.14, 0.14, colour)
        page.text(left + 0.2, below, words, TEXT_POINTS)
        left += 0.5 + text_width(words, TEXT_POINTS)
    at = (left, below) if beside else (paper.margin, below + text_height(TEXT_POINTS))
    page.text(*at, whole, TEXT_POINTS, page.palette.muted)
    if not layout.charts:
        return page.figure
    axes = page.axes(paper.margin + 0.6, curve_top, paper.inner - 0.6 - paper.plot_end, _CURVE)
    axes.stackplot(seconds, *temporal, colors=(MOTION, APPEARANCE), alpha=0.75, linewidth=0)
    limit_time(axes, seconds)
    axes.set_ylim(bottom=0)
    axes.yaxis.set_major_locator(MaxNLocator(3))
    page.finish(axes, "time (s)")
    return page.figure
