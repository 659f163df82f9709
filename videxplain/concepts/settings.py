"""What a search for concepts was asked for, and the file that says so."""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from videxplain.audit.kept import KeptFile, kept_view_box
from videxplain.boxes import Box
from videxplain.errors import VidexplainError

SETTINGS = "concepts.json"
SCHEMA = 1
_KEPT = KeptFile(
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
"""How many concepts are sought, from how many places, and how many designs the Sobol indices take, by default."""
_MOST_PASSES = 100_000
"""For the Sobol indices of one video. More would take hours a video, and their masks would fill the memory."""
_LARGEST_SEED = 2**32 - 1
"""scikit-learn takes no larger one."""


def check_seed(seed: int) -> None:
    """``VidexplainError`` for a seed that the random draws cannot take."""
    if not 0 <= seed <= _LARGEST_SEED:
        raise VidexplainError(f"seed is 0 to {_LARGEST_SEED:,}, not {seed}")


def check_designs(designs: int, concepts: int) -> None:
    """``VidexplainError`` for one design, which has no variance, or more than take too many passes for each video."""
    most = _MOST_PASSES // (concepts + 2)
    if designs == 1 or not 0 <= designs <= most:
        raise VidexplainError(f"designs is 0, or 2 to {most:,} for {concepts:,} concepts, not {designs}")


@dataclass(frozen=True)
class Settings:
    """Everything that the results of a search for concepts depend on.

    Attributes:
        model: The name of the network, as on the command line.
        weights: What was given as weights.
        weights_sha256: Digest of the file that the weights came from, or of the state of a network that was given.
        data: The data set.
        kind: How it is laid out.
        split: Number of its split.
        subset: Which videos of the split.
        videos: How many there are.
        videos_sha256: Digest of their paths, labels and groups in order.
        labels: The network's classes.
        labels_file: Where they were read from, if they were given.
        expects: What was said of the network besides (``--set``).
        layer: The layer, as it was found or given.
        concepts: How many concepts are sought, K.
        places: From at most how many places they are found.
        designs: How many designs the Sobol indices take; 0 for none.
        seed: For the sample of places, the factorisation, the designs and the bootstrap.
        limit: At most so many videos were taken; None where all were.
        evidence: ``"masks"``, or ``""`` for a data set whose evidence is not known.
        shard: Videos in a shard.
        view: As for :func:`videxplain.load_model`.
        shown: The fields of the network's ``View``; None where it is shown whole frames.
    """

    model: str
    weights: str
    weights_sha256: str
    data: str
    kind: str
    split: int
    subset: str
    videos: int
    videos_sha256: str
    labels: tuple[str, ...]
    layer: str
    labels_file: str = ""
    expects: dict[str, Any] = field(default_factory=dict)
    concepts: int = CONCEPTS
    places: int = PLACES
    designs: int = SOBOL_DESIGNS
    seed: int = 0
    limit: int | None = None
    evidence: str = ""
    shard: int = 16
    view: str = "model"
    shown: dict[str, Any] | None = None

    def view_box(self, size: tuple[int, int]) -> Box | None:
        """The part of a frame of ``size`` (height, width) that the network saw; None where that is the whole frame."""
        return kept_view_box(self.shown, size)

    def write(self, folder: Path) -> None:
        """Write the file, or compare with the one that is there.

        Raises:
            VidexplainError: The folder holds concepts of something else.
        """
        _KEPT.write(folder, self)


def read_settings(folder: Path) -> Settings:
    """Read the settings of a search from its folder.

    Raises:
        VidexplainError: The folder has none, or they are damaged or of another version.
    """
    return _KEPT.load(folder, Settings)
