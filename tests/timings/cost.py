"""What an explanation costs, as a multiple of one bare forward pass of the same network in the same run.

    python tests/timings/cost.py                     # all networks; some minutes
    python tests/timings/cost.py --models c3d --rounds 9
    python tests/timings/cost.py --device cuda

Every network explains its top class. Times: every contender runs once a round, and the ratio to that round's forward
pass is taken; the table shows the median over the rounds. Memory: each contender runs alone in a process of its own;
the peak of its resident memory over three calls is divided by the same of the forward pass. On a GPU it is the peak of
what tensors hold there. Peers come from the extra "bench".
"""

import argparse
import statistics
import subprocess
import sys
import warnings
from collections.abc import Callable
from pathlib import Path

import torch
from clock import apart, card, failure, in_words, peak_on_gpu, seconds
from torch import Tensor, nn

import videxplain as vx
from videxplain.device import find_device

MODELS = ("r3d_18", "i3d", "c3d", "lrcn")
CLASSES = 101


def network(name: str, device: torch.device) -> tuple[nn.Module, Tensor, str]:
    """The network at full size with random weights, one clip of noise, and the layer to explain."""
    if name == "r3d_18":
        from torchvision.models.video import r3d_18

        torch.manual_seed(0)
        model, x = r3d_18(num_classes=CLASSES).eval(), torch.randn(1, 3, 16, 112, 112)
        return model.to(device), x.to(device), "layer4"
    model = vx.load_model(name, weights="none", num_classes=CLASSES, device=device)
    config = model.config
    torch.manual_seed(0)
    return model, torch.randn(1, 3, config.num_frames, *config.size).to(device), config.default_layer


def contenders(name: str, device: torch.device) -> dict[str, Callable[[], object]]:
    """Everything that is compared, by name; the bare forward pass comes first."""
    model, x, layer = network(name, device)
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


def times(name: str, rounds: int, device: torch.device) -> dict[str, list[float]]:
    """Seconds of every contender, one entry a round; a contender that fails is left out and named."""
    runs = contenders(name, device)
    taken: dict[str, list[float]] = {}
    for contender, run in runs.items():
        try:
            run()
            taken[contender] = []
        except Exception as error:
            print(f"{name}: {contender} fails: {failure(error)}", file=sys.stderr)
    for _ in range(rounds):
        for contender, of_rounds in taken.items():
            of_rounds.append(seconds(runs[contender], device))
    return taken


def peak_bytes(name: str, contender: str, device: torch.device) -> int:
    """Peak memory while one contender runs, in this process: of the GPU, or resident."""
    run = contenders(name, device)[contender]
    run()  # what is set up once does not count
    if device.type == "cuda":
        return peak_on_gpu(run, device)
    status = Path("/proc/self/status")

    def field(key: str) -> int:
        return int(next(line for line in status.read_text().splitlines() if line.startswith(key)).split()[1]) * 1024

    Path("/proc/self/clear_refs").write_text("5")  # forget the peak so far
    for _ in range(3):
        run()
    return field("VmHWM:")


def memory(name: str, contender: str, device: torch.device) -> float:
    """:func:`peak_bytes` in a process of its own; NaN where that fails, which is named."""
    command = [sys.executable, __file__, "--device", str(device), "--peak", name, contender]
    done = subprocess.run(command, capture_output=True, text=True)
    if done.returncode:
        print(f"{name}: memory of {contender} fails: {done.stderr.strip()[-300:]}", file=sys.stderr)
        return float("nan")
    return int(done.stdout.split()[-1])


def difference(name: str, device: torch.device) -> float:
    """The largest difference between the fp32 and the bf16 map, both scaled to [0, 1]."""
    runs = contenders(name, device)
    full, short = (runs[contender]() for contender in ("Grad-CAM", "Grad-CAM, bf16"))
    assert isinstance(full, Tensor)
    assert isinstance(short, Tensor)
    return apart(full, short)


def main() -> None:
    """Measure and print a table in Markdown."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--models", nargs="+", default=MODELS, choices=MODELS)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--peak", nargs=2, metavar=("MODEL", "CONTENDER"), help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    warnings.simplefilter("ignore")
    device = find_device(arguments.device)
    if arguments.peak:
        print(peak_bytes(*arguments.peak, device))
        return
    if device.type != "cpu":
        print(f"{card(device)}\n")
    print("| network | what | time / forward | peak memory / forward's |")
    print("|---|---|---|---|")
    for name in arguments.models:
        taken = times(name, arguments.rounds, device)
        peak = memory(name, "forward", device)
        note = f" ({in_words(statistics.median(taken['forward']))}, {peak / 2**20:.0f} MiB)"
        for contender, of_rounds in taken.items():
            ratios = [a / b for a, b in zip(of_rounds, taken["forward"], strict=True)]
            held = memory(name, contender, device) / peak
            row = f"| {name} | {contender}{note} | {statistics.median(ratios):.2f} | {held:.2f} |"
            print(row, flush=True)
            note = ""  # the first row, that of the forward pass, has it
        print(f"| {name} | bf16 map against fp32, largest difference | {difference(name, device):.4f} | |", flush=True)


if __name__ == "__main__":
    main()
