"""Networks by name: list them, load them, save them."""

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from videxplain.device import find_device
from videxplain.errors import VidexplainError, unknown
from videxplain.files import as_path
from videxplain.models.architecture import Architecture
from videxplain.models.architectures import ARCHITECTURES
from videxplain.models.build import WeightsSource, build
from videxplain.models.config import ModelConfig, View
from videxplain.models.hubs.sources import SOURCES, missing_prefix, named_apart, source_of
from videxplain.models.views import options_for, parse_view, shown
from videxplain.models.weights.cache import fetch
from videxplain.models.weights.checkpoints import CHECKPOINTS, checkpoint_labels
from videxplain.models.weights.files import bundled_path, named_file, read_metadata, write_weights
from videxplain.progress import Progress

if TYPE_CHECKING:
    import torch
    from torch import nn

    from videxplain.models.video_model import VideoModel


_MEASURED = ("test", "validation")
"""The accuracies in a file of weights that are shown."""


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
    return [("bundled", trained_words(config.weights if config else "", metrics)), random]


def trained_words(weights: str, metrics: Mapping[str, Any]) -> str:
    """What weights were trained on, and the accuracies that their file holds.

    Args:
        weights: The weights in words, as ``ModelConfig.weights``.
        metrics: What :func:`read_metadata` found beside them.
    """
    figures = [f"{100 * metrics[name]:.0f} % ({name})" for name in _MEASURED if isinstance(metrics.get(name), float)]
    return "; ".join(filter(None, (weights, f"accuracy {', '.join(figures)}" if figures else "")))


def load_model(
    name: str,
    weights: str | Path = "auto",
    *,
    device: "str | torch.device" = "cpu",
    progress: Progress | None = None,
    project: str = "",
    view: str | View = "model",
    **options: Any,
) -> "VideoModel":
    """A network in evaluation mode, with its :class:`ModelConfig` as ``.config``.

    A file that :func:`save_model` wrote says how its network is built. Options can then only change what keeps the
    weights valid: ``labels``, ``num_frames``, ``size``, ``mean``, ``std``. Without such a file, options start from the
    full-size default.

    Args:
        name: One of :func:`list_models`, or a model of another package, such as ``"torchvision:r3d_18"`` or
            ``"hf:MCG-NJU/videomae-base-finetuned-kinetics"`` (:mod:`videxplain.models.hubs.sources`). The default
            weights of such a model are those of its package.
        weights: ``"bundled"`` is the network that comes with the package. ``"none"`` is random weights, always the
            same. ``"auto"`` is the bundled network if there is one, and random weights otherwise. A name such as
            ``"kinetics400"`` is a public checkpoint, downloaded once (``videxplain models NAME`` lists them). A path
            is a file: ``.safetensors`` as :func:`save_model` writes it, a state dict of ours, or a checkpoint of a
            project that :mod:`videxplain.models.weights.conversion` knows. Options follow from the shapes in the file.
        device: Where the network goes, such as ``"cuda"``; ``"auto"`` is a GPU if there is one.
        progress: Called during a download with the bytes received and the bytes in all.
        project: The project whose names the weights file uses, such as ``"pytorch-resnet3d"``, or ``"videxplain"``.
            If it is empty, the project is recognised. If the names fit two projects, an ``AssumptionWarning`` says
            which one was assumed.
        view: How frames are prepared. ``"model"``: as the network's authors do, who may crop them; ``config.view`` says
            how, and is None if whole frames are resized. ``"whole"``: whole frames are resized to the size of the
            input. ``"RESIZE:CROP"`` or a :class:`View`: frames are resized and cropped in this way, and the input has
            the size of the crop (:func:`videxplain.models.views.parse_view`).
        **options: ``num_classes``, ``labels``, ``num_frames``, ``size`` (pixels: a number or height and width),
            ``mean``, ``std``, ``sampling``, ``frame_interval``, and options of the architecture, such as ``width`` or
            ``depth``.

    Raises:
        VidexplainError: An unknown name or option, no such weights or device, a file that cannot be read, or weights
            that do not fit.
    """
    if not isinstance(name, str):
        raise VidexplainError(f"a model has a name, such as i3d, not {type(name).__name__}; wrap takes a network")
    place = find_device(str(device))
    view = parse_view(view)
    options = options_for(view, options)
    if elsewhere := source_of(name):
        source, rest = elsewhere
        if project:
            raise VidexplainError(f"project has no meaning for {name}: its weights have the names of its package")
        return shown(source.load(rest, str(weights), progress, options), view).to(place)
    entry = _architecture(name)
    entry.configure(options)  # before anything is downloaded
    return shown(build(entry, options, _source(name, str(weights), progress), project), view).to(place)


def save_model(
    model: "nn.Module",
    path: str | Path,
    metrics: Mapping[str, Any] | None = None,
    *,
    dtype: "torch.dtype | None" = None,
) -> None:
    """Write a network of the zoo as ``.safetensors``, whole or not at all.

    The file also holds ``model.config``. Set ``config.weights`` to words that say how the weights were trained: while
    it is ``"none"``, the network counts as random, also after loading. The file also holds which clips the network
    knows (:func:`videxplain.evaluation.familiarity.fit_familiarity`).

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
    if getattr(model, "only_called", False):
        raise VidexplainError("the model is a plain function, so it has no weights to save")
    if isinstance(model, Wrapped):
        raise VidexplainError("nothing here could read a wrapped network again: save its .module as its project does")
    write_weights(model.state_dict(), config, as_path(path), metrics, dtype, getattr(model, "familiarity", None))


def _architecture(name: str) -> Architecture:
    if name in ARCHITECTURES:
        return ARCHITECTURES[name]
    if "=" in name:
        raise named_apart(name)
    if whole := missing_prefix(name):
        raise VidexplainError(f"unknown model '{name}'; did you mean {whole}?")
    prefixes = ", ".join(f"{prefix}:" for prefix in SOURCES)
    said = str(unknown("model", name, ARCHITECTURES))
    stop = "" if said.endswith("?") else "."
    raise VidexplainError(f"{said}{stop} Models of other packages begin with {prefixes}")


def _source(name: str, weights: str, progress: Progress | None) -> WeightsSource:
    """What ``weights`` means for a network of the table."""
    if public := CHECKPOINTS.get(name, {}).get(weights):
        path = fetch(public.url, public.sha256, progress)
        return WeightsSource(path, public.words, public.options, lambda: checkpoint_labels(public, progress))
    if weights in ("auto", "bundled"):
        bundled = bundled_path(name)
        if bundled is None and weights == "bundled":
            raise VidexplainError(f"no weights of '{name}' come with the package; say none, or name a file")
        return WeightsSource(bundled)
    names = ["auto", *(value for value, _ in available_weights(name)), *CHECKPOINTS.get(name, {})]
    file = named_file(weights, name, names)
    # Not the whole path, because it goes into results and pictures.
    return WeightsSource(file, file.name) if file else WeightsSource()
