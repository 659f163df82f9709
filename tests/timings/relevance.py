"""What relevance propagation costs: time and peak memory as multiples of a plain gradient of the pixels, in one run.

    python tests/timings/relevance.py                       # all networks; some minutes
    python tests/timings/relevance.py --models c3d --rounds 9

Each contender runs once a round, and is divided by that round's plain gradient; the table shows the median over rounds.
Time is that of the processor on one thread, so that other programs do not count. Memory is the peak of resident memory
of a process of its own over two calls, less what it held before them, divided by the same of the plain gradient.
"""

import argparse
import resource
import statistics
import subprocess
import sys
import time
import warnings
from collections.abc import Callable
from pathlib import Path

import torch
from torch import Tensor, nn

import videxplain as vx

MODELS = ("c3d", "i3d", "non_local", "late_fusion", "lrcn", "r3d_18", "mc3_18", "videomae")
CONTENDERS = {
    "plain gradient": {"method": "saliency"},
    "lrp": {"method": "lrp"},
    "lrp, epsilon": {"method": "lrp", "composite": "epsilon"},
    "lrp, epsilon-gamma-box": {"method": "lrp", "composite": "epsilon-gamma-box", "low": -3.0, "high": 3.0},
    "lrp, epsilon-alpha2-beta1-flat": {"method": "lrp", "composite": "epsilon-alpha2-beta1-flat"},
    "lrp, attn-lrp": {"method": "lrp", "composite": "attn-lrp"},
    "lrp, cp-lrp": {"method": "lrp", "composite": "cp-lrp"},
}


def network(name: str) -> tuple[nn.Module, Tensor]:
    """A network and one clip of noise: the bundled ones, a large one, and a transformer of middle size."""
    torch.manual_seed(0)
    if name in ("r3d_18", "mc3_18"):
        return vx.load_model(f"torchvision:{name}", "none"), torch.randn(1, 3, 16, 112, 112)
    if name == "videomae":
        return videomae(), torch.randn(1, 3, 16, 112, 112)
    model = vx.load_model(name)
    return model, torch.randn(1, 3, model.config.num_frames, *model.config.size)


def videomae() -> nn.Module:
    """VideoMAE of the small size (384 wide, 6 heads) with 6 blocks: 392 tokens of 16 frames of 112 pixels."""
    from tempfile import TemporaryDirectory

    import transformers

    from videxplain.models.hubs.huggingface import load_huggingface

    config = transformers.VideoMAEConfig(
        hidden_size=384, intermediate_size=1536, num_attention_heads=6, num_hidden_layers=6, image_size=112
    )
    with TemporaryDirectory() as folder:
        config.save_pretrained(folder)
        return load_huggingface(folder, weights="none")


def run_of(name: str, what: str) -> Callable[[], object]:
    """One call of a contender."""
    model, x = network(name)
    return lambda: vx.attribute(model, x, target=0, **CONTENDERS[what])


def peak(name: str, what: str) -> float:
    """The peak of memory in MB above what is held before, measured in this process."""
    warnings.simplefilter("ignore")
    run = run_of(name, what)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    run()
    run()
    return (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) / 1024


def peak_elsewhere(name: str, what: str) -> float:
    """The same, in a process of its own."""
    command = [sys.executable, str(Path(__file__)), "--peak", name, what]
    return float(subprocess.run(command, capture_output=True, text=True, check=True).stdout.split()[-1])


def main() -> None:
    """Measure and print a table in Markdown."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--models", nargs="+", default=MODELS, choices=MODELS)
    parser.add_argument("--what", nargs="+", default=list(CONTENDERS), choices=list(CONTENDERS))
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--no-memory", action="store_true", help="measure time alone")
    parser.add_argument("--peak", nargs=2, metavar=("MODEL", "WHAT"), help="print one peak of memory, in MB")
    arguments = parser.parse_args()
    if arguments.peak:
        print(peak(*arguments.peak))
        return
    warnings.simplefilter("ignore")
    torch.set_num_threads(1)
    print("| network | what | time / plain gradient | memory / plain gradient |")
    print("|---|---|---:|---:|")
    for name in arguments.models:
        model, x = network(name)
        ratios: dict[str, list[float]] = {}
        for round_ in range(arguments.rounds + 1):
            seconds = {}
            for what in dict.fromkeys(("plain gradient", *arguments.what)):
                begin = time.process_time()
                vx.attribute(model, x, target=0, **CONTENDERS[what])
                seconds[what] = time.process_time() - begin
            for what, taken in seconds.items():
                if round_:  # the first round warms up
                    ratios.setdefault(what, []).append(taken / seconds["plain gradient"])
        del model
        plain = 0.0 if arguments.no_memory else peak_elsewhere(name, "plain gradient")
        for what, found in ratios.items():
            memory = f"{peak_elsewhere(name, what) / plain:.2f}" if plain else "-"
            print(f"| {name} | {what} | {statistics.median(found):.2f} | {memory} |", flush=True)


if __name__ == "__main__":
    main()
