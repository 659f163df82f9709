"""The command that measures a network on a dataset."""

import os
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from videxplain.cli import options
from videxplain.cli.console import print_files, print_notes, problem, progress_bar
from videxplain.errors import VidexplainError
from videxplain.files import output_folder, replacing

if TYPE_CHECKING:
    from videxplain.data.datasets.types import Video
    from videxplain.models.networks.blocks import VideoNetwork

_DATA = "Data"

Data = Annotated[
    Path, typer.Option(help="A dataset: UCF101, HMDB51, a folder of classes, or prepared.", rich_help_panel=_DATA)
]
Kind = Annotated[
    str,
    typer.Option(metavar="auto|ucf101|hmdb51|actionfigures|folder", help="How it is laid out.", rich_help_panel=_DATA),
]
Split = Annotated[int, typer.Option(help="1, 2 or 3.", rich_help_panel=_DATA)]
Subset = Annotated[str, typer.Option(metavar="test|validation|train", help="Which videos.", rich_help_panel=_DATA)]
Limit = Annotated[int | None, typer.Option(min=1, help="Only so many, spread over all.", rich_help_panel=_DATA)]
Strict = Annotated[bool, typer.Option("--strict", help="Stop at a missing or damaged video.", rich_help_panel=_DATA)]
Out = Annotated[
    Path | None,
    typer.Option("--out", "-o", help="Folder; by default evaluation/<dataset>-<subset>[-<limit>] beside the weights."),
]
WithEvidence = Annotated[
    bool, typer.Option("--evidence", help="Compare Grad-CAM with the known evidence (ActionFigures).")
]


def evaluate(
    model: options.Model,
    data: Data,
    weights: options.Weights = "auto",
    kind: Kind = "auto",
    split: Split = 1,
    subset: Subset = "test",
    out: Out = None,
    strict: Strict = False,
    evidence: WithEvidence = False,
    limit: Limit = None,
    device: options.Device = "auto",
    precision: options.Precision = "auto",
) -> None:
    """Measure a network on a dataset: accuracy, confusions, and whether it needs the order of frames."""
    from videxplain.data.datasets.open import open_dataset
    from videxplain.device import find_device, find_precision
    from videxplain.models.zoo import load_model

    dataset = open_dataset(data, kind=kind, split=split)
    place = find_device(device)
    with progress_bar(f"weights of {model}") as progress:
        network = load_model(model, weights, progress=progress).to(place)
    from videxplain.evaluation.evaluate import choose_videos
    from videxplain.evaluation.evaluate import evaluate as run
    from videxplain.train.clips import find_readable

    if strict:
        dataset.refuse_missing()
    videos = choose_videos(dataset, subset, network.config, **_division(weights))
    if limit is not None:
        videos = videos[:: max(1, -(-len(videos) // limit))]
    numbers = find_precision(precision, place)
    workers = os.cpu_count() or 1
    # Of its own, so that a quick look does not take the place of the full result.
    name = f"{dataset.name}-{subset}" + ("" if limit is None else f"-{limit}")
    with output_folder(out or _folder(weights, model, name)) as folder:
        with progress_bar("looking at videos") as progress:
            found = find_readable(videos, strict=strict, workers=workers, progress=progress)
        skipped = [(path, "no such file") for path in dataset.missing] + list(found.skipped)
        if not found.videos:
            raise VidexplainError(f"none of the {len(videos):,} videos can be read: {found.skipped[0][1]}")
        with progress_bar(f"evaluating {model}") as progress:
            evaluation = run(network, found, precision=numbers, workers=_workers(workers), progress=progress)
        from videxplain.evaluation.results import write_results

        facts: dict[str, Any] = {
            "model": model,
            "weights": network.config.weights,
            "dataset": dataset.name,
            "split": split,
            "subset": subset,
            "precision": numbers,
            "skipped": len(skipped),
        }
        if limit is not None:
            facts["limit"] = limit
        title = f"{model}, weights: {network.config.weights}; {dataset.name} split {split}, {subset}"
        metrics = write_results(evaluation, folder, facts, f"{model} on {dataset.name} split {split}, {subset}")
        _print_metrics(metrics, title)
        files = [folder / name for name in ("metrics.json", "predictions.csv", "confusion.png")]
        if evidence:
            files.append(_evidence(network, found.videos, numbers, folder))
        if not network.config.trained:
            print_notes(["UNTRAINED network (random weights): these numbers mean nothing"])
        for path, reason in skipped:
            problem("skipped", reason if str(path) in reason else f"{path}: {reason}")
        if skipped:
            problem("skipped", f"{len(skipped):,} videos in all")
        print_files(files)


def _workers(cores: int) -> int:
    """Processes that prepare clips; none beside a processor that computes as well, where they would only start late."""
    import torch

    return min(8, cores) if torch.cuda.is_available() else 0


def _division(weights: str) -> dict[str, Any]:
    """How the run that made the weights split off its validation videos, where it is known."""
    from videxplain.train.recipe import read_recipe

    path = Path(weights).parent / "recipe.yaml"
    if not Path(weights).is_file() or not path.is_file():
        return {}
    recipe = read_recipe(path)
    return {"by": recipe.validation, "seed": recipe.seed}


def _folder(weights: str, model: str, name: str) -> Path:
    """Where results go: into the run, for weights of one."""
    from videxplain.files import file_stem

    beside = Path(weights).parent
    if Path(weights).is_file() and (beside / "recipe.yaml").is_file():
        return beside / "evaluation" / name
    return Path("evaluation") / f"{file_stem(model)}-{name}"


def _print_metrics(metrics: dict[str, Any], title: str) -> None:
    from rich.console import Console
    from rich.table import Table

    console = Console()
    console.print(title, style="bold", markup=False, highlight=False, soft_wrap=True)
    table = Table(box=None, pad_edge=False, show_header=False)
    rows = [("top-1", metrics["top1"]), ("top-5", metrics["top5"])]
    rows += [(f"frames {name}", share) for name, share in metrics["temporal"].items()]
    rows += [(f"between {pair}", share) for pair, share in metrics["order_pairs"].items()]
    for name, share in rows:
        table.add_row(name, f"{100 * share:.1f} %")
    console.print(f"{metrics['videos']:,} videos", highlight=False)
    console.print(table)
    for entry in metrics["most_confused"][:5]:
        print(f"{entry['true']} taken for {entry['predicted']}: {entry['count']} ({100 * entry['share']:.0f} %)")


def _evidence(network: "VideoNetwork", videos: "tuple[Video, ...]", precision: Any, folder: Path) -> Path:
    import json

    from rich.console import Console
    from rich.table import Table

    from videxplain.evaluation.evidence import measure_evidence

    with progress_bar("where the evidence lies") as progress:
        report = measure_evidence(network, videos, precision=precision, progress=progress)
    table = Table(box=None, pad_edge=False)
    for column in ("map", "energy in the evidence", "maximum in it", "energy while active", "blank"):
        table.add_column(column, justify="left" if column == "map" else "right")
    for row in report.rows():
        table.add_row(str(row["map"]), *(f"{100 * float(row[name]):.1f} %" for name in list(row)[1:]))
    print(f"{report.videos:,} videos; the evidence is {100 * report.mask:.1f} % of their pixels")
    Console().print(table)
    path = folder / "evidence.json"
    with replacing(path) as temporary:
        content = {"videos": report.videos, "mask": report.mask, "maps": report.rows()}
        temporary.write_text(json.dumps(content, indent=1) + "\n", encoding="utf-8")
    return path
