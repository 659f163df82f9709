"""Clips per second and memory of a forward pass, Grad-CAM and guided backpropagation, for batches of several sizes.

    python tests/timings/throughput.py --device cuda
    python tests/timings/throughput.py --models i3d --batches 1 --rounds 1

The networks are those of cost.py: full size, random weights, clips of noise, class 0. In bf16 the forward pass runs
under torch's autocast, which keeps the order in memory; Grad-CAM also puts channels last there. Every contender runs
once a round; the tables take the median over the rounds. Memory is the most that tensors hold on the GPU, the network
and the batch included. In fp32, torch rounds the inputs of convolutions on a GPU to TF32 unless told not to. The second
table shows what that does to a Grad-CAM map.
"""

import argparse
import statistics
import sys
import warnings
from collections.abc import Callable, Sequence

import torch
from clock import apart, card, failure, peak_on_gpu, seconds
from cost import MODELS, network
from torch import Tensor, nn

import videxplain as vx
from videxplain.attribution.engine import computing_in
from videxplain.attribution.versions import takes_batches
from videxplain.device import find_device

PRECISIONS = ("fp32", "bf16")
METHODS = {"Grad-CAM": "gradcam", "guided backprop": "guided-backprop"}
Run = Callable[[], object]


def contenders(model: nn.Module, x: Tensor, layer: str) -> dict[tuple[str, str], Run]:
    """What is compared, by name and precision."""

    def forward(precision: str) -> Run:
        def run() -> object:
            with torch.no_grad(), computing_in(precision, x.device):
                return model(x)

        return run

    def ours(what: str, precision: str) -> Run:
        options = {"layer": layer} if what == "Grad-CAM" else {}
        return lambda: vx.attribute(model, x, method=METHODS[what], target=0, precision=precision, **options)

    return {
        **{("forward", precision): forward(precision) for precision in PRECISIONS},
        **{(what, precision): ours(what, precision) for what in METHODS for precision in PRECISIONS},
    }


def tried(what: str, run: Run, device: torch.device) -> bool:
    """Whether a contender runs at all; if not, such as for want of memory, it is named."""
    try:
        seconds(run, device)
    except Exception as error:
        print(f"{what} fails: {failure(error)}", file=sys.stderr)
        return False
    return True


def rows(name: str, batch: int, rounds: int, device: torch.device) -> list[str]:
    """The rows of the first table for one network and one size of the batch."""
    model, clip, layer = network(name, device)
    torch.manual_seed(0)
    x = torch.randn(batch, *clip.shape[1:]).to(device)
    runs = {}
    for contender, run in contenders(model, x, layer).items():
        if tried(f"{name}, batch {batch}, {', '.join(contender)}", run, device):
            runs[contender] = run
        elif device.type == "cuda":
            torch.cuda.empty_cache()
    taken: dict[tuple[str, str], list[float]] = {contender: [] for contender in runs}
    for _ in range(rounds):
        for contender, run in runs.items():
            taken[contender].append(seconds(run, device))

    def speed(contender: tuple[str, str]) -> str:
        return f"{batch / statistics.median(taken[contender]):.1f}" if contender in runs else "fails"

    def memory(contender: tuple[str, str]) -> str:
        if contender not in runs or device.type != "cuda":
            return ""
        return f"{peak_on_gpu(runs[contender], device) / 2**20:.0f} MiB"

    found = []
    for what in ("forward", *METHODS):
        cells = [read((what, precision)) for read in (speed, memory) for precision in PRECISIONS]
        found.append(f"| {name} | {batch} | {what} | {' | '.join(cells)} |")
    if batch > 1 and not takes_batches(model, x):
        print(f"{name}, batch {batch}: the clips of a batch are explained one by one", file=sys.stderr)
    return found


def differences(name: str, device: torch.device) -> list[float]:
    """How far the Grad-CAM map is from the CPU's, with TF32 in convolutions and without."""
    model, x, layer = network(name, torch.device("cpu"))
    with torch.no_grad():
        top = int(model(x).argmax())
    expected = vx.attribute(model, x, method="gradcam", layer=layer, target=top)
    model, x, layer = network(name, device)
    default, found = torch.backends.cudnn.allow_tf32, []
    for allowed in (True, False):
        torch.backends.cudnn.allow_tf32 = allowed
        found.append(apart(vx.attribute(model, x, method="gradcam", layer=layer, target=top).cpu(), expected))
    torch.backends.cudnn.allow_tf32 = default
    return found


def measure(models: Sequence[str], batches: Sequence[int], rounds: int, device: torch.device) -> None:
    """Print both tables in Markdown."""
    print(f"{card(device)}\n")
    print("| network | batch | what | clips/s, fp32 | clips/s, bf16 | peak memory, fp32 | peak memory, bf16 |")
    print("|---|---:|---|---:|---:|---:|---:|")
    for name in models:
        for batch in batches:
            for row in rows(name, batch, rounds, device):
                print(row, flush=True)
    print("\n| network | Grad-CAM against the CPU's, largest difference: TF32 (the default) | without TF32 |")
    print("|---|---:|---:|")
    for name in models:
        print(f"| {name} | {' | '.join(f'{value:.1e}' for value in differences(name, device))} |", flush=True)


def main() -> None:
    """Measure and print tables in Markdown."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--models", nargs="+", default=("i3d", "c3d", "lrcn", "r3d_18"), choices=MODELS)
    parser.add_argument("--batches", nargs="+", type=int, default=(1, 8, 32))
    parser.add_argument("--rounds", type=int, default=5)
    arguments = parser.parse_args()
    warnings.simplefilter("ignore")
    measure(arguments.models, arguments.batches, arguments.rounds, find_device(arguments.device))


if __name__ == "__main__":
    main()
