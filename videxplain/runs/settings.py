"""What every kind of run over a data set keeps of its network and its videos."""

from dataclasses import dataclass, field
from typing import Any

from videxplain.boxes import Box
from videxplain.models.provenance import provenance
from videxplain.runs.settings_file import view_box_of


@dataclass(frozen=True, kw_only=True)
class RunSettings:
    """The network and the videos of a run.

    Attributes:
        model: The name of the network, as on the command line; the architecture of a network that was given.
        weights: The weights as they were given.
        weights_words: The weights in words, from the network's configuration.
        weights_file: Name of the file that the weights or the network came from; empty if there is none.
        weights_sha256: Digest of that file; empty if there is none.
        state_sha256: Digest of the state of a network that was given or that a file of Python made; empty for others.
        given: Whether the network was given as an object, so that no command can load it.
        labels: The network's classes.
        labels_file: The file or data set that lists them, if one was given.
        expects: What was said about the network with ``--set``.
        view: As for :func:`videxplain.load_model`.
        shown: The fields of the network's ``View``; None if it sees whole frames.
        data: The folder or list of the data set.
        kind: The layout of the data set.
        split: Number of its split.
        subset: Which videos of the split.
        videos: Number of videos.
        videos_sha256: Digest of their paths, labels and groups in order.
        evidence: ``"masks"``, ``"boxes"``, or ``""`` for a data set without known evidence.
        shard: Videos in a shard.
    """

    model: str
    weights: str
    weights_words: str = ""
    weights_file: str = field(default="", compare=False)
    weights_sha256: str
    state_sha256: str = ""
    given: bool = False
    labels: tuple[str, ...]
    labels_file: str = ""
    expects: dict[str, Any] = field(default_factory=dict)
    view: str = "model"
    shown: dict[str, Any] | None = None
    data: str
    kind: str
    split: int
    subset: str
    videos: int
    videos_sha256: str
    evidence: str = ""
    shard: int

    def view_box(self, size: tuple[int, int]) -> Box | None:
        """The part of a frame of ``size`` (height, width) that the network saw; None for the whole frame."""
        return view_box_of(self.shown, size)

    @property
    def weights_named(self) -> str:
        """The weights in words; without words, as they were given."""
        return self.weights_words or self.weights

    @property
    def weights_and_digest(self) -> str:
        """The weights in the words that pictures have, with their file and the beginnings of the digests."""
        said = provenance(self.weights_named, self.weights_file, self.weights_sha256, self.state_sha256)
        return said.removeprefix("weights: ") or self.weights_named

    @property
    def network_options(self) -> dict[str, str | None]:
        """The options of a command that loads the network, without ``--set``; None for those that can be left out."""
        return {
            "model": self.model,
            "weights": None if self.weights == "auto" else self.weights,
            "labels": self.labels_file or None,
            "view": None if self.view == "model" else self.view,
        }
