"""The command that measures a network on a data set."""

import os
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from videxplain.claim import claimed
from videxplain.cli.arguments import data_options, options
from videxplain.cli.arguments.values import network_options
from videxplain.cli.output.console import clean, console, print_files, print_notes, progress_bar, say
from videxplain.cli.output.progress_lines import progress_lines
from videxplain.cli.output.skipped import print_skipped_and_count
from videxplain.files import output_folder

if TYPE_CHECKING:
    from videxplain.evaluation.evidence import EvidenceReport
    from videxplain.evaluation.result import Evaluation

Subset = Annotated[
    str,
    typer.Option(metavar="test|validation|train", help="Which videos.", rich_help_panel=data_options.DATA_PANEL),
]
ManyViews = Annotated[
    str | None,
    typer.Option(
        "--views",
        metavar="CLIPSxCROPS",
        help="Multi-view testing, such as 10x3: the mean probabilities of 10 clips in time, each in 3 crops along the "
        "longer side of the frame. By default 5 clips, or one set of frames spread over the video.",
        rich_help_panel=data_options.DATA_PANEL,
    ),
]
Out = Annotated[
    Path | None,
    typer.Option(
        "--out",
        "-o",
        help="Folder; by default evaluation/<dataset>-<subset> (and split, limit, views) in the run of the weights.",
    ),
]
Overwrite = Annotated[bool, typer.Option("--overwrite", help="Replace another evaluation in the folder.")]
WithEvidence = Annotated[
    bool, typer.Option("--evidence", help="Compare Grad-CAM with the known evidence (ActionFigures).")
]


def evaluate(
    model: options.Model,
    data: data_options.LabelledData,
    weights: options.Weights = "auto",
    labels: options.Labels = None,
    view: options.View = "model",
    settings: options.Settings = None,
    kind: data_options.Kind = "auto",
    split: data_options.Split = 1,
    subset: Subset = "test",
    out: Out = None,
    overwrite: Overwrite = False,
    strict: data_options.Strict = False,
    evidence: WithEvidence = False,
    views: ManyViews = None,
    limit: data_options.Limit = None,
    device: options.Device = "auto",
    precision: options.Precision = "auto",
) -> None:
    """Measure a network on a data set: accuracy, confusions, and whether it needs the order of frames.

    Writes metrics.json, predictions.csv, confusion.png and, with --evidence, evidence.json.
    """
    from videxplain.data.datasets.open import open_dataset
    from videxplain.device import find_device, find_precision
    from videxplain.evaluation.views import parse_views
    from videxplain.models.own_models import load_named

    dataset = open_dataset(data, kind=kind, split=split)
    place = find_device(device)
    tested_views = None if views is None else parse_views(views)
    asked = network_options(labels, settings)
    with progress_bar(f"weights of {model}") as progress:
        network = load_named(model, weights, progress=progress, view=view, **asked).to(place)
    from videxplain.evaluation.api import evaluate as run
    from videxplain.evaluation.runs import division_of, other_split_note
    from videxplain.evaluation.setup import setup_of

    chosen_precision = find_precision(precision, place)
    setup = setup_of(network, dataset, subset, limit, chosen_precision, tested_views.words if tested_views else "")
    folder = out or setup.default_folder(weights)
    if not overwrite:
        setup.refuse_other(folder)  # before the work, and not only when saving
    with output_folder(folder), claimed(folder):
        evaluation = run(
            network,
            dataset,
            subset=subset,
            limit=limit,
            division=division_of(weights),
            precision=chosen_precision,
            workers=_workers(),
            strict=strict,
            evidence=evidence,
            views=(tested_views.clips, tested_views.crops) if tested_views else None,
            progress=progress_lines,
        )
        evaluation.save(folder, overwrite=overwrite)
    _print_metrics(evaluation)
    if evaluation.evidence:
        _print_evidence(evaluation.evidence)
    print_notes(_notes(evaluation, other_split_note(weights, split, subset)))
    print_skipped_and_count(evaluation.skipped)
    print_files(evaluation.files(folder))


def _notes(evaluation: "Evaluation", split_note: str | None) -> list[str]:
    """What a reader of the numbers must know."""
    from videxplain.data.sampling import short_videos_note

    notes = [short_videos_note(evaluation.filled)] if evaluation.filled else []
    notes += [split_note] if split_note else []
    if evaluation.setup.weights == "none":
        notes.append("UNTRAINED network (random weights): these numbers mean nothing")
    return notes


def _workers() -> int:
    """Processes that prepare clips; none if the processor computes as well, because they would only start late."""
    import torch

    return min(8, os.cpu_count() or 1) if torch.cuda.is_available() else 0


def _print_metrics(evaluation: "Evaluation") -> None:
    from rich.table import Table

    setup, metrics = evaluation.setup, evaluation.metrics()
    title = f"{setup.model}, weights: {setup.weights}; {setup.dataset} split {setup.split}, {setup.subset}"
    out = console()
    out.print(clean(title), style="bold", soft_wrap=True)
    table = Table(box=None, pad_edge=False, show_header=False)
    rows = [("top-1", metrics["top1"]), ("top-5", metrics["top5"])]
    rows += [(f"frames {name}", share) for name, share in metrics["temporal"].items()]
    rows += [(f"between {pair}", share) for pair, share in metrics["order_pairs"].items()]
    for name, share in rows:
        table.add_row(name, f"{100 * share:.1f} %")
    views = f", {setup.views} views each" if setup.views else ""
    out.print(f"{metrics['videos']:,} videos{views}")
    out.print(table)
    for entry in metrics["most_confused"][:5]:
        say(f"{entry['true']} taken for {entry['predicted']}: {entry['count']} ({100 * entry['share']:.0f} %)")


def _print_evidence(report: "EvidenceReport") -> None:
    from rich.table import Table

    from videxplain.metrics.localisation import TOLERANCE

    table = Table(box=None, pad_edge=False)
    for column in ("map", "energy in it", "maximum in it", f"within {TOLERANCE} px", "in action", "blank"):
        table.add_column(column, justify="left" if column == "map" else "right")
    for row in report.maps:
        values = (row.energy, row.pointing, row.maximum_within_tolerance, row.active, row.blank)
        table.add_row(row.map, *("–" if value is None else f"{100 * value:.1f} %" for value in values))
    say(f"{report.videos:,} videos; the evidence is {100 * report.mask:.1f} % of their pixels")
    console().print(table)
