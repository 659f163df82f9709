"""Colours: the maps that turn values into colours, and the few fixed ones every picture shares."""

from dataclasses import dataclass
from functools import lru_cache
from typing import TypeAlias

import matplotlib
import numpy as np
from matplotlib.colors import Colormap

from videxplain.errors import unknown

RGB: TypeAlias = tuple[int, int, int]

DEFAULT_COLORMAP = "inferno"
"""Perceptually uniform, and its bright end (yellow) is a colour that skin, grass and sky seldom have."""

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
    """A matplotlib colour map by name; ``VidexplainError`` with the nearest names when there is none."""
    if name not in matplotlib.colormaps:
        raise unknown("colour map", name, sorted(matplotlib.colormaps))
    return matplotlib.colormaps[name]


@lru_cache(maxsize=16)
def lut(name: str = DEFAULT_COLORMAP) -> np.ndarray:
    """The map as a read-only table: ``(256, 3)`` uint8 RGB, row ``i`` for the value ``i / 255``."""
    table = colour_map(name)(np.linspace(0, 1, 256), bytes=True)[:, :3].copy()
    table.setflags(write=False)
    return table


def cover(opacity: float) -> np.ndarray:
    """How much of the frame the colour hides, per entry of `lut`: ``(256,)`` float64.

    ``opacity * (1 - (1 - v)^2)``: nothing at zero, so that the frame is untouched where there is no
    evidence, and most of it by the middle, where a proportional cover would leave the colour too faint to
    be read over a bright scene.
    """
    missing = 1 - np.linspace(0, 1, 256)
    return opacity * (1 - missing**2)


def rgb(colour: str) -> RGB:
    """A ``"#rrggbb"`` colour as three numbers in 0..255."""
    red, green, blue = bytes.fromhex(colour.removeprefix("#"))
    return red, green, blue
