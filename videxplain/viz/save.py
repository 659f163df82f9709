"""Figures to files."""

from pathlib import Path

import matplotlib
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from videxplain.errors import VidexplainError
from videxplain.files import replacing

FIGURE_SUFFIXES = (".png", ".pdf", ".svg")


def save_figure(figure: Figure, path: str | Path, dpi: int = 200, note: str = "") -> None:
    """Write a figure as PNG, PDF or SVG, by the suffix of ``path``; fonts are embedded as TrueType.

    Args:
        figure: The figure.
        path: The file.
        dpi: Pixels per inch of a PNG.
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
    with replacing(path) as temporary, matplotlib.rc_context({"pdf.fonttype": 42}):
        figure.savefig(temporary, dpi=dpi, format=kind, facecolor="white", metadata=metadata)
