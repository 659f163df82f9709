"""A run that is done: what every kind of results has."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Generic, TypeVar

import numpy as np
from numpy.typing import NDArray

from videxplain.data.sampling import short_videos_note
from videxplain.errors import VidexplainError
from videxplain.runs.entries import path_of
from videxplain.runs.settings import RunSettings
from videxplain.runs.shards import Shard, cut
from videxplain.runs.tables import VIDEOS, number_of, read_table

if TYPE_CHECKING:
    import pandas as pd

SettingsT = TypeVar("SettingsT", bound=RunSettings)


@dataclass(frozen=True)
class RunResult(Generic[SettingsT]):
    """Results of a run on disk.

    Attributes:
        folder: The folder of the results.
        settings: The settings of the run.
    """

    folder: Path
    settings: SettingsT

    @cached_property
    def videos(self) -> "pd.DataFrame":
        """A row for each video, in the order of the data set. The page of the command explains the columns."""
        return read_table(self.folder / VIDEOS)

    @cached_property
    def shards(self) -> list[Shard]:
        """The shards of the videos."""
        return cut(self.settings.videos, self.settings.shard)

    def path(self, video: int) -> Path:
        """The file of a video, or its folder of frames."""
        return path_of(str(self.videos["path"].iloc[video]), Path(self.settings.data), self.settings.kind)

    def _filled_note(self) -> tuple[str, ...]:
        """The note about videos that are shorter than a window, if there are any."""
        filled = int((self.videos["filled"] > 0).sum())
        return (short_videos_note(filled),) if filled else ()

    def _maps(
        self, video: int | str, read: Callable[[Shard, str], NDArray[np.float32]], missing: str
    ) -> NDArray[np.float32]:
        """The maps of a video.

        Args:
            video: Its number, or its name in the table.
            read: Reads the maps from the shard and the name of the video.
            missing: What is missing if there are none, in the message.

        Raises:
            VidexplainError: No such video, or no such maps of it.
        """
        number = number_of(self.videos, video)
        name = str(self.videos["name"].iloc[number])
        try:
            return read(self.shards[number // self.settings.shard], name)
        except (KeyError, FileNotFoundError):
            why = self.videos["error"].iloc[number]
            reason = f": {why}" if isinstance(why, str) else ""
            raise VidexplainError(f"there {missing} of {name}{reason}") from None
