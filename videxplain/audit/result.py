"""An audit that is done: its table, its maps, its classes."""

from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from videxplain.audit.settings import Settings, read_settings
from videxplain.audit.tables import read_maps
from videxplain.errors import VidexplainError
from videxplain.explanation.familiarity import UNFAMILIAR_FRAME
from videxplain.runs.result import RunResult
from videxplain.runs.tables import VIDEOS

_FEW = 0.05
"""If more than this share of the videos is unfamiliar, every page says so. Of known videos, 0.01 are."""

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True)
class Audit(RunResult[Settings]):
    """Explanations of a data set on disk; see :func:`videxplain.audit.api.run_audit`."""

    @classmethod
    def load(cls, folder: str | Path) -> "Audit":
        """Open an audit.

        Raises:
            VidexplainError: The folder holds no audit, or one that is not finished.
        """
        folder = Path(folder)
        settings = read_settings(folder)
        if not (folder / VIDEOS).is_file():
            raise VidexplainError(f"the audit in {folder} is not finished: run its command again to continue")
        return cls(folder, settings)

    @property
    def notes(self) -> tuple[str, ...]:
        """Notes that belong to every number of the audit."""
        strange = int((self.videos["unfamiliar"] == True).sum())  # noqa: E712 (None is neither)
        explained = int(self.videos["error"].isna().sum())
        known = self.videos["truth"].isin(self.settings.labels) | self.videos["truth"].isna()
        said = self._filled_note()
        if others := int((~known & self.videos["error"].isna()).sum()):
            which = f"{others:,} of {explained:,} videos"
            said += (f"the accuracy leaves out {which}, because their labels are no classes of the network",)
        if strange > _FEW * explained:
            said += (f"{strange:,} of {explained:,} videos are {UNFAMILIAR_FRAME}: its predictions there mean nothing",)
        return said

    @cached_property
    def classes(self) -> "pd.DataFrame":
        """A row for each class: accuracy, figures of its maps, temporal reliance."""
        from videxplain.audit.report.statistics import classes

        return classes(self.videos, self.settings.labels)

    def maps(self, video: int | str, what: str = "prediction") -> NDArray[np.float32]:
        """The raw maps ``(T, h, w)`` of a video.

        Args:
            video: Its number, or its name in the table.
            what: ``"prediction"``; if the prediction is wrong also ``"truth"`` and ``"contrast"``, which explains why
                the prediction rather than the truth.

        Raises:
            VidexplainError: No such video, or no such map.
        """
        return self._maps(video, lambda shard, name: read_maps(self.folder, shard, name, what), f"is no map '{what}'")

    def __repr__(self) -> str:
        return f"Audit({self.settings.model} on {self.settings.data}, {self.settings.videos:,} videos, {self.folder})"
