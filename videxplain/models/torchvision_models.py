"""torchvision's video models: its weights, preprocessing and categories."""

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from torch import nn
from torchvision.models import get_model, get_model_weights, list_models
from torchvision.models import video as zoo

from videxplain.errors import unknown
from videxplain.models.checkpoints_cache import Progress
from videxplain.models.config import ModelConfig
from videxplain.models.sources import configured, downloaded, fill, seeded

_FRAMES = {"s3d": 32, "swin3d_t": 32, "swin3d_s": 32, "swin3d_b": 32}
"""Frames of one pass where it is not 16: those of torchvision's own test; S3D's there are 128, which few clips have."""
_KINETICS_FPS = 30


def load_torchvision(
    name: str, weights: str, progress: Progress | None = None, options: Mapping[str, Any] | None = None
) -> Any:
    """A video model of torchvision, as it is there, with a ``.config``.

    Whole frames are resized to the size that torchvision crops to: what it would cut off can be explained too.

    Args:
        name: Such as ``"r3d_18"``.
        weights: ``"auto"`` for torchvision's best; one of its names, such as ``"KINETICS400_V1"``; ``"none"`` for
            random ones; or a file.
        progress: Told of the download.
        options: ``num_classes`` and ``labels`` (with random weights or a file), ``num_frames``, ``size``, ``mean``,
            ``std``, ``frame_interval``.
    """
    known = list_models(module=zoo)
    if name not in known:
        raise unknown("model of torchvision", name, known)
    listed = get_model_weights(name)
    by_name = {one.name.casefold(): one for one in listed}
    chosen = listed.DEFAULT if weights == "auto" else by_name.get(weights.casefold())
    reference = chosen or listed.DEFAULT
    preset = reference.transforms()
    rate = re.search(r"frame_rate=([0-9.]+)", reference.meta["_docs"])
    config = ModelConfig(
        architecture=f"torchvision:{name}",
        num_classes=len(reference.meta["categories"]),
        num_frames=_FRAMES.get(name, 16),
        size=(int(preset.crop_size[0]), int(preset.crop_size[-1])),
        sampling="consecutive",
        default_layer="",
        first_layer="",
        labels=tuple(reference.meta["categories"]),
        mean=tuple(preset.mean),
        std=tuple(preset.std),
        frame_interval=round(_KINETICS_FPS / float(rate.group(1))) if rate else 1,
    )
    fixed = ("num_frames", "size") if name.startswith("mvit") else ()  # its positions are counted when it is built
    other = () if chosen else ("num_classes",)
    offered = ("labels", *other, "num_frames", "size", "mean", "std", "frame_interval")
    config = configured(config, options or {}, tuple(option for option in offered if option not in fixed))
    if chosen is not None:
        path: Path | None = downloaded(chosen.url, progress)
        config = config.replace(weights=f"trained on {_data(chosen.name)} by torchvision")
    elif weights == "none":
        path = None
    else:
        path = Path(weights)
        if not path.suffix and not path.exists():
            raise unknown(f"weights of torchvision:{name}", weights, ["auto", "none", *(one.name for one in listed)])
        config = config.replace(weights=path.name)
    module: Any = seeded(lambda: get_model(name, weights=None, num_classes=config.num_classes))
    if path is not None:
        fill(module, path, config.architecture)
    module.config = config.replace(default_layer=_default_layer(name, module), first_layer=_first_layer(module))
    return module


def _default_layer(name: str, module: Any) -> str:
    if name.startswith("mvit"):
        # Behind the last attention only the class token is read: the tokens before it are what the answer rests on.
        return f"blocks.{len(module.blocks) - 1}.norm1"
    if name.startswith("swin"):
        return "norm"
    return f"features.{len(module.features) - 1}" if name == "s3d" else "layer4"


def _first_layer(module: nn.Module) -> str:
    return next(name for name, layer in module.named_modules() if isinstance(layer, nn.Conv3d))


def _data(weights: str) -> str:
    """What a name of torchvision's weights says of the data."""
    return "ImageNet-22k and Kinetics-400" if "IMAGENET22K" in weights else "Kinetics-400"
