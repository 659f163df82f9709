"""Draw the clips of this folder anew: python examples/make_clips.py FOLDER

The files in ``clips`` are of look 3, which the bundled networks learned. This draws the same actions in the present
look, so draw them elsewhere until the networks have learned it.
"""

import sys
from pathlib import Path

from videxplain.actionfigures import Difficulty, render_clip
from videxplain.viz.video import save_video

CLIPS = {
    # name: class, seed, frames
    "waving": ("Wave", 3, 100),
    "kicking": ("Kick", 6, 75),
    "sitting_down": ("SitDown", 0, 50),
    "picking_up": ("PickUp", 8, 50),
}
STILL = Difficulty(lead=0.1, camera=0.0)


def draw(name: str):
    """The frames of one clip."""
    label, seed, length = CLIPS[name]
    return render_clip(label, seed=seed, num_frames=length, size=(240, 320), difficulty=STILL).frames


if __name__ == "__main__":
    folder = Path(sys.argv[1])
    folder.mkdir(exist_ok=True)
    for name in CLIPS:
        save_video(folder / f"{name}.mp4", draw(name), 25.0)
        print(folder / f"{name}.mp4")
