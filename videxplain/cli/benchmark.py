"""The command that measures methods against each other."""

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from videxplain.cli import options
from videxplain.cli.console import print_files, print_notes, progress_bar
from videxplain.errors import VidexplainError
from videxplain.files import output_folder

if TYPE_CHECKING:
    from videxplain.benchmark.cases import Scene
    from videxplain.data.datasets.open import VideoDataset
    from videxplain.data.datasets.ucf101_24 import VideoBoxes

BUNDLED = "late_fusion,lrcn,c3d,i3d,non_local"

Models = Annotated[str, typer.Option(metavar="NAME[=WEIGHTS],...", help="Which networks; see 'videxplain models'.")]
Methods = Annotated[str, typer.Option(metavar="NAME,...", help="Which methods; by default all.")]
Videos = Annotated[int, typer.Option(min=1, help="How many clips of each network.")]
Data = Annotated[
    Path | None,
    typer.Option(help="A dataset whose test videos are taken; by default clips of ActionFigures are rendered."),
]
Kind = Annotated[
    str, typer.Option(metavar="auto|ucf101|hmdb51|actionfigures|folder", help="How the dataset is laid out.")
]
Boxes = Annotated[
    Path | None, typer.Option(help="UCF101-24's pyannot.pkl: only videos that have boxes, which are then the evidence.")
]
Split = Annotated[int, typer.Option(help="1, 2 or 3.")]


def benchmark(
    models: Models = BUNDLED,
    methods: Methods = "all",
    videos: Videos = 28,
    data: Data = None,
    kind: Kind = "auto",
    split: Split = 1,
    boxes: Boxes = None,
    device: options.Device = "auto",
    out: options.Out = Path("benchmark"),
) -> None:
    """Which method to trust: explain clips with many, and measure every explanation.

    What is in the folder already is not done again, so that a job that was stopped goes on.
    """
    names = options.name_list(methods)
    asked = [_model(text) for text in options.name_list(models)]
    from videxplain.benchmark.report import write
    from videxplain.benchmark.rows import claim, rows_of
    from videxplain.benchmark.run import Entrant, run
    from videxplain.data.datasets.open import open_dataset
    from videxplain.data.datasets.ucf101_24 import read_boxes
    from videxplain.device import find_device
    from videxplain.explanation.api import UNTRAINED_NOTE, config_of
    from videxplain.models.zoo import available_weights, load_model

    for model, _ in asked:
        available_weights(model)
    chosen_methods = _methods(names)
    place = find_device(device)
    dataset = None if data is None else open_dataset(data, kind=kind, split=split)
    if boxes is not None and dataset is None:
        raise VidexplainError("--boxes needs --data: the videos of UCF101 that they belong to")
    known = None if boxes is None else read_boxes(boxes)
    settings = {"data": _RENDERED if dataset is None else _words(dataset, boxes)}
    with output_folder(out):
        claim(out, settings)
        clips, untrained = {}, False
        for model, weights in asked:
            with progress_bar(f"weights of {model}") as progress:
                module = load_model(model, weights, progress=progress).to(place)
            entrant = Entrant(model, module, config_of(module))
            untrained |= not entrant.config.trained
            with progress_bar(f"explanations of {model}") as progress:
                clips[model] = run(entrant, chosen_methods, _scenes(dataset, known), videos, out, progress)
        rows = [row for model, found in clips.items() for row in rows_of(out, model, found, chosen_methods)]
        print_notes([UNTRAINED_NOTE] if untrained else [])
        print_files(write(out, rows, clips, settings))


_RENDERED = "ActionFigures, rendered clips of the groups that split 1 holds out"


def _words(dataset: "VideoDataset", boxes: Path | None) -> str:
    words = f"{dataset.name}, test videos of split {dataset.split}"
    return words if boxes is None else f"{words}, the evidence being the boxes of UCF101-24"


def _model(text: str) -> tuple[str, str]:
    name, equals, weights = text.partition("=")
    if equals and not weights:
        raise VidexplainError(f"--models takes NAME or NAME=WEIGHTS, not '{text}'")
    return name, weights or "auto"


def _methods(names: list[str]) -> list[str]:
    from videxplain.attribution.api import METHODS
    from videxplain.attribution.registry import list_methods

    if names == ["all"]:
        return list_methods()
    return [METHODS[name].name for name in names]


def _scenes(dataset: "VideoDataset | None", boxes: "dict[str, VideoBoxes] | None") -> "Iterator[Scene]":
    from videxplain.benchmark.cases import dataset_scenes, rendered_scenes

    return rendered_scenes() if dataset is None else dataset_scenes(dataset, boxes)
