"""Draw the clips of this folder anew, or choose which ones to draw.

    python examples/make_clips.py examples/clips
    python examples/make_clips.py --choose [WEIGHTS]

The second line shows how the seeds were chosen: of the first ``CANDIDATES`` seeds of a class, those that the bundled
``i3d`` recognises (or the one with these weights), and of these the one whose Grad-CAM has the median energy in the
evidence, or the next to it that is no unknown clip to the network. A picture of such a clip shows what is usual, not
what is best.
"""

import sys
from pathlib import Path
from tempfile import TemporaryDirectory

from videxplain import Clip, explain, load_model
from videxplain.actionfigures import Difficulty, render_clip
from videxplain.metrics.localisation import energy
from videxplain.viz.video import save_video

CLIPS = {
    # name: class, seed, frames
    "waving": ("Wave", 5, 100),
    "kicking": ("Kick", 6, 75),
    "sitting_down": ("SitDown", 0, 50),
    "picking_up": ("PickUp", 10, 50),
}
CANDIDATES = 11
STILL = Difficulty(lead=0.1, camera=0.0)
FPS = 25.0


def render(label, seed, length):
    """One clip and its evidence."""
    return render_clip(label, seed=seed, num_frames=length, size=(240, 320), difficulty=STILL)


def draw(name):
    """The frames of one clip of this folder."""
    return render(*CLIPS[name]).frames


def knows(model, frames):
    """Whether the network knows clips of this kind, once they are compressed."""
    with TemporaryDirectory() as folder:
        save_video(Path(folder) / "clip.mp4", frames, FPS)
        found = explain(model, Path(folder) / "clip.mp4").familiarity
    return found is None or not found.beyond


def choose(name, model):
    """The seed that the rule above gives, and a line that tells how."""
    label, _, length = CLIPS[name]
    found = []
    for seed in range(CANDIDATES):
        clip = render(label, seed, length)
        explanation = explain(model, Clip(clip.frames, FPS), target=label)
        if explanation.predictions[0][0] == label:
            found.append((energy(explanation.heatmap, clip.evidence), seed))
    found.sort()
    middle = len(found) // 2
    nearest = sorted(found, key=lambda one: abs(found.index(one) - middle))
    share, seed = next(one for one in nearest if knows(model, render(label, one[1], length).frames))
    line = f"{name}: {len(found)} of {CANDIDATES} recognised; seed {seed} is next to the median, {100 * share:.1f} %"
    return seed, f"{line} (of {100 * found[0][0]:.1f} to {100 * found[-1][0]:.1f} %)"


if __name__ == "__main__":
    if sys.argv[1] == "--choose":
        network = load_model("i3d", *sys.argv[2:])
        for name in CLIPS:
            print(choose(name, network)[1], flush=True)
    else:
        folder = Path(sys.argv[1])
        folder.mkdir(exist_ok=True)
        for name in CLIPS:
            save_video(folder / f"{name}.mp4", draw(name), FPS)
            print(folder / f"{name}.mp4")
