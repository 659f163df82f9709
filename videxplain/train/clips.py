"""Clips of videos as a network is trained and tested with them."""

from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import TypeAlias

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.utils.data import Dataset, Sampler

from videxplain.data.augmentation import Augmentation
from videxplain.data.datasets.frames import frame_count, read_video_frames
from videxplain.data.datasets.types import Video
from videxplain.data.sampling import random_window, spread_windows, uniform_indices
from videxplain.errors import VidexplainError
from videxplain.models.config import ModelConfig
from videxplain.progress import Progress

Index: TypeAlias = tuple[int, int]
"""Which pass through the videos it is, and which clip of them."""
WINDOWS = 5


@dataclass(frozen=True)
class Readable:
    """Videos that decode.

    Attributes:
        videos: Those, in the order given.
        counts: Frames of each.
        skipped: The others, and what is wrong with each.
    """

    videos: tuple[Video, ...]
    counts: tuple[int, ...]
    skipped: tuple[tuple[Path, str], ...]


def find_readable(
    videos: Sequence[Video], *, strict: bool = False, workers: int = 1, progress: Progress | None = None
) -> Readable:
    """Count the frames of all videos; ``strict`` raises at the first one that is missing or damaged."""

    def measure(video: Video) -> int | VidexplainError:
        try:
            return frame_count(video.path)
        except VidexplainError as error:
            return error

    good: list[tuple[Video, int]] = []
    skipped: list[tuple[Path, str]] = []
    with ThreadPoolExecutor(max(1, workers)) as pool:
        for done, (video, count) in enumerate(zip(videos, pool.map(measure, videos), strict=True), start=1):
            if not isinstance(count, VidexplainError):
                good.append((video, count))
            elif strict:
                pool.shutdown(cancel_futures=True)
                raise count
            else:
                skipped.append((video.path, str(count)))
            if progress:
                progress(done, len(videos))
    return Readable(tuple(video for video, _ in good), tuple(count for _, count in good), tuple(skipped))


class Clips(Dataset[tuple[Tensor, int, int]]):
    """Clips of videos, each with its label and the position of its video.

    Which frames a clip has and how they are varied follows from the seed, the pass and the clip alone, so that neither
    the number of processes nor a job that was stopped and resumed makes a difference.
    """

    def __init__(
        self,
        found: Readable,
        config: ModelConfig,
        *,
        clips: str,
        augmentation: Augmentation,
        seed: int = 0,
        at_random: bool = False,
        cache: "FrameCache | None" = None,
    ) -> None:
        """Cut clips.

        Args:
            found: The videos.
            config: What the network expects.
            clips: ``"uniform"``, ``"one"`` or ``"five"``, see :class:`videxplain.train.recipe.Recipe`.
            augmentation: What is done to each.
            seed: Of the run.
            at_random: Whether ``"one"`` window lies anywhere, as for training, or in the middle.
            cache: Frames in memory.
        """
        self.videos, self.counts = found.videos, found.counts
        self.config, self.augmentation = config, augmentation
        self.seed, self.at_random, self.cache = seed, at_random, cache
        self.clips = clips
        self.per_video = WINDOWS if clips == "five" else 1

    def __len__(self) -> int:
        return self.per_video * len(self.videos)

    def __getitem__(self, index: Index) -> tuple[Tensor, int, int]:
        """The clip ``(3, T, H, W)``, its label, and which video it is of."""
        turn, number = index
        position, window = divmod(number, self.per_video)
        video = self.videos[position]
        rng = np.random.default_rng([self.seed, turn, number])
        wanted = self.frames_of(position, window, rng)
        frames = self.cache.read(video.path, wanted) if self.cache else read_video_frames(video.path, wanted)
        return torch.from_numpy(self.augmentation(frames, rng)), video.label, position

    def frames_of(self, position: int, window: int, rng: np.random.Generator) -> NDArray[np.int64]:
        """Which frames of the video at ``position`` are in a clip."""
        length, interval, count = self.config.num_frames, self.config.frame_interval, self.counts[position]
        if self.clips == "uniform":
            return uniform_indices(count, length)
        if self.clips == "one" and self.at_random:
            return random_window(count, length, rng, interval)
        return spread_windows(count, length, self.per_video, interval)[window]


class FrameCache:
    """Decoded frames in memory."""

    def __init__(self, size: tuple[int, int] | None) -> None:
        """``size`` is what frames are resized to before they are kept, None for their own."""
        self._size = size
        self._held: dict[Path, NDArray[np.uint8]] = {}

    def fill(self, found: Readable, *, limit: int, workers: int = 1, progress: Progress | None = None) -> bool:
        """Decode all frames of all videos, unless they would take more than ``limit`` bytes; whether they did fit."""

        def load(entry: tuple[Video, int]) -> NDArray[np.uint8]:
            frames = read_video_frames(entry[0].path, range(entry[1]))
            return frames if self._size is None else resized(frames, self._size)

        total, used, before = len(found.videos), 0, sum(frames.nbytes for frames in self._held.values())
        entries = list(zip(found.videos, found.counts, strict=True))
        with ThreadPoolExecutor(max(1, workers)) as pool:
            # A handful at a time: what is decoded and not yet counted is in memory as well.
            for first in range(0, total, 32):
                for (video, _), frames in zip(
                    entries[first : first + 32], pool.map(load, entries[first : first + 32]), strict=True
                ):
                    self._held[video.path] = frames
                    used += frames.nbytes
                done = min(first + 32, total)
                if before + used / done * total > limit:
                    self._held.clear()
                    return False
                if progress:
                    progress(done, total)
        return True

    def read(self, path: Path, indices: NDArray[np.int64]) -> NDArray[np.uint8]:
        """Frames ``(T, H, W, 3)``, from the file where it is not held."""
        held = self._held.get(path)
        return read_video_frames(path, indices) if held is None else held[indices]


def resized(frames: NDArray[np.uint8], size: tuple[int, int]) -> NDArray[np.uint8]:
    """``(T, H, W, 3)`` frames at another height and width, as the network's input is made from them."""
    from videxplain.data.transforms import resize_frame

    return np.stack([resize_frame(frame, *size) for frame in frames])


class PassSampler(Sampler[Index]):
    """The order of clips in an epoch, which follows from the seed and the epoch alone.

    Several processes take every so-manieth clip each. ``total`` asks for more clips than there are: they then come
    several times, in another order and varied anew.
    """

    def __init__(
        self, clips: int, *, seed: int, shuffle: bool, total: int | None = None, rank: int = 0, world: int = 1
    ) -> None:
        """``clips`` is how many there are; ``rank`` of ``world`` is this process."""
        self.clips, self.seed, self.shuffle = clips, seed, shuffle
        self.rank, self.world = rank, world
        # Everyone takes the same number when training, or those with more would wait for the others for ever.
        wanted = total or clips
        self.total = -(-wanted // world) * world if shuffle else wanted
        self.epoch = 0

    def set_epoch(self, epoch: int) -> None:
        """Called by Lightning before each epoch."""
        self.epoch = epoch

    def __len__(self) -> int:
        return len(range(self.rank, self.total, self.world))

    def __iter__(self) -> Iterator[Index]:
        passes = -(-self.total // self.clips)
        order: list[Index] = []
        for turn in range(self.epoch * passes, (self.epoch + 1) * passes):
            clips = np.arange(self.clips)
            if self.shuffle:
                clips = np.random.default_rng([self.seed, turn]).permutation(self.clips)
            order += [(turn, int(number)) for number in clips]
        return iter(order[self.rank : self.total : self.world])
