"""Colour maps, which turn values into colours, and the fixed colours that all pictures share."""

from dataclasses import dataclass
from functools import lru_cache
from typing import TypeAlias

import matplotlib
import numpy as np
from matplotlib.colors import Colormap

from videxplain.errors import unknown

RGB: TypeAlias = tuple[int, int, int]

DEFAULT_COLORMAP = "inferno"
"""A perceptually uniform map. Its bright end is yellow, which skin, grass and sky seldom are."""

POSITIVE = "#e8702a"
NEGATIVE = "#4f7fb5"


@dataclass(frozen=True)
class Palette:
    """The colours of a page, as ``"#rrggbb"``.

    Attributes:
        paper: The page itself.
        ink: Text.
        muted: Text that belongs to other text, and marks.
        rule: Lines around pictures and along axes.
        bar: Bars that stand for nothing in particular.
        warning: What the reader must not miss.
        warning_fill: The ground behind it.
    """

    paper: str
    ink: str
    muted: str
    rule: str
    bar: str
    warning: str
    warning_fill: str


LIGHT = Palette("#ffffff", "#1f2328", "#6b7280", "#d5d8dd", "#aab0b9", "#a61b1b", "#fdecea")
DARK = Palette("#16181d", "#eceef1", "#9aa3af", "#3c424c", "#6b7280", "#ff9b8f", "#4a1d1a")


def colour_map(name: str) -> Colormap:
    """Return matplotlib's colour map of this name.

    Raises:
        VidexplainError: There is none; the message has the nearest names.
    """
    if name not in matplotlib.colormaps:
        raise unknown("colour map", name, sorted(matplotlib.colormaps))
    return matplotlib.colormaps[name]


@lru_cache(maxsize=16)
def lut(name: str = DEFAULT_COLORMAP) -> np.ndarray:
    """Return a colour map as a read-only table ``(256, 3)`` uint8 RGB.

    Row ``i`` is the colour of the value ``i / 255``.
    """
    table = colour_map(name)(np.linspace(0, 1, 256), bytes=True)[:, :3].copy()
    table.setflags(write=False)
    return table


def cover(opacity: float) -> np.ndarray:
    """Return how much of the frame each entry of :func:`lut` hides, ``(256,)`` float64.

    The value is ``opacity * (1 - (1 - v)^2)``. It is zero where there is no evidence, so the frame is unchanged there.
    It is high in the middle of the scale, because a proportional one would make the colours of medium evidence too
    faint over a bright scene.
    """
    missing = 1 - np.linspace(0, 1, 256)
    return opacity * (1 - missing**2)


def rgb(colour: str) -> RGB:
    """Return a colour ``"#rrggbb"`` as three numbers from 0 to 255."""
    red, green, blue = bytes.fromhex(colour.removeprefix("#"))
    return red, green, blue
