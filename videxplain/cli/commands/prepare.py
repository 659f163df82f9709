"""The command that extracts the frames of a data set, or summarises it."""

import os
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from videxplain.claim import claimed
from videxplain.cli.output.console import print_files, say
from videxplain.cli.output.progress_lines import progress_lines
from videxplain.cli.output.skipped import print_skipped
from videxplain.files import output_folder, write_json

if TYPE_CHECKING:
    from videxplain.data.datasets.types import VideoDataset

Data = Annotated[Path, typer.Option(help="A data set: UCF101, HMDB51, or a folder of classes.", show_default=False)]
Out = Annotated[Path, typer.Option("--out", "-o", help="Folder for the frames, or the summary.", show_default=False)]
Kind = Annotated[
    str, typer.Option(metavar="auto|ucf101|hmdb51|actionfigures|folder", help="How the data set is laid out.")
]
Split = Annotated[
    int | None, typer.Option(help="Prepare this split, and those that were prepared before; by default all.")
]
Height = Annotated[int | None, typer.Option(min=1, help="Shrink frames to this height in pixels.")]
Workers = Annotated[int | None, typer.Option(min=1, help="Processes; by default as many as there are cores.")]
Strict = Annotated[bool, typer.Option("--strict", help="Stop at a missing or damaged video.")]
Summary = Annotated[bool, typer.Option("--summary", help="Figures and numbers of the data set instead of frames.")]


def prepare(
    data: Data,
    out: Out,
    kind: Kind = "auto",
    split: Split = None,
    height: Height = None,
    workers: Workers = None,
    strict: Strict = False,
    summary: Summary = False,
) -> None:
    """Extract the frames of a data set, so that training reads them fast; or summarise it.

    A run that was stopped continues.
    """
    from videxplain.data.datasets.open import SPLITS, available_splits, open_dataset

    processes = workers or os.cpu_count() or 1
    first = open_dataset(data, kind=kind, split=SPLITS[0] if split is None else split)
    if summary:
        _summarise(first, out, processes, strict)
        return
    from videxplain.data.datasets.frames import prepare as prepare_frames

    others = [number for number in available_splits(first) if split is None and number != first.split]
    more = [open_dataset(data, kind=kind, split=number) for number in others]
    with progress_lines(f"frames of {first.name}") as progress:
        report = prepare_frames(
            first, out, more_splits=more, height=height, workers=processes, strict=strict, progress=progress
        )
    print_skipped(report.skipped)
    done = f"{report.extracted:,} extracted, {report.kept:,} there already, {len(report.skipped):,} skipped"
    say(f"{first.name}, {len(first.labels)} classes: {done}; {report.frames:,} frames in all")
    print_files([out])


def _summarise(dataset: "VideoDataset", out: Path, workers: int, strict: bool) -> None:
    from videxplain.data.datasets.summary import summarise
    from videxplain.viz.explore import dataset_figures
    from videxplain.viz.save import save_figure

    with output_folder(out), claimed(out):
        with progress_lines(f"summary of {dataset.name}") as progress:
            summary = summarise(dataset, workers=workers, strict=strict, progress=progress)
        print_skipped(summary.skipped)
        name, skipped = dataset.root.resolve().name, len(summary.skipped)
        figures = dataset_figures(
            name,
            dataset.labels,
            samples=summary.samples(),
            counts=summary.counts(),
            seconds=summary.seconds,
            frames=summary.frames,
            sizes=summary.sizes(),
            rates=summary.rates(),
            skipped=skipped,
        )
        for stem, figure in figures.items():
            save_figure(figure, out / f"{stem}.png")
        write_json(out / "summary.json", summary.as_dict())
        say(f"{name}: {len(summary.measured):,} videos, {len(dataset.labels)} classes, {skipped:,} skipped")
        print_files([*(out / f"{stem}.png" for stem in figures), out / "summary.json"])
