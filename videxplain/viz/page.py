"""Figures laid out in inches from the top left corner, with text that is measured before it is placed."""

from collections.abc import Sequence
from functools import lru_cache
from typing import Any

import cv2
import numpy as np
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.font_manager import FontProperties
from matplotlib.patches import Rectangle
from matplotlib.textpath import TextToPath

from videxplain.viz.colour import INK, MUTED, RULE, WARNING, WARNING_FILL

MARGIN = 0.3
GAP = 0.06
PICTURE_DPI = 200
LINE = 1.35
"""Distance of text lines as a multiple of the type size."""

TITLE_POINTS, NOTE_POINTS, TEXT_POINTS, SMALL_POINTS = 14, 10.5, 10, 8.5


def one_line(text: object) -> str:
    """Text without line breaks or runs of blanks; what is not UTF-8, such as bytes of a file name, becomes "?"."""
    return " ".join(str(text).encode("utf-8", "replace").decode().split())


@lru_cache(maxsize=4096)
def text_width(text: str, points: float, weight: str = "normal") -> float:
    """Width in inches of one line in the current font."""
    font = FontProperties(size=points, weight=weight)
    return float(TextToPath().get_text_width_height_descent(text, font, ismath=False)[0]) / 72


def elide(text: str, points: float, width: float, weight: str = "normal") -> str:
    """The text on one line, its middle replaced by an ellipsis when it is wider than ``width`` inches."""
    text = one_line(text)
    if text_width(text, points, weight) <= width:
        return text
    for kept in range(len(text) - 1, 1, -1):
        head = (2 * kept + 2) // 3
        short = text[:head] + "…" + text[len(text) - (kept - head) :]
        if text_width(short, points, weight) <= width:
            return short
    return "…"


def wrap(text: str, points: float, width: float, weight: str = "normal") -> list[str]:
    """Lines no wider than ``width`` inches, broken at blanks; a word that is too wide is elided."""
    lines: list[str] = []
    for word in one_line(text).split(" "):
        longer = f"{lines[-1]} {word}" if lines else word
        if lines and text_width(longer, points, weight) <= width:
            lines[-1] = longer
        else:
            lines.append(elide(word, points, width, weight))
    return lines


def text_height(points: float, lines: int = 1) -> float:
    """Height in inches of so many lines."""
    return lines * points * LINE / 72


def fit_picture(picture: np.ndarray, width: float) -> np.ndarray:
    """An ``(H, W, 3)`` uint8 picture at the resolution it is printed with, ``width`` inches wide."""
    height, natural = picture.shape[:2]
    columns = max(1, round(width * PICTURE_DPI))
    size = columns, max(1, round(height * columns / natural))
    method = cv2.INTER_AREA if columns < natural else cv2.INTER_CUBIC
    return cv2.resize(picture, size, interpolation=method)


class Header:
    """Title, what belongs to it, and notes at the head of a page; measured first: the page's height depends on it."""

    def __init__(self, title: str, notes: Sequence[str], width: float, subtitle: str = "") -> None:
        """Break the text for a page ``width`` inches wide."""
        inner = width - 2 * MARGIN
        self._title = wrap(title, TITLE_POINTS, inner, "bold") if title.strip() else []
        self._notes = [line for note in notes for line in wrap(note, NOTE_POINTS, inner - 0.3, "bold") if line]
        self._subtitle = wrap(subtitle, SMALL_POINTS, inner) if subtitle.strip() else []
        self._below = MARGIN + text_height(TITLE_POINTS, len(self._title))
        title_height = text_height(TITLE_POINTS, len(self._title)) + 0.08 if self._title else 0.0
        title_height += text_height(SMALL_POINTS, len(self._subtitle)) + 0.06 if self._subtitle else 0.0
        self._box = text_height(NOTE_POINTS, len(self._notes)) + 0.12 if self._notes else 0.0
        self._top = MARGIN + title_height
        self.bottom = self._top + (self._box + 0.14 if self._notes else 0.0)

    def draw(self, page: "Page") -> None:
        """Put it at the top of ``page``."""
        page.lines(MARGIN, MARGIN, self._title, TITLE_POINTS, weight="bold")
        page.lines(MARGIN, self._below + 0.02, self._subtitle, SMALL_POINTS, MUTED)
        if self._notes:
            page.box(MARGIN, self._top, page.width - 2 * MARGIN, self._box, WARNING_FILL)
            page.box(MARGIN, self._top, 0.06, self._box, WARNING)
            page.lines(MARGIN + 0.2, self._top + 0.08, self._notes, NOTE_POINTS, WARNING, weight="bold")


class Page:
    """A matplotlib figure addressed in inches from the top left corner."""

    def __init__(self, width: float, height: float) -> None:
        """An empty white page; no pyplot, so nothing is kept behind the caller's back."""
        self.width, self.height = width, height
        self.figure = Figure(figsize=(width, height), dpi=PICTURE_DPI, facecolor="white")
        FigureCanvasAgg(self.figure)

    def axes(self, left: float, top: float, width: float, height: float) -> Axes:
        """Axes that fill the rectangle, in which only data is drawn."""
        bottom = self.height - top - height
        rectangle = (
            left / self.width,
            bottom / self.height,
            width / self.width,
            height / self.height,
        )
        return self.figure.add_axes(rectangle)

    def picture(self, left: float, top: float, width: float, height: float, pixels: np.ndarray) -> None:
        """An ``(H, W, 3)`` uint8 picture with a hairline around it."""
        axes = self.axes(left, top, width, height)
        axes.imshow(pixels, aspect="auto")
        axes.set(xticks=[], yticks=[])
        for spine in axes.spines.values():
            spine.set(color=RULE, linewidth=0.5)

    def box(self, left: float, top: float, width: float, height: float, colour: str) -> None:
        """A filled rectangle."""
        corner = left / self.width, 1 - (top + height) / self.height
        self.figure.add_artist(
            Rectangle(
                corner,
                width / self.width,
                height / self.height,
                facecolor=colour,
                linewidth=0,
                transform=self.figure.transFigure,
            )
        )

    def text(self, x: float, y: float, text: str, points: float, colour: str = INK, **options: Any) -> None:
        """One line of text, its top at ``y`` unless ``va`` says otherwise; a ``$`` is only a ``$``."""
        options = {"va": "top", "ha": "left", **options}
        at = x / self.width, 1 - y / self.height
        self.figure.text(*at, text, fontsize=points, color=colour, parse_math=False, **options)

    def lines(self, x: float, y: float, lines: Sequence[str], points: float, colour: str = INK, **options: Any) -> None:
        """Several lines below each other."""
        for number, line in enumerate(lines):
            self.text(x, y + text_height(points, number), line, points, colour, **options)

    def colour_bar(self, left: float, top: float, width: float, colours: np.ndarray, ends: tuple[str, str]) -> None:
        """A thin horizontal bar of ``(n, 3)`` uint8 colours with what its two ends mean below it."""
        self.picture(left, top, width, 0.1, colours[None])
        self.text(left, top + 0.14, ends[0], SMALL_POINTS, MUTED)
        self.text(left + width, top + 0.14, ends[1], SMALL_POINTS, MUTED, ha="right")


def number(value: float) -> str:
    """A number for the end of a scale: three digits, a true minus sign."""
    return f"{value:.3g}".replace("-", "−")
