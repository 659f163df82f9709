"""The network that training begins with."""

from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from torch import Tensor

from videxplain.errors import VidexplainError
from videxplain.models.architectures import ARCHITECTURES
from videxplain.models.build import downloaded, in_our_names
from videxplain.models.config import ModelConfig
from videxplain.models.networks.inflate import inflate_state_dict
from videxplain.models.video_model import VideoModel
from videxplain.models.weights.files import FOREIGN, PYTORCH, Weights, read_weights
from videxplain.models.zoo import load_model
from videxplain.progress import Progress
from videxplain.train.recipe import Recipe
from videxplain.train.two_heads import classifier_name

_SHOWN = 4
_TRUNK = "trunk."
"""What the names of an image network's weights begin with in a network that sees frames one by one."""


@dataclass(frozen=True)
class Start:
    """A network to train.

    Attributes:
        network: The network.
        notes: Where its weights come from, and which layers begin at random, a line each.
    """

    network: VideoModel
    notes: tuple[str, ...]


def network_config(recipe: Recipe) -> ModelConfig:
    """What the network of a recipe expects. No video and no weights are read.

    Raises:
        VidexplainError: An unknown model or option, or clips or first weights that do not suit the network.
    """
    entry = ARCHITECTURES[recipe.model]
    try:
        config = entry.configure(recipe.options)
    except VidexplainError as error:
        raise VidexplainError(f"options: {error}") from None
    if "num_classes" in recipe.options or "labels" in recipe.options:
        raise VidexplainError("options: the classes are those of the dataset; leave out num_classes and labels")
    if (recipe.clips in ("uniform", "segments")) != (config.sampling == "uniform"):
        fitting = "uniform or segments" if config.sampling == "uniform" else "one or five"
        raise VidexplainError(f"clips: {recipe.model} sees {config.sampling} frames, so clips is {fitting}")
    if recipe.init == "imagenet":
        _imagenet_depth(config)
    return config


def begin(recipe: Recipe, labels: tuple[str, ...]) -> Start:
    """The network of a recipe with a classifier for ``labels``, filled as the recipe's ``init`` says.

    Raises:
        VidexplainError: The first weights cannot be read, or nothing in them fits the network.
    """
    network = load_model(recipe.model, "none", **{**recipe.options, "labels": labels})
    if recipe.init == "none":
        return Start(network, ())
    if recipe.init == "imagenet":
        depth = _imagenet_depth(network.config)
        state = imagenet_state(depth)
        return _fill(network, _from_images(state, network), f"ResNet-{depth} of ImageNet")
    path = Path(recipe.init)
    if path.suffix not in (".safetensors", *PYTORCH, *FOREIGN):
        raise VidexplainError(f"init is none, imagenet or a file of weights, not '{recipe.init}'")
    found = read_weights(path)
    state = _in_our_names(found, recipe.model, path)
    images = {name.removeprefix(_TRUNK): value for name, value in state.items() if name.startswith(_TRUNK)}
    if images and not hasattr(network, "trunk"):
        return _fill(network, inflate_state_dict(images, network), f"the image network of {path}, inflated")
    same = found.config is not None and found.config.architecture == recipe.model and found.config.labels == labels
    return _fill(network, state, str(path), classifier=same)


def _in_our_names(found: Weights, model: str, path: Path) -> dict[str, Tensor]:
    """Weights under the names of a model of ours. Weights of an image network get the names of Late Fusion."""
    try:
        return in_our_names(model, found, path).state
    except VidexplainError as error:
        with suppress(VidexplainError):
            return in_our_names("late_fusion", found, path).state
        raise VidexplainError(f"init: {error}") from None


def imagenet_state(depth: int, progress: Progress | None = None) -> dict[str, Tensor]:
    """The weights of torchvision's ResNet of this depth, trained on ImageNet (version 1).

    Args:
        depth: 18, 34, 50, 101 or 152.
        progress: Called with the bytes loaded and the bytes of the file; the file is downloaded once.
    """
    from torchvision.models import get_weight

    # The first version is the one that was published when the report was written.
    path = downloaded(get_weight(f"ResNet{depth}_Weights.IMAGENET1K_V1").url, progress)
    return read_weights(path).state


def _imagenet_depth(config: ModelConfig) -> int:
    """The depth of the image network that a network begins with.

    Raises:
        VidexplainError: No image network fits.
    """
    depth = config.options.get("depth")
    if depth is None:
        raise VidexplainError(f"init: no network of ImageNet fits {config.architecture}; say none, or name a file")
    if config.options.get("width") != 64 or config.options.get("blocks") is not None:
        raise VidexplainError("init: ImageNet's weights need width 64 and the usual blocks; say none, or name a file")
    return int(depth)


def _from_images(state: Mapping[str, Tensor], network: VideoModel) -> dict[str, Tensor]:
    own = {name: value for name, value in state.items() if not name.startswith("fc.")}
    if hasattr(network, "trunk"):
        return {f"{_TRUNK}{name}": value for name, value in own.items()}
    return inflate_state_dict(own, network)


def _fill(network: VideoModel, state: Mapping[str, Tensor], what: str, classifier: bool = False) -> Start:
    """Take the weights that fit by name and shape, and note the rest; the classifier only for the same classes."""
    wanted = network.state_dict()
    head = classifier_name(network)
    taken = {
        name: value
        for name, value in state.items()
        if name in wanted and value.shape == wanted[name].shape and (classifier or not name.startswith(f"{head}."))
    }
    if not taken:
        raise VidexplainError(f"init: nothing in {what} fits {network.config.architecture}")
    network.load_state_dict(taken, strict=False)
    left: list[tuple[str, list[Any]]] = [
        ("not taken", [name for name in state if name not in taken]),
        ("begin at random", [name for name in wanted if name not in taken]),
    ]
    notes = [f"{len(taken)} of {len(wanted)} tensors from {what}"]
    notes += [f"{words}: {_some(names)}" for words, names in left if names]
    return Start(network, tuple(notes))


def _some(names: list[str]) -> str:
    more = f", ... ({len(names)} in all)" if len(names) > _SHOWN else ""
    return ", ".join(names[:_SHOWN]) + more
