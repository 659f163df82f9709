"""Networks by name: list them, load them, save them."""

import dataclasses
from collections.abc import Mapping
from difflib import get_close_matches
from pathlib import Path
from typing import TYPE_CHECKING, Any

from videxplain.errors import VidexplainError, unknown
from videxplain.models.architectures import ARCHITECTURES, SHARED_OPTIONS, Architecture, reconfigure
from videxplain.models.config import ModelConfig
from videxplain.models.hubs.sources import missing_prefix, source_of
from videxplain.models.weights.cache import fetch
from videxplain.models.weights.checkpoints import CHECKPOINTS, checkpoint_labels
from videxplain.models.weights.files import Weights, bundled_path, check_fit, read_metadata, read_weights, write_weights
from videxplain.progress import Progress

if TYPE_CHECKING:
    import torch
    from torch import nn

    from videxplain.models.networks.blocks import VideoNetwork


def list_models() -> list[str]:
    """The networks of this package; :func:`load_model` knows those of :mod:`videxplain.models.hubs.sources` besides."""
    return list(ARCHITECTURES)


def available_weights(name: str) -> list[tuple[str, str]]:
    """What ``weights`` may be for a model besides a file, as ``(value, note)``, the default first."""
    if source_of(name):
        return [("auto", "those of its package"), ("none", "random: its explanations mean nothing")]
    entry = _architecture(name)
    random = ("none", f"random, {entry.config.num_classes} classes: its explanations mean nothing")
    path = bundled_path(name)
    if path is None:
        return [random]
    config, metrics = read_metadata(path)
    words = [config.weights] if config else []
    figures = {key: value for key, value in metrics.items() if isinstance(value, int | float)}
    words += [f"{key} {value:.3g}" if isinstance(value, float) else f"{key} {value}" for key, value in figures.items()]
    return [("bundled", ", ".join(words)), random]


def load_model(name: str, weights: str | Path = "auto", *, progress: Progress | None = None, **options: Any) -> Any:
    """A network in evaluation mode, with its :class:`ModelConfig` as ``.config``.

    A weights file of ours says how its network is built; options then change only what leaves the weights valid
    (``labels``, ``num_frames``, ``size``, ``mean``, ``std``). Otherwise options start from the full-size default.

    Args:
        name: One of :func:`list_models`; or a model of another package, such as ``"torchvision:r3d_18"`` or
            ``"hf:MCG-NJU/videomae-base-finetuned-kinetics"``
            (:mod:`videxplain.models.hubs.sources`), whose weights are then that package's unless told otherwise.
        weights: ``"bundled"`` is the network that travels with the package. ``"none"`` is random weights, always the
            same. ``"auto"`` is the first where there is one, otherwise the second. A name such as ``"kinetics400"`` is
            a public checkpoint, downloaded once (``videxplain models`` lists them). A path is a file:
            ``.safetensors`` as :func:`save_model` writes it, a state dict of ours, or a checkpoint of a project that
            :mod:`videxplain.models.weights.conversion` knows; its options are read off its shapes.
        progress: Told, during a download, how many bytes have come and how many there will be.
        **options: ``num_classes``, ``labels``, ``num_frames``, ``size`` (pixels: a number or height and width),
            ``mean``, ``std``, and what the architecture has besides: ``width``, ``depth``, ...
    """
    if elsewhere := source_of(name):
        source, rest = elsewhere
        return source.load(rest, str(weights), progress, options)
    entry = _architecture(name)
    asked = entry.configure(options)
    public = CHECKPOINTS.get(name, {}).get(str(weights))
    path = fetch(public.url, public.sha256, progress) if public else _find(name, str(weights))
    if path is None:
        return _random(entry, asked)
    found, derived = _in_our_names(name, read_weights(path), options, path)
    if found.config is not None:
        return _filled(entry, _merge(entry, found.config, asked, options, path), found, path)
    if public is not None:
        derived |= public.options
        if "labels" not in options:
            derived["labels"] = checkpoint_labels(public, progress)
    # A file without words of its own; not the whole path, because it goes into results and pictures.
    words = public.words if public else path.name
    return _filled(entry, entry.configure(derived | options).replace(weights=words), found, path)


def save_model(
    model: "nn.Module",
    path: str | Path,
    metrics: Mapping[str, Any] | None = None,
    *,
    dtype: "torch.dtype | None" = None,
) -> None:
    """Write a network of the zoo as ``.safetensors``, whole or not at all.

    ``model.config`` goes with it. Its ``weights`` should say how they were learned: as long as they are ``"none"``,
    the network counts as random, also when it is loaded again.

    Args:
        model: A network with a ``config``.
        path: The file to write.
        metrics: Figures to keep beside the weights, e.g. ``{"accuracy": 0.91}``.
        dtype: What floating point numbers are stored as, such as ``torch.float16`` for a file of half the size; None
            for what they are. They are read as float32 either way.
    """
    from videxplain.models.wrapping import Wrapped

    config = getattr(model, "config", None)
    if not isinstance(config, ModelConfig):
        raise VidexplainError("the model has no config: only networks of the zoo can be saved")
    if isinstance(model, Wrapped):
        raise VidexplainError("nothing here could read a wrapped network again: save its .module as its project does")
    write_weights(model.state_dict(), config, Path(path), metrics, dtype)


def _architecture(name: str) -> Architecture:
    if name not in ARCHITECTURES and (whole := missing_prefix(name)):
        raise VidexplainError(f"unknown model '{name}'; did you mean {whole}?")
    return ARCHITECTURES[name]


def _find(name: str, weights: str) -> Path | None:
    if weights == "none":
        return None
    if weights not in ("auto", "bundled"):
        path, public = Path(weights), CHECKPOINTS.get(name, {})
        if not path.exists() and not path.suffix and get_close_matches(weights.casefold(), public):
            raise unknown(f"weights of {name}", weights, public)
        return path
    bundled = bundled_path(name)
    if bundled is None and weights == "bundled":
        raise VidexplainError(f"no weights of '{name}' come with the package; say none, or name a file")
    return bundled


def _in_our_names(name: str, found: Weights, options: Mapping[str, Any], path: Path) -> tuple[Weights, dict[str, Any]]:
    """The weights under our names, and the options that follow from them where they are in another layout."""
    from videxplain.models.weights.conversion import convert, recognise_layout

    if recognise_layout(found.state) is None:
        return found, {}
    try:
        converted = convert(found.state, name, found.words)
    except VidexplainError as error:
        raise VidexplainError(f"weights '{path}': {error}") from None
    for option in converted.undecided:
        if option not in options and found.config is None:
            raise VidexplainError(f"weights '{path}' do not say which {option} they have: give load_model {option}=...")
    return dataclasses.replace(found, state=converted.state), converted.options


def _merge(
    entry: Architecture, stored: ModelConfig, asked: ModelConfig, options: Mapping[str, Any], path: Path
) -> ModelConfig:
    """What the file says, with those options that leave the weights valid."""
    name = entry.config.architecture
    if stored.architecture != name:
        raise VidexplainError(f"weights '{path}' are of '{stored.architecture}', not of '{name}'")
    if unfamiliar := [option for option in stored.options if option not in entry.options]:
        raise VidexplainError(f"weights '{path}' need {', '.join(unfamiliar)}, which '{name}' does not have here")
    built = entry.options | stored.options
    given = {option: asked.options[option] for option in options if option in built}
    held, wanted = dict(built), dict(given)
    if options.get("num_classes") is not None:
        held["num_classes"], wanted["num_classes"] = stored.num_classes, options["num_classes"]
    for option, value in wanted.items():
        if value != held[option] and option != "dropout":
            raise VidexplainError(
                f"weights '{path}' have {option} {held[option]}, not {value}: leave {option} out, or say weights none"
            )
    fields = {option: options[option] for option in SHARED_OPTIONS if options.get(option) is not None}
    # Labels are names for the classes that are there, not a wish for another number of them.
    fields["num_classes"] = stored.num_classes
    return reconfigure(stored, fields).replace(options=built | given)


def _random(entry: Architecture, config: ModelConfig) -> "VideoNetwork":
    import torch

    from videxplain.models.networks.initialise import initialise

    # Built without memory and then filled: PyTorch's own initial values would cost seconds and the global random state.
    with torch.device("meta"):
        model = entry.network(config)
    model.to_empty(device="cpu")
    initialise(model)
    model.config = config
    return model.eval()


def _filled(entry: Architecture, config: ModelConfig, found: Weights, path: Path) -> "VideoNetwork":
    import torch

    with torch.device("meta"):
        model = entry.network(config)
    check_fit(found.state, model.state_dict(), f"weights '{path}' do not fit {config.architecture}")
    model.load_state_dict(found.state, assign=True)
    model.config = config
    return model.eval()
