"""The concepts of a layer on disk: their tables, maps and vectors."""

from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from videxplain.concepts import tables
from videxplain.concepts.factors import Factors
from videxplain.concepts.settings import Settings, read_settings
from videxplain.errors import VidexplainError
from videxplain.runs.result import RunResult
from videxplain.runs.tables import read_table

if TYPE_CHECKING:
    import pandas as pd

_POOR = 0.5
"""Concepts that explain less of the activations come with a note."""


@dataclass(frozen=True)
class Concepts(RunResult[Settings]):
    """Concepts of a layer over a data set, on disk; see :func:`videxplain.find_concepts`."""

    @classmethod
    def load(cls, folder: str | Path) -> "Concepts":
        """Open a search for concepts.

        Raises:
            VidexplainError: The folder holds no search, or one that is not finished.
        """
        folder = Path(folder)
        settings = read_settings(folder)
        if not (folder / tables.CONCEPTS).is_file():
            raise VidexplainError(f"the concepts in {folder} are not finished: run the command again to continue")
        return cls(folder, settings)

    @cached_property
    def concepts(self) -> "pd.DataFrame":
        """A row for each concept; the first explains most of the activations."""
        return read_table(self.folder / tables.CONCEPTS)

    @cached_property
    def shares(self) -> "pd.DataFrame":
        """A row for each predicted class and each concept: its share by three measures, with intervals."""
        return read_table(self.folder / tables.SHARES)

    @cached_property
    def tubes(self) -> "pd.DataFrame":
        """A row for each concept and each video in which it is active, the strongest of a concept first."""
        return read_table(self.folder / tables.TUBES)

    @cached_property
    def matches(self) -> "pd.DataFrame":
        """A row for each concept and each known region; empty for data without known regions."""
        return read_table(self.folder / tables.MATCHES)

    @cached_property
    def factors(self) -> Factors:
        """The concepts as vectors."""
        return Factors.load(self.folder / tables.FACTORS)

    @cached_property
    def mean_maps(self) -> NDArray[np.float64]:
        """Where each concept is active on average, ``(K, rows, columns)``."""
        try:
            with np.load(self.folder / tables.MEAN_MAPS, allow_pickle=False) as file:
                places: NDArray[np.float64] = file["places"]
                return places
        except (OSError, ValueError, KeyError) as error:
            raise VidexplainError(f"cannot read {self.folder / tables.MEAN_MAPS}: {error}") from None

    @property
    def explained(self) -> float:
        """The share of the squared activations that the concepts explain, averaged over videos."""
        return float(self.videos["explained"].dropna().mean())

    @property
    def notes(self) -> tuple[str, ...]:
        """Notes that belong to every number of the search."""
        notes = list(self._filled_note())
        if self.explained < _POOR:
            notes.append(
                f"the concepts explain {100 * self.explained:.0f} % of the activations, and shares and scores are of "
                "this part only: ask for more concepts"
            )
        if not self.factors.converged:
            notes.append("the factorisation was stopped before it settled: other seeds may give other concepts")
        return tuple(notes)

    def maps(self, video: int | str) -> NDArray[np.float32]:
        """How strongly each concept is active in a video: ``(K, T, h, w)``, one map a frame.

        Args:
            video: Its number, or its name in the table.

        Raises:
            VidexplainError: No such video, or a video that could not be read when the concepts were found.
        """
        return self._maps(video, lambda shard, name: tables.read_maps(self.folder, shard, name), "are no maps")

    def __repr__(self) -> str:
        settings = self.settings
        return (
            f"Concepts({settings.concepts} of {settings.model} at {settings.layer} on {settings.data}, "
            f"{settings.videos:,} videos, {self.folder})"
        )
