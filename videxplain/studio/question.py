"""A question: what is asked of which clip. Requests are checked here, and nowhere else."""

import hashlib
import json
import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

from videxplain.attribution.registry import METHODS
from videxplain.attribution.targets import Contrast, Target, class_index
from videxplain.errors import VidexplainError, unknown
from videxplain.explanation.result import FORMATS
from videxplain.studio.catalogue import DEFAULT_METHOD, FIRST, offer_of
from videxplain.studio.edits import Edit
from videxplain.version import __version__

KINDS = ("predict", "explain", "trust", "file", "layers")
FIGURES = ("figure.png", "figure.pdf")
"""The four-panel figure."""
FILES = (*FORMATS, *FIGURES)
MOST_EDITS = 16
_SHA = re.compile(r"[0-9a-f]{64}")
_FRAMES = re.compile(r"[0-9]{0,7}:[0-9]{0,7}")
_LAYER = re.compile(r"[\w.:+\-]{0,300}")
_TEXT_FIELDS = ("kind", "clip", "model", "view", "method", "target", "against", "layer", "frames", "format")
VIEWS = ("model", "whole")
"""How frames are shown to the network: as its authors do, who may crop them, or whole."""


@dataclass(frozen=True)
class Question:
    """What is asked.

    Attributes:
        kind: ``"predict"``, ``"explain"``, ``"trust"`` (hide what the map shows), ``"file"`` or ``"layers"``.
        clip: SHA-256 of the clip.
        model: Which network, an id of :mod:`videxplain.studio.catalogue`.
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
        name: What the visitor calls the clip. Titles show it, so visitors with other names have other answers; a
            prediction shows no name.
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
        start, _, stop = self.frames.partition(":")
        return int(start or 0), int(stop) if stop else None


def asked(given: Mapping[str, Any], weights: Path | None) -> Question:
    """The question of a request.

    Args:
        given: What the request says: the fields of :class:`Question` as text, ``options`` a table of texts, ``edits``
            a list.
        weights: The folder of weights that visitors may choose from, or None.

    Raises:
        VidexplainError: It asks for something that does not exist, or cannot be.
    """
    text = {name: _text(given, name) for name in _TEXT_FIELDS}
    kind = text["kind"] or "explain"
    if kind not in KINDS:
        raise unknown("kind of question", kind[:40], KINDS)
    offer = offer_of(text["model"] or FIRST, weights)
    view = text["view"] or "model"
    if view not in VIEWS:
        raise unknown("view", view[:40], VIEWS)
    if not offer.crops:  # both are the same question
        view = "model"
    if kind == "layers":
        return Question(kind, "", offer.id, offer.sha256, view)
    if not is_sha(text["clip"]):
        raise VidexplainError("clip is the SHA-256 of a clip, 64 hexadecimal digits")
    frames = text["frames"] or ":"
    if not _FRAMES.fullmatch(frames):
        raise VidexplainError(f"frames is START:STOP with whole numbers, such as 40:120 or 40:, not '{frames[:40]}'")
    start, stop = Question("", "", "", "", frames=frames).range
    if stop is not None and stop <= start:
        raise VidexplainError(f"frames {frames} is not a range of frames")
    edits = _edits(given.get("edits"))
    if kind == "predict":
        return Question(kind, text["clip"], offer.id, offer.sha256, view, frames=frames, edits=edits)
    if edits:
        raise VidexplainError("an edited clip is predicted, not explained: leave out edits, or ask kind=predict")
    name = text["method"] or DEFAULT_METHOD
    if name not in METHODS:
        raise unknown("method", name[:40], METHODS)
    method = METHODS[name]
    target, against, layer = text["target"], text["against"], text["layer"]
    if not method.candidates:
        target = against = ""
    if against and not target:
        raise VidexplainError("against needs a target: why the one rather than the other")
    if offer.labels:
        indices = [class_index(one, len(offer.labels), offer.labels) for one in (target, against) if one]
        if len(indices) > len(set(indices)):
            raise VidexplainError(f"a contrast needs two classes, and both are {offer.labels[indices[0]]}")
        # One class has one name, so that two ways to write it are one question.
        target, against = (
            offer.labels[class_index(one, len(offer.labels), offer.labels)] if one else "" for one in (target, against)
        )
    if not _LAYER.fullmatch(layer):
        raise VidexplainError("layer is a dotted name such as layer4, or several joined by +")
    if method.layer is None:
        layer = ""
    if kind == "file" and text["format"] not in FILES:
        raise unknown("format", text["format"][:40], FILES)
    return Question(
        kind=kind,
        clip=text["clip"],
        model=offer.id,
        weights_sha256=offer.sha256,
        view=view,
        method=name,
        target=target,
        against=against,
        layer=layer,
        frames=frames,
        format=text["format"] if kind == "file" else "",
        options=_options(name, given.get("options")),
    )


def is_sha(text: str) -> bool:
    """Whether a text is a SHA-256 in hexadecimal."""
    return bool(_SHA.fullmatch(text))


def plain_text(text: str, longest: int = 200) -> str:
    """A text on one line without control characters and lone surrogates, cut at a length."""
    kept = "".join(one if one.isprintable() else " " for one in text)
    return " ".join(kept.split())[:longest]


def _text(given: Mapping[str, Any], name: str) -> str:
    value = given.get(name)
    if value is None:
        return ""
    if isinstance(value, int) and not isinstance(value, bool) and name in ("target", "against"):
        value = str(value)[:20]
    if not isinstance(value, str):
        raise VidexplainError(f"{name} is a text")
    if len(value) > 400:
        raise VidexplainError(f"{name} is at most 400 characters long")
    return plain_text(value, 400)


def _options(method: str, given: Any) -> dict[str, Any]:
    if given is None:
        return {}
    if not isinstance(given, Mapping) or not all(isinstance(name, str) for name in given):
        raise VidexplainError("options is a table of names and values")
    texts = {}
    for name, value in given.items():
        if isinstance(value, list | tuple):
            value = ",".join(map(str, value))
        if isinstance(value, bool | Mapping) or not isinstance(value, str | int | float | None):
            raise VidexplainError(f"option {name[:40]} is a text or a number")
        if value is not None and (text := plain_text(str(value), 300)):
            texts[plain_text(name, 60)] = text
    values = METHODS[method].parse_options(texts)
    return {name: value for name, value in sorted(values.items()) if value != METHODS[method].option(name).default}


def _edits(given: Any) -> tuple[Edit, ...]:
    if given is None:
        return ()
    if not isinstance(given, list) or len(given) > MOST_EDITS:
        raise VidexplainError(f"edits is a list of at most {MOST_EDITS} changes")
    return tuple(Edit.checked(one) for one in given)
