"""What LIME and Kernel SHAP cost beside so many bare forward passes, and beside captum, in time of the processor.

    OMP_NUM_THREADS=1 python tests/timings/black_boxes.py

Each contender runs once a round, and is divided by N times that round's forward pass of one clip in fp32, N being the
versions of the clip. The table shows the median over rounds. The time is that of the process, so that other programs on
the machine change it little.
"""

import argparse
import statistics
import time
import warnings
from collections.abc import Callable
from functools import partial
from pathlib import Path

import torch
import torch.nn.functional as F
from torch import Tensor, nn

import videxplain as vx
from videxplain.attribution.supervoxels import KINDS, supervoxels

MODELS = ("i3d", "late_fusion")
CLIP = Path(__file__).parents[2] / "examples" / "clips" / "kicking.mp4"
VERSIONS, COUNT = 64, 16


def seconds(run: Callable[[], object]) -> float:
    """Time of the processor that a call takes."""
    begin = time.process_time()
    run()
    return time.process_time() - begin


def clip_of(model: nn.Module) -> Tensor:
    """Frames of a rendered clip as the network takes them, but for the last digits of their colours."""
    config = model.config
    frames = vx.read_clip(CLIP).frames[10 : 10 + config.num_frames]
    video = torch.from_numpy(frames).movedim(-1, 0).float()[None] / 255
    return F.interpolate(video, size=(config.num_frames, *config.size), mode="trilinear") * 4 - 2


def contenders(model: nn.Module, x: Tensor) -> dict[str, Callable[[], object]]:
    """Name to call."""
    from captum.attr import KernelShap, Lime

    settings = {"samples": VERSIONS, "count": COUNT, "supervoxels": "boxes"}

    def ours(method: str, targets: list[int]) -> Callable[[], object]:
        return lambda: vx.attribute(model, x, method=method, targets=targets, **settings)

    def captums(kind: type[Lime] | type[KernelShap]) -> Callable[[], object]:
        parts = supervoxels(x, "boxes", COUNT)[None, None]
        return lambda: kind(model).attribute(x, target=0, feature_mask=parts, n_samples=VERSIONS)

    return {
        **{f"`{method}`": ours(method, [0]) for method in ("lime", "kernel-shap")},
        **{f"`{method}`, five classes": ours(method, [0, 1, 2, 3, 4]) for method in ("lime", "kernel-shap")},
        "captum's Lime": captums(Lime),
        "captum's KernelShap": captums(KernelShap),
        **{f"cutting into 64 {kind} alone": partial(supervoxels, x, kind, 64) for kind in KINDS},
    }


def main() -> None:
    """Measure and print a table in Markdown."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--models", nargs="+", default=MODELS)
    parser.add_argument("--rounds", type=int, default=3)
    arguments = parser.parse_args()
    warnings.simplefilter("ignore")
    print(f"| network | what | time / ({VERSIONS} forward passes) |")
    print("|---|---|---:|")
    for name in arguments.models:
        model = vx.load_model(name)
        x = clip_of(model)
        runs = contenders(model, x)
        ratios: dict[str, list[float]] = {what: [] for what in runs}
        with torch.no_grad():
            model(x)
        for _ in range(arguments.rounds):
            with torch.no_grad():
                forward = seconds(partial(_passes, model, x)) / 8
            for what, run in runs.items():
                ratios[what].append(seconds(run) / (VERSIONS * forward))
        for what, found in ratios.items():
            print(f"| {name} | {what} | {statistics.median(found):.2f} |", flush=True)


def _passes(model: nn.Module, x: Tensor) -> None:
    for _ in range(8):
        model(x)


if __name__ == "__main__":
    main()
