"""Figures laid out in inches from the top left corner, with text that is measured before it is placed.

Every figure is laid out as if its text had 10 points. If the style asks for another size, the whole page is scaled when
it is drawn, pictures and text alike. So inches and points are those of the layout in all modules but this one.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Self

import cv2
import numpy as np
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg, RendererAgg
from matplotlib.figure import Figure
from matplotlib.font_manager import FontProperties
from matplotlib.patches import Rectangle
from matplotlib.textpath import TextToPath

from videxplain.viz.style import Style, current_style

MARGIN, PRINT_MARGIN = 0.3, 0.02
"""Inches around a figure: on a screen, and in a paper, whose page has margins."""
GAP = 0.06
LINE = 1.35
"""Distance between lines of text, as a multiple of the size of the text."""
_NOTE_GAP = 0.07
"""Inches between two notes, so that the next is not read as a line of the one before."""

TITLE_POINTS, NOTE_POINTS, TEXT_POINTS, SMALL_POINTS = 14, 10.5, 10, 8.5


@dataclass(frozen=True)
class Paper:
    """What a figure is laid out on.

    Attributes:
        width: Inches of the layout.
        margin: Inches of the layout that stay empty on each side.
        style: The style that the figure is drawn in.
    """

    width: float
    margin: float
    style: Style

    @classmethod
    def of(cls, width: float) -> Self:
        """The paper of the current style; ``width`` inches wide if the style says no width."""
        style = current_style()
        paper = cls(1.0, PRINT_MARGIN if style.width else MARGIN, style)
        return cls((style.width or width) / paper.scale, paper.margin, style)

    @property
    def scale(self) -> float:
        """Inches on paper for one inch of the layout."""
        return self.style.points / TEXT_POINTS

    @property
    def inner(self) -> float:
        """The width between the margins."""
        return self.width - 2 * self.margin

    @property
    def plot_end(self) -> float:
        """Inches that stay empty at the right of a plot without a margin, for half of the last number below it."""
        return 0.14 if self.margin < MARGIN else 0.0

    @property
    def density(self) -> float:
        """Pixels of a picture for one inch of the layout."""
        return self.scale * self.style.dpi

    def points(self, points: float) -> float:
        """Points on paper for points of the layout."""
        return points * self.scale


def one_line(text: object) -> str:
    """Return the text without line breaks and repeated blanks.

    What is not UTF-8, such as bytes of a file name, becomes "?".
    """
    return " ".join(str(text).encode("utf-8", "replace").decode().split())


def text_width(text: str, points: float, weight: str = "normal", density: float | None = None) -> float:
    """Width in inches of one line in the font of the current style.

    Args:
        text: The line.
        points: Its size.
        weight: Of the font.
        density: Pixels of an inch in the picture that the text is for. A picture moves letters to whole pixels, which
            makes some lines wider than their outlines by 1 or 2 %. None for the outlines alone.
    """
    family = current_style().font
    width = _text_width(text, points, weight, family)
    return width if density is None else max(width, _drawn_width(text, points, weight, family, density))


@lru_cache(maxsize=4096)
def _text_width(text: str, points: float, weight: str, family: str) -> float:
    font = FontProperties(family=family or None, size=points, weight=weight)
    return float(TextToPath().get_text_width_height_descent(text, font, ismath=False)[0]) / 72


@lru_cache(maxsize=4096)
def _drawn_width(text: str, points: float, weight: str, family: str, density: float) -> float:
    font = FontProperties(family=family or None, size=points, weight=weight)
    renderer = RendererAgg(1, 1, density)
    return float(renderer.get_text_width_height_descent(text, font, ismath=False)[0]) / density


def elide(text: str, points: float, width: float, weight: str = "normal", density: float | None = None) -> str:
    """Return the text on one line. If it is wider than ``width`` inches, an ellipsis replaces its middle."""
    text = one_line(text)
    if text_width(text, points, weight, density) <= width:
        return text
    for kept in range(len(text) - 1, 1, -1):
        head = (2 * kept + 2) // 3
        short = text[:head] + "…" + text[len(text) - (kept - head) :]
        if text_width(short, points, weight, density) <= width:
            return short
    return "…"


def wrap(text: str, points: float, width: float, weight: str = "normal", density: float | None = None) -> list[str]:
    """Break a text at blanks into lines of at most ``width`` inches. A word that is too wide is shortened."""
    lines: list[str] = []
    for word in one_line(text).split(" "):
        longer = f"{lines[-1]} {word}" if lines else word
        if lines and text_width(longer, points, weight, density) <= width:
            lines[-1] = longer
        else:
            lines.append(elide(word, points, width, weight, density))
    return lines


def text_height(points: float, lines: int = 1) -> float:
    """Return the height in inches of this number of lines."""
    return lines * points * LINE / 72


def fit_picture(picture: np.ndarray, width: float, paper: Paper) -> np.ndarray:
    """Resize a picture ``(H, W, 3)`` uint8 to the pixels that it has in print at a width of ``width`` inches."""
    height, natural = picture.shape[:2]
    columns = max(1, round(width * paper.density))
    size = columns, max(1, round(height * columns / natural))
    method = cv2.INTER_AREA if columns < natural else cv2.INTER_CUBIC
    return cv2.resize(picture, size, interpolation=method)


def columns_that_fit(paper: Paper, most: int, narrowest: float) -> int:
    """How many pictures of at least ``narrowest`` inches stand in a row: 1 at least, and ``most`` at the most."""
    return max(1, min(most, int((paper.inner + GAP) / (narrowest + GAP))))


class Header:
    """Title, subtitle and notes at the top of a page.

    It is measured first, because the height of the page depends on it.
    """

    def __init__(self, title: str, notes: Sequence[str], paper: Paper, subtitle: str = "") -> None:
        """Break the text for ``paper``."""
        inner, density = paper.inner, paper.density
        self._title = wrap(title, TITLE_POINTS, inner, "bold", density) if title.strip() else []
        self._notes = [
            [line for part in parts for line in wrap(part, NOTE_POINTS, inner - 0.3, "bold", density)]
            for parts in _with_commands(notes)
        ]
        self._subtitle = wrap(subtitle, SMALL_POINTS, inner, density=density) if subtitle.strip() else []
        self._below = paper.margin + text_height(TITLE_POINTS, len(self._title))
        title_height = text_height(TITLE_POINTS, len(self._title)) + 0.08 if self._title else 0.0
        title_height += text_height(SMALL_POINTS, len(self._subtitle)) + 0.06 if self._subtitle else 0.0
        heights = [text_height(NOTE_POINTS, len(lines)) for lines in self._notes]
        self._box = sum(heights) + _NOTE_GAP * (len(heights) - 1) + 0.12 if heights else 0.0
        self._top = paper.margin + title_height
        self.bottom = self._top + (self._box + 0.14 if self._notes else 0.0)

    def draw(self, page: "Page") -> None:
        """Put it at the top of ``page``."""
        paper, palette = page.paper, page.palette
        page.lines(paper.margin, paper.margin, self._title, TITLE_POINTS, weight="bold")
        page.lines(paper.margin, self._below + 0.02, self._subtitle, SMALL_POINTS, palette.muted)
        if self._notes:
            page.box(paper.margin, self._top, paper.inner, self._box, palette.warning_fill)
            page.box(paper.margin, self._top, 0.06, self._box, palette.warning)
            left, top = paper.margin + 0.2, self._top + 0.08
            for lines in self._notes:
                page.lines(left, top, lines, NOTE_POINTS, palette.warning, weight="bold")
                top += text_height(NOTE_POINTS, len(lines)) + _NOTE_GAP


def _with_commands(notes: Sequence[str]) -> list[list[str]]:
    """Notes that are not empty, each with the lines that go on with it: what to run, and the line above that."""
    found: list[list[str]] = []
    for note in filter(str.strip, notes):
        if found and (note.startswith("videxplain ") or note.endswith(":")):
            found[-1].append(note)
        else:
            found.append([note])
    return found


class Page:
    """A matplotlib figure addressed in inches of the layout, from the top left corner."""

    def __init__(self, paper: Paper, height: float) -> None:
        """Make an empty page. It does not use pyplot, which would keep every figure in memory."""
        self.paper, self.palette = paper, paper.style.palette
        self.width, self.height = paper.width, height
        size = self.width * paper.scale, height * paper.scale
        self.figure = Figure(figsize=size, dpi=paper.style.dpi, facecolor=self.palette.paper)
        FigureCanvasAgg(self.figure)

    def axes(self, left: float, top: float, width: float, height: float) -> Axes:
        """Add axes whose data area is the rectangle."""
        bottom = self.height - top - height
        rectangle = (
            left / self.width,
            bottom / self.height,
            width / self.width,
            height / self.height,
        )
        return self.figure.add_axes(rectangle, facecolor=self.palette.paper)

    def finish(self, axes: Axes, x: str = "", y: str = "", points: float = SMALL_POINTS) -> None:
        """Draw axes as all figures have them: a line at the left and one below, small numbers, names of both axes.

        Args:
            axes: Axes with their data.
            x: Name of the horizontal axis.
            y: Name of the vertical axis.
            points: Size of the names.
        """
        palette, family = self.palette, self.paper.style.families or None
        axes.tick_params(length=3, width=0.6, color=palette.muted)
        self.tick_labels(axes)
        axes.spines[["top", "right"]].set_visible(False)
        axes.spines[["left", "bottom"]].set(color=palette.rule, linewidth=0.8)
        named: dict[str, Any] = {"fontsize": self.paper.points(points), "color": palette.muted, "family": family}
        axes.set_xlabel(x, labelpad=2, **named)
        axes.set_ylabel(y, **named)

    def tick_labels(self, axes: Axes) -> None:
        """Numbers at axes in small print."""
        family: Any = self.paper.style.families or None
        axes.tick_params(labelsize=self.paper.points(SMALL_POINTS), labelcolor=self.palette.muted)
        if family:
            axes.tick_params(labelfontfamily=family)

    def picture(self, left: float, top: float, width: float, height: float, pixels: np.ndarray) -> None:
        """Draw a picture ``(H, W, 3)`` uint8 with a thin line around it."""
        axes = self.axes(left, top, width, height)
        axes.imshow(pixels, aspect="auto")
        axes.set(xticks=[], yticks=[])
        for spine in axes.spines.values():
            spine.set(color=self.palette.rule, linewidth=0.5)

    def box(self, left: float, top: float, width: float, height: float, colour: str) -> None:
        """Draw a filled rectangle."""
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

    def text(self, x: float, y: float, text: str, points: float, colour: str | None = None, **options: Any) -> None:
        """Write one line of text.

        Its top is at ``y`` unless ``va`` says otherwise. A ``$`` does not begin mathematics.
        """
        options = {"va": "top", "ha": "left", "family": self.paper.style.families or None, **options}
        at = x / self.width, 1 - y / self.height
        size, colour = self.paper.points(points), colour or self.palette.ink
        self.figure.text(*at, text, fontsize=size, color=colour, parse_math=False, **options)

    def lines(
        self, x: float, y: float, lines: Sequence[str], points: float, colour: str | None = None, **options: Any
    ) -> None:
        """Write several lines below each other."""
        for number, line in enumerate(lines):
            self.text(x, y + text_height(points, number), line, points, colour, **options)

    def colour_bar(self, left: float, top: float, width: float, colours: np.ndarray, ends: tuple[str, str]) -> None:
        """Draw a thin horizontal bar of colours ``(n, 3)`` uint8, with the values of its two ends below it."""
        self.picture(left, top, width, 0.1, colours[None])
        self.text(left, top + 0.14, ends[0], SMALL_POINTS, self.palette.muted)
        self.text(left + width, top + 0.14, ends[1], SMALL_POINTS, self.palette.muted, ha="right")


def number(value: float) -> str:
    """Return a number as the end of a scale has it: three digits, and a true minus sign."""
    return f"{value:.3g}".replace("-", "−")
