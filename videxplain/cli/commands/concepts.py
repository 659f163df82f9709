"""The commands about concepts: find those of a layer, and test those that are given by examples."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from videxplain.cli.arguments import data_options, options
from videxplain.cli.arguments.values import network_options
from videxplain.cli.output.console import clean, console, print_files, print_json, print_notes
from videxplain.cli.output.progress_lines import progress_lines
from videxplain.cli.output.skipped import print_failed
from videxplain.errors import VidexplainError

if TYPE_CHECKING:
    from videxplain.concepts.tcav import ConceptTest

_DATA, _SEARCH, _TEST = data_options.DATA_PANEL, "The search", "The test"


def concepts(
    model: options.Model,
    data: data_options.AnyData,
    out: Annotated[Path, typer.Option("--out", "-o", help="Folder to write.", show_default=False)],
    weights: options.Weights = "auto",
    labels: options.Labels = None,
    view: options.View = "model",
    settings: options.Settings = None,
    kind: data_options.Kind = "auto",
    split: data_options.Split = 1,
    subset: data_options.Subset = "test",
    limit: data_options.Limit = None,
    layer: Annotated[
        str | None,
        typer.Option(metavar="NAME[:USE]", help="The layer; by default Grad-CAM's.", rich_help_panel=_SEARCH),
    ] = None,
    number: Annotated[
        int, typer.Option("--concepts", min=1, help="How many concepts to find.", rich_help_panel=_SEARCH)
    ] = 10,
    places: Annotated[
        int,
        typer.Option(min=1, help="Find them from at most this many places of the layer.", rich_help_panel=_SEARCH),
    ] = 20_000,
    designs: Annotated[
        int,
        typer.Option(
            min=0,
            help="Precision of the Sobol indices. Costs this x (concepts + 2) passes after the layer; 0 for none.",
            rich_help_panel=_SEARCH,
        ),
    ] = 32,
    seed: Annotated[int, typer.Option(min=0, help="The seed of all random draws.", rich_help_panel=_SEARCH)] = 0,
    workers: Annotated[int, typer.Option(min=1, help="Processes on this machine.", rich_help_panel=_SEARCH)] = 1,
    device: options.Device = "auto",
    clips: Annotated[int, typer.Option(min=1, help="Clips of each concept that get a video in the report.")] = 4,
) -> None:
    """Find what a layer responds to over a data set, and what each class depends on: tables and a report.

    A run that was stopped continues.
    """
    from videxplain.concepts.api import find_concepts
    from videxplain.data.datasets.open import open_dataset
    from videxplain.device import find_device
    from videxplain.runs.engines import choose_engine

    dataset = open_dataset(data, kind=kind, split=split, for_training=False)
    with progress_lines(f"concepts of {model}") as progress:
        found = find_concepts(
            model,
            dataset,
            out,
            layer=layer,
            concepts=number,
            places=places,
            designs=designs,
            seed=seed,
            weights=weights,
            labels=labels,
            view=view,
            expects=network_options(None, settings),
            subset=subset,
            limit=limit,
            device=str(find_device(device)),
            engine=choose_engine(workers, None),
            progress=progress,
        )
    # Only now, because this import fails without the extra, and find_concepts says so in one line.
    from videxplain.concepts.report.build import build_report

    print_notes(found.notes)
    print_failed(found.videos)
    with progress_lines("report") as progress:
        page = build_report(found, clips=clips, progress=progress)
    print_files([out / "concepts.parquet", out / "shares.parquet", page])


def tcav(
    model: options.Model,
    concept: Annotated[
        list[Path],
        typer.Option(
            metavar="FOLDER", help="Folder of clips that show the concept; may be repeated.", rich_help_panel=_TEST
        ),
    ],
    against: Annotated[
        list[Path],
        typer.Option(
            metavar="FOLDER",
            help="Folder of other clips, at least twice as many; may be repeated, all are taken together.",
            rich_help_panel=_TEST,
        ),
    ],
    target: Annotated[
        list[str], typer.Option(metavar="NAME|INDEX", help="The class; may be repeated.", rich_help_panel=_TEST)
    ],
    layer: Annotated[
        str,
        typer.Option(
            metavar="NAME[:USE]",
            help="A layer followed by more than an average and a linear layer.",
            rich_help_panel=_TEST,
            show_default=False,
        ),
    ],
    clips: Annotated[Path | None, typer.Option(help="Folder of clips of the class.", rich_help_panel=_DATA)] = None,
    data: Annotated[
        Path | None, typer.Option(help="Take the videos of the class from this data set.", rich_help_panel=_DATA)
    ] = None,
    kind: data_options.Kind = "auto",
    split: data_options.Split = 1,
    subset: data_options.Subset = "test",
    weights: options.Weights = "auto",
    labels: options.Labels = None,
    view: options.View = "model",
    settings: options.Settings = None,
    runs: Annotated[int, typer.Option(min=2, help="How many random sets are drawn.", rich_help_panel=_TEST)] = 20,
    seed: Annotated[int, typer.Option(min=0, help="The seed of the sets.", rich_help_panel=_TEST)] = 0,
    device: options.Device = "auto",
    out: Annotated[Path | None, typer.Option("--out", "-o", help="Folder for tcav.json.")] = None,
    as_json: options.AsJson = False,
) -> None:
    """Test whether a class depends on a concept that is given by a folder of clips (TCAV)."""
    from videxplain.concepts.tcav import tcav as run_test
    from videxplain.data.datasets.open import open_dataset
    from videxplain.device import find_device
    from videxplain.files import output_folder, write_json
    from videxplain.models.own_models import load_named

    if (clips is None) == (data is None):
        raise VidexplainError("tcav needs --clips or --data for the clips of the class, one of the two")
    opened = None if data is None else open_dataset(data, kind=kind, split=split, for_training=False)
    network = load_named(model, weights, view=view, **network_options(labels, settings)).to(find_device(device))
    with progress_lines("tcav") as progress:
        results = run_test(
            network,
            concept,
            against,
            layer=layer,
            target=target,
            clips=clips,
            data=opened,
            subset=subset,
            runs=runs,
            seed=seed,
            progress=progress,
        )
    content = [one.as_dict() for one in results]
    if as_json:
        print_json(content)
    else:
        _print_tests(results)
        print_notes(list(dict.fromkeys(note for one in results for note in one.notes)))
    if out is not None:
        with output_folder(out):
            print_files([write_json(out / "tcav.json", content)])


def _print_tests(results: "list[ConceptTest]") -> None:
    from rich.table import Table

    table = Table(box=None, pad_edge=False)
    for name in ("concept", "class"):
        table.add_column(name, overflow="fold")
    for name in ("TCAV", "random", "p", "told apart", "random sets", ""):
        table.add_column(name, justify="left" if not name else "right")
    for one in results:
        said = "significant" if one.is_significant else "not significant" if one.is_learned else "not learned"
        table.add_row(
            clean(one.concept),
            clean(one.target),
            f"{one.score:.2f}",
            f"{one.random:.2f}",
            f"{one.p:.2g}",
            f"{100 * one.accuracy:.0f} %",
            f"{100 * one.random_accuracy:.0f} %",
            said,
        )
    console().print(table)
