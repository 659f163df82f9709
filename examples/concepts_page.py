"""Measure everything that docs/concepts.md says of a network: the figure, the tables, and the numbers of the text.

    python examples/concepts_page.py --out out/concepts-page --picture docs/images/concepts.png

It renders the videos and the clips, searches for concepts, tests the concepts that are given by clips, draws the
figure, and prints the rest. What was rendered and searched stays in the folder, so a run that was stopped continues.

The figure has a row for each concept: three frames of the clip in which it is strongest, where it is active on
average, and how closely it follows limbs, bodies and background.
"""

import argparse
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import cv2
import numpy as np
import pandas as pd
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from torch import nn

import videxplain as vx
from videxplain.actionfigures import synthesize
from videxplain.audit.report.words import percent
from videxplain.concepts.matching import REGIONS
from videxplain.concepts.report.build import build_report
from videxplain.concepts.report.charts import REGION_COLOURS
from videxplain.concepts.result import Concepts
from videxplain.concepts.tcav import ConceptTest
from videxplain.data.datasets.open import open_dataset
from videxplain.errors import VidexplainError
from videxplain.files import replacing
from videxplain.models.weights.files import bundled_path, sha256_of
from videxplain.runs.engines import choose_engine

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
_TEST_HEADS = ("concept", "class", "TCAV", "random", "p", "told apart", "random sets", "")


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
                percent(row["weight"]),
                f"{row['leading']}, {percent(row['leading_share'])}",
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


def sentences(found: Concepts) -> list[str]:
    """What the text below the table says of the search."""
    known = found.videos[found.videos["error"].isna()]
    right = (known["prediction"] == known["truth"]).mean()
    kept = (known["prediction_reconstructed"] == known["prediction"]).mean()
    follows = found.concepts["region"].value_counts()
    return [
        f"{len(known)} videos, {percent(right)} of them recognised",
        f"the concepts explain {percent(found.explained)} of the squared activations",
        f"{percent(kept)} of the predictions stay the same when the activations are rebuilt",
        "concepts that follow a region: " + ", ".join(f"{follows.get(region, 0)} {region}" for region in REGIONS),
        f"the interval of the limbs is above that of the bodies: concepts {_above(found.matches)}",
    ]


def _above(matches: pd.DataFrame) -> list[int]:
    """The concepts whose whole interval of the limbs is above that of the bodies."""
    limbs, bodies = (matches[matches["region"] == one].set_index("concept") for one in ("limbs", "bodies"))
    above = limbs["low"] > bodies["high"]
    return [int(concept) for concept in above[above].index]


def tcav_table(results: Sequence[ConceptTest]) -> str:
    """The Markdown table of the concepts that are given by clips."""
    lines: list[tuple[str, ...]] = [_TEST_HEADS, ("---", "---", "---:", "---:", "---:", "---:", "---:", "---")]
    for one in results:
        said = "significant" if one.is_significant else "not significant" if one.is_learned else "not learned"
        shares = (percent(share) for share in (one.accuracy, one.random_accuracy))
        lines.append((one.concept, one.target, f"{one.score:.2f}", f"{one.random:.2f}", f"{one.p:.2g}", *shares, said))
    return "\n".join("| " + " | ".join(cells) + " |" for cells in lines)


def measure(model: str, given: argparse.Namespace) -> Concepts:
    """Render the videos, search, and draw the report, whose pictures the figure takes."""
    synthesize(given.out / "videos", videos=given.videos, seed=1)
    found = vx.find_concepts(
        model,
        given.out / "videos",
        given.out / "concepts",
        layer=given.layer,
        concepts=given.concepts,
        designs=8,
        subset="all",
        engine=choose_engine(given.workers, None),
    )
    if not len(found.matches):
        raise VidexplainError(f"{given.out / 'videos'} knows no regions: it is not ActionFigures")
    build_report(found)
    return found


def run_tests(network: nn.Module, given: argparse.Namespace, layer: str) -> list[ConceptTest]:
    """Test raised arms and moving cameras, against other clips."""
    clips = given.out / "clips"
    return vx.tcav(
        network,
        [clips / "raised-arms", clips / "moving-camera"],
        clips / "others",
        layer=layer,
        target=given.classes,
        data=open_dataset(given.out / "videos", for_training=False),
        subset="all",
    )


def main() -> None:
    """Read the arguments, measure, draw and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path, required=True, help="folder for the videos, the clips and the search")
    parser.add_argument("--picture", type=Path, required=True, help="the figure to write, docs/images/concepts.png")
    parser.add_argument("--model", default="i3d", help="a bundled network")
    parser.add_argument("--layer", default="layer3", help="layer of the search and of the first tests")
    parser.add_argument("--earlier-layer", default="layer2", help="layer of the second tests")
    parser.add_argument("--videos", type=int, default=84, help="videos of the search")
    parser.add_argument("--concepts", type=int, default=10, help="how many to find")
    parser.add_argument("--examples", type=int, default=13, help="clips of each concept that is given by clips")
    parser.add_argument("--others", type=int, default=52, help="other clips")
    parser.add_argument("--classes", nargs="+", default=["Wave", "Kick", "Walk"], help="classes of the tests")
    parser.add_argument("--workers", type=int, default=1, help="processes of the search")
    given = parser.parse_args()
    path = bundled_path(given.model)
    if path is None:
        raise VidexplainError(f"no network '{given.model}' comes with the package")
    found = measure(given.model, given)
    with replacing(given.picture) as temporary:
        figure(found).savefig(temporary, format="png")
    print(f"{given.model}, {given.layer}, weights SHA-256 {sha256_of(path)[:12]}\n\n{table(found)}\n")
    print("\n".join(sentences(found)))
    others = Path(__file__).with_name("concept_clips.py")
    counts = ["--examples", str(given.examples), "--others", str(given.others)]
    subprocess.run(
        [sys.executable, others, "--out", given.out / "clips", *counts], check=True, stdout=subprocess.DEVNULL
    )
    network = vx.load_model(given.model)
    for layer in (given.layer, given.earlier_layer):
        results = run_tests(network, given, layer)
        print(f"\n{layer}\n\n{tcav_table(results)}")
        print("\n".join(dict.fromkeys(note for one in results for note in one.notes)))


if __name__ == "__main__":
    main()
