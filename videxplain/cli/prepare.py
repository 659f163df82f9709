"""The command that looks at a dataset and gets it ready."""

import os
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from videxplain.cli.console import print_files, problem, progress_bar
from videxplain.files import output_folder, replacing

if TYPE_CHECKING:
    from videxplain.data.datasets.types import VideoDataset

Data = Annotated[Path, typer.Option(help="A dataset: UCF101, HMDB51, or a folder of classes.", show_default=False)]
Out = Annotated[Path, typer.Option("--out", "-o", help="Folder for the frames, or the summary.", show_default=False)]
Kind = Annotated[
    str, typer.Option(metavar="auto|ucf101|hmdb51|actionfigures|folder", help="How the dataset is laid out.")
]
Split = Annotated[int | None, typer.Option(help="Only this one, besides those prepared before; by default all.")]
Height = Annotated[int | None, typer.Option(min=1, help="Shrink frames to this height in pixels.")]
Workers = Annotated[int | None, typer.Option(min=1, help="Processes; by default as many as there are cores.")]
Strict = Annotated[bool, typer.Option("--strict", help="Stop at a missing or damaged video.")]
Summary = Annotated[bool, typer.Option("--summary", help="No frames, but figures and numbers of the dataset.")]


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
    """Extract a dataset's frames, from which training reads fast; or summarise it. Goes on where it stopped."""
    from videxplain.data.datasets.open import SPLITS, available_splits, open_dataset

    processes = workers or os.cpu_count() or 1
    first = open_dataset(data, kind=kind, split=SPLITS[0] if split is None else split)
    if summary:
        _summarise(first, out, processes, strict)
        return
    from videxplain.data.datasets.frames import prepare as prepare_frames

    others = [number for number in available_splits(first) if split is None and number != first.split]
    more = [open_dataset(data, kind=kind, split=number) for number in others]
    with progress_bar(f"frames of {first.name}") as progress:
        report = prepare_frames(
            first, out, more_splits=more, height=height, workers=processes, strict=strict, progress=progress
        )
    _tell_skipped(report.skipped)
    done = f"{report.extracted:,} extracted, {report.kept:,} there already, {len(report.skipped):,} skipped"
    print(f"{first.name}, {len(first.labels)} classes: {done}; {report.frames:,} frames in all")
    print_files([out])


def _summarise(dataset: "VideoDataset", out: Path, workers: int, strict: bool) -> None:
    import json

    from videxplain.data.datasets.summary import summarise
    from videxplain.viz import explore
    from videxplain.viz.save import save_figure

    with output_folder(out):
        with progress_bar(f"summary of {dataset.name}") as progress:
            found = summarise(dataset, workers=workers, strict=strict, progress=progress)
        counts = {
            part: found.per_class(videos)
            for part, videos in (("train", dataset.train), ("test", dataset.test), ("unused", dataset.unused))
        }
        _tell_skipped(found.skipped)
        labels, number = dataset.labels, len(found.skipped)
        of = f"{dataset.root.resolve().name}: {len(found.measured):,} videos, {len(labels)} classes"
        notes = [f"missing or damaged, and not counted: {number:,}"] if number else []
        figures = {
            "samples": explore.samples_figure(found.samples(), labels, title=of, notes=notes),
            "classes": explore.classes_figure(counts, labels, title=f"{of}; clips of each class", notes=notes),
            "lengths": explore.lengths_figure(found.seconds, found.frames, title=f"{of}; lengths", notes=notes),
            "formats": explore.formats_figure(found.sizes(), found.rates(), title=f"{of}; formats", notes=notes),
        }
        for name, figure in figures.items():
            save_figure(figure, out / f"{name}.png")
        with replacing(out / "summary.json") as temporary:
            temporary.write_text(json.dumps(found.as_dict(), indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
        print(f"{of}, {number:,} skipped")
        print_files([*(out / f"{name}.png" for name in figures), out / "summary.json"])


def _tell_skipped(skipped: Sequence[tuple[Path, str]]) -> None:
    for path, reason in skipped:
        problem("skipped", reason if str(path) in reason else f"{path}: {reason}")
