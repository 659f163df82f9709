"""How all pictures look: font, size of text, width of a page, colour map, dark or light."""

import dataclasses
import re
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from typing import Any

from matplotlib import font_manager

from videxplain.errors import VidexplainError, unknown
from videxplain.viz.colour import DARK, DEFAULT_COLORMAP, LIGHT, Palette, colour_map

WIDTHS = {"column": 3.25, "page": 6.75}
"""Inches of one column, and of both columns, of a paper in two columns."""
SCREEN_POINTS, PRINT_POINTS = 10.0, 8.0
"""The size of text where none is asked for: of figures of no given width, and of others."""
SCREEN_DPI, PRINT_DPI = 200, 300
_POINTS, _INCHES = (4.0, 40.0), (1.0, 60.0)
_NARROWEST = 24.0
"""A page is at least so many times as wide as its text is high, or nothing fits on it."""
_GENERIC = ("sans-serif", "serif", "monospace", "cursive", "fantasy")


@dataclass(frozen=True)
class Style:
    """The look that all pictures share.

    Attributes:
        font: Family of fonts, or a generic one such as ``"serif"``; empty for matplotlib's own.
        size: Points of text; None for 8 if a width is given, and for 10 otherwise. Small print (times, numbers at
            axes) is 85 % of it, and headlines are 140 %.
        width: Inches of a figure; None for the width that each figure has on a screen.
        colormap: Name of a matplotlib colour map, for maps over frames.
        dark: Whether pages are dark.
    """

    font: str = ""
    size: float | None = None
    width: float | None = None
    colormap: str = DEFAULT_COLORMAP
    dark: bool = False

    @property
    def points(self) -> float:
        """Points of text."""
        return self.size or (PRINT_POINTS if self.width else SCREEN_POINTS)

    @property
    def dpi(self) -> int:
        """Pixels per inch of pictures in a figure."""
        return PRINT_DPI if self.width else SCREEN_DPI

    @property
    def palette(self) -> Palette:
        """The colours of a page."""
        return DARK if self.dark else LIGHT

    @property
    def families(self) -> list[str]:
        """The font, and behind it one that has the characters which it lacks; empty for matplotlib's own."""
        return [self.font, "DejaVu Sans"] if self.font else []


_default = [Style()]
_here: ContextVar[Style | None] = ContextVar("videxplain_style", default=None)


def current_style() -> Style:
    """The style that pictures are drawn with now."""
    return _here.get() or _default[0]


@contextmanager
def style(
    *,
    font: str | None = None,
    size: float | None = None,
    width: float | str | None = None,
    colormap: str | None = None,
    dark: bool | None = None,
) -> Iterator[Style]:
    """Draw all pictures inside a ``with`` block in this style, in this thread.

    ::

        with vx.style(width="column", size=8, font="serif"):
            explanation.save("figure.pdf")

    What is not given stays as it is outside the block. :func:`videxplain.set_style` changes the style for good.

    Args:
        font: Family of fonts that matplotlib finds, or ``"serif"``, ``"sans-serif"`` or ``"monospace"``.
        size: Points of text, 4 to 40. Small print is 85 % of it, and headlines are 140 %. By default 8 if a width is
            given, and 10 otherwise.
        width: Of a figure: ``"column"`` (3.25 inches), ``"page"`` (6.75 inches), a number of inches, or text such as
            ``"8.5cm"`` or ``"3in"``. The margin around the figure is then left out, and pictures have 300 pixels an
            inch.
        colormap: Name of a matplotlib colour map, for maps over frames.
        dark: Whether pages are dark.

    Raises:
        VidexplainError: A font or a colour map that is not there, or a size or a width that cannot be used.
    """
    token = _here.set(_changed(current_style(), font, size, width, colormap, dark))
    try:
        yield current_style()
    finally:
        _here.reset(token)


def set_style(
    *,
    font: str | None = None,
    size: float | None = None,
    width: float | str | None = None,
    colormap: str | None = None,
    dark: bool | None = None,
) -> None:
    """Draw all pictures of this process in this style from now on.

    The arguments are those of :func:`videxplain.style`. What is not given becomes the default again, so
    ``set_style()`` undoes all changes.

    Raises:
        VidexplainError: As for :func:`videxplain.style`.
    """
    _default[0] = _changed(Style(), font, size, width, colormap, dark)


def inches(width: float | str) -> float:
    """A width in inches, from ``"column"``, ``"page"``, a number of inches, or text such as ``"8.5cm"`` or ``"3in"``.

    Raises:
        VidexplainError: It is none of these.
    """
    if isinstance(width, str) and width in WIDTHS:
        return WIDTHS[width]
    found = re.fullmatch(r"([0-9]+(?:\.[0-9]+)?)\s*(in|cm|mm)?", str(width).strip())
    if not found or isinstance(width, bool):
        raise VidexplainError(
            f"a width is column, page, or inches or centimetres such as 3.25in or 8.5cm, not '{width}'"
        )
    value = float(found[1]) / {"cm": 2.54, "mm": 25.4}.get(found[2], 1.0)
    if not _INCHES[0] <= value <= _INCHES[1]:
        raise VidexplainError(f"a width is from {_INCHES[0]:g} to {_INCHES[1]:g} inches, not '{width}'")
    return value


def _changed(
    before: Style,
    font: str | None,
    size: float | None,
    width: float | str | None,
    colormap: str | None,
    dark: bool | None,
) -> Style:
    given: dict[str, Any] = {
        "font": None if font is None else _known_font(font),
        "size": None if size is None else _checked_size(size),
        "width": None if width is None else inches(width),
        "colormap": None if colormap is None else colour_map(colormap).name,
        "dark": dark,
    }
    changed = dataclasses.replace(before, **{name: value for name, value in given.items() if value is not None})
    least = _NARROWEST * changed.points / 72
    if changed.width is not None and changed.width < least:
        raise VidexplainError(
            f"text of {changed.points:g} points needs a width of at least {least:.2f} inches, not {changed.width:.2f}"
        )
    return changed


def _checked_size(size: float) -> float:
    least, most = _POINTS
    if isinstance(size, bool | str) or not least <= size <= most:
        raise VidexplainError(f"the size of text is from {least:g} to {most:g} points, not {size}")
    return float(size)


def _known_font(name: str) -> str:
    names = sorted({entry.name for entry in font_manager.fontManager.ttflist})
    if name and name not in (*names, *_GENERIC):
        raise unknown("font", name, names)
    return name
