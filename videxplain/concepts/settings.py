"""The settings of a search for concepts, and their file."""

from dataclasses import dataclass
from pathlib import Path

from videxplain.errors import VidexplainError
from videxplain.runs.settings import RunSettings
from videxplain.runs.settings_file import SettingsFile

SETTINGS = "concepts.json"
SCHEMA = 2
_FILE = SettingsFile(
    SETTINGS,
    SCHEMA,
    "a search for concepts",
    "concepts",
    {
        "concepts": "number of concepts",
        "places": "number of places",
        "designs": "number of Sobol designs",
        "videos": "number of videos",
        "labels_file": "file of labels",
        "expects": "choice of --set",
    },
)

CONCEPTS, PLACES, SOBOL_DESIGNS = 10, 20_000, 32
"""Defaults: the number of concepts, of sampled places, and of designs of the Sobol indices."""
_MOST_PASSES = 100_000
"""Passes for the Sobol indices of one video. More would take hours, and their masks would fill the memory."""
_LARGEST_SEED = 2**32 - 1
"""The largest seed that scikit-learn takes."""


def check_seed(seed: int) -> None:
    """Raise ``VidexplainError`` for a seed that the random draws cannot take."""
    if not 0 <= seed <= _LARGEST_SEED:
        raise VidexplainError(f"seed is 0 to {_LARGEST_SEED:,}, not {seed}")


def check_designs(designs: int, concepts: int) -> None:
    """Raise ``VidexplainError`` for one design, which has no variance, and for designs that take too many passes."""
    most = _MOST_PASSES // (concepts + 2)
    if designs == 1 or not 0 <= designs <= most:
        raise VidexplainError(f"designs is 0, or 2 to {most:,} for {concepts:,} concepts, not {designs}")


@dataclass(frozen=True, kw_only=True)
class Settings(RunSettings):
    """Everything that the results of a search for concepts depend on.

    Attributes:
        layer: Dotted name of the layer.
        concepts: The number of concepts, K.
        places: The most places of the sample.
        designs: N of the Sobol indices; 0 for none.
        seed: For the sample of places, the factorisation, the designs and the bootstrap.
        limit: How many videos; None for all.
    """

    layer: str
    concepts: int = CONCEPTS
    places: int = PLACES
    designs: int = SOBOL_DESIGNS
    seed: int = 0
    limit: int | None = None
    shard: int = 16

    def write(self, folder: Path) -> None:
        """Write the settings, or check that the folder has the same settings already.

        Raises:
            VidexplainError: The folder holds another search.
        """
        _FILE.write(folder, self)


def read_settings(folder: Path) -> Settings:
    """Read the settings of a search from its folder.

    Raises:
        VidexplainError: The folder has none, or they are damaged or of another version.
    """
    return _FILE.load(folder, Settings)
