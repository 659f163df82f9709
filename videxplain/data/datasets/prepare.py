"""Write a dataset's videos as folders of JPEG frames, in several processes. A run that was stopped can go on."""

from collections.abc import Callable, Sequence
from contextlib import closing
from dataclasses import dataclass
from itertools import chain, count
from pathlib import Path

from videxplain.claim import claimed
from videxplain.data.datasets.extraction import Outcome, Task, extract
from videxplain.data.datasets.open import open_dataset
from videxplain.data.datasets.parallel import in_processes
from videxplain.data.datasets.prepared import DatasetIndex, Entry, SplitEntry, is_prepared, last_index
from videxplain.data.datasets.types import Video, VideoDataset
from videxplain.errors import VidexplainError
from videxplain.files import output_folder


@dataclass(frozen=True)
class PrepareReport:
    """What a call of `prepare` did.

    Attributes:
        extracted: Videos whose frames were written now.
        kept: Videos whose frames were there already.
        frames: Frames of both.
        skipped: Videos without frames, and why: missing, or damaged.
    """

    extracted: int
    kept: int
    frames: int
    skipped: tuple[tuple[Path, str], ...]


def prepare(
    dataset: VideoDataset,
    out: str | Path,
    *,
    more_splits: Sequence[VideoDataset] = (),
    height: int | None = None,
    workers: int = 1,
    strict: bool = False,
    progress: Callable[[int, int], None] | None = None,
) -> PrepareReport:
    """Write the frames of all videos to ``<out>/<class>/<video>/000001.jpg`` and so on, and an index of the whole.

    ``out`` can then be opened as a dataset with the same name, labels and splits. Started again, it goes on where it
    stopped: videos whose frames are all there are kept, those with frames missing, cut short, of another height or
    of another video are done again. Splits that ``out`` was prepared for before are prepared again with those given,
    so that it never loses one.

    Args:
        dataset: What is prepared.
        out: The folder for the frames.
        more_splits: Other splits of the same dataset.
        height: Shrink frames to this height in pixels; smaller ones stay as they are.
        workers: How many processes decode; one means this process.
        strict: Stop at a video that is missing or damaged, rather than leaving it out; an index that was good stays.
        progress: Called with the number of videos done, and of all.

    Raises:
        VidexplainError: The folder cannot be written, or is of another dataset, or of a split that the dataset no
            longer has; or, with ``strict``, a bad video.
    """
    out = Path(out)
    if height is not None and height < 1:
        raise VidexplainError(f"the height of frames is at least 1 pixel, not {height}")
    dataset.refuse_unlabelled()
    _check_place(dataset, out)
    given = (dataset, *more_splits)
    # Always in the same order, for it decides which of two videos of the same name gets the folder of that name.
    splits = sorted((*given, *_held(given, out)), key=lambda split: split.split)
    videos = list(dict.fromkeys(video for split in splits for video in (*split.train, *split.test)))
    missing = list(dict.fromkeys(path for split in splits for path in split.missing))
    if strict:
        for split in splits:
            split.refuse_missing()
    folders = _folders(dataset.labels, videos)
    # Where an index names a folder, the index is withdrawn before the folder changes: what is opened must not be half
    # of one state and half of another.
    index = DatasetIndex.read(out) if is_prepared(out) and last_index(out) else None
    indexed = {entry.path for entry in index.videos} if index else set()
    tasks = [
        Task(video.path, out / folder, height, out if folder in indexed else None, strict)
        for video, folder in zip(videos, folders, strict=True)
    ]
    outcomes: list[Outcome | None] = [None] * len(tasks)
    with output_folder(out), claimed(out), closing(in_processes(extract, tasks, workers)) as results:
        for done, (position, outcome) in enumerate(results, start=1):
            if strict and outcome.damage:
                raise VidexplainError(outcome.damage)
            outcomes[position] = outcome
            if progress:
                progress(done, len(tasks))
        finished = [outcome for outcome in outcomes if outcome]
        if not any(outcome.frames for outcome in finished):
            raise VidexplainError(f"no video of {dataset.root} can be decoded; the first: {finished[0].damage}")
        _write_index(out, splits, videos, folders, finished)
    damaged = [(v.path, o.damage) for v, o in zip(videos, finished, strict=True) if o.damage]
    return PrepareReport(
        extracted=sum(not o.kept and not o.damage for o in finished),
        kept=sum(o.kept for o in finished),
        frames=sum(o.frames for o in finished),
        skipped=(*((path, "no such file") for path in missing), *damaged),
    )


def _check_place(dataset: VideoDataset, out: Path) -> None:
    if is_prepared(dataset.root):
        raise VidexplainError(f"{dataset.root} holds prepared frames already; name the folder of the videos")
    if out.resolve() == dataset.root.resolve():
        raise VidexplainError(f"the frames of {dataset.root} need a folder of their own")
    held = last_index(out)
    if held and (held.layout, held.labels) != (dataset.layout, dataset.labels):
        raise VidexplainError(f"{out} holds frames of another dataset ({held.dataset}); name another folder")


def _held(given: Sequence[VideoDataset], out: Path) -> list[VideoDataset]:
    """The splits that ``out`` was prepared for and that are not given."""
    index, found = last_index(out), []
    for number in sorted(set(index.splits if index else ()) - {split.split for split in given}):
        try:
            found.append(open_dataset(given[0].root, kind=_kind(given[0]), split=number, name=given[0].name))
        except VidexplainError as error:
            raise VidexplainError(f"{out} would lose split {number}, name another folder: {error}") from None
    return found


def _kind(dataset: VideoDataset) -> str:
    return "auto" if dataset.layout == "list" else dataset.layout


def _folders(labels: Sequence[str], videos: Sequence[Video]) -> list[str]:
    """A folder for the frames of each video, named after the video; a number is added where the name is taken."""
    taken: set[str] = set()
    folders = []
    for video in videos:
        stem = video.path.stem
        names = chain((stem, video.path.name), (f"{stem}-{number}" for number in count(2)))
        folder = next(path for name in names if (path := f"{labels[video.label]}/{name}").casefold() not in taken)
        taken.add(folder.casefold())
        folders.append(folder)
    return folders


def _write_index(
    out: Path,
    splits: Sequence[VideoDataset],
    videos: Sequence[Video],
    folders: Sequence[str],
    outcomes: Sequence[Outcome],
) -> None:
    good = [position for position, outcome in enumerate(outcomes) if not outcome.damage]
    entries = [Entry(folders[i], videos[i].label, videos[i].group, outcomes[i].frames) for i in good]
    place = {videos[i]: number for number, i in enumerate(good)}
    damaged = {videos[i]: folders[i] for i, outcome in enumerate(outcomes) if outcome.damage}
    parts = {}
    for split in splits:
        parts[split.split] = SplitEntry(
            train=[place[video] for video in split.train if video in place],
            test=[place[video] for video in split.test if video in place],
            missing=[
                *(f"{path.parent.name}/{path.stem}" for path in split.missing),
                *(damaged[video] for video in (*split.train, *split.test) if video in damaged),
            ],
            missing_test=[
                *(f"{path.parent.name}/{path.stem}" for path in split.missing_test),
                *(damaged[video] for video in split.test if video in damaged),
            ],
        )
    DatasetIndex(splits[0].name, splits[0].labels, parts, entries, splits[0].layout).write(out)
