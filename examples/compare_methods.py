"""Explain one clip with several methods. The figure has one row for each method, with its own colour scale.

python examples/compare_methods.py --clip examples/clips/kicking.mp4 --model i3d --out docs/images/methods.png
"""

import argparse
from pathlib import Path
from typing import Any

import videxplain as vx

METHODS = ("gradcam", "layercam", "scorecam", "guided-backprop", "integrated-gradients", "occlusion", "rise")
OPTIONS: dict[str, dict[str, Any]] = {"occlusion": {"box": (8, 20, 20)}, "rise": {"samples": 300}}

parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
parser.add_argument("--clip", type=Path, default=Path(__file__).parent / "clips" / "kicking.mp4")
parser.add_argument("--model", default="i3d", choices=vx.list_models())
parser.add_argument("--methods", nargs="+", default=list(METHODS), choices=vx.list_methods(), metavar="METHOD")
parser.add_argument("--out", type=Path, default=Path("methods.png"))
arguments = parser.parse_args()

options = {name: value for method in arguments.methods for name, value in OPTIONS.get(method, {}).items()}
comparison = vx.compare(vx.load_model(arguments.model), arguments.clip, methods=arguments.methods, **options)
for pair in comparison.agreement:
    print(f"{pair.first}, {pair.second}: rank correlation {pair.rank_correlation:.2f}")
arguments.out.parent.mkdir(parents=True, exist_ok=True)
comparison.save(arguments.out)
