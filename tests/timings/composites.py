"""Which composite of relevance propagation is worth its cost: faithfulness and place, on rendered clips.

    python -m tests.timings.composites                                # the table of docs/relevance.md; an hour
    python -m tests.timings.composites --models i3d --clips 4 --measures energy energy_in_time

Run it in the repository's folder. The clips are those of the benchmark: clips of ActionFigures that no network has
learned from and that the network classifies rightly, one window each. The measures are the benchmark's. Each cell is
the mean over the clips. Grad-CAM and input x gradient stand beside the composites for comparison, and so does the
relevance of the layer that Grad-CAM explains.
"""

import argparse
import statistics
import time
import warnings
from collections.abc import Iterator, Sequence
from typing import Any

import torch

import videxplain as vx
from videxplain.attribution.registry import magnitude
from videxplain.attribution.relevance.composites import COMPOSITES
from videxplain.benchmark.cases import choose_cases, rendered_scenes
from videxplain.benchmark.measures import MEASURES, Subject

MODELS = ("c3d", "i3d", "non_local", "late_fusion", "lrcn")
MEASURED = ("deletion", "insertion", "road", "energy", "energy_in_time")
ARROWS = {"lower": "↓", "higher": "↑"}


def ways(default_layer: str) -> dict[str, dict[str, Any]]:
    """What is compared: a name in the table, and the arguments of :func:`videxplain.attribute`."""
    return {
        **{f"`{composite}`": {"method": "lrp", "composite": composite} for composite in COMPOSITES},
        "default composite at Grad-CAM's layer": {"method": "lrp", "layer": default_layer},
        "Grad-CAM": {"method": "gradcam"},
        "input x gradient": {"method": "input-x-gradient"},
    }


def rows(name: str, clips: int, measures: Sequence[str]) -> Iterator[str]:
    """The rows of the table for one network."""
    network = vx.load_model(name)
    cases = choose_cases(network, network.config, rendered_scenes(), clips).cases
    for way, arguments in ways(network.config.default_layer).items():
        values: dict[str, list[float]] = {column: [] for column in measures}
        seconds = []
        for case in cases:
            begin = time.process_time()
            heat = magnitude(vx.attribute(network, case.x, target=case.target, **arguments))[0]
            seconds.append(time.process_time() - begin)
            subject = Subject(case, network, heat, None)
            for column in measures:
                if (value := MEASURES[column].run(subject)) is not None:
                    values[column].append(value)
        means = (f"{statistics.mean(one):.3f}" if one else "" for one in values.values())
        yield f"| `{name}`, {len(cases)} clips | {way} | {' | '.join(means)} | {min(seconds):.2f} |"


def main() -> None:
    """Measure and print a table in Markdown."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--models", nargs="+", default=MODELS, choices=MODELS)
    parser.add_argument("--clips", type=int, default=14, help="of each network (default: 14)")
    parser.add_argument("--measures", nargs="+", default=MEASURED, choices=list(MEASURES))
    arguments = parser.parse_args()
    warnings.simplefilter("ignore")
    torch.set_num_threads(1)
    chosen = arguments.measures
    heads = [f"{one.replace('_', ' ')} {ARROWS[MEASURES[one].better]}" for one in chosen]
    print(f"| network | composite or method | {' | '.join(heads)} | seconds |")
    print("|---|---|" + "---:|" * (len(chosen) + 1))
    for name in arguments.models:
        for row in rows(name, arguments.clips, chosen):
            print(row, flush=True)


if __name__ == "__main__":
    main()
