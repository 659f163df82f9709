"""What methods cost that run the network many times, as multiples of so many bare forward passes in the same run.

    python tests/timings/methods.py                  # some minutes
    python tests/timings/methods.py --models r3d_18 --rounds 5
    python tests/timings/methods.py --device cuda

Each contender runs once a round, and is divided by N times that round's forward pass of one clip in fp32, N being the
passes that the method is defined by. The table shows the median over rounds. Peers come from the extra "bench".
"""

import argparse
import statistics
import sys
import warnings
from collections.abc import Callable
from functools import partial

import torch
from clock import card, failure, seconds
from torch import Tensor, nn

import videxplain as vx
from videxplain.device import find_device

MODELS = ("i3d", "c3d", "r3d_18")
Run = Callable[[], object]


def network(name: str, device: torch.device) -> tuple[nn.Module, Tensor, str]:
    """A network, one clip of noise, and the layer to explain; the bundled networks, and a large one."""
    torch.manual_seed(0)
    if name == "r3d_18":
        model = vx.load_model("torchvision:r3d_18", "none", device=device)
        return model, torch.randn(1, 3, 16, 112, 112).to(device), "stem"
    model = vx.load_model(name, device=device)
    config = model.config
    return model, torch.randn(1, 3, config.num_frames, *config.size).to(device), config.default_layer


def passes(model: nn.Module, x: Tensor, count: int) -> None:
    """Bare forward passes, one after the other."""
    with torch.no_grad():
        for _ in range(count):
            model(x)


def contenders(name: str, model: nn.Module, x: Tensor, layer: str) -> dict[str, tuple[int, Run]]:
    """Name to passes and call."""
    masks = 8 if name == "r3d_18" else 64
    frames, height, width = x.shape[2:]
    box = (frames // 2, height // 2, width // 2)
    with torch.no_grad():
        top = int(model(x).argmax())
    counted: list[int] = []
    hook = model.get_submodule(layer).register_forward_hook(lambda _, __, out: counted.append(out.shape[1]))
    with torch.no_grad():
        model(x)
    hook.remove()

    def ours(method: str, **options: object) -> Run:
        return lambda: vx.attribute(model, x, method=method, target=top, **options)

    def torchcam_score() -> object:
        from torchcam.methods import ScoreCAM

        with ScoreCAM(model, layer, batch_size=8) as cam, torch.no_grad():
            return cam(top, model(x))

    def captum_occlusion() -> object:
        from captum.attr import Occlusion

        window, stride = (3, *box), (3, *(edge // 2 for edge in box))
        return Occlusion(model).attribute(x, window, strides=stride, target=top)

    channels = counted[0]
    boxes = 3 * 3 * 3
    return {
        "RISE": (masks, ours("rise", samples=masks)),
        "RISE, bf16": (masks, ours("rise", samples=masks, precision="bf16")),
        "occlusion": (boxes, ours("occlusion", box=box)),
        "occlusion, bf16": (boxes, ours("occlusion", box=box, precision="bf16")),
        "occlusion, captum": (boxes, captum_occlusion),
        "Score-CAM": (channels, ours("scorecam", layer=layer)),
        "Score-CAM, bf16": (channels, ours("scorecam", layer=layer, precision="bf16")),
        "Score-CAM, torchcam": (channels, torchcam_score),
        "HiResCAM": (1, ours("hirescam", layer=layer)),
        "LayerCAM": (1, ours("layercam", layer=layer)),
        "XGrad-CAM": (1, ours("xgradcam", layer=layer)),
        "Grad-CAM++": (1, ours("gradcam++", layer=layer)),
    }


def main() -> None:
    """Measure and print a table in Markdown."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--models", nargs="+", default=MODELS, choices=MODELS)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--device", default="cpu")
    arguments = parser.parse_args()
    warnings.simplefilter("ignore")
    device = find_device(arguments.device)
    if device.type != "cpu":
        print(f"{card(device)}\n")
    print("| network | what | N | time / (N forward passes) |")
    print("|---|---|---:|---:|")
    for name in arguments.models:
        model, x, layer = network(name, device)
        runs = contenders(name, model, x, layer)
        ratios: dict[str, list[float]] = {what: [] for what in runs}
        for _ in range(arguments.rounds):
            passes(model, x, 1)
            forward = seconds(partial(passes, model, x, 5), device) / 5
            for what, (count, run) in runs.items():
                try:
                    taken = seconds(run, device)
                except Exception as error:
                    print(f"{name}: {what} fails: {failure(error)}", file=sys.stderr)
                    continue
                ratios[what].append(taken / (count * forward))
        for what, found in ratios.items():
            if found:
                print(f"| {name} | {what} | {runs[what][0]} | {statistics.median(found):.2f} |", flush=True)


if __name__ == "__main__":
    main()
