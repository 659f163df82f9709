"""Relevance propagation on each kind of network: how exact it is, how much of the score arrives, time and memory.

    python -m tests.timings.relevance                             # the table of docs/relevance.md; some minutes
    python -m tests.timings.relevance --models i3d lrcn --composites epsilon-gamma-box attn-lrp --rounds 9

Run it in the repository's folder. The columns of the table, which is printed in Markdown:

- difference: from the reference, as a share of the largest value. The reference of convolutional networks is zennit,
  in double precision. That of transformers is the equations, step by step, on networks of two blocks.
- arrives: the sum over the pixels as a share of the score of the predicted class. For bundled networks the least and
  the most of four clips, one window each; for networks with random weights one clip of noise.
- time: that of a plain gradient of the pixels is 1. All contenders run in turn, and the shortest time of all rounds
  counts. It is the time of the processor on one thread, so that other programs do not count.
- memory: the peak of resident memory above what was held before the call, where that of a plain gradient is 1. It is
  read from /proc, so this needs Linux.
"""

import argparse
import copy
import ctypes
import gc
import re
import time
import warnings
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, TypeAlias

import torch
from torch import Tensor, nn

import videxplain as vx
from tests.attribution import zennit_reference as zennit
from tests.attribution.networks import video
from tests.oracles import relevance_steps as steps
from tests.small_models import HUGGINGFACE, huggingface
from videxplain.explanation.sources import as_source
from videxplain.explanation.windows.plan import plan, window_inputs

CLIPS = Path(__file__).parents[2] / "examples" / "clips"
BUNDLED = ("c3d", "i3d", "non_local", "late_fusion", "lrcn")
TORCHVISION = ("r3d_18", "mc3_18")
MODELS = (*BUNDLED, *TORCHVISION, *HUGGINGFACE)
MIDDLE = {"hidden_size": 384, "num_attention_heads": 6, "num_hidden_layers": 6, "initializer_range": 0.02}
"""Transformers of middle size: 6 blocks, 384 wide, with patches of 16 pixels."""
SIZES: dict[str, dict[str, Any]] = {
    "videomae": {"intermediate_size": 1536, "image_size": 112, "patch_size": 16, "num_frames": 16},
    "timesformer": {"intermediate_size": 1536, "image_size": 112, "patch_size": 16, "num_frames": 8},
    "vivit": {"intermediate_size": 1536, "image_size": 112, "tubelet_size": [2, 16, 16], "num_frames": 16},
    "vjepa2": {"mlp_ratio": 4, "crop_size": 112, "patch_size": 16, "frames_per_clip": 16},
}
BOX = {"low": zennit.LOW, "high": zennit.HIGH}
ATTENTION = {"epsilon-plus-flat": "attn", "cp-lrp": "cp"}
"""Composites for which the equations of transformers are written out."""
Difference: TypeAlias = Callable[[str], float | None]
"""From a composite to how far relevance is from the reference; None where there is no reference."""


@dataclass(frozen=True)
class Subject:
    """A network to measure.

    Attributes:
        network: The network.
        clips: Inputs, each ``(1, 3, T, H, W)``; the first one is timed.
        composites: What is measured if nothing else is asked for.
        difference: How far relevance is from the reference.
        weights: What kind of weights it has, in words.
    """

    network: nn.Module
    clips: Sequence[Tensor]
    composites: tuple[str, ...]
    difference: Difference
    weights: str


def subject(name: str) -> Subject:
    """A network by name, with its clips."""
    torch.manual_seed(0)
    if name in HUGGINGFACE:
        with TemporaryDirectory() as folder:
            network = huggingface(name, Path(folder), **MIDDLE, **SIZES[name])
        frames = SIZES[name].get("num_frames", 16)
        composites = ("epsilon-plus-flat", "attn-lrp", "cp-lrp")
        return Subject(network, [torch.randn(1, 3, frames, 112, 112)], composites, _from_equations(name), "random")
    composites = ("epsilon-plus-flat", "epsilon")
    if name in TORCHVISION:
        network, noise = vx.load_model(f"torchvision:{name}", "none"), torch.randn(1, 3, 16, 112, 112)
        small = noise[:, :, :4, :56, :56]
        return Subject(network, [noise], composites, _from_zennit(zennit.with_statistics, network, small), "random")
    network = vx.load_model(name)
    clips = [middle_window(network, path) for path in sorted(CLIPS.glob("*.mp4"))]
    return Subject(network, clips, composites, _from_zennit(nn.Module.double, network, clips[0]), "bundled")


def middle_window(network: nn.Module, path: Path) -> Tensor:
    """What a network sees of a clip in the window in the middle."""
    source = as_source(path)
    whole = plan(source.num_frames, network.config)
    (found,) = window_inputs(source, whole, [len(whole.windows) // 2], network.config, torch.device("cpu"))
    return found


def _from_zennit(prepared: Callable[[nn.Module], nn.Module], network: nn.Module, x: Tensor) -> Difference:
    def difference(composite: str) -> float | None:
        if composite not in zennit.COMPOSITES:
            return None
        exact, clip = prepared(copy.deepcopy(network)), x.double()
        box = BOX if composite == "epsilon-gamma-box" else {}
        found = vx.relevance(exact, clip, target=2, layers=(), composite=composite, **box).map
        return _apart(found, zennit.relevance(exact, clip, 2, zennit.COMPOSITES[composite]()))

    return difference


def _from_equations(name: str) -> Difference:
    def difference(composite: str) -> float | None:
        if composite not in ATTENTION:
            return None
        with TemporaryDirectory() as folder:
            network, x = huggingface(name, Path(folder)).double(), video(1, 3, 4, 24, 24).double()
        steps.compute_attention_step_by_step(network)
        found = vx.relevance(network, x, target=2, layers=(), composite=composite, epsilon=0.0).map
        return _apart(found, steps.relevance(network, x, 2, ATTENTION[composite]))

    return difference


def _apart(found: Tensor, expected: Tensor) -> float:
    return float((found - expected).abs().max() / expected.abs().max())


def arrives(of: Subject, composite: str) -> str:
    """The least and the most of the score that arrives at the pixels."""
    options = BOX if composite == "epsilon-gamma-box" else {}
    shares = [float(vx.relevance(of.network, x, layers=(), composite=composite, **options).share) for x in of.clips]
    least, most = f"{min(shares):.0%}"[:-1], f"{max(shares):.0%}"[:-1]
    return f"{least} %" if least == most else f"{least} to {most} %"


def peak(run: Callable[[], object]) -> int:
    """The peak of resident memory during a call, above what was held before, in kB."""
    gc.collect()
    ctypes.CDLL("libc.so.6").malloc_trim(0)
    Path("/proc/self/clear_refs").write_text("5")  # the peak begins anew
    before = _status("VmRSS")
    run()
    return _status("VmHWM") - before


def _status(key: str) -> int:
    found = re.search(rf"{key}:\s+(\d+)", Path("/proc/self/status").read_text())
    assert found is not None
    return int(found[1])


def rows(name: str, composites: Sequence[str] | None, rounds: int) -> list[str]:
    """The rows of the table for one network."""
    of = subject(name)
    chosen = tuple(composites or of.composites)

    def run_of(composite: str | None) -> Callable[[], object]:
        if composite is None:
            return lambda: vx.attribute(of.network, of.clips[0], method="saliency", target=0)
        box = BOX if composite == "epsilon-gamma-box" else {}
        return lambda: vx.attribute(of.network, of.clips[0], method="lrp", target=0, composite=composite, **box)

    runs = {composite: run_of(composite) for composite in (None, *chosen)}
    seconds: dict[str | None, float] = {}
    for round_ in range(rounds + 1):
        for composite, run in runs.items():
            begin = time.process_time()
            run()
            taken = time.process_time() - begin
            if round_:  # the first round warms up
                seconds[composite] = min(taken, seconds.get(composite, taken))
    memory = {composite: min(peak(run), peak(run)) for composite, run in runs.items()}
    found = []
    for composite in chosen:
        difference = of.difference(composite)
        cells = (
            f"`{name}`, {of.weights}",
            f"`{composite}`",
            "" if difference is None else f"{difference:.0e}",
            arrives(of, composite),
            f"{seconds[composite] / seconds[None]:.2f}",
            f"{memory[composite] / memory[None]:.2f}",
        )
        found.append(f"| {' | '.join(cells)} |")
    return found


def main() -> None:
    """Measure and print a table in Markdown."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--models", nargs="+", default=MODELS, choices=MODELS)
    parser.add_argument("--composites", nargs="+", help="default: two or three for each kind of network")
    parser.add_argument("--rounds", type=int, default=5)
    arguments = parser.parse_args()
    warnings.simplefilter("ignore")
    torch.set_num_threads(1)
    print("| network | composite | difference | arrives | time | memory |")
    print("|---|---|---:|---:|---:|---:|")
    for name in arguments.models:
        for row in rows(name, arguments.composites, arguments.rounds):
            print(row, flush=True)


if __name__ == "__main__":
    main()
