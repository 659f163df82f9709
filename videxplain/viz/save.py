"""Figures to files."""

from pathlib import Path

import matplotlib
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from videxplain.errors import VidexplainError
from videxplain.files import replacing

FIGURE_SUFFIXES = (".png", ".pdf", ".svg")


def save_figure(figure: Figure, path: str | Path, dpi: int = 200) -> None:
    """Write a figure as PNG, PDF or SVG, by the suffix of ``path``; fonts are embedded as TrueType."""
    path = Path(path)
    if path.suffix.lower() not in FIGURE_SUFFIXES:
        raise VidexplainError(
            f"cannot write a figure as '{path.name}': the name must end in {', '.join(FIGURE_SUFFIXES)}"
        )
    FigureCanvasAgg(figure)
    with replacing(path) as temporary, matplotlib.rc_context({"pdf.fonttype": 42}):
        figure.savefig(temporary, dpi=dpi, format=path.suffix[1:].lower(), facecolor="white")
