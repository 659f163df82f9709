"""Several maps of one clip, a row each."""

from collections.abc import Mapping

import numpy as np
from matplotlib.figure import Figure

from videxplain.viz.colour import MUTED
from videxplain.viz.overlay import overlay
from videxplain.viz.page import (
    GAP,
    MARGIN,
    SMALL_POINTS,
    TEXT_POINTS,
    TITLE_POINTS,
    Page,
    elide,
    fit_picture,
    text_height,
    text_width,
)

WIDTH = 10.0
COLUMNS = 6
_OUTLIERS = 99.9


def side_by_side(
    frames: np.ndarray, maps: Mapping[str, np.ndarray], title: str, subtitle: str = "", columns: int = COLUMNS
) -> Figure:
    """A page with the clip in the first row and a map over it in each other, every row with its own colour scale.

    A row's scale goes from zero to the 99.9th percentile of its map, so that one pixel does not darken all others; what
    is negative is drawn as zero. A map without positive values says so.

    Args:
        frames: ``(T, H, W, 3)`` uint8 RGB.
        maps: Name and raw map ``(T, h, w)``, in the order of the rows.
        title: Headline.
        subtitle: What belongs to it, in small print.
        columns: How many frames are shown, evenly spread; the first and the last are left out where there are more.
    """
    count = len(frames)
    columns = min(columns, count)
    spread = np.linspace(0, count - 1, columns + 2)[1:-1] if count > columns else np.arange(count)
    chosen = spread.round().astype(int)
    names = max(text_width(name, TEXT_POINTS) for name in (*maps, "clip")) + 0.15
    cell = (WIDTH - 2 * MARGIN - names - columns * GAP) / columns
    tall = cell * frames.shape[1] / frames.shape[2]
    top = MARGIN + text_height(TITLE_POINTS) + (text_height(SMALL_POINTS) if subtitle else 0) + 0.12
    page = Page(WIDTH, top + (len(maps) + 1) * (tall + GAP) + MARGIN)
    page.text(MARGIN, MARGIN, elide(title, TITLE_POINTS, WIDTH - 2 * MARGIN, "bold"), TITLE_POINTS, weight="bold")
    page.text(MARGIN, MARGIN + text_height(TITLE_POINTS), subtitle, SMALL_POINTS, MUTED)
    pictures = [fit_picture(frames[frame], cell) for frame in chosen]
    for row, (name, values) in enumerate([("clip", None), *maps.items()]):
        y = top + row * (tall + GAP)
        page.text(MARGIN, y + tall / 2, name, TEXT_POINTS, va="center")
        limit = 0.0 if values is None else _limit(values)
        for column, (frame, picture) in enumerate(zip(chosen, pictures, strict=True)):
            drawn = picture if values is None else overlay(picture, values[frame], limit)
            page.picture(MARGIN + names + column * (cell + GAP), y, cell, tall, drawn)
    return page.figure


def _limit(values: np.ndarray) -> float:
    """The end of the scale; of a map that is zero nearly everywhere, its largest value."""
    return float(np.percentile(values, _OUTLIERS)) or float(values.max())
