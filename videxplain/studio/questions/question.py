"""A question: what is asked of which clip."""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from typing import Any

from videxplain.attribution.targets import Contrast, Target
from videxplain.explanation.result import FORMATS
from videxplain.studio.questions.edit import Edit
from videxplain.version import __version__

KINDS = ("predict", "explain", "trust", "file", "layers")
FIGURES = ("figure.png", "figure.pdf")
"""The four-panel figure."""
FILES = (*FORMATS, *FIGURES)
VIEWS = ("model", "whole")
"""How frames are shown to the network: as its authors do, perhaps cropped, or whole."""


@dataclass(frozen=True)
class Question:
    """What is asked.

    Attributes:
        kind: ``"predict"``, ``"explain"``, ``"trust"`` (hide what the map shows), ``"file"`` or ``"layers"``.
        clip: SHA-256 of the clip.
        model: Which network, an id of :mod:`videxplain.studio.questions.catalogue`.
        weights_sha256: SHA-256 of its weights.
        view: How frames are shown to it, one of :data:`VIEWS`.
        method: The method; empty for a prediction.
        target: A class by label or index; empty for the class predicted.
        against: Why ``target`` rather than this class; empty for no contrast.
        layer: Which layer; empty for the default.
        frames: ``START:STOP``.
        format: Which file.
        options: Values of the method's options that are not the default.
        edits: Changes of the clip, for a prediction.
        name: What the visitor calls the clip. Titles show the name, so another name is another question. A prediction
            shows no name.
    """

    kind: str
    clip: str
    model: str
    weights_sha256: str
    view: str = "model"
    method: str = ""
    target: str = ""
    against: str = ""
    layer: str = ""
    frames: str = ":"
    format: str = ""
    options: dict[str, Any] = field(default_factory=dict)
    edits: tuple[Edit, ...] = ()
    name: str = ""

    @property
    def key(self) -> str:
        """The SHA-256 of everything that decides the answer; two questions of one key have the same answer."""
        text = json.dumps({**self.record(), "version": __version__}, sort_keys=True)
        return hashlib.sha256(text.encode()).hexdigest()

    def record(self) -> dict[str, Any]:
        """The question as plain values for JSON."""
        return asdict(self)

    @classmethod
    def of_record(cls, record: Mapping[str, Any]) -> "Question":
        """The question that :meth:`record` has written."""
        options = {k: tuple(v) if isinstance(v, list) else v for k, v in record["options"].items()}
        edits = tuple(Edit.checked(one) for one in record["edits"])
        return cls(**{**record, "options": options, "edits": edits})

    @property
    def prediction(self) -> "Question":
        """The question for the classes of the same frames."""
        return Question("predict", self.clip, self.model, self.weights_sha256, self.view, frames=self.frames)

    @property
    def explanation(self) -> "Question":
        """The question for the map that a file or a trust figure is made from."""
        return replace(self, kind="explain", format="")

    @property
    def wanted(self) -> Target | None:
        """The target as :func:`videxplain.explain` takes it; None for the class predicted."""
        if self.against:
            return Contrast(self.target, self.against)
        return self.target or None

    @property
    def range(self) -> tuple[int, int | None]:
        """The first frame, and the one behind the last or None."""
        return range_of(self.frames)


def range_of(frames: str) -> tuple[int, int | None]:
    """``START:STOP`` as numbers: the first frame, and the one behind the last or None."""
    start, _, stop = frames.partition(":")
    return int(start or 0), int(stop) if stop else None
