"""Put trained and evaluated runs into trained_models/, and write the model card beside them.

    for model in late_fusion i3d non_local lrcn c3d; do
        run=runs/$model-actionfigures
        videxplain train examples/recipes/$model-actionfigures.yaml --data data/actionfigures --out $run
        measure="videxplain evaluate --model $model --weights $run/$model.safetensors --data data/actionfigures"
        $measure
        $measure --limit 280 --evidence
    done
    python examples/publish_networks.py runs trained_models

Every number on the card comes from the files of the runs.
"""

import argparse
import csv
import json
import shutil
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
import yaml

from videxplain.actionfigures.synthesis import LOOK
from videxplain.files import replacing
from videxplain.metrics.localisation import TOLERANCE
from videxplain.models.config import ModelConfig
from videxplain.models.zoo import load_model, save_model

MODELS = ("late_fusion", "lrcn", "c3d", "i3d", "non_local")
DATA = "actionfigures"
EVIDENCE_VIDEOS = 280
BASELINES = {
    "random": "random values",
    "centre": "a Gaussian in the middle",
    "frame differences": "frame differences",
    "blurred frame differences": "frame differences, blurred",
    "any person": "every person",
}


@dataclass(frozen=True)
class Run:
    """What a run left behind."""

    model: str
    config: ModelConfig
    recipe: Mapping[str, Any]
    epochs: int
    seconds: float
    validation: float
    metrics: Mapping[str, Any]
    evidence: Mapping[str, Any]
    parameters: int
    megabytes: float


def publish(runs: Path, model: str, out: Path) -> Run:
    """Copy the weights of a run with its test metrics inside, and its confusion matrix."""
    folder = runs / f"{model}-{DATA}"
    full, limited = (folder / f"evaluation/{DATA}-test{ending}" for ending in ("", f"-{EVIDENCE_VIDEOS}"))
    metrics = json.loads((full / "metrics.json").read_text(encoding="utf-8"))
    with (folder / "logs/metrics.csv").open(encoding="utf-8") as file:
        epochs = list(csv.DictReader(file))
    best = max(float(row["val_acc"]) for row in epochs)
    network = load_model(model, folder / f"{model}.safetensors")
    inside = {"test": metrics["top1"], "validation": best, "epochs": len(epochs), "look": LOOK}
    inside |= {name: metrics[name] for name in ("per_class", "temporal", "order_pairs")}
    path = out / f"{model}.safetensors"
    save_model(network, path, inside, dtype=torch.float16)
    shutil.copyfile(full / "confusion.png", out / f"confusion-{model}.png")
    return Run(
        model,
        network.config,
        yaml.safe_load((folder / "recipe.yaml").read_text(encoding="utf-8")),
        len(epochs),
        sum(float(row["seconds"]) for row in epochs),
        best,
        metrics,
        json.loads((limited / "evidence.json").read_text(encoding="utf-8")),
        sum(parameter.numel() for parameter in network.parameters()),
        path.stat().st_size / 1e6,
    )


def unknown_clips(measured: Mapping[str, Mapping[str, float]]) -> str:
    """The section about real video, from the file that ``examples/familiarity.py`` writes; empty without it."""
    if not measured:
        return ""
    first = next(iter(measured.values()))
    rows = [
        [
            f"`{name}`",
            *(f"{100 * one[what]:.2f}" for what in ("auroc", "auroc_energy")),
            *(percent(one[what]) for what in ("held_out_flagged", "real_flagged")),
        ]
        for name, one in measured.items()
    ]
    head = ["", "AUROC, distance, %", "AUROC, energy, %", "held-out figures flagged, %", "real clips flagged, %"]
    return f"""
## Whether they know that a clip is none of theirs

Weights can say which clips their network knows; these do. {first["held_out_clips"]:,} rendered clips of other figures
and places against {first["real_clips"]:,} real ones; `docs/unknown-clips.md` says how the distance is made.
It was learned from {first["training_clips"]:,} clips, and its limit is of {first["validation_clips"]:,} others.

{table(head, rows)}
"""


def card(runs: list[Run], unlike: Mapping[str, Mapping[str, float]]) -> str:
    """The model card, in Markdown; ``unlike`` is what was measured on real video."""
    first, names = runs[0], [f"`{run.model}`" for run in runs]
    pairs = list(first.metrics["order_pairs"])
    general = table(
        ["", *names],
        [
            ["parameters", *(f"{run.parameters:,}" for run in runs)],
            ["file, MB", *(f"{run.megabytes:.2f}" for run in runs)],
            ["input", *(expects(run.config) for run in runs)],
            ["**top-1, %**", *(f"**{percent(run.metrics['top1'])}**" for run in runs)],
            ["top-5, %", *(percent(run.metrics["top5"]) for run in runs)],
            *([f"{pair}, %", *(percent(run.metrics["order_pairs"][pair]) for run in runs)] for pair in pairs),
            *(
                [f"frames {name}, %", *(percent(run.metrics["temporal"][name]) for run in runs)]
                for name in first.metrics["temporal"]
            ),
            ["top-1 on validation videos, %", *(percent(run.validation) for run in runs)],
        ],
    )
    classes = table(
        ["", *names],
        [[label, *(percent(run.metrics["per_class"][label]) for run in runs)] for label in first.config.labels],
    )
    maps = [row["map"] for row in first.evidence["maps"]]
    by_map = [{row["map"]: row for row in run.evidence["maps"]} for run in runs]
    rows = []
    for run, found in zip(runs, by_map, strict=True):
        rows.append([f"Grad-CAM of `{run.model}`", *evidence_cells(found[maps[0]])])
    rows += [[BASELINES[name], *evidence_cells(by_map[0][name])] for name in maps[1:]]
    evidence = table(
        [
            "",
            "energy in the evidence, %",
            "maximum in it, %",
            f"maximum within {TOLERANCE} px, %",
            "energy while active, %",
        ],
        rows,
    )
    how = table(
        ["", "begins with", "epochs", "batch", "learning rate", "times, each epoch", "minutes"],
        [
            [
                f"`{run.model}`",
                begins(run),
                str(run.epochs),
                str(run.recipe["batch_size"]),
                f"{run.recipe['lr']:g}",
                f"{run.recipe['gamma']:g}",
                f"{run.seconds / 60:.0f}",
            ]
            for run in runs
        ],
    )
    pictures = "\n\n".join(f"![confusion matrix of {run.model}](confusion-{run.model}.png)" for run in runs)
    total = sum(run.megabytes for run in runs)
    return f"""# The five networks that come with the package

Narrow versions of the five architectures, **{first.config.weights}**.
`load_model("i3d")` and the commands use them unless told otherwise. They exist so that everything works on a machine
without a connection, and so that explanations can be measured where the evidence is known. Of real video they know
nothing.

In safetensors, numbers in float16, with configuration, labels and test metrics in the header; {total:.1f} MB together.
They learned look {LOOK} of ActionFigures: a later version may render clips that look otherwise.

## How good they are

{first.metrics["videos"]:,} test videos of split {first.metrics["split"]}, whose figures and places no network has seen;
scores averaged over five clips of a video (`late_fusion` and `lrcn`: one set of frames). "SitDown/StandUp" is the
accuracy on videos of these two classes when only the two are compared; chance is 50 %. "Frames shuffled", "reversed"
and "frozen" (to one frame) show what a network needs the order of frames for.

{general}

### Per class, top-1 in %

{classes}

### Confusion matrices

{pictures}

## Whether explanations lie where the evidence is

Grad-CAM for the true class, of {first.evidence["videos"]} test videos, against the masks of the limbs that carry the
action: the share of the map's sum inside the mask, the share of videos whose maximum lies in it or within {TOLERANCE}
pixels of it, and the share of the sum in frames in which the action goes on.
The mask is {percent(first.evidence["mask"])} % of the pixels.

{evidence}
{unknown_clips(unlike)}
## How they were trained

```bash
videxplain synthesize --out data/actionfigures --videos 7000 --seed 0
videxplain train examples/recipes/i3d-actionfigures.yaml --data data/actionfigures --out runs/i3d-actionfigures
videxplain evaluate --model i3d --weights runs/i3d-actionfigures/i3d.safetensors --data data/actionfigures
videxplain evaluate --model i3d --weights runs/i3d-actionfigures/i3d.safetensors --data data/actionfigures \\
    --limit {EVIDENCE_VIDEOS} --evidence
python examples/publish_networks.py runs trained_models
```

and so for the others, `late_fusion` first, for others begin with its weights. Seed {first.recipe["seed"]}, bfloat16,
Adam, one core of an AMD EPYC each (two networks at a time). The weights are those of the epoch that was best on
validation videos, a fifth of the groups of the training part; test videos had no part in any choice.

{how}

## Limits

- They tell fourteen rendered actions apart, at 160x120 pixels and 25 frames a second. On real video their answers and
  their explanations mean nothing, and every output says what they were trained on.
- Their Grad-CAM maps have 3x3 to 5x6 places, and the mask is a few limbs: read them for when, and hardly for where. A
  Gaussian in the middle, which sees nothing, has more energy in the evidence than any of them, and its maximum lies
  there about as often as that of the best. In time, `c3d` is no better than a map that knows nothing.
- One run each, one seed: no spread is known. The numbers of epochs of `c3d` and `i3d` are those after which a longer
  run was ended, by the clock and by validation accuracy; the first epoch of `late_fusion` was not timed, and counts as
  the mean of the others.
- `late_fusion` averages over frames and cannot see their order: between the classes of an order pair it guesses.
- `lrcn` and `late_fusion` see five frames of a whole video, however long it is.
"""


def begins(run: Run) -> str:
    """What a network had before training, in words."""
    init = str(run.recipe["init"])
    if init == "none":
        return "random weights"
    source = Path(init).stem
    return {"late_fusion": "the image network of `late_fusion`"}.get(source, f"`{source}`") + (
        ", inflated" if source == "late_fusion" and "trunk" not in run.config.default_layer else ""
    )


def expects(config: ModelConfig) -> str:
    """The input in words."""
    height, width = config.size
    spread = {"uniform": "over the video", "consecutive": f"every {config.frame_interval}nd"}
    if config.sampling == "consecutive" and config.frame_interval != 2:
        spread["consecutive"] = "in a row" if config.frame_interval == 1 else f"every {config.frame_interval}th"
    return f"{config.num_frames} frames {spread[config.sampling]}, {width}x{height}"


def evidence_cells(row: Mapping[str, Any]) -> list[str]:
    """The four shares of a map."""
    return [percent(row[name]) for name in ("energy", "pointing", "maximum_within_tolerance", "active")]


def percent(share: float) -> str:
    """With one decimal, without the sign."""
    return f"{100 * share:.1f}"


def table(head: list[str], rows: Iterable[list[str]]) -> str:
    """In Markdown, all columns but the first to the right."""
    lines = [head, ["---", *["---:"] * (len(head) - 1)], *rows]
    return "\n".join(f"| {' | '.join(cells)} |" for cells in lines)


def main() -> None:
    """Read the arguments and write everything."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("runs", type=Path, help="folder with <model>-actionfigures for each model")
    parser.add_argument("out", type=Path, help="trained_models")
    given = parser.parse_args()
    found = [publish(given.runs, model, given.out) for model in MODELS]
    path = given.out / "familiarity.json"
    unlike = json.loads(path.read_text(encoding="utf-8")) if path.is_file() else {}
    with replacing(given.out / "README.md") as temporary:
        temporary.write_text(card(found, unlike), encoding="utf-8")
    for run in found:
        print(f"{run.model}: {percent(run.metrics['top1'])} % of test videos, {run.megabytes:.2f} MB")


if __name__ == "__main__":
    main()
