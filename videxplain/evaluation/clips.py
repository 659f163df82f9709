"""The clips of videos with which a network is trained and tested."""

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import TypeAlias

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.utils.data import Dataset

from videxplain.data.augmentation import Augmentation
from videxplain.data.datasets.frames import frame_count, read_video_frames
from videxplain.data.datasets.types import Video
from videxplain.data.sampling import random_segments, random_window, spread_windows, uniform_indices
from videxplain.errors import VidexplainError
from videxplain.models.config import ModelConfig
from videxplain.progress import Progress

Index: TypeAlias = tuple[int, int]
"""The number of the pass through the videos, and the number of the clip."""
ReadFrames: TypeAlias = Callable[[Path, NDArray[np.int64]], NDArray[np.uint8]]
"""From a video and frame numbers ``(T,)`` to frames ``(T, H, W, 3)``, RGB."""
WINDOWS = 5
"""The number of windows that ``"five"`` cuts from one video."""


@dataclass(frozen=True)
class Readable:
    """The videos that can be read.

    Attributes:
        videos: These videos, in the order in which they were given.
        counts: The number of frames of each.
        skipped: The other videos, with the reasons.
    """

    videos: tuple[Video, ...]
    counts: tuple[int, ...]
    skipped: tuple[tuple[Path, str], ...]


def find_readable(
    videos: Sequence[Video], *, strict: bool = False, workers: int = 1, progress: Progress | None = None
) -> Readable:
    """Count the frames of all videos, to find those that can be read.

    Args:
        videos: The videos.
        strict: Raise at the first video that is missing or damaged, instead of leaving it out.
        workers: Threads that decode.
        progress: Called with the number of videos done and the number of all videos.

    Raises:
        VidexplainError: With ``strict``, a video is missing or damaged.
    """

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

    The frames of a clip and their augmentation depend only on the seed, the pass and the clip's number. So the number
    of worker processes does not matter, and a job that was stopped and resumed sees the same clips.
    """

    def __init__(
        self,
        readable: Readable,
        config: ModelConfig,
        *,
        clips: str,
        augmentation: Augmentation,
        seed: int = 0,
        at_random: bool = False,
        read: ReadFrames = read_video_frames,
    ) -> None:
        """Nothing is read yet.

        Args:
            readable: The videos.
            config: What the network expects.
            clips: How clips are cut. ``"uniform"``: frames spread over the video. ``"segments"``: one frame from each
                of equal segments. ``"one"``: one window of neighbouring frames. ``"five"``: five such windows spread
                over the video, each of them a clip.
            augmentation: Applied to each clip.
            seed: The seed of the run.
            at_random: Whether the window of ``"one"`` and the frames of ``"segments"`` are drawn at random, as in
                training. Otherwise they lie in the middle.
            read: Reads frames, from the file or from a cache.
        """
        self.videos, self.counts = readable.videos, readable.counts
        self.config, self.augmentation = config, augmentation
        self.seed, self.at_random, self.read = seed, at_random, read
        self.clips = clips
        self.per_video = WINDOWS if clips == "five" else 1

    def __len__(self) -> int:
        return self.per_video * len(self.videos)

    def __getitem__(self, index: Index) -> tuple[Tensor, int, int]:
        """The clip ``(3, T, H, W)``, its label, and the position of its video."""
        frames, position, rng = self.drawn(index)
        return torch.from_numpy(self.augmentation(frames, rng)), self.videos[position].label, position

    def drawn(self, index: Index) -> tuple[NDArray[np.uint8], int, np.random.Generator]:
        """The frames ``(T, H, W, 3)`` of a clip, the position of its video, and what its augmentation is drawn from."""
        turn, number = index
        position, window = divmod(number, self.per_video)
        rng = np.random.default_rng([self.seed, turn, number])
        return self.read(self.videos[position].path, self.frames_of(position, window, rng)), position, rng

    def frames_of(self, position: int, window: int, rng: np.random.Generator) -> NDArray[np.int64]:
        """Which frames of the video at ``position`` are in a clip, ``(T,)``."""
        length, interval, count = self.config.num_frames, self.config.frame_interval, self.counts[position]
        if self.clips == "segments" and self.at_random:
            return random_segments(count, length, rng)
        if self.clips in ("uniform", "segments"):
            return uniform_indices(count, length)
        if self.clips == "one" and self.at_random:
            return random_window(count, length, rng, interval)
        return spread_windows(count, length, self.per_video, interval)[window]
