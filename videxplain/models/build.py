"""One way from a configuration and weights to a network."""

import re
import warnings
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

from videxplain.errors import VidexplainError, unknown
from videxplain.models.architecture import Architecture, reconfigure
from videxplain.models.assumption import AssumptionWarning
from videxplain.models.config import ModelConfig
from videxplain.models.weights.cache import fetch
from videxplain.models.weights.files import Weights, read_weights, sha256_of
from videxplain.models.weights.fit import check_fit
from videxplain.models.weights.state_dicts import best_fit, unwrapped
from videxplain.progress import Progress

if TYPE_CHECKING:
    from torch import Tensor, nn

    from videxplain.models.familiarity import Familiarity
    from videxplain.models.video_model import VideoModel
    from videxplain.models.weights.conversion import Converted


@dataclass(frozen=True)
class WeightsSource:
    """Where the weights of a network come from.

    Attributes:
        path: A file, or None for random weights.
        words: What :attr:`ModelConfig.weights` says of them, unless the file says it itself.
        options: Options of the network that are known of this file besides what it says.
        labels: The names of the classes, read after the file is there; None where they are not known.
    """

    path: Path | None = None
    words: str = "none"
    options: Mapping[str, Any] = field(default_factory=dict)
    labels: Callable[[], tuple[str, ...]] | None = None


def build(entry: Architecture, options: Mapping[str, Any], source: WeightsSource, project: str = "") -> "VideoModel":
    """A network in evaluation mode with its ``config``, random or filled from a file.

    A file that :func:`videxplain.save_model` has written says how its network is built. Of any other file the options
    are read off the shapes of the weights, as far as they show.

    Args:
        entry: How the network is built, and what it expects as published.
        options: What the caller wants otherwise. They have the last word where the weights stay valid.
        source: What to fill it with.
        project: Whose names the file has; empty to recognise it.

    Raises:
        VidexplainError: Options that make no sense, a file that cannot be read, or weights that do not fit.
    """
    asked = entry.configure(options)
    if source.path is None:
        return _finished(random_network(entry, asked), asked)
    found = read_weights(source.path)
    converted = in_our_names(entry.config.architecture, found, source.path, project)
    if found.shared_label and not options.get("labels"):
        raise names_needed(f"weights '{source.path}' call several classes '{found.shared_label}'")
    if found.config is not None:
        config = _stored_config(entry, found.config, asked, options, source.path)
    else:
        for option in converted.undecided:
            if option not in options:
                raise VidexplainError(
                    f"weights '{source.path}' do not say which {option} they have: give load_model {option}=..."
                )
        if not project and "caffe2" not in options:
            _say_what_was_assumed(found, entry.config.architecture, source.path)
        derived = converted.options | dict(source.options)
        if source.labels and "labels" not in options:
            derived["labels"] = source.labels()
        config = entry.configure(derived | dict(options)).replace(weights=source.words)
    network = _empty(entry, config, source.path)
    wanted = network.state_dict()
    # Whatever wrapped the network put prefixes before its names.
    state = best_fit(converted.state, wanted)
    classes = _classes(state, wanted)
    if classes not in (None, config.num_classes) and found.config is None:
        if options.get("num_classes") or options.get("labels"):
            raise VidexplainError(f"weights '{source.path}' have {classes} classes, not {config.num_classes}")
        config = reconfigure(config, {"num_classes": classes})
        network = _empty(entry, config, source.path)
    check_fit(state, network.state_dict(), f"weights '{source.path}' do not fit {config.architecture}")
    # A network without memory takes the tensors themselves; another one copies their numbers.
    network.load_state_dict(state, assign=entry.initialise is not None)
    config = config.replace(weights_file=source.path.name, weights_sha256=sha256_of(source.path))
    # Other frames than in training have other features.
    known = found.familiarity if found.config is not None and _same_input(found.config, config) else None
    return _finished(network, config, known)


def random_network(entry: Architecture, config: ModelConfig) -> "nn.Module":
    """A network whose random weights are always the same; torch's random state is left alone."""
    network = _empty(entry, config)
    if entry.initialise is not None:
        network.to_empty(device="cpu")
        entry.initialise(network)
    return network


def seeded(make: Callable[[], Any]) -> Any:
    """A network in evaluation mode whose own random weights are always the same."""
    import torch

    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        return make().eval()


def downloaded(url: str, progress: Progress | None) -> Path:
    """The file of an address; it is checked where its name ends in digits of its SHA-256, as on PyTorch's server."""
    digits = re.search(r"-([0-9a-f]{8})\.pth$", url)
    return fetch(url, digits.group(1) if digits else "", progress)


def names_needed(fault: str) -> VidexplainError:
    """The line for a published network whose labels are no use; ``fault`` says whose, and why."""
    return VidexplainError(
        f"{fault}: give a list with a name for each class, labels=[...] in Python, --labels FILE on the command line"
    )


def in_our_names(architecture: str, found: Weights, path: Path, project: str = "") -> "Converted":
    """The weights under the names of our network, and what follows from them where another project wrote them.

    Args:
        architecture: Name of the network.
        found: What the file holds.
        path: The file, for messages.
        project: Whose names they are; empty to recognise it.

    Raises:
        VidexplainError: They are another project's weights for another network.
    """
    from videxplain.models.weights.conversion import (
        OURS,
        Converted,
        convert,
        has_layouts,
        recognise_layout,
        with_counts,
    )
    from videxplain.models.weights.layouts import LAYOUTS

    projects = [OURS, *(layout.name for layout in LAYOUTS if architecture in layout.settings)]
    if project and project not in projects:
        raise unknown(f"project with weights of {architecture}", project, projects)
    if not has_layouts(architecture):
        return Converted(found.state, {})
    if project == OURS or (not project and recognise_layout(found.state) is None):
        return Converted(with_counts(unwrapped(found.state)[-1]), {})
    try:
        return convert(found.state, architecture, found.words, project)
    except VidexplainError as error:
        raise VidexplainError(f"weights '{path}': {error}") from None


def _say_what_was_assumed(found: Weights, name: str, path: Path) -> None:
    """Warn where weights of the same names and shapes may be of a network that is built otherwise."""
    from videxplain.models.weights.conversion import OURS, other_reading

    other = other_reading(unwrapped(found.state)[-1], name)
    if other is None:
        return
    assumed = "pytorch-resnet3d" if other == OURS else OURS
    warnings.warn(
        f"weights '{path}' fit {name} of {assumed} and of {other}, whose pooling differs; {assumed} is assumed: give "
        f"load_model project='{other}' or project='{assumed}'",
        AssumptionWarning,
        stacklevel=4,
    )


def _stored_config(
    entry: Architecture, stored: ModelConfig, asked: ModelConfig, options: Mapping[str, Any], path: Path
) -> ModelConfig:
    """What the file says, with those options that leave the weights valid."""
    name = entry.config.architecture
    if stored.architecture != name:
        raise VidexplainError(f"weights '{path}' are of '{stored.architecture}', not of '{name}'")
    if unfamiliar := [option for option in stored.options if option not in entry.options]:
        raise VidexplainError(f"weights '{path}' need {', '.join(unfamiliar)}, which '{name}' does not have here")
    try:
        entry.check(stored.options)
    except VidexplainError as error:
        raise VidexplainError(f"weights '{path}': {error}") from None
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
    fields = {option: options[option] for option in entry.shared if options.get(option) is not None}
    # Labels are names for the classes that are there, not a wish for another number of them.
    fields["num_classes"] = stored.num_classes
    return reconfigure(stored, fields).replace(options=built | given)


def _empty(entry: Architecture, config: ModelConfig, path: Path | None = None) -> "nn.Module":
    """A network to fill: without memory where its initial values are not needed, which would take seconds.

    Args:
        entry: How it is built.
        config: What it expects.
        path: The file that the configuration is of, if any: numbers that no network can have are then the file's fault.
    """
    import torch

    try:
        if entry.initialise is None:
            return cast("nn.Module", seeded(lambda: entry.network(config)))
        with torch.device("meta"):
            return entry.network(config)
    except VidexplainError:
        raise
    except (ArithmeticError, LookupError, RuntimeError, TypeError, ValueError) as error:
        if path is None:
            raise
        reason = " ".join(str(error).split())[:150]
        raise VidexplainError(f"weights '{path}' describe a network that cannot be built: {reason}") from None


def _classes(state: "Mapping[str, Tensor]", wanted: "Mapping[str, Tensor]") -> int | None:
    """K of a file that differs from a network in the rows of one layer alone; None where it does not."""
    odd = [name for name in wanted if name in state and state[name].shape != wanted[name].shape]
    rows = {
        state[name].shape[0] for name in odd if state[name].ndim and state[name].shape[1:] == wanted[name].shape[1:]
    }
    return rows.pop() if len(rows) == 1 and len({name.rpartition(".")[0] for name in odd}) == 1 else None


def _same_input(one: ModelConfig, other: ModelConfig) -> bool:
    """Whether two configurations feed a network with the same numbers."""
    names = ("num_frames", "size", "sampling", "frame_interval", "mean", "std", "view")
    return all(getattr(one, name) == getattr(other, name) for name in names)


def _finished(network: "nn.Module", config: ModelConfig, known: "Familiarity | None" = None) -> "VideoModel":
    model = cast("VideoModel", network.eval())
    model.config = config
    if known is not None:
        model.familiarity = known
    return model
