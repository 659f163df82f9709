"""The texts of options as values. Each is read in one place."""

import re
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from videxplain.errors import VidexplainError

if TYPE_CHECKING:
    from torch import nn


def network_options(labels: str | None, settings: Sequence[str] | None = None) -> dict[str, Any]:
    """What ``load_model`` is given for ``--labels`` and for each ``--set``.

    Raises:
        VidexplainError: Labels that cannot be read, a setting that is not ``NAME=VALUE``, or one with two values.
    """
    from videxplain.models.weights.labels import read_labels

    given: dict[str, Any] = {}
    for text in settings or ():
        name, value = _setting(text)
        if given.setdefault(name, value) != value:
            raise VidexplainError(f"--set {name} takes one value, and it is given {given[name]!r} and {value!r}")
    return given if labels is None else given | {"labels": read_labels(labels)}


def _setting(text: str) -> tuple[str, Any]:
    """``NAME=VALUE``: a number, several with commas between them, ``HEIGHTxWIDTH``, true or false, or a word."""
    name, equals, value = (part.strip() for part in text.partition("="))
    if not name or not equals or not value:
        raise VidexplainError(f"--set takes NAME=VALUE, such as frame_interval=3, not '{text}'")
    if name in ("labels", "view"):
        raise VidexplainError(f"--set {name}: there is an option --{name} for it")
    parts = value.split("x") if re.fullmatch(r"[0-9]+x[0-9]+", value) else value.split(",")
    values = [_value(part.strip()) for part in parts]
    return name, values[0] if len(values) == 1 else tuple(values)


def _value(text: str) -> Any:
    if text.lower() in ("true", "false"):
        return text.lower() == "true"
    for kind in (int, float):
        try:
            return kind(text)
        except ValueError:
            continue
    return text


def frame_range(text: str) -> tuple[int, int | None]:
    """``START:STOP`` as numbers; either side may be missing."""
    start, colon, stop = text.partition(":")
    if not colon or not all(re.fullmatch(r"[0-9]{0,18}", side) for side in (start, stop)):
        raise VidexplainError(f"--frames is START:STOP with whole numbers, such as 40:120 or 40:, not '{text}'")
    return int(start or 0), int(stop) if stop else None


def name_list(text: str) -> list[str]:
    """Names separated by commas, each once, in the order given."""
    names = list(dict.fromkeys(part.strip() for part in text.split(",") if part.strip()))
    if not names:
        raise VidexplainError("a list of names is empty")
    return names


def format_list(text: str, known: tuple[str, ...]) -> list[str]:
    """Suffixes separated by commas, each once, in the order given."""
    formats = list(dict.fromkeys(part.strip().lower().lstrip(".") for part in text.split(",") if part.strip()))
    wrong = [name for name in formats if name not in known]
    if wrong or not formats:
        raise VidexplainError(f"--format takes {', '.join(known)}, not '{', '.join(wrong) or text}'")
    return formats


def target_name(target: str | None, against: str | None) -> str | None:
    """The part of the file names that names the target; None without a target."""
    return f"{target}-against-{against}" if target and against else target


def target_of(target: str | None, against: str | None) -> Any:
    """The target of ``--target`` and ``--against``."""
    from videxplain.attribution.targets import Contrast

    if against is None:
        return target
    if target is None:
        raise VidexplainError("--against needs --target: why the one rather than the other")
    return Contrast(target, against)


def precision_of(name: str, network: "nn.Module") -> Any:
    """The precision of ``--precision`` on the device of the network."""
    from videxplain.device import device_of, find_precision

    return find_precision(name, device_of(network))
