"""What a dataset is like: how many videos, how long, how large."""

import warnings
from collections import Counter
from collections.abc import Callable, Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from videxplain.data.datasets.extraction import check_complete
from videxplain.data.datasets.frames import read_video_frames
from videxplain.data.datasets.parallel import in_processes
from videxplain.data.datasets.prepared import FrameFolder, is_frame_folder
from videxplain.data.datasets.types import Video, VideoDataset
from videxplain.data.video import VideoReader
from videxplain.errors import VidexplainError


@dataclass(frozen=True)
class Measured:
    """One video that decodes.

    Attributes:
        video: Which one.
        frames: How many frames decode.
        fps: Frames per second.
        size: Height and width in pixels.
    """

    video: Video
    frames: int
    fps: float
    size: tuple[int, int]


@dataclass(frozen=True)
class Summary:
    """All videos of a dataset.

    Attributes:
        dataset: Which one.
        measured: Its videos that decode, those its split leaves unused included.
        skipped: The others, and why: missing, or damaged.
    """

    dataset: VideoDataset
    measured: tuple[Measured, ...]
    skipped: tuple[tuple[Path, str], ...]

    @property
    def frames(self) -> NDArray[np.int64]:
        """Length of every video in frames."""
        return np.array([one.frames for one in self.measured], np.int64)

    @property
    def seconds(self) -> NDArray[np.float64]:
        """Length of every video in seconds."""
        return np.array([one.frames / one.fps for one in self.measured])

    def per_class(self, videos: Sequence[Video]) -> NDArray[np.int64]:
        """How many of ``videos`` there are of each class, of those that decode."""
        good = {one.video for one in self.measured}
        labels = [video.label for video in videos if video in good]
        return np.bincount(np.array(labels, np.int64), minlength=len(self.dataset.labels)).astype(np.int64)

    def counts(self) -> dict[str, NDArray[np.int64]]:
        """``per_class`` of each part of the dataset: train, test and unused."""
        data = self.dataset
        parts = {"train": data.train, "test": data.test, "unused": data.unused}
        return {part: self.per_class(videos) for part, videos in parts.items()}

    def sizes(self) -> list[tuple[str, int]]:
        """``("320x240", 13320)``: width and height with how many videos have them, the most frequent first."""
        return Counter(f"{one.size[1]}x{one.size[0]}" for one in self.measured).most_common()

    def rates(self) -> list[tuple[str, int]]:
        """``("25", 13320)``: frames per second with how many videos have them, the most frequent first."""
        return Counter(f"{one.fps:.4g}" for one in self.measured).most_common()

    def samples(self) -> list[NDArray[np.uint8] | None]:
        """A frame of every class: the middle one of the video in the middle; None for a class without videos."""
        found: list[NDArray[np.uint8] | None] = []
        for label in range(len(self.dataset.labels)):
            members = [one for one in self.measured if one.video.label == label]
            middle = members[len(members) // 2] if members else None
            found.append(read_video_frames(middle.video.path, [middle.frames // 2])[0] if middle else None)
        return found

    def as_dict(self) -> dict[str, Any]:
        """The numbers, for a file of JSON."""
        data, counts = self.dataset, self.counts()
        return {
            "dataset": data.name,
            "layout": data.layout,
            "split": data.split,
            "classes": len(data.labels),
            "videos": len(self.measured),
            "clips_per_class": {
                label: {part: int(count[number]) for part, count in counts.items()}
                for number, label in enumerate(data.labels)
            },
            "frames": {"total": int(self.frames.sum())} | _spread(self.frames),
            "seconds": {"total": round(float(self.seconds.sum()), 3)} | _spread(self.seconds),
            "sizes": dict(self.sizes()),
            "frame_rates": dict(self.rates()),
            "skipped": {str(path): reason for path, reason in self.skipped},
        }


def summarise(
    dataset: VideoDataset,
    *,
    workers: int = 1,
    strict: bool = False,
    progress: Callable[[int, int], None] | None = None,
) -> Summary:
    """Decode every video once, to count its frames; prepared frames are only looked up.

    Args:
        dataset: What is summarised.
        workers: How many processes decode.
        strict: Stop at a video that is missing or damaged, rather than leaving it out.
        progress: Called with the number of videos done, and of all.
    """
    videos = (*dataset.train, *dataset.test, *dataset.unused)
    dataset.refuse_unlabelled()
    found: dict[int, Measured | str] = {}
    if strict:
        dataset.refuse_missing()
    with closing(in_processes(_measure, videos, workers)) as results:
        for done, (position, measured) in enumerate(results, start=1):
            if strict and isinstance(measured, str):
                raise VidexplainError(measured)
            found[position] = measured
            if progress:
                progress(done, len(videos))
    ordered = [found[position] for position in range(len(videos))]
    good = tuple(one for one in ordered if isinstance(one, Measured))
    if not good:
        raise VidexplainError(f"no video of {dataset.root} can be decoded; the first: {ordered[0]}")
    damaged = [(video.path, one) for video, one in zip(videos, ordered, strict=True) if isinstance(one, str)]
    return Summary(dataset, good, (*((path, "no such file") for path in dataset.missing), *damaged))


def _measure(video: Video) -> Measured | str:
    """The video's measures, or why there are none."""
    try:
        if is_frame_folder(video.path):
            folder = FrameFolder.read(video.path)
            return Measured(video, folder.frames, folder.fps, folder.size)
        with warnings.catch_warnings(action="ignore"), VideoReader(video.path) as reader:
            count = reader.count()
            check_complete(reader, count)
            return Measured(video, count, reader.fps, reader.size)
    except VidexplainError as error:
        return str(error)


def _spread(values: NDArray[Any]) -> dict[str, float]:
    found = {"min": values.min(), "median": np.median(values), "mean": values.mean(), "max": values.max()}
    return {name: round(float(value), 3) for name, value in found.items()}
