"""The style and the layout of figures, from the options of a command."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from videxplain.errors import VidexplainError

if TYPE_CHECKING:
    from videxplain.viz.layout import Layout


@contextmanager
def drawn_as(
    *,
    colormap: str | None = None,
    width: str | None = None,
    font: str | None = None,
    font_size: float | None = None,
    dark: bool = False,
    at: str | None = None,
    rows: int | None = None,
    columns: int | None = None,
    titles: bool = True,
    captions: bool = True,
    charts: bool = True,
) -> "Iterator[Layout]":
    """While active, figures have the style of the options; yields their layout.

    Raises:
        VidexplainError: One of them cannot be used.
    """
    from videxplain.viz.layout import Layout, frames_at
    from videxplain.viz.style import style

    chosen = () if at is None else frames_at(at)
    layout = Layout(chosen, rows, columns, titles=titles, captions=captions, charts=charts)
    with style(font=font, size=font_size, width=width, colormap=colormap, dark=dark or None):
        yield layout


def check_opacity(opacity: float | None) -> None:
    """Raise ``VidexplainError`` for an opacity outside 0 to 1."""
    if opacity is not None and not 0 <= opacity <= 1:
        raise VidexplainError(f"--opacity is between 0 and 1, not {opacity:g}")
