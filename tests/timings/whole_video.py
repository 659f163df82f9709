"""What decoding, drawing and encoding add to the network, and whether memory grows with the length of a video.

python tests/timings/whole_video.py CLIP            # time: full-size i3d and a narrow one on a real clip
python tests/timings/whole_video.py CLIP --device cuda
python tests/timings/whole_video.py --memory        # 10 seconds against 10 minutes of 320x240, narrow networks
"""

import argparse
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np
import torch
from clock import card, in_words, seconds

import videxplain as vx
from videxplain.device import find_device
from videxplain.explanation.api import as_source
from videxplain.explanation.windows.plan import plan, window_inputs
from videxplain.viz.video import save_video

NARROW = {"width": 8, "size": (64, 64), "num_classes": 12}


def compare(clip: Path, rounds: int, device: torch.device, **options: object) -> list[float]:
    """Medians over the rounds.

    Seconds of the network alone on prepared windows, of Grad-CAM on them, of ``explain`` (with decoding and preparing),
    and of drawing and writing the video; then the last two together over the first, and over the second.
    """
    model = vx.load_model("i3d", weights="none", device=device, **options)
    source = as_source(clip)
    whole = plan(source.num_frames, model.config)
    prepared = list(window_inputs(source, whole, range(len(whole.windows)), model.config, device))

    def network() -> None:
        with torch.no_grad():
            for x in prepared:
                model(x)

    def gradcam() -> None:
        for x in prepared:
            vx.attribute(model, x, method="gradcam", enlarge=False)

    explanation = vx.explain(model, clip)
    rows = []
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "overlay.mp4"
        for _ in range(rounds):
            taken = [seconds(f, device) for f in (network, gradcam, lambda: vx.explain(model, clip))]
            taken.append(seconds(lambda: explanation.save(path), device))
            whole_time = taken[2] + taken[3]
            rows.append([*taken, whole_time / taken[0], whole_time / taken[1]])
    return np.median(rows, axis=0).tolist()


def noise_video(path: Path, seconds: int) -> None:
    """A video of moving stripes, 320x240 at 30 frames a second."""
    columns, rows = np.arange(320)[None], np.arange(240)[:, None]
    frames = (
        np.repeat(((columns + rows + 3 * t) % 256).astype(np.uint8)[..., None], 3, axis=2) for t in range(30 * seconds)
    )
    save_video(path, frames, 30.0)


def peak_mebibytes(model: str, clip: str, method: str) -> float:
    """Peak resident memory of explaining and writing, in this process."""
    options = dict(NARROW, depth=18) if model == "lrcn" else NARROW
    network = vx.load_model(model, weights="none", **options)
    with tempfile.TemporaryDirectory() as folder:
        vx.explain(network, clip, method).save(Path(folder) / "overlay.mp4")
    line = next(line for line in Path("/proc/self/status").read_text().splitlines() if line.startswith("VmHWM:"))
    return int(line.split()[1]) / 1024


def main() -> None:
    """Measure and print tables in Markdown."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("clip", nargs="?", type=Path)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--device", default="cpu", help="for the time; memory is measured on the CPU")
    parser.add_argument("--memory", action="store_true")
    parser.add_argument("--peak", nargs=3, metavar=("MODEL", "CLIP", "METHOD"), help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.peak:
        print(peak_mebibytes(*arguments.peak))
        return
    if arguments.clip:
        device = find_device(arguments.device)
        if device.type != "cpu":
            print(f"{card(device)}\n")
        print("| i3d | forward alone | Grad-CAM alone | explain | draw and encode | all / forward | all / Grad-CAM |")
        print("|---|---|---|---|---|---|---|")
        for name, options in (("full size", {}), ("narrow", NARROW)):
            *taken, forward, gradcam = compare(arguments.clip, arguments.rounds, device, **options)
            cells = [name, *(in_words(value) for value in taken), f"{forward:.2f}", f"{gradcam:.2f}"]
            print("|", " | ".join(cells), "|", flush=True)
    if arguments.memory:
        print("| network | method | 10 seconds | 10 minutes | ratio |")
        print("|---|---|---|---|---|")
        with tempfile.TemporaryDirectory() as folder:
            clips = [Path(folder) / "short.mp4", Path(folder) / "long.mp4"]
            for clip, seconds in zip(clips, (10, 600), strict=True):
                noise_video(clip, seconds)
            for model, method in (("i3d", "gradcam"), ("lrcn", "gradcam"), ("i3d", "activations")):
                short, long = (
                    float(
                        subprocess.run(
                            [sys.executable, __file__, "--peak", model, str(clip), method],
                            capture_output=True,
                            text=True,
                            check=True,
                        ).stdout.split()[-1]
                    )
                    for clip in clips
                )
                print(f"| {model} | {method} | {short:.0f} MiB | {long:.0f} MiB | {long / short:.2f} |", flush=True)


if __name__ == "__main__":
    main()
