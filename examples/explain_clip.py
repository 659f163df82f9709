"""Explain a clip from Python, and save the overlay video, the contact sheet and the numbers.

python examples/explain_clip.py --clip video.avi --model i3d --out out
"""

import argparse
from pathlib import Path

import videxplain as vx

parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
parser.add_argument("--clip", type=Path, default=Path(__file__).parent / "clips" / "waving.mp4")
parser.add_argument("--model", default="i3d", choices=vx.list_models())
parser.add_argument("--out", type=Path, default=Path("out"))
arguments = parser.parse_args()

model = vx.load_model(arguments.model)
explanation = vx.explain(model, arguments.clip, method="gradcam")

print(model.config.weights)
for note in explanation.notes:
    print("!", note)
for label, probability in explanation.predictions[:5]:
    print(f"{100 * probability:5.1f} %  {label}")
strongest = int(explanation.temporal.argmax())
print(f"frame {strongest} of {explanation.num_frames} contributes most")

arguments.out.mkdir(parents=True, exist_ok=True)
for suffix in ("mp4", "png", "npz"):
    print(explanation.save(arguments.out / f"{arguments.clip.stem}-{arguments.model}.{suffix}"))
