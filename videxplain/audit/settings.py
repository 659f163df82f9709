"""The settings of an audit, and their file."""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from videxplain.attribution.engine import Precision
from videxplain.audit.kept import KeptFile, kept_view_box
from videxplain.boxes import Box
from videxplain.commands import command_line

SETTINGS = "audit.json"
SCHEMA = 2
_KEPT = KeptFile(SETTINGS, SCHEMA, "an audit", "an audit")


@dataclass(frozen=True)
class Settings:
    """Everything that the results of an audit depend on.

    Attributes:
        model: The name of the network, as on the command line.
        weights: The weights as they were given.
        weights_words: The weights in words, from the network's configuration.
        weights_sha256: Digest of the file that the weights came from; empty if there is no file.
        data: The folder or list of the data set.
        kind: The layout of the data set.
        split: Number of its split.
        subset: Which videos of the split.
        videos: Number of videos.
        videos_sha256: Digest of their paths, labels and groups in order.
        labels: The network's classes.
        labels_file: The file or data set that lists them, if one was given.
        expects: What was said about the network with ``--set``.
        method: The method.
        layer: The layer as it was given, or None for the method's default.
        options: Values of the method's options, by name.
        precision: ``"fp32"`` or ``"bf16"``.
        trust: Whether trust figures, temporal reliance and the share of motion are measured.
        evidence: ``"masks"``, ``"boxes"``, or ``""`` for a data set without known evidence.
        boxes: The file of UCF101-24's boxes; empty without.
        shard: Videos in a shard.
        view: As for :func:`videxplain.load_model`.
        shown: The fields of the network's ``View``; None if it sees whole frames.
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
    labels_file: str = ""
    weights_words: str = ""
    expects: dict[str, Any] = field(default_factory=dict)
    method: str = "gradcam"
    layer: str | None = None
    options: dict[str, Any] = field(default_factory=dict)
    precision: str = "fp32"
    trust: bool = True
    evidence: str = ""
    boxes: str = ""
    shard: int = 64
    view: str = "model"
    shown: dict[str, Any] | None = None

    def view_box(self, size: tuple[int, int]) -> Box | None:
        """The part of a frame of ``size`` (height, width) that the network saw; None for the whole frame."""
        return kept_view_box(self.shown, size)

    @property
    def weights_named(self) -> str:
        """The weights in words; without words, as they were given."""
        return self.weights_words or self.weights

    @property
    def passes(self) -> Precision:
        """The precision of every pass of the network."""
        return "bf16" if self.precision == "bf16" else "fp32"

    @property
    def command(self) -> str:
        """The command that explains one clip as the audit did, without the clip."""
        return command_line(
            self.method,
            self.expects,
            model=self.model,
            weights=None if self.weights == "auto" else self.weights,
            labels=self.labels_file or None,
            view=None if self.view == "model" else self.view,
            layer=self.layer,
            **self.options,
        )

    def write(self, folder: Path) -> None:
        """Write the settings, or check that the folder has the same settings already.

        Raises:
            VidexplainError: The folder holds another audit.
        """
        _KEPT.write(folder, self)


def read_settings(folder: Path) -> Settings:
    """Read the settings of an audit from its folder.

    Raises:
        VidexplainError: The folder has none, or they are damaged or of another version.
    """
    return _KEPT.load(folder, Settings)
