"""Draw the figure of docs/concepts.md, and print its table, from what ``videxplain concepts`` has written.

    python examples/concepts_page.py out/concepts docs/images/concepts.png

The figure has a row for each concept: three frames of the clip in which it is strongest, where it is active on
average, and how closely it follows limbs, bodies and background. The table goes to the standard output.
"""

import argparse
from pathlib import Path

import cv2
import numpy as np
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from videxplain.concepts.matching import REGIONS
from videxplain.concepts.report.charts import REGION_COLOURS
from videxplain.concepts.result import Concepts
from videxplain.errors import VidexplainError
from videxplain.files import replacing

_WIDTH, _ROW, _FOOT, _DOTS = 8.5, 0.82, 0.75, 100
"""Inches of the figure's width, of a row, and of the axis below; pixels in an inch."""
_HEADS = (
    "concept",
    "share of all activity",
    "strongest for",
    "follows",
    "correlation",
    "by place alone",
    "excess (95 %)",
)


def table(found: Concepts) -> str:
    """The Markdown table: for each concept the region that it follows, or the one that comes nearest."""
    lines = [_HEADS, ("---:", "---:", "---", "---", "---:", "---:", "---")]
    for row in found.concepts.to_dict("records"):
        own = found.matches[found.matches["concept"] == row["concept"]]
        best = own.loc[own["excess"].idxmax()]
        follows = row["region"] if isinstance(row["region"], str) else f"nothing (nearest: {best['region']})"
        lines.append(
            (
                str(row["concept"]),
                f"{row['weight']:.0%}".replace("%", " %"),
                f"{row['leading']}, {row['leading_share']:.0%}".replace("%", " %"),
                follows,
                _number(best["correlation"]),
                _number(best["by_place"]),
                _number(best["excess"]) + _interval(best["low"], best["high"]),
            )
        )
    return "\n".join("| " + " | ".join(cells) + " |" for cells in lines)


def _interval(low: float | None, high: float | None) -> str:
    """In brackets; nothing where there are too few videos for an interval."""
    return "" if low is None or high is None or np.isnan(low) else f" ({_number(low)} to {_number(high)})"


def _number(value: float) -> str:
    """Two decimals with a true minus sign, and no minus in front of a zero."""
    return f"{round(float(value), 2) + 0.0:.2f}".replace("-", "−")


def figure(found: Concepts) -> Figure:
    """The figure; the report of the concepts has its pictures."""
    count = len(found.concepts)
    drawn = Figure(figsize=(_WIDTH, _ROW * count + _FOOT), dpi=_DOTS, layout="constrained")
    FigureCanvasAgg(drawn)
    grid = drawn.add_gridspec(count, 3, width_ratios=(3.2, 1.05, 4))
    chart = drawn.add_subplot(grid[:, 2])
    for number in range(count):
        for column, name in enumerate((f"concept-{number}-clip-0.jpg", f"concept-{number}.png")):
            axes = drawn.add_subplot(grid[number, column])
            axes.imshow(_picture(found.folder / "report" / "media" / name))
            axes.set_xticks([])
            axes.set_yticks([])
            for side in axes.spines.values():
                side.set_visible(False)
            if not column:
                axes.set_ylabel(str(number), rotation=0, ha="right", va="center", fontsize=11)
    _draw_regions(chart, found)
    drawn.axes[1].set_title("where it is strongest", fontsize=9)
    drawn.axes[2].set_title("on average", fontsize=9)
    chart.set_title("how closely it follows", fontsize=9)
    return drawn


def _draw_regions(axes, found: Concepts) -> None:  # type: ignore[no-untyped-def]  # matplotlib has no types
    """The excess of each concept and region, with its interval."""
    for place, region in enumerate(REGIONS):
        rows = found.matches[found.matches["region"] == region]
        y = rows["concept"] + 0.22 * (place - 1)
        colour = REGION_COLOURS[region]
        axes.hlines(y, rows["low"], rows["high"], color=colour, linewidth=2)
        axes.plot(rows["excess"], y, "o", color=colour, markersize=5, label=region)
    axes.axvline(0, color="#6b7280", linewidth=0.8)
    axes.set_ylim(len(found.concepts) - 0.5, -0.5)
    axes.set_yticks(np.arange(len(found.concepts) - 1) + 0.5, [])
    axes.grid(axis="y", color="#d0d5db", linewidth=0.8)
    axes.tick_params(axis="y", length=0)
    axes.set_xlabel("correlation, less that by place alone", fontsize=9)
    axes.tick_params(axis="x", labelsize=9)
    axes.legend(loc="upper center", bbox_to_anchor=(0.5, -0.06), ncols=3, frameon=False, fontsize=9)
    for side in ("top", "left", "right"):
        axes.spines[side].set_visible(False)


def _picture(path: Path) -> np.ndarray:
    picture = cv2.imread(str(path)) if path.is_file() else None
    if picture is None:
        raise VidexplainError(f"{path} is not there: videxplain concepts writes it")
    return cv2.cvtColor(picture, cv2.COLOR_BGR2RGB)


def main() -> None:
    """Read the arguments, draw and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path, help="folder of a search for concepts")
    parser.add_argument("picture", type=Path, help="the figure to write, docs/images/concepts.png")
    given = parser.parse_args()
    found = Concepts.load(given.folder)
    if not len(found.matches):
        raise VidexplainError(f"{given.folder} knows no regions: its data set is not ActionFigures")
    with replacing(given.picture) as temporary:
        figure(found).savefig(temporary, format="png")
    print(table(found))


if __name__ == "__main__":
    main()
