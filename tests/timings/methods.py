"""What methods cost that run the network many times, as multiples of so many bare forward passes in the same run.

    python tests/timings/methods.py                  # some minutes
    python tests/timings/methods.py --models r3d_18 --rounds 5

Each contender runs once a round, and is divided by N times that round's forward pass of one clip in fp32, N being the
passes that the method is defined by. The table shows the median over rounds. Peers come from the extra "bench".
"""

import argparse
import statistics
import sys
import time
import warnings
from collections.abc import Callable

import torch
from torch import Tensor, nn

import videxplain as vx

MODELS = ("i3d", "c3d", "r3d_18")
Run = Callable[[], object]


def network(name: str) -> tuple[nn.Module, Tensor, str]:
    """A network, one clip of noise, and the layer to explain; the bundled networks, and a large one."""
    torch.manual_seed(0)
    if name == "r3d_18":
        model = vx.load_model("torchvision:r3d_18", "none")
        return model, torch.randn(1, 3, 16, 112, 112), "stem"
    model = vx.load_model(name)
    config = model.config
    return model, torch.randn(1, 3, config.num_frames, *config.size), config.default_layer


def contenders(name: str) -> dict[str, tuple[int, Run]]:
    """Name to passes and call."""
    model, x, layer = network(name)
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

    passes = counted[0]
    boxes = 3 * 3 * 3
    return {
        "RISE": (masks, ours("rise", samples=masks)),
        "RISE, bf16": (masks, ours("rise", samples=masks, precision="bf16")),
        "occlusion": (boxes, ours("occlusion", box=box)),
        "occlusion, bf16": (boxes, ours("occlusion", box=box, precision="bf16")),
        "occlusion, captum": (boxes, captum_occlusion),
        "Score-CAM": (passes, ours("scorecam", layer=layer)),
        "Score-CAM, bf16": (passes, ours("scorecam", layer=layer, precision="bf16")),
        "Score-CAM, torchcam": (passes, torchcam_score),
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
    arguments = parser.parse_args()
    warnings.simplefilter("ignore")
    print("| network | what | N | time / (N forward passes) |")
    print("|---|---|---:|---:|")
    for name in arguments.models:
        model, x, _ = network(name)
        runs = contenders(name)
        ratios: dict[str, list[float]] = {what: [] for what in runs}
        for _ in range(arguments.rounds):
            with torch.no_grad():
                model(x)
                begin = time.perf_counter()
                for _ in range(5):
                    model(x)
            forward = (time.perf_counter() - begin) / 5
            for what, (passes, run) in runs.items():
                begin = time.perf_counter()
                try:
                    run()
                except Exception as error:
                    print(f"{name}: {what} fails: {str(error).splitlines()[0][:120]}", file=sys.stderr)
                    continue
                ratios[what].append((time.perf_counter() - begin) / (passes * forward))
        for what, found in ratios.items():
            if found:
                print(f"| {name} | {what} | {runs[what][0]} | {statistics.median(found):.2f} |", flush=True)


if __name__ == "__main__":
    main()
