"""How much stronger are maps at the ends of a window, on a clip in which nothing moves?

    python examples/window_ends.py --model torchvision:r3d_18 --clip clip.mp4

One frame of the clip is repeated until the network's window is full. Whatever differs from frame to frame of the map is
then made by the network, mostly by zero padding in time. Printed is how much of the map each frame of a window holds,
as a multiple of the mean; and the same for a long clip, whose windows are blended, without and with ``pad_frames``.
"""

import argparse

import numpy as np
import torch
from numpy.typing import NDArray

import videxplain as vx
from videxplain.attribution.registry import magnitude
from videxplain.cli.arguments.values import network_options
from videxplain.data.transforms import to_model_input
from videxplain.explanation.windows.plan import plan

METHODS = "gradcam,layercam,saliency,guided-backprop"


def window_profile(model: vx.VideoModel, frame: NDArray[np.uint8], method: str) -> NDArray[np.float64]:
    """``(T,)``: how much of the map of a still window each frame holds, as a multiple of the mean."""
    config = model.config
    still = np.repeat(frame[None], config.num_frames, axis=0)
    x = to_model_input(still, size=config.size, mean=config.mean, std=config.std, view=config.view)
    heat = magnitude(vx.attribute(model, torch.from_numpy(x)[None], method=method))[0]
    held = heat.clamp(min=0).sum((1, 2)).double().numpy()
    return held / held.mean() if held.any() else held


def blended(profile: NDArray[np.float64], config: vx.ModelConfig, frames: int) -> NDArray[np.float64]:
    """``(frames,)``: the same for a still clip of many frames; all of its windows are alike."""
    whole = plan(frames, config)
    total = np.zeros(frames)
    for window, shares in zip(whole.windows, whole.shares, strict=True):
        np.add.at(total, window, shares * profile)
    return total / total.mean() if total.any() else total


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--model", required=True)
    parser.add_argument("--weights", default="auto")
    parser.add_argument("--labels")
    parser.add_argument("--set", action="append", dest="settings", metavar="NAME=VALUE")
    parser.add_argument("--clip", required=True, nargs="+")
    parser.add_argument("--frame", type=int, default=0, help="which frame of each clip is repeated")
    parser.add_argument("--methods", default=METHODS)
    given = parser.parse_args()
    model = vx.load_model(given.model, given.weights, **network_options(given.labels, given.settings))
    config = model.config
    padded = config.replace(pad_frames=config.num_frames // 2)
    long = 4 * config.num_frames * config.frame_interval
    frames = [vx.read_clip(path).frames[given.frame] for path in given.clip]
    for method in given.methods.split(","):
        profiles = np.stack([window_profile(model, frame, method) for frame in frames])
        print(f"{method}, one window: {' '.join(f'{value:.2f}' for value in profiles.mean(0))}")
        for name, how in (("blended", config), (f"pad_frames={padded.pad_frames}", padded)):
            found = np.stack([blended(profile, how, long) for profile in profiles]).mean(0)
            ends = f"first frame {found[0]:.2f}, last {found[-1]:.2f}"
            inside = found[config.frame_interval : -config.frame_interval]
            print(f"  a long clip, {name}: {ends}, between them {inside.min():.2f} to {inside.max():.2f}")


if __name__ == "__main__":
    main()
