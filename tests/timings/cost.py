"""What an explanation costs, as a multiple of one bare forward pass of the same network in the same run.

    python tests/timings/cost.py                     # all networks; some minutes
    python tests/timings/cost.py --models c3d --rounds 9

Every network explains its top class. Times: every contender runs once a round, and the ratio to that round's forward
pass is taken; the table shows the median over the rounds. Memory: each contender runs alone in a process of its own;
the peak of its resident memory over three calls is divided by the same of the forward pass. Peers come from the extra
"bench".
"""

import argparse
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

MODELS = ("r3d_18", "i3d", "c3d", "lrcn")
CLASSES = 101


def network(name: str) -> tuple[nn.Module, Tensor, str]:
    """The network at full size with random weights, one clip of noise, and the layer to explain."""
    if name == "r3d_18":
        from torchvision.models.video import r3d_18

        torch.manual_seed(0)
        return r3d_18(num_classes=CLASSES).eval(), torch.randn(1, 3, 16, 112, 112), "layer4"
    model = vx.load_model(name, weights="none", num_classes=CLASSES)
    config = model.config
    torch.manual_seed(0)
    return model, torch.randn(1, 3, config.num_frames, *config.size), config.default_layer


def contenders(name: str) -> dict[str, Callable[[], object]]:
    """Everything that is compared, by name; the bare forward pass comes first."""
    model, x, layer = network(name)
    module = model.get_submodule(layer)
    with torch.no_grad():
        top = int(model(x).argmax())

    def forward() -> object:
        with torch.no_grad():
            return model(x)

    def captum() -> object:
        from captum.attr import LayerGradCam

        return LayerGradCam(model, module).attribute(x, top, relu_attributions=True)

    def captum_open() -> object:
        from captum.attr import LayerGradCam

        with torch.no_grad():
            found = int(model(x).argmax())
        return LayerGradCam(model, module).attribute(x, found, relu_attributions=True)

    def torchcam() -> object:
        from torchcam.methods import GradCAM

        with GradCAM(model, layer) as cam:
            return cam(top, model(x))

    def grad_cam() -> object:
        from pytorch_grad_cam import GradCAM
        from pytorch_grad_cam.utils.model_targets import ClassifierOutputTarget

        with GradCAM(model, [module]) as cam:
            return cam(x, [ClassifierOutputTarget(top)])

    def guided() -> object:
        return vx.attribute(model, x, method="guided-backprop", target=top)

    def guided_captum() -> object:
        from captum.attr import GuidedBackprop

        return GuidedBackprop(model).attribute(x.clone().requires_grad_(), top)

    def ours(**options: object) -> Callable[[], object]:
        return lambda: vx.attribute(model, x, method="gradcam", layer=layer, **options)

    return {
        "forward": forward,
        "Grad-CAM": ours(target=top),
        "Grad-CAM, class unknown": ours(),
        "Grad-CAM, bf16": ours(target=top, precision="bf16"),
        f"Grad-CAM, all {CLASSES} classes": ours(targets=list(range(CLASSES)), enlarge=False),
        "Grad-CAM, captum": captum,
        "Grad-CAM, captum, class unknown": captum_open,
        "Grad-CAM, torchcam": torchcam,
        "Grad-CAM, grad-cam": grad_cam,
        "guided backprop": guided,
        "guided backprop, captum": guided_captum,
    }


def times(name: str, rounds: int) -> dict[str, list[float]]:
    """Seconds of every contender, one entry a round; a contender that fails is left out and named."""
    runs = contenders(name)
    seconds: dict[str, list[float]] = {}
    for contender, run in runs.items():
        try:
            run()
            seconds[contender] = []
        except Exception as error:
            print(f"{name}: {contender} fails: {str(error).splitlines()[0][:120]}", file=sys.stderr)
    for _ in range(rounds):
        for contender, taken in seconds.items():
            begin = time.perf_counter()
            runs[contender]()
            taken.append(time.perf_counter() - begin)
    return seconds


def peak_bytes(name: str, contender: str) -> int:
    """Peak resident memory while one contender runs, in this process."""
    run = contenders(name)[contender]
    run()  # what is set up once does not count
    status = Path("/proc/self/status")

    def field(key: str) -> int:
        return int(next(line for line in status.read_text().splitlines() if line.startswith(key)).split()[1]) * 1024

    Path("/proc/self/clear_refs").write_text("5")  # forget the peak so far
    for _ in range(3):
        run()
    return field("VmHWM:")


def memory(name: str, contender: str) -> int:
    """:func:`peak_bytes` in a process of its own."""
    command = [sys.executable, __file__, "--peak", name, contender]
    return int(subprocess.run(command, capture_output=True, text=True, check=True).stdout.split()[-1])


def difference(name: str) -> float:
    """The largest difference between the fp32 and the bf16 map, both scaled to [0, 1]."""
    runs = contenders(name)
    full, short = (runs[contender]() for contender in ("Grad-CAM", "Grad-CAM, bf16"))
    assert isinstance(full, Tensor)
    assert isinstance(short, Tensor)
    return float((full / full.max() - short / short.max()).abs().max())


def main() -> None:
    """Measure and print a table in Markdown."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--models", nargs="+", default=MODELS, choices=MODELS)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--peak", nargs=2, metavar=("MODEL", "CONTENDER"), help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    warnings.simplefilter("ignore")
    if arguments.peak:
        print(peak_bytes(*arguments.peak))
        return
    print("| network | what | time / forward | peak memory / forward's |")
    print("|---|---|---|---|")
    for name in arguments.models:
        seconds = times(name, arguments.rounds)
        peak = memory(name, "forward")
        for contender, taken in seconds.items():
            ratios = [a / b for a, b in zip(taken, seconds["forward"], strict=True)]
            note = f" ({statistics.median(taken):.2f} s, {peak / 2**20:.0f} MiB)" if contender == "forward" else ""
            held = memory(name, contender) / peak
            print(f"| {name} | {contender}{note} | {statistics.median(ratios):.2f} | {held:.2f} |", flush=True)
        print(f"| {name} | bf16 map against fp32, largest difference | {difference(name):.4f} | |", flush=True)


if __name__ == "__main__":
    main()
