"""Multi-view testing: several clips in time of a video, each in one crop or in three."""

import re
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.utils.data import Dataset

from videxplain.data.crops import CROPS, three_crops
from videxplain.data.datasets.frames import read_video_frames
from videxplain.data.sampling import spread_windows, uniform_sets
from videxplain.data.transforms import to_model_input
from videxplain.errors import VidexplainError
from videxplain.evaluation.clips import Index, Readable
from videxplain.models.config import ModelConfig

MOST_CLIPS = 1000


@dataclass(frozen=True)
class Views:
    """The views of a video.

    Attributes:
        clips: Clips in time, spread from the first frame to the last.
        crops: 1 for the part of the frame that the network usually sees; 3 for the middle and both ends of the longer
            side.
    """

    clips: int
    crops: int

    def __post_init__(self) -> None:
        """Check the numbers.

        Raises:
            VidexplainError: A number is out of range.
        """
        if not (isinstance(self.clips, int) and 1 <= self.clips <= MOST_CLIPS and self.crops in CROPS):
            raise VidexplainError(
                f"views are clips in time x crops, such as 10x3: 1 to {MOST_CLIPS} clips, and 1 or 3 crops; not "
                f"{self.clips}x{self.crops}"
            )

    @property
    def words(self) -> str:
        """Such as ``"10x3"``."""
        return f"{self.clips}x{self.crops}"

    def check(self, config: ModelConfig) -> None:
        """Check that the crops differ for a network.

        Raises:
            VidexplainError: The network sees whole frames, so all crops are the same.
        """
        view = config.view
        if self.crops > 1 and view is not None and view.resize == view.crop:
            raise VidexplainError(
                f"{config.architecture} sees whole frames, squeezed to {view.crop[1]}x{view.crop[0]}, so all crops are "
                f"the same: say {self.clips}x1"
            )


def parse_views(text: str) -> Views:
    """``"10x3"`` as :class:`Views`.

    Raises:
        VidexplainError: It is something else.
    """
    match = re.fullmatch(r"([0-9]{1,6})x([0-9]{1,6})", text.strip())
    if match is None:
        raise VidexplainError(f"views are clips in time x crops, such as 10x3, not '{text}'")
    return Views(int(match[1]), int(match[2]))


class ViewClips(Dataset[tuple[Tensor, int, int]]):
    """The clips of videos in time, each with all of its crops."""

    def __init__(self, readable: Readable, config: ModelConfig, views: Views) -> None:
        """``config`` says what the network expects."""
        self._videos, self._counts = readable.videos, readable.counts
        self._config, self._views = config, views

    def __len__(self) -> int:
        return self._views.clips * len(self._videos)

    def __getitem__(self, index: Index) -> tuple[Tensor, int, int]:
        """Crops ``(crops, 3, T, h, w)`` of a clip, the label and the position of its video."""
        position, clip = divmod(index[1], self._views.clips)
        video, config = self._videos[position], self._config
        frames = read_video_frames(video.path, self.frames_of(position)[clip])
        one = self._views.crops == 1
        shown = frames[None] if one else three_crops(frames, config.size, config.view)
        view = config.view if one else None  # crops have been cut already
        seen = [to_model_input(crop, size=config.size, mean=config.mean, std=config.std, view=view) for crop in shown]
        return torch.from_numpy(np.stack(seen)), video.label, position

    def frames_of(self, position: int) -> list[NDArray[np.int64]]:
        """Which frames of the video at ``position`` each clip has."""
        count, config = self._counts[position], self._config
        if config.sampling == "uniform":
            return uniform_sets(count, config.num_frames, self._views.clips)
        return spread_windows(count, config.num_frames, self._views.clips, config.frame_interval)
