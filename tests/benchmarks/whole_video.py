"""What decoding, drawing and encoding add to the network, and whether memory grows with the length of a video.

python tests/benchmarks/whole_video.py CLIP            # time: full-size i3d and a narrow one on a real clip
python tests/benchmarks/whole_video.py --memory        # 10 seconds against 10 minutes of 320x240, narrow networks
"""

import argparse
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
import torch

import videxplain as vx
from videxplain.attribution.plan import plan, window_inputs
from videxplain.explain import as_source
from videxplain.viz.video import save_video

NARROW = {"width": 8, "size": (64, 64), "num_classes": 12}


def compare(clip: Path, **options: object) -> tuple[float, float, float]:
    """Seconds for the network alone on prepared input, for ``explain``, and for drawing and writing the video."""
    model = vx.load_model("i3d", weights="none", **options)
    source = as_source(clip)
    whole = plan(source.num_frames, model.config)
    windows = window_inputs(source, whole, range(len(whole.windows)), model.config, torch.device("cpu"))
    prepared = list(windows)
    with torch.no_grad():
        model(prepared[0])
    begin = time.perf_counter()
    with torch.no_grad():
        for x in prepared:
            model(x)
    alone = time.perf_counter() - begin
    begin = time.perf_counter()
    explanation = vx.explain(model, clip)
    explained = time.perf_counter() - begin
    begin = time.perf_counter()
    with tempfile.TemporaryDirectory() as folder:
        explanation.save(Path(folder) / "overlay.mp4")
    return alone, explained, time.perf_counter() - begin


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
    parser.add_argument("--memory", action="store_true")
    parser.add_argument("--peak", nargs=3, metavar=("MODEL", "CLIP", "METHOD"), help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.peak:
        print(peak_mebibytes(*arguments.peak))
        return
    if arguments.clip:
        print("| network | network alone | explain | drawing and encoding | all / network alone |")
        print("|---|---|---|---|---|")
        for name, options in (("i3d, full size", {}), ("i3d, narrow", NARROW)):
            alone, explained, drawn = compare(arguments.clip, **options)
            total = (explained + drawn) / alone
            print(f"| {name} | {alone:.2f} s | {explained:.2f} s | {drawn:.2f} s | {total:.2f} |", flush=True)
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
