"""From a request to a question. Every request is checked here."""

import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from videxplain.attribution.registry import METHODS, Method
from videxplain.attribution.targets import class_index
from videxplain.errors import VidexplainError, unknown
from videxplain.studio.questions.catalogue import DEFAULT_METHOD, FIRST, Offer, offer_of
from videxplain.studio.questions.edit import Edit
from videxplain.studio.questions.question import FILES, KINDS, VIEWS, Question, range_of

_MOST_EDITS = 16
_SHA = re.compile(r"[0-9a-f]{64}")
_FRAMES = re.compile(r"[0-9]{0,7}:[0-9]{0,7}")
_LAYER = re.compile(r"[\w.:+\-]{0,300}")
_TEXT_FIELDS = ("kind", "clip", "model", "view", "method", "target", "against", "layer", "frames", "format")


def asked(given: Mapping[str, Any], weights: Path | None, own: Sequence[Offer] = ()) -> Question:
    """The question of a request.

    Args:
        given: The fields of the request: those of :class:`Question` as text, ``options`` as a table of texts, ``edits``
            as a list.
        weights: The folder of weights that visitors may choose from, or None.
        own: The networks that the studio was started with.

    Raises:
        VidexplainError: The request names something that does not exist, or a combination that cannot be asked.
    """
    text = {name: _text(given, name) for name in _TEXT_FIELDS}
    kind = text["kind"] or "explain"
    if kind not in KINDS:
        raise unknown("kind of question", kind[:40], KINDS)
    offer = offer_of(text["model"] or FIRST, weights, own)
    view = _view(text["view"], offer)
    if kind == "layers":
        return Question(kind, "", offer.id, offer.sha256, view)
    if not _SHA.fullmatch(text["clip"]):
        raise VidexplainError("clip is the SHA-256 of a clip, 64 hexadecimal digits")
    frames = _frames(text["frames"])
    edits = _edits(given.get("edits"))
    if kind == "predict":
        return Question(kind, text["clip"], offer.id, offer.sha256, view, frames=frames, edits=edits)
    if edits:
        raise VidexplainError("an edited clip is predicted, not explained: leave out edits, or ask kind=predict")
    name = text["method"] or DEFAULT_METHOD
    if name not in METHODS:
        raise unknown("method", name[:40], METHODS)
    target, against = _classes(text["target"], text["against"], METHODS[name], offer)
    if not _LAYER.fullmatch(text["layer"]):
        raise VidexplainError("layer is a dotted name such as layer4, or several joined by +")
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
        layer=text["layer"] if METHODS[name].layer is not None else "",
        frames=frames,
        format=text["format"] if kind == "file" else "",
        options=_options(name, given.get("options")),
    )


def _view(text: str, offer: Offer) -> str:
    view = text or "model"
    if view not in VIEWS:
        raise unknown("view", view[:40], VIEWS)
    # A network without a view of its own sees whole frames either way, so both are one question.
    return view if offer.crops else "model"


def _frames(text: str) -> str:
    frames = text or ":"
    if not _FRAMES.fullmatch(frames):
        raise VidexplainError(f"frames is START:STOP with whole numbers, such as 40:120 or 40:, not '{frames[:40]}'")
    start, stop = range_of(frames)
    if stop is not None and stop <= start:
        raise VidexplainError(f"frames {frames} is not a range of frames")
    return frames


def _classes(target: str, against: str, method: Method, offer: Offer) -> tuple[str, str]:
    """``target`` and ``against`` as labels, if the labels are known: one class has one name, and is one question."""
    if not method.candidates:
        return "", ""
    if against and not target:
        raise VidexplainError("against needs a target: why the one rather than the other")
    if not offer.labels:
        return target, against
    labels = [
        offer.labels[class_index(one, len(offer.labels), offer.labels)] if one else "" for one in (target, against)
    ]
    if against and labels[0] == labels[1]:
        raise VidexplainError(f"a contrast needs two classes, and both are {labels[0]}")
    return labels[0], labels[1]


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
    if not isinstance(given, list) or len(given) > _MOST_EDITS:
        raise VidexplainError(f"edits is a list of at most {_MOST_EDITS} changes")
    return tuple(Edit.checked(one) for one in given)
