"""torchvision's video models: its networks and weights, its preprocessing and its classes."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch
from torchvision.models import WeightsEnum, get_model, get_model_weights

from videxplain.errors import VidexplainError
from videxplain.models.architecture import Architecture
from videxplain.models.build import WeightsSource, build, downloaded
from videxplain.models.config import ModelConfig, View
from videxplain.models.hubs.names import TORCHVISION
from videxplain.models.weights.files import named_file, read_weights, sha256_of
from videxplain.models.weights.state_dicts import best_fit
from videxplain.progress import Progress

if TYPE_CHECKING:
    from torch import Tensor

    from videxplain.models.video_model import VideoModel


@dataclass(frozen=True)
class Family:
    """What torchvision says of its networks in words alone, and where to look in them.

    Attributes:
        num_frames: T, as its accuracies were measured.
        frame_interval: Frames of a video at 30 a second from one of the T to the next, likewise.
        default_layer: Where Grad-CAM looks.
        first_layer: The first convolution.
        fixed: Whether it takes no other number or size of frames.
    """

    num_frames: int
    frame_interval: int
    default_layer: str
    first_layer: str
    fixed: bool = False


_CLASSES = 400
"""Classes of torchvision's video models, as they are built without weights."""

_FAMILIES: Mapping[str, Family] = {
    # Behind the last attention only the class token is read: the tokens before it are what the answer rests on.
    "mvit": Family(16, 4, "blocks.15.norm1", "conv_proj", fixed=True),
    # The norm itself, before the mean over all places. Of what goes into a norm, activations and gradients are
    # orthogonal at every place, and maps that multiply the two are empty.
    "swin3d": Family(32, 2, "norm", "patch_embed.proj"),
    # Measured on 128 frames, which few clips have and which take gigabytes; it takes any number.
    "s3d": Family(32, 2, "features.15", "features.0.0.0"),
    "": Family(16, 2, "layer4", "stem.0"),
}
"""How a name begins to what is known of the network; the first that fits."""


def load_torchvision(
    name: str, weights: str, progress: Progress | None = None, options: Mapping[str, Any] | None = None
) -> "VideoModel":
    """A video model of torchvision, the very module, with a ``.config``.

    ``config.view`` is the resize and the crop of torchvision's own transforms. The classes have the names of its
    weights, also where these come as a file, which is recognised by its SHA-256. Those of other files, and of random
    weights, have none, however many they are.

    Args:
        name: Such as ``"r3d_18"``.
        weights: ``"auto"`` for torchvision's default; one of its names, such as ``"KINETICS400_V1"``; ``"none"`` for
            random ones; or a file.
        progress: Told of the download.
        options: Those that every architecture has (:data:`videxplain.models.architecture.SHARED_OPTIONS`).

    Raises:
        VidexplainError: No such weights, no network, or an input that the model does not take.
    """
    options = options or {}
    listed = get_model_weights(name)
    chosen = listed.DEFAULT if weights == "auto" else listed.__members__.get(weights.upper())
    path = None if chosen else named_file(weights, f"torchvision:{name}", ("auto", "none", *listed.__members__))
    published = chosen or (_published_as(path, list(listed)) if path else None)
    reference = published or listed.DEFAULT
    config = published_config(name, reference)
    if published is None:
        config = config.replace(labels=())
    entry = Architecture(
        summary=f"torchvision's {name}",
        config=config,
        build=lambda config: get_model(name, weights=None, num_classes=config.num_classes),
    )
    _check_input(entry.configure(options), _family(name).fixed, reference.meta)
    if chosen is not None:
        source = WeightsSource(downloaded(chosen.url, progress), f"trained on {_data(chosen.name)} by torchvision")
    else:
        source = WeightsSource(path, path.name) if path else WeightsSource()
    try:
        return build(entry, options, source)
    except VidexplainError as error:
        if chosen is None and source.path is not None and (others := _others_that_fit(source.path, name)):
            raise VidexplainError(f"{error}; they fit {' and '.join(others)}") from None
        raise


def _published_as(path: Path, listed: Sequence[WeightsEnum]) -> WeightsEnum | None:
    """The weights of torchvision that a file is a copy of, whatever its name: they have digits of its SHA-256."""
    if not path.is_file():
        return None
    digits = sha256_of(path)[:8]
    return next((one for one in listed if one.url.endswith(f"-{digits}.pth")), None)


def _others_that_fit(path: Path, name: str) -> list[str]:
    """The other models of torchvision that a file fits; none if it cannot be read."""
    try:
        state = read_weights(path).state
    except VidexplainError:
        return []
    return [one for one in models_that_fit(state) if one != f"torchvision:{name}"]


def models_that_fit(state: "Mapping[str, Tensor]") -> list[str]:
    """The models of torchvision whose names and shapes weights have, apart from those of the classifier."""
    fitting = []
    for other in TORCHVISION:
        with torch.device("meta"):
            wanted = get_model(other, weights=None).state_dict()
        held = best_fit(state, wanted)
        shapes = {key: value.shape for key, value in wanted.items() if value.shape[:1] != (_CLASSES,)}
        if held.keys() == wanted.keys() and all(held[key].shape == shape for key, shape in shapes.items()):
            fitting.append(f"torchvision:{other}")
    return fitting


def published_config(name: str, reference: WeightsEnum | None = None) -> ModelConfig:
    """What a network expects with weights of torchvision's, by default the default ones. Nothing is downloaded."""
    reference = reference or get_model_weights(name).DEFAULT
    preset, family = reference.transforms(), _family(name)
    return ModelConfig(
        architecture=f"torchvision:{name}",
        num_classes=len(reference.meta["categories"]),
        num_frames=family.num_frames,
        size=tuple(preset.crop_size),
        sampling="consecutive",
        default_layer=family.default_layer,
        first_layer=family.first_layer,
        labels=tuple(reference.meta["categories"]),
        mean=tuple(preset.mean),
        std=tuple(preset.std),
        frame_interval=family.frame_interval,
        view=View(
            resize=tuple(preset.resize_size) if len(preset.resize_size) > 1 else preset.resize_size[0],
            crop=tuple(preset.crop_size),
            interpolation=preset.interpolation.value,
        ),
    )


def _family(name: str) -> Family:
    return next(family for start, family in _FAMILIES.items() if name.startswith(start))


def _check_input(config: ModelConfig, fixed: bool, meta: Mapping[str, Any]) -> None:
    """Raise for frames that the network does not take."""
    height, width = meta["min_size"]
    least = (meta.get("min_temporal_size", 1), height, width)
    given = (config.num_frames, *config.size)
    if given == least or (not fixed and all(one >= limit for one, limit in zip(given, least, strict=True))):
        return
    what = f"{least[0]} frames of {width}x{height} pixels"
    if fixed:
        raise VidexplainError(f"{config.architecture} takes {what}: leave num_frames and size out")
    raise VidexplainError(f"{config.architecture} needs {what} or more")


def _data(weights: str) -> str:
    """What a name of torchvision's weights says of the data."""
    return "ImageNet-22k and Kinetics-400" if "IMAGENET22K" in weights else "Kinetics-400"
