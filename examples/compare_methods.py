"""Several methods on one clip, a row each, every row with its own colour scale.

python examples/compare_methods.py --clip examples/clips/kicking.mp4 --model i3d --out docs/images/methods.png
"""

import argparse
from pathlib import Path
from typing import Any

import numpy as np

import videxplain as vx
from videxplain.viz.colour import MUTED
from videxplain.viz.overlay import overlay
from videxplain.viz.page import GAP, MARGIN, SMALL_POINTS, TEXT_POINTS, TITLE_POINTS, Page, fit_picture, text_height
from videxplain.viz.save import save_figure

METHODS: dict[str, dict[str, Any]] = {
    "gradcam": {},
    "layercam": {"layer": "layer3"},
    "scorecam": {},
    "guided-backprop": {},
    "integrated-gradients": {},
    "occlusion": {"box": (8, 20, 20)},
    "rise": {"samples": 300},
}
COLUMNS, WIDTH, NAMES = 6, 10.0, 1.6

parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
parser.add_argument("--clip", type=Path, default=Path(__file__).parent / "clips" / "kicking.mp4")
parser.add_argument("--model", default="i3d", choices=vx.list_models())
parser.add_argument("--methods", nargs="+", default=list(METHODS), choices=vx.list_methods(), metavar="METHOD")
parser.add_argument("--out", type=Path, default=Path("methods.png"))
arguments = parser.parse_args()

model, clip = vx.load_model(arguments.model), vx.read_clip(arguments.clip)
chosen = np.linspace(0, clip.num_frames - 1, COLUMNS + 2).round().astype(int)[1:-1]
cell = (WIDTH - 2 * MARGIN - NAMES - COLUMNS * GAP) / COLUMNS
tall = cell * clip.size[0] / clip.size[1]
top = MARGIN + text_height(TITLE_POINTS) + 0.3
page = Page(WIDTH, top + (len(arguments.methods) + 1) * (tall + GAP) + MARGIN)
pictures = [fit_picture(clip.frames[frame], cell) for frame in chosen]


def row(number: int, name: str, drawn: list[np.ndarray]) -> None:
    """A name and its pictures."""
    y = top + number * (tall + GAP)
    page.text(MARGIN, y + tall / 2 - 0.08, name, TEXT_POINTS)
    for column, picture in enumerate(drawn):
        page.picture(MARGIN + NAMES + column * (cell + GAP), y, cell, tall, picture)


row(0, "clip", pictures)
title = ""
for number, name in enumerate(arguments.methods, start=1):
    found = vx.explain(model, clip, name, **METHODS.get(name, {}))
    low, high = found.range
    row(
        number,
        name,
        [overlay(p, found.maps[int(f)] - low, high - low) for p, f in zip(pictures, chosen, strict=True)],
    )
    title = f"{arguments.clip.name}: {arguments.model}, '{found.predictions[0][0]}'"
    print(name)
page.text(MARGIN, MARGIN, title, TITLE_POINTS, weight="bold")
page.text(MARGIN, MARGIN + text_height(TITLE_POINTS), f"weights: {model.config.weights}", SMALL_POINTS, MUTED)
arguments.out.parent.mkdir(parents=True, exist_ok=True)
save_figure(page.figure, arguments.out)
