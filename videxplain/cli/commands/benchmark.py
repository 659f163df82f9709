"""The command that measures methods against each other."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from videxplain.cli.arguments import options
from videxplain.cli.arguments.values import name_list, network_options
from videxplain.cli.output.console import print_files, print_notes
from videxplain.cli.output.progress_lines import progress_lines
from videxplain.errors import VidexplainError
from videxplain.models.own_models import is_own, refuse_options

if TYPE_CHECKING:
    from videxplain.benchmark.api import BenchmarkResult

BUNDLED = "late_fusion,lrcn,c3d,i3d,non_local"

Models = Annotated[
    str,
    typer.Option(
        "--models",
        "--model",
        "-m",
        metavar="NAME[=WEIGHTS],...",
        help="Which networks; see 'videxplain models'. python:FILE.py:NAME is one that your file makes.",
    ),
]
Methods = Annotated[str, typer.Option(metavar="NAME,...", help="Which methods; by default all.")]
Videos = Annotated[int, typer.Option(min=1, max=100_000, help="How many clips for each network.")]
SlowVideos = Annotated[
    int | None,
    typer.Option(min=0, help="How many of them for methods of more than 300 forward passes; by default all."),
]
Data = Annotated[
    Path | None,
    typer.Option(help="Take the test videos of this data set; by default clips of ActionFigures are rendered."),
]
Kind = Annotated[
    str, typer.Option(metavar="auto|ucf101|hmdb51|actionfigures|folder", help="How the data set is laid out.")
]
Boxes = Annotated[
    Path | None, typer.Option(help="UCF101-24's pyannot.pkl: take only videos with boxes; the boxes are the evidence.")
]
Against = Annotated[
    Path | None,
    typer.Option(help="Folder of another benchmark: compare the order of methods on its networks and on these."),
]
Split = Annotated[int, typer.Option(help="1, 2 or 3.")]


def benchmark(
    models: Models = BUNDLED,
    methods: Methods = "all",
    videos: Videos = 28,
    slow_videos: SlowVideos = None,
    data: Data = None,
    kind: Kind = "auto",
    split: Split = 1,
    boxes: Boxes = None,
    against: Against = None,
    labels: options.Labels = None,
    view: options.View = "model",
    settings: options.Settings = None,
    device: options.Device = "auto",
    precision: options.Precision = "fp32",
    out: options.Out = Path("benchmark"),
) -> None:
    """Measure which method to trust: explain clips with many methods, and measure every explanation.

    A job that was stopped continues. Writes benchmark.md, .csv and .json, and a picture for each network.
    """
    names = name_list(methods)
    asked: dict[str, str] = {}
    for name, weights in map(_model, name_list(models)):
        if name in asked:
            raise VidexplainError(f"--models has '{name}' twice: for other weights take another folder, and --against")
        asked[name] = weights
    from videxplain.benchmark.api import run_benchmark
    from videxplain.data.datasets.open import open_dataset
    from videxplain.data.datasets.ucf101_24 import read_boxes
    from videxplain.device import find_device, find_precision
    from videxplain.explanation.api import UNTRAINED_NOTE
    from videxplain.models.zoo import available_weights

    given = network_options(labels, settings)
    for model, weights in asked.items():
        if is_own(model):
            refuse_options(model, weights, view, given)
        else:
            available_weights(model)
    chosen = _methods(names)
    if boxes is not None and data is None:
        raise VidexplainError("--boxes needs --data: the videos of UCF101 that they belong to")
    place = find_device(device)
    result = run_benchmark(
        asked,
        chosen,
        out,
        videos=videos,
        dataset=None if data is None else open_dataset(data, kind=kind, split=split),
        boxes=None if boxes is None else read_boxes(boxes),
        device=place,
        options=given,
        view=view,
        precision=find_precision(precision, place),
        slow_videos=slow_videos,
        against=against,
        progress=progress_lines,
    )
    _print_overview(result)
    print_notes([UNTRAINED_NOTE] if result.untrained else [])
    print_files(result.files)


def _print_overview(result: "BenchmarkResult") -> None:
    from rich.console import Console
    from rich.table import Table

    from videxplain.benchmark.overview import overview

    whole = overview(result.lines, result.judged)
    # Two lines a head, and one blank between columns: all of it fits into 80 characters.
    heads = [head.replace("network", "net").replace(" ", "\n", 1) for head in (*whole.heads, "nets")]
    table = Table(box=None, pad_edge=False, padding=(0, 1, 0, 0))
    table.add_column("", no_wrap=True)
    for head in heads:
        table.add_column(head, justify="right", no_wrap=True)
    for row in whole.rows:
        cells = (f"[bold]{cell.text}[/bold]" if cell.bold else cell.text for cell in row.cells)
        name = row.name if row.method else f"({row.name.replace('frame differences', 'differences')})"
        table.add_row(name, *cells, str(row.networks))
    Console().print(table)
    print("Means. Names in brackets are maps without a network, which a method must beat.")
    print("Bold: paired tests say that it does, and do not tell it from the best method.")


def _model(text: str) -> tuple[str, str]:
    if is_own(text):
        return text, "auto"
    name, equals, weights = text.partition("=")
    if equals and not weights:
        raise VidexplainError(f"--models takes NAME or NAME=WEIGHTS, not '{text}'")
    return name, weights or "auto"


def _methods(names: list[str]) -> list[str]:
    from videxplain.attribution.registry import METHODS, list_methods

    if names == ["all"]:
        return list_methods()
    return [METHODS[name].name for name in names]
