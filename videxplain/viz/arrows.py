"""Frames in rows with arrows from one point to others, across frames."""

from collections.abc import Sequence

import numpy as np
from matplotlib.figure import Figure
from matplotlib.patches import Circle, FancyArrowPatch

from videxplain.viz.colour import INK, MUTED, NEGATIVE, POSITIVE
from videxplain.viz.page import (
    GAP,
    MARGIN,
    SMALL_POINTS,
    TEXT_POINTS,
    Header,
    Page,
    fit_picture,
    text_height,
)

WIDTH = 12.0
MOST_COLUMNS = 4
_WIDEST, _THINNEST = 3.0, 0.6


def arrows_figure(
    frames: np.ndarray,
    indices: Sequence[int],
    query: tuple[int, float, float],
    links: Sequence[tuple[int, float, float, float]],
    *,
    fps: float,
    title: str = "",
    subtitle: str = "",
    caption: str = "",
    notes: Sequence[str] = (),
) -> Figure:
    """One page: frames, a point in one of them, and arrows to where it looks.

    An arrow's width and how much it hides grow with its weight; what is taken away rather than added, which a dot
    product can do, is blue.

    Args:
        frames: ``(k, H, W, 3)`` uint8 RGB.
        indices: Their numbers in the video.
        query: Which of the frames the point is in, and its x and y in pixels.
        links: For each arrow which frame, x and y in pixels, and weight.
        fps: For the times above the frames.
        title: Headline.
        subtitle: What belongs to it, in small print.
        caption: Below the frames.
        notes: What the reader must not miss.
    """
    count, height, width = frames.shape[:3]
    columns = min(count, MOST_COLUMNS)
    rows = -(-count // columns)
    cell = (WIDTH - 2 * MARGIN - (columns - 1) * GAP) / columns
    tall = cell * height / width
    label = text_height(SMALL_POINTS) + 0.03
    header = Header(title, notes, WIDTH, subtitle)
    top = header.bottom + 0.1
    bottom = top + rows * (label + tall + GAP)
    page = Page(WIDTH, bottom + text_height(TEXT_POINTS) + MARGIN)
    header.draw(page)

    def place(frame: int, x: float, y: float) -> tuple[float, float]:
        """A pixel of a frame, in inches from the top left."""
        row, column = divmod(frame, columns)
        left = MARGIN + column * (cell + GAP)
        return left + x / width * cell, top + row * (label + tall + GAP) + label + y / height * tall

    for number, (index, frame) in enumerate(zip(indices, frames, strict=True)):
        left, upper = place(number, 0, 0)
        page.text(left, upper - label, f"frame {index}, {index / fps:.2f} s", SMALL_POINTS, MUTED)
        page.picture(left, upper, cell, tall, fit_picture(frame, cell))
    page.text(MARGIN, bottom + 0.04, caption, TEXT_POINTS, INK)
    # Over all pictures, in inches, y downwards.
    axes = page.axes(0, 0, page.width, page.height)
    axes.set(xlim=(0, page.width), ylim=(page.height, 0))
    axes.set_axis_off()
    axes.patch.set_alpha(0)
    start = place(*query)
    strongest = max((abs(weight) for *_, weight in links), default=0.0) or 1.0
    for frame, x, y, weight in reversed(links):
        size = abs(weight) / strongest
        end = place(frame, x, y)
        colour = POSITIVE if weight >= 0 else NEGATIVE
        axes.add_patch(
            FancyArrowPatch(
                start,
                end,
                arrowstyle="-|>",
                mutation_scale=7 + 6 * size,
                shrinkA=5,
                shrinkB=0,
                connectionstyle="arc3,rad=0.15",
                linewidth=_THINNEST + (_WIDEST - _THINNEST) * size,
                color=colour,
                alpha=0.35 + 0.6 * size,
            )
        )
    axes.add_patch(Circle(start, 0.07, facecolor="white", edgecolor=INK, linewidth=1.6, zorder=5))
    axes.add_patch(Circle(start, 0.025, facecolor=INK, zorder=6))
    return page.figure
