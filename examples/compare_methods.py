"""Explain one clip with several methods. The figure has one row for each method, with its own colour scale.

python examples/compare_methods.py --clip examples/clips/kicking.mp4 --model i3d --out docs/images/methods.png
"""

import argparse
from pathlib import Path
from typing import Any

import numpy as np

import videxplain as vx
from videxplain.viz.save import save_figure
from videxplain.viz.side_by_side import side_by_side

METHODS: dict[str, dict[str, Any]] = {
    "gradcam": {},
    "layercam": {"layer": "layer3"},
    "scorecam": {},
    "guided-backprop": {},
    "integrated-gradients": {},
    "occlusion": {"box": (8, 20, 20)},
    "rise": {"samples": 300},
}

parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
parser.add_argument("--clip", type=Path, default=Path(__file__).parent / "clips" / "kicking.mp4")
parser.add_argument("--model", default="i3d", choices=vx.list_models())
parser.add_argument("--methods", nargs="+", default=list(METHODS), choices=vx.list_methods(), metavar="METHOD")
parser.add_argument("--out", type=Path, default=Path("methods.png"))
arguments = parser.parse_args()

model, clip = vx.load_model(arguments.model), vx.read_clip(arguments.clip)
explanations = {}
for name in arguments.methods:
    explanations[name] = vx.explain(model, clip, name, **METHODS.get(name, {}))
    print(name)
maps = {name: np.stack([one.maps[t] for t in range(clip.num_frames)]) for name, one in explanations.items()}
best, _ = next(iter(explanations.values())).predictions[0]
page = side_by_side(
    clip.frames, maps, f"{arguments.clip.name}: {arguments.model}, '{best}'", f"weights: {model.config.weights}"
)
arguments.out.parent.mkdir(parents=True, exist_ok=True)
save_figure(page, arguments.out)
