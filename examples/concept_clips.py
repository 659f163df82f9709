"""Render the clips of docs/concepts.md that show a concept, and other clips to compare them with.

    python examples/concept_clips.py --out out/examples

The folder then holds three folders of clips: in ``raised-arms`` figures wave, in ``moving-camera`` figures do all
other actions while the camera pans, zooms or shakes, and in ``others`` figures do the same in front of a camera that
stands still. ``videxplain tcav`` takes the first two as concepts and the third for ``--against``.
"""

import argparse
from collections.abc import Sequence
from pathlib import Path

from videxplain.actionfigures import LABELS, Difficulty, render_clip
from videxplain.actionfigures.synthesis import write_avi

RAISED = ("Wave",)
OTHERS = tuple(label for label in LABELS if label not in RAISED)
FIRST_SEED = 2_000
"""Of the clips. Data sets draw from lists of numbers, so no clip of theirs is one of these."""


def render(folder: Path, labels: Sequence[str], count: int, camera: float, first_seed: int) -> None:
    """Render ``count`` clips, with ``labels`` in turn. ``camera`` is the share of clips with a moving camera."""
    folder.mkdir(parents=True, exist_ok=True)
    for number in range(count):
        label = labels[number % len(labels)]
        clip = render_clip(label, seed=first_seed + number, difficulty=Difficulty(camera=camera))
        write_avi(folder / f"{label}-{number:02d}.avi", clip.frames)


def main() -> None:
    """Read the arguments, and render."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path, required=True, help="folder for the three folders of clips")
    parser.add_argument("--examples", type=int, default=13, help="clips of each concept")
    parser.add_argument("--others", type=int, default=52, help="other clips")
    given = parser.parse_args()
    start = FIRST_SEED
    for name, labels, count, camera in (
        ("raised-arms", RAISED, given.examples, 0.0),
        ("moving-camera", OTHERS, given.examples, 1.0),
        ("others", OTHERS, given.others, 0.0),
    ):
        render(given.out / name, labels, count, camera, start)
        start += count
        print(given.out / name)


if __name__ == "__main__":
    main()
