"""Writes figures to files."""

from pathlib import Path
from typing import Any

import matplotlib
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from videxplain.errors import VidexplainError
from videxplain.files import replacing

FIGURE_SUFFIXES = (".png", ".pdf", ".svg")


_TEXT_AS_TEXT: Any = {"pdf.fonttype": 42, "svg.fonttype": "none"}
"""Text of a vector figure stays text that can be searched and edited; a PDF holds the fonts as TrueType."""

_JPEG_QUALITY = 85


def save_figure(figure: Figure, path: str | Path, dpi: int | None = None, note: str = "") -> None:
    """Write a figure as PNG, PDF or SVG, by the suffix of ``path``.

    Text in a PDF or an SVG is text. A PDF holds its fonts as TrueType; an SVG names them.

    Args:
        figure: The figure.
        path: The file.
        dpi: Pixels per inch of a PNG; None for those of the figure.
        note: A line for the file's metadata.

    Raises:
        VidexplainError: Another suffix, or a file that cannot be written.
    """
    path = Path(path)
    if path.suffix.lower() not in FIGURE_SUFFIXES:
        raise VidexplainError(
            f"cannot write a figure as '{path.name}': the name must end in {', '.join(FIGURE_SUFFIXES)}"
        )
    FigureCanvasAgg(figure)
    kind = path.suffix[1:].lower()
    metadata = {"Subject" if kind == "pdf" else "Description": note} if note else None
    with replacing(path) as temporary, matplotlib.rc_context(_TEXT_AS_TEXT):
        figure.savefig(temporary, dpi=dpi or "figure", format=kind, facecolor="auto", metadata=metadata)


def save_jpeg(figure: Figure, path: Path, dpi: int) -> None:
    """Write a figure that is nearly all pictures of frames, which a PNG would hold in six times the bytes.

    Args:
        figure: The figure.
        path: The file.
        dpi: Pixels per inch.

    Raises:
        VidexplainError: The file cannot be written.
    """
    FigureCanvasAgg(figure)
    with replacing(path) as temporary:
        figure.savefig(temporary, dpi=dpi, format="jpg", facecolor="auto", pil_kwargs={"quality": _JPEG_QUALITY})
