"""How much a map depends on what a network has learned: the table of docs/metrics.md.

    python -m tests.timings.dependence                       # a quarter of an hour
    python -m tests.timings.dependence --models i3d --classes 2

Run it in the repository's folder. For each network it takes a clip of every second class that the network has not
learned from and classifies rightly, one window each. The map of the trained network for this class is compared with
the map when the last layer is random, when the upper half of the layers is, and with the maps of four other classes.
Each cell is the mean rank correlation of the absolute values, and its standard deviation over all clips; below the
table are the least and the most.
"""

import argparse
import itertools
import statistics
import warnings
from collections.abc import Iterator

import torch
from torch import Tensor, nn

import videxplain as vx
from videxplain.attribution.registry import magnitude
from videxplain.benchmark.cases import Case, choose_cases, rendered_scenes
from videxplain.metrics.randomisation import layers_from_the_top, randomised, similarity

MODELS = ("late_fusion", "lrcn", "c3d", "i3d", "non_local")
METHODS = ("guided-backprop", "deconvolution", "saliency", "guided-gradcam", "gradcam")
COLUMNS = ("random last layer", "upper half of the layers random", "four other classes")
OTHERS = 4


def cases(network: nn.Module, count: int) -> Iterator[Case]:
    """A clip of every second class."""
    wanted = list(network.config.labels[::2][:count])
    for case in choose_cases(network, network.config, rendered_scenes(), 3 * len(network.config.labels)).cases:
        if case.label in wanted:
            wanted.remove(case.label)
            yield case


def correlations(network: nn.Module, case: Case, method: str) -> tuple[float, ...]:
    """One number for each column."""

    def drawn(target: int) -> Tensor:
        return magnitude(vx.attribute(network, case.x, target=target, method=method))[0]

    def alike(other: Tensor) -> float:
        return similarity(own, other).absolute_spearman

    own, layers = drawn(case.target), layers_from_the_top(network)
    found = []
    for chosen in (layers[:1], layers[: len(layers) // 2]):
        with randomised(network, chosen):
            found.append(alike(drawn(case.target)))
    classes = len(network.config.labels)
    others = [(case.target + step * classes // (OTHERS + 1)) % classes for step in range(1, OTHERS + 1)]
    return (*found, statistics.mean(alike(drawn(other)) for other in others))


def main() -> None:
    """Measure and print a table in Markdown."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--models", nargs="+", default=MODELS, choices=MODELS)
    parser.add_argument("--classes", type=int, default=7, help="how many classes (default: 7)")
    arguments = parser.parse_args()
    warnings.simplefilter("ignore")
    torch.set_num_threads(1)
    found: dict[str, list[tuple[float, ...]]] = {method: [] for method in METHODS}
    for name in arguments.models:
        network = vx.load_model(name)
        for case, method in itertools.product(list(cases(network, arguments.classes)), METHODS):
            found[method].append(correlations(network, case, method))
    count = len(found[METHODS[0]])
    print(f"{count} clips\n\n| | {' | '.join(COLUMNS)} |\n|---|{'---|' * len(COLUMNS)}")
    for method, rows in found.items():
        columns = list(zip(*rows, strict=True))
        cells = [f"{statistics.mean(one):.2f} ± {statistics.pstdev(one):.2f}" for one in columns]
        print(f"| `{method}` | {' | '.join(cells)} |")
    for method, rows in found.items():
        print(f"{method}: {'; '.join(f'{min(one):.2f} to {max(one):.2f}' for one in zip(*rows, strict=True))}")


if __name__ == "__main__":
    main()
