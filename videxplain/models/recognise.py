"""Which networks a file of weights can be loaded as, and what the file does not say."""

import warnings
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

from videxplain.errors import VidexplainError
from videxplain.models.architectures import ARCHITECTURES
from videxplain.models.assumption import AssumptionWarning
from videxplain.models.build import in_our_names
from videxplain.models.config import ModelConfig
from videxplain.models.hubs.names import PYTORCHVIDEO
from videxplain.models.weights.files import Weights, read_weights, sha256_of
from videxplain.models.weights.layout_options import options_of
from videxplain.models.zoo import load_model

if TYPE_CHECKING:
    from torch import Tensor

_INPUT = "how clips were prepared in training: --set and --view say it (frames, their distance, size, mean, std, view)"


@dataclass(frozen=True)
class Reading:
    """A network that a file of weights fits.

    Attributes:
        model: The name that ``--model`` and :func:`videxplain.load_model` take.
        weights: What ``--weights`` takes: the file, or ``"auto"`` for a folder of Hugging Face.
        config: What the network expects when it is loaded so; None if an option has to be given first.
        source: Who says so, in words.
        unknown: What nobody says, a line each. It is then as the network was published, or has to be given.
        settings: Options that the file needs to be loaded so: those of :func:`videxplain.load_model`, and of ``--set``.
        undecided: Options that have to be given, because nothing in the file tells them.
    """

    model: str
    weights: str
    config: ModelConfig | None
    source: str
    unknown: tuple[str, ...] = ()
    settings: Mapping[str, Any] = field(default_factory=dict)
    undecided: tuple[str, ...] = ()


@dataclass(frozen=True)
class Recognised:
    """What is known of a file of weights.

    Attributes:
        path: The file.
        sha256: Its SHA-256.
        readings: The networks that it fits; at least one.
    """

    path: Path
    sha256: str
    readings: tuple[Reading, ...]


def recognise(path: str | Path) -> Recognised:
    """Say which networks a file of weights fits, by loading it as each of those that its names allow.

    Of the networks of this package, torchvision, pytorchvideo (if it is installed) and Hugging Face (if ``config.json``
    lies beside the file).

    Args:
        path: The file. Only tensors are read, never code.

    Raises:
        VidexplainError: It cannot be read, or fits no network that is known here.
    """
    path = Path(path)
    found = read_weights(path)
    readings = tuple(_readings(path, found))
    if not readings:
        first = ", ".join(f"{name} {tuple(value.shape)}" for name, value in list(found.state.items())[:2])
        raise VidexplainError(
            f"'{path}' fits no network that is known here; it begins with {first}: build its network in Python, load "
            "the weights into it, and use vx.wrap"
        )
    return Recognised(path, sha256_of(path), readings)


def _readings(path: Path, found: Weights) -> Iterator[Reading]:
    if found.config is not None:
        name = found.config.architecture
        config, _ = _loaded(name, str(path))
        if config is not None:
            yield Reading(name, str(path), config, "the file says so itself", _names(config, found))
        return
    if (path.parent / "config.json").is_file():
        name = f"hf:{path.parent if path.parent.is_absolute() else f'./{path.parent}'}"
        config, _ = _loaded(name, "auto")
        if config is not None and config.weights_file == path.name:
            yield Reading(name, "auto", config, "config.json beside the file says so", _names(config, found))
    for name in ARCHITECTURES:
        yield from _of_ours(name, path, found)
    for name, published in (*_torchvision(found.state), *_pytorchvideo(found.state)):
        config, _ = _loaded(name, str(path))
        if config is None:
            continue
        if config.labels:
            how = "its SHA-256" if published == "torchvision" else "its name"
            yield Reading(name, str(path), config, f"{published} published this file, by {how}")
        else:
            said = (f"{_INPUT}; without them it is as {published} did", *_names(config, found))
            yield Reading(name, str(path), config, "names and shapes of the weights", said)


def _of_ours(name: str, path: Path, found: Weights) -> Iterator[Reading]:
    """The file as a network of this package, with names of ours or of a project whose networks are ours."""
    try:
        converted = in_our_names(name, found, path)
    except VidexplainError:
        return
    if converted.undecided:
        needed = tuple(f"{option}: give --set {option}=..." for option in converted.undecided)
        how = "names and shapes of the weights"
        yield Reading(name, str(path), None, how, needed, undecided=converted.undecided)
        return
    settings: dict[str, Any] = {}
    config, assumed = _loaded(name, str(path))
    if config is None and (settings := _from_shapes(name, converted.state)):
        config, assumed = _loaded(name, str(path), **settings)
    if config is not None:
        said = (*assumed, f"{_INPUT}; without them it is as usual for {name}", *_names(config, found))
        yield Reading(name, str(path), config, "names and shapes of the weights", said, settings)


def _from_shapes(name: str, state: "Mapping[str, Tensor]") -> dict[str, Any]:
    """Options of a network of this package that is not as large as usual; empty if the shapes do not say them."""
    try:
        read = options_of(state, name)
    except VidexplainError:
        return {}
    return {option: value for option, value in read.items() if option != "num_classes"}


def _loaded(name: str, weights: str, **options: Any) -> tuple[ModelConfig | None, tuple[str, ...]]:
    """The configuration with which a network is loaded, None if it is not; and what was assumed."""
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        try:
            config = load_model(name, weights, **options).config
        except VidexplainError:
            return None, ()
    return config, tuple(str(one.message) for one in caught if issubclass(one.category, AssumptionWarning))


def _names(config: ModelConfig, found: Weights) -> tuple[str, ...]:
    """That the classes have no names, if so."""
    if not config.lacks_names:
        return ()
    more = f" (it calls several '{found.shared_label}')" if found.shared_label else ""
    return (f"the names of the {config.num_classes} classes{more}: give --labels FILE, with a name on each line",)


def _torchvision(state: "Mapping[str, Tensor]") -> Iterator[tuple[str, str]]:
    from videxplain.models.hubs.torchvision import models_that_fit

    yield from ((name, "torchvision") for name in models_that_fit(state))


def _pytorchvideo(state: "Mapping[str, Tensor]") -> Iterator[tuple[str, str]]:
    """All, if the package is there and names begin as its own; whether they fit is seen when they are loaded."""
    starts = ("blocks.", "patch_embed.", "module.blocks.")
    if find_spec("pytorchvideo") and any(name.startswith(starts) for name in state):
        yield from ((f"pytorchvideo:{name}", "pytorchvideo") for name in PYTORCHVIDEO)
