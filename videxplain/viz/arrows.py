"""A figure of frames with arrows from one point to other points, also in other frames."""

from collections.abc import Sequence
from math import hypot

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Circle, FancyArrowPatch, Rectangle
from matplotlib.patheffects import withStroke

from videxplain.boxes import Box, scaled_box
from videxplain.viz.colour import NEGATIVE, POSITIVE
from videxplain.viz.overlay import draw_inside, enlarge
from videxplain.viz.page import (
    GAP,
    SMALL_POINTS,
    TEXT_POINTS,
    Header,
    Page,
    Paper,
    elide,
    fit_picture,
    text_height,
    wrap,
)

WIDTH = 12.0
MOST_COLUMNS, NARROWEST = 4, 1.6
"""Frames in a row, and the least width of one in inches, which its label needs."""
_WIDEST, _THINNEST = 3.2, 0.4
_POINT = 0.07
"""Radius of the point, in inches."""
_PALEST = 0.45
"""Share of a picture's colour that is kept where the weight is 0."""


def arrows_figure(
    frames: np.ndarray,
    indices: Sequence[int],
    query: tuple[int, float, float],
    links: Sequence[tuple[int, float, float, float]],
    *,
    weights: np.ndarray,
    fps: float,
    times: np.ndarray | None = None,
    title: str = "",
    subtitle: str = "",
    caption: str = "",
    notes: Sequence[str] = (),
    box: Box | None = None,
) -> Figure:
    """Draw frames, a point in one of them, and arrows to where the point looks.

    The width and the opacity of an arrow grow with its weight. Negative weights, which a dot product can give, are
    blue. Frames are pale where weights are small. A link of the point to itself is a ring.

    Args:
        frames: ``(k, H, W, 3)`` uint8 RGB.
        indices: Their numbers in the video.
        query: Which of the frames the point is in, and its x and y in pixels.
        links: For each arrow which frame, x and y in pixels, and weight, the strongest first.
        weights: ``(k, h, w)``, what is taken from every place.
        fps: For the times above the frames.
        times: Seconds at which each frame of the video is shown; None where they are index / fps.
        title: Headline.
        subtitle: What belongs to it, in small print.
        caption: Below the frames.
        notes: What the reader must not miss.
        box: The part of a frame that the network saw, in pixels; None for the whole frame.
    """
    count, height, width = frames.shape[:3]
    paper = Paper.of(WIDTH)
    columns = min(count, MOST_COLUMNS, max(1, int(paper.inner / NARROWEST)))
    rows = -(-count // columns)
    cell = (paper.inner - (columns - 1) * GAP) / columns
    tall = cell * height / width
    label = text_height(SMALL_POINTS) + 0.03
    header = Header(title, notes, paper, subtitle)
    below = wrap(caption, TEXT_POINTS, paper.inner)
    top = header.bottom + 0.1
    bottom = top + rows * (label + tall + GAP)
    page = Page(paper, bottom + text_height(TEXT_POINTS, len(below)) + paper.margin)
    header.draw(page)

    def place(frame: int, x: float, y: float) -> tuple[float, float]:
        """A pixel of a frame, in inches from the top left."""
        row, column = divmod(frame, columns)
        left = paper.margin + column * (cell + GAP)
        return left + x / width * cell, top + row * (label + tall + GAP) + label + y / height * tall

    strongest = float(np.abs(weights).max()) or 1.0
    halo = [withStroke(linewidth=3, foreground=page.palette.paper)]
    for number, (index, frame, seen) in enumerate(zip(indices, frames, weights, strict=True)):
        left, upper = place(number, 0, 0)
        fitted, level = fit_picture(frame, cell, paper), np.abs(seen) / strongest
        part = scaled_box(box, (height, width), fitted.shape[:2])
        picture = draw_inside(fitted, part, lambda picture, level=level: _paled(picture, level))  # type: ignore[misc]
        page.picture(left, upper, cell, tall, picture)
        seconds = index / fps if times is None else times[index]
        words, colour, face = f"frame {index}, {seconds:.2f} s", page.palette.muted, "normal"
        if number == query[0]:
            words, colour, face = f"{words}: the point", page.palette.ink, "bold"
        words = elide(words, SMALL_POINTS, cell, face)
        # Arrows pass behind it.
        page.text(left, upper - label, words, SMALL_POINTS, colour, weight=face, path_effects=halo)
    page.lines(paper.margin, bottom + 0.04, below, TEXT_POINTS)

    # Over all pictures, in inches, y downwards.
    axes = page.axes(0, 0, page.width, page.height)
    axes.set(xlim=(0, page.width), ylim=(page.height, 0), xticks=[], yticks=[])
    axes.set_axis_off()
    axes.patch.set_alpha(0)
    ink = page.palette.ink
    axes.add_patch(Rectangle(place(query[0], 0, 0), cell, tall, fill=False, edgecolor=ink, linewidth=1.6))
    start = place(*query)
    for frame_number, x, y, weight in reversed(links):
        _link(axes, start, place(frame_number, x, y), weight, abs(weight) / strongest)
    for radius, face in ((_POINT, page.palette.paper), (_POINT / 3, ink)):
        axes.add_patch(Circle(start, radius, facecolor=face, edgecolor=ink, linewidth=1.6, zorder=5))
    return page.figure


def _link(axes: Axes, start: tuple[float, float], end: tuple[float, float], weight: float, size: float) -> None:
    """An arrow from start to end, or a ring around a start that is its own end; ``size`` in [0, 1]."""
    colour = POSITIVE if weight >= 0 else NEGATIVE
    line = _THINNEST + (_WIDEST - _THINNEST) * size
    alpha = 0.3 + 0.65 * size
    if hypot(end[0] - start[0], end[1] - start[1]) < 2 * _POINT:
        axes.add_patch(Circle(start, 1.8 * _POINT, fill=False, edgecolor=colour, linewidth=line, alpha=alpha))
        return
    axes.add_patch(
        FancyArrowPatch(
            start,
            end,
            arrowstyle="-|>",
            mutation_scale=5 + 9 * size,
            shrinkA=5,
            shrinkB=0,
            connectionstyle="arc3,rad=0.15",
            color=colour,
            linewidth=line,
            alpha=alpha,
            path_effects=[withStroke(linewidth=line + 1.2, foreground="white")],
        )
    )


def _paled(picture: np.ndarray, level: np.ndarray) -> np.ndarray:
    """The picture mixed with white: unchanged where ``level`` is 1, palest where it is 0.

    The square root makes small weights visible.
    """
    kept = _PALEST + (1 - _PALEST) * np.sqrt(np.clip(enlarge(level, picture.shape[:2]), 0, 1))[..., None]
    return np.rint(255 - kept * (255 - picture.astype(np.float32))).astype(np.uint8)
