"""Videos as folders of JPEG frames: what is written beside the frames, and how such a dataset is opened."""

import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from videxplain.data.datasets.types import Video, VideoDataset
from videxplain.errors import VidexplainError
from videxplain.files import read_record, write_json

DATASET_FILE, FRAMES_FILE = "index.json", "frames.json"
_WITHDRAWN = "index-withdrawn.json"
_FORMAT = "videxplain frames, version 1"
_MOST_FRAMES = 10**6
"""The names of frames have six digits."""


@dataclass(frozen=True)
class FrameFolder:
    """What ``frames.json`` says of the JPEG files beside it.

    Attributes:
        source: The video they come from, relative to the folder.
        source_bytes: Size of that video.
        source_modified_ns: When it was last changed.
        height: Height that was asked for in pixels, or None for that of the video.
        frames: How many frames there are.
        frames_bytes: Size of all together.
        fps: Frames per second.
        size: Height and width of a frame in pixels.
        seconds: When each frame is shown, if that is not its number divided by ``fps``; None otherwise.
    """

    source: str
    source_bytes: int
    source_modified_ns: int
    height: int | None
    frames: int
    frames_bytes: int
    fps: float
    size: tuple[int, int]
    seconds: Sequence[float] | None = None

    @staticmethod
    def read(folder: Path) -> "FrameFolder":
        """What is written in ``folder``."""
        content = _read(folder / FRAMES_FILE)
        try:
            found = FrameFolder(**content | {"size": tuple(content["size"])})
            counts = (found.source_bytes, found.source_modified_ns, found.frames, found.frames_bytes, *found.size)
            sound = all(type(count) is int for count in counts) and 0 < found.frames < _MOST_FRAMES and found.fps > 0
            known = found.seconds
            sound &= known is None or (len(known) == found.frames and all(math.isfinite(one) for one in known))
        except (TypeError, KeyError):
            raise _damaged(folder / FRAMES_FILE) from None
        if not (sound and isinstance(found.source, str)):
            raise _damaged(folder / FRAMES_FILE)
        return found

    def write(self, folder: Path) -> None:
        """Write it, whole or not at all; what has it is complete."""
        write_json(folder / FRAMES_FILE, asdict(self))


@dataclass(frozen=True)
class Entry:
    """One video in the index of a prepared dataset.

    Attributes:
        path: Its folder, relative to the dataset's.
        label: As :attr:`Video.label`.
        group: As :attr:`Video.group`.
        frames: How many frames it has.
    """

    path: str
    label: int
    group: str
    frames: int


@dataclass(frozen=True)
class SplitEntry:
    """One split in the index of a prepared dataset.

    Attributes:
        train: Positions in the list of videos.
        test: The same of what is held out.
        missing: Where the frames of those would be that had none, for want of a video that decodes.
        missing_test: Those of them that are held out.
    """

    train: Sequence[int]
    test: Sequence[int]
    missing: Sequence[str]
    missing_test: Sequence[str] = ()


@dataclass(frozen=True)
class DatasetIndex:
    """What ``index.json`` says of the folders of frames beside it.

    Attributes:
        dataset: Name of the dataset.
        labels: Names of its classes.
        splits: Its splits by their numbers.
        videos: Its videos.
        layout: As `VideoDataset.layout`.
    """

    dataset: str
    labels: tuple[str, ...]
    splits: Mapping[int, SplitEntry]
    videos: Sequence[Entry]
    layout: str

    @staticmethod
    def read(root: Path, name: str = DATASET_FILE) -> "DatasetIndex":
        """What is written in ``root``."""
        path = root / name
        content = _read(path)
        if content.get("format") != _FORMAT:
            raise VidexplainError(f"{path} is not of prepared frames, or of another version of them")
        try:
            index = DatasetIndex(
                content["dataset"],
                tuple(content["labels"]),
                {int(number): SplitEntry(**split) for number, split in content["splits"].items()},
                [Entry(**fields) for fields in content["videos"]],
                content.get("layout", content["dataset"]),  # before layouts had names, datasets were called after them
            )
            sound = index.is_sound()
        except (AttributeError, KeyError, TypeError, ValueError):
            raise _damaged(path) from None
        if not sound:
            raise _damaged(path)
        return index

    def is_sound(self) -> bool:
        """Whether names are text, and numbers of videos and classes are those of some that there are."""
        words = [self.dataset, self.layout, *self.labels]
        words += [text for one in self.videos for text in (one.path, one.group)]
        words += [text for split in self.splits.values() for text in (*split.missing, *split.missing_test)]
        places = [one for split in self.splits.values() for one in (*split.train, *split.test)]
        return (
            all(isinstance(word, str) for word in words)
            and all(type(one) is int and 0 <= one < len(self.videos) for one in places)
            and all(type(video.label) is int and 0 <= video.label < len(self.labels) for video in self.videos)
        )

    def write(self, root: Path) -> None:
        """Write it, whole or not at all; ``root`` is then a prepared dataset."""
        write_json(root / DATASET_FILE, {"format": _FORMAT} | asdict(self))
        (root / _WITHDRAWN).unlink(missing_ok=True)


def frame_path(folder: Path, index: int) -> Path:
    """The file of frame ``index``, counted from 0."""
    return folder / f"{index + 1:06d}.jpg"


def is_frame_folder(folder: Path) -> bool:
    """Whether a folder holds the prepared frames of one video, all of them."""
    return (folder / FRAMES_FILE).is_file()


def source_video(folder: Path) -> Path:
    """The video from which a folder of frames was made."""
    return (folder.resolve() / FrameFolder.read(folder).source).resolve()


def is_prepared(root: Path) -> bool:
    """Whether a folder is a prepared dataset."""
    return (root / DATASET_FILE).is_file()


def withdraw_index(root: Path) -> None:
    """Make ``root`` no prepared dataset until an index is written; what it was stays known to :func:`last_index`."""
    with suppress(FileNotFoundError):  # there is none, or another process is quicker
        (root / DATASET_FILE).replace(root / _WITHDRAWN)


def last_index(root: Path) -> DatasetIndex | None:
    """The index of a folder, or the one that was withdrawn; None where there is none that can be read."""
    for name in (DATASET_FILE, _WITHDRAWN):
        if (root / name).is_file():
            try:
                return DatasetIndex.read(root, name)
            except VidexplainError:
                return None  # nothing to hold on to, and going to be written again
    return None


def prepared_splits(root: Path) -> tuple[int, ...]:
    """The splits a dataset was prepared for."""
    return tuple(DatasetIndex.read(root).splits)


def open_prepared(root: Path, split: int) -> VideoDataset:
    """One split of a prepared dataset; videos that had no frames, or are gone by now, are missing."""
    index = DatasetIndex.read(root)
    if split not in index.splits:
        have = ", ".join(map(str, index.splits))
        raise VidexplainError(f"{root} was prepared for split {have}, not for split {split}")
    named, entries = index.splits[split], index.videos
    folders = {(root / entry.path).parent for entry in entries}
    there = {folder: set(folder.iterdir()) if folder.is_dir() else set() for folder in folders}
    missing = [root / path for path in named.missing]

    def videos(positions: Iterable[int], needed: bool = True) -> Iterator[Video]:
        for entry in (entries[position] for position in positions):
            path = root / entry.path
            if path in there[path.parent]:
                yield Video(path, entry.label, entry.group)
            elif needed:
                missing.append(path)

    train = tuple(videos(named.train))
    before = len(missing)
    test = tuple(videos(named.test))
    missing_test = (*(root / path for path in named.missing_test), *missing[before:])
    unused = tuple(videos(sorted(set(range(len(entries))) - {*named.train, *named.test}), needed=False))
    return VideoDataset(
        index.dataset, root, index.labels, train, test, tuple(missing), split, unused, missing_test, index.layout
    )


_DAMAGED = "is damaged: run 'videxplain prepare' again"


def _read(path: Path) -> dict[str, Any]:
    return read_record(path, _DAMAGED)


def _damaged(path: Path) -> VidexplainError:
    return VidexplainError(f"{path} {_DAMAGED}")
