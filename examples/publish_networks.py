"""Put trained and evaluated runs into trained_models/, and write the model card beside them.

    for model in late_fusion lrcn c3d i3d non_local; do
        run=runs/$model-actionfigures
        videxplain train examples/recipes/$model-actionfigures.yaml --out $run  # after the recipe that it begins with
        videxplain evaluate --model $model --weights $run/$model.safetensors --data data/test --limit 280 --evidence
        videxplain evaluate --model $model --weights $run/$model.safetensors --data data/test --views 5x1
    done  # late_fusion and lrcn: --views 1x1
    python examples/publish_networks.py runs trained_models

Every number on the card comes from the files of the runs. ``trainings.json`` beside the card keeps what is known of
earlier trainings, so their runs need not be there.
"""

import argparse
import csv
import json
import math
import shutil
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
import yaml

from videxplain.actionfigures.synthesis import LOOK
from videxplain.files import replacing, write_json
from videxplain.metrics.localisation import TOLERANCE
from videxplain.models.config import ModelConfig
from videxplain.models.zoo import load_model, save_model

MODELS = ("late_fusion", "lrcn", "c3d", "i3d", "non_local")
DATA = "actionfigures"
TRAININGS = "trainings.json"
VIDEOS = 280
"""So many test videos are compared with the evidence."""
SHARES = ("energy", "pointing", "maximum_within_tolerance", "active")
BASELINES = {
    "random": "random values",
    "centre": "a Gaussian in the middle",
    "frame differences": "frame differences",
    "blurred frame differences": "frame differences, blurred",
    "any person": "every person",
}


@dataclass(frozen=True)
class Run:
    """What the last training of a network left behind."""

    model: str
    config: ModelConfig
    training: Mapping[str, Any]
    metrics: Mapping[str, Any]
    evidence: Mapping[str, Any]
    parameters: int
    megabytes: float
    whole: Mapping[str, Any] | None
    """What the evaluation on all test videos says, if there was one."""


def publish(runs: Path, model: str, out: Path) -> Run:
    """Copy the weights of a run with its test metrics inside, and its confusion matrix."""
    folder = runs / f"{model}-{DATA}"
    measured = folder / f"evaluation/{DATA}-test-{VIDEOS}"
    metrics = read_json(measured / "metrics.json")
    last = training(folder)
    network = load_model(model, folder / f"{model}.safetensors")
    inside = {"test": metrics["top1"], "validation": last["validation"], "epochs": last["epochs"], "look": LOOK}
    inside |= {name: metrics[name] for name in ("per_class", "temporal", "order_pairs")}
    path = out / f"{model}.safetensors"
    save_model(network, path, inside, dtype=torch.float16)
    shutil.copyfile(measured / "confusion.png", out / f"confusion-{model}.png")
    return Run(
        model,
        network.config,
        last,
        metrics,
        read_json(measured / "evidence.json"),
        sum(parameter.numel() for parameter in network.parameters()),
        path.stat().st_size / 1e6,
        next(map(read_json, folder.glob(f"evaluation/{DATA}-test-[15]x1/metrics.json")), None),
    )


def training(folder: Path) -> dict[str, Any]:
    """What the folder of a run says about its training, and what the evaluation with evidence says."""
    with (folder / "logs/metrics.csv").open(encoding="utf-8") as file:
        epochs = list(csv.DictReader(file))
    recipe = yaml.safe_load((folder / "recipe.yaml").read_text(encoding="utf-8"))
    seconds, accuracy = (([float(row[what]) for row in epochs]) for what in ("seconds", "val_acc"))
    place = folder / f"evaluation/{DATA}-test-{VIDEOS}"
    metrics, evidence = read_json(place / "metrics.json"), read_json(place / "evidence.json")
    shares = {name: evidence["maps"][0][name] for name in SHARES}
    return {
        "input": "{1}x{0}".format(*recipe["options"]["size"]),
        "begins": begins(recipe),
        "epochs": len(epochs),
        **{name: recipe[name] for name in ("batch_size", "lr", "gamma")},
        "sparsity": recipe.get("sparsity", 0),
        "minutes": round(sum(seconds) / 60),
        "validation": max(accuracy),
        "where": "a GPU" if recipe.get("vary_on") == "device" else "two cores",
        "measured": {"videos": metrics["videos"], "top1": metrics["top1"], **shares},
    }


def all_trainings(path: Path, runs: list[Run]) -> dict[str, Any]:
    """The trainings that a file knows, with those of the runs; the last of each network behind its earlier ones."""
    known = read_json(path) if path.is_file() else {}
    found: dict[str, Any] = {}
    for run in runs:
        found |= {name: one for name, one in known.items() if name.startswith(f"{run.model}-")}
        found[run.model] = run.training
    return found


def read_json(path: Path) -> dict[str, Any]:
    """A JSON object in a file."""
    found: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    return found


def all_videos(runs: list[Run]) -> list[list[str]]:
    """The row about all test videos; none without the evaluations of all networks."""
    found = [run.whole for run in runs if run.whole]
    if len(found) < len(runs):
        return []
    return [[f"top-1 on all {found[0]['videos']:,} test videos, %", *(percent(one["top1"]) for one in found)]]


def uncertainty(runs: list[Run]) -> str:
    """How exact the accuracy on all test videos is, as a sentence; empty without it."""
    if not all_videos(runs):
        return ""
    found = [run.whole for run in runs if run.whole]
    errors = [percent(math.sqrt(one["top1"] * (1 - one["top1"]) / one["videos"])) for one in found]
    return f" The standard errors of the\naccuracy on all test videos are {', '.join(errors)} points."


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
## Whether they recognise unknown clips

These weights say which clips their network knows. The table compares {first["held_out_clips"]:,} rendered clips of
other figures and places with {first["real_clips"]:,} real clips. `docs/unknown-clips.md` explains the distance.
Its means and covariance come from {first["training_clips"]:,} training clips, and its limit from
{first["validation_clips"]:,} validation clips.

{table(head, rows)}
"""


def card(runs: list[Run], trainings: Mapping[str, Any], unlike: Mapping[str, Mapping[str, float]]) -> str:
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
            *all_videos(runs),
            ["top-1 on validation videos, %", *(percent(run.training["validation"]) for run in runs)],
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
        [
            "",
            "input",
            "begins with",
            "epochs",
            "batch",
            "learning rate",
            "times, each epoch",
            "prior",
            "on",
            "minutes",
            "top-1 after, %",
        ],
        [
            [
                f"`{name}`",
                one["input"],
                one["begins"],
                str(one["epochs"]),
                str(one["batch_size"]),
                f"{one['lr']:g}",
                f"{one['gamma']:g}",
                f"{one['sparsity']:g}",
                one["where"],
                str(one["minutes"]),
                percent(one["validation"]),
            ]
            for name, one in trainings.items()
        ],
    )
    helped = table(
        [
            "",
            "videos",
            "top-1, %",
            "energy in the evidence, %",
            "maximum in it, %",
            f"within {TOLERANCE} px, %",
            "while active, %",
        ],
        [
            [f"`{name}`", str(found["videos"]), percent(found["top1"]), *evidence_cells(found)]
            for name, one in trainings.items()
            if (found := one["measured"])
        ],
    )
    pictures = "\n\n".join(f"![confusion matrix of {run.model}](confusion-{run.model}.png)" for run in runs)
    total = sum(run.megabytes for run in runs)
    return f"""# The five networks that come with the package

Narrow versions of the five architectures, **{first.config.weights}**.
`load_model("i3d")` and the commands use them unless told otherwise. They exist so that everything works on a machine
without a connection, and so that explanations can be measured where the evidence is known. They know nothing about real
video.

The files are safetensors in float16, {total:.1f} MB together. Their headers hold configuration, labels and test
metrics. The networks were trained on look {LOOK} of ActionFigures. A later version may render clips that look
different.

## How good they are

{first.metrics["videos"]:,} test videos of split {first.metrics["split"]}, whose figures and places no network has seen;
scores averaged over five clips of a video (`late_fusion` and `lrcn`: one set of frames). "SitDown/StandUp" is the
accuracy on videos of these two classes when only the two are compared; chance is 50 %. "Frames shuffled", "reversed"
and "frozen" (to one frame) show how far a network needs the order of frames.{uncertainty(runs)}

{general}

### Per class, top-1 in %

{classes}

### Confusion matrices

{pictures}

## Whether explanations lie where the evidence is

Grad-CAM for the true class, of {first.evidence["videos"]} test videos, against the masks of the limbs that carry the
action: the share of the map's sum inside the mask, the share of videos whose maximum lies in it or within {TOLERANCE}
pixels of it, and the share of the sum in the frames of the action.
The mask is {percent(first.evidence["mask"])} % of the pixels.

{evidence}
{unknown_clips(unlike)}
## How they were trained

```bash
videxplain synthesize --out data/actionfigures --videos 17500 --seed 0
videxplain synthesize --out data/test --videos 3500 --seed 0
mkdir -p runs/i3d-actionfigures-longer
git show 09cc66a:trained_models/i3d.safetensors > runs/i3d-actionfigures-longer/i3d.safetensors
videxplain train examples/recipes/i3d-actionfigures.yaml --out runs/i3d-actionfigures
videxplain evaluate --model i3d --weights runs/i3d-actionfigures/i3d.safetensors --data data/test \\
    --limit {VIDEOS} --evidence
videxplain evaluate --model i3d --weights runs/i3d-actionfigures/i3d.safetensors --data data/test --views 5x1
python examples/publish_networks.py runs trained_models
```

The others are trained in the same way. The commit above holds the weights that the last training of each began
with: those of `late_fusion-prior`, `lrcn-segments`, `c3d-prior`, `i3d-longer` and `non_local-longer`. The earlier
trainings have recipes too. They used the first 10,500 videos of the same data (`i3d-coarse` and `late_fusion-coarse`
7,000) and began with the networks of look 3 (`git show 36839d3:trained_models/i3d.safetensors`). `lrcn-fine` began with
the image network of `late_fusion-fine` after five of seven epochs, and `non_local-prior` with `i3d-prior` after four of
five.

Seed 0, bfloat16, Adam. The minutes are wall-clock time: on two cores with up to four trainings and other work at the
same time, on a GPU (one H100) with five trainings at the same time. There `c3d` was stopped after 22 of 25 epochs. The
weights are those of the epoch with the best accuracy on validation videos (a fifth of the training groups). Test videos
were not used for any choice. `examples/familiarity.py` fitted what the networks know, on the first 3,500 videos.

{how}

## What the finer maps, the prior and more training changed

Test videos, after several of the trainings:

{helped}

`i3d-coarse` is the control for the finer maps: the same data with the usual strides. With stride 1 in the last two
stages, the maximum lies at the acting limb far more often. The prior penalises the share of active places of the layer
that Grad-CAM shows (`sparsity` in the recipe). It does not know where the limbs are. It removes activation that the
classification does not need, and the rest lies on the evidence. In the last training of `lrcn` and `late_fusion`, it
counts the places of all frames together; before, it counted those of each frame. Both see 16 frames then instead of 8.

## Limits

- They classify 14 rendered actions, at 160x120 pixels and 25 frames per second. On real video their predictions and
  explanations mean nothing. Every output says what they were trained on.
- `late_fusion` averages over frames, so it does not see their order. It can only guess between two classes that differ
  in nothing else.
- `late_fusion` and `lrcn` see sixteen frames of a whole video, one by one. The limbs that do not act move too, and
  still frames say little about which limb acts. So both are less accurate than the networks that see movement.
- Use `guided-gradcam` for `c3d`. Its fully connected layers distinguish positions, but Grad-CAM averages over
  positions, and its maps have only 5x6 places. On 41 test videos, energy, maximum inside and maximum within 15
  pixels are 6.6, 11 and 22 % for `gradcam`, 11.7, 0 and 9 % for `layercam`, 11.6, 6 and 19 % for `hirescam`, and 22.1,
  51 and 85 % for `guided-gradcam`. More training of `c3d`, with the prior, improved its accuracy but hardly its maps.
- Use `gradcam --pooling frame`, `hirescam` or `lrp` for `lrcn`. Its LSTM gives a channel another meaning in every
  frame, and Grad-CAM takes the mean of the gradients over all frames. On 12 test clips, the mean ROAD is 0.12 for
  `gradcam`, 0.39 with `--pooling frame` and for `hirescam`, 0.75 for `lrp`, and -0.02 for random maps. Single clips of
  `gradcam` lie between -1.00 and 0.97, so its mean may be no better than that of random maps. Every output of `gradcam`
  with `lrcn` has a note of this.
- Each network was trained once, with one seed, so the spread between runs is not known.
"""


def begins(recipe: Mapping[str, Any]) -> str:
    """What a network had before a training, in words."""
    init = Path(str(recipe["init"]))
    if str(init) == "none":
        return "random weights"
    if init.suffix == ".ckpt":
        return f"`{init.stem}`"
    return f"`{init.stem}` of look 3" if init.parent.name == "look3" else f"`{stage_name(init.parent)}`"


def stage_name(folder: Path) -> str:
    """What a training is called in tables."""
    return folder.name.replace(f"-{DATA}", "")


def expects(config: ModelConfig) -> str:
    """The input in words."""
    height, width = config.size
    spread = {"uniform": "over the video", "consecutive": f"every {config.frame_interval}nd"}
    if config.sampling == "consecutive" and config.frame_interval != 2:
        spread["consecutive"] = "in a row" if config.frame_interval == 1 else f"every {config.frame_interval}th"
    return f"{config.num_frames} frames {spread[config.sampling]}, {width}x{height}"


def evidence_cells(row: Mapping[str, Any]) -> list[str]:
    """The four shares of a map."""
    return [percent(row[name]) for name in SHARES]


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
    unlike = read_json(path) if path.is_file() else {}
    trainings = all_trainings(given.out / TRAININGS, found)
    write_json(given.out / TRAININGS, trainings)
    with replacing(given.out / "README.md") as temporary:
        temporary.write_text(card(found, trainings, unlike), encoding="utf-8")
    for run in found:
        print(f"{run.model}: {percent(run.metrics['top1'])} % of test videos, {run.megabytes:.2f} MB")


if __name__ == "__main__":
    main()
