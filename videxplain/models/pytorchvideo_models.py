"""pytorchvideo's models, one pathway or two."""

import importlib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from videxplain.errors import VidexplainError, unknown
from videxplain.models.checkpoints_cache import Progress
from videxplain.models.config import ModelConfig
from videxplain.models.labels import labels_of
from videxplain.models.sources import configured, downloaded, fill, seeded
from videxplain.models.wrapping import Wrapped

_BASE = "https://dl.fbaipublicfiles.com/pytorchvideo/model_zoo/kinetics"
_MEAN, _STD = (0.45, 0.45, 0.45), (0.225, 0.225, 0.225)


@dataclass(frozen=True)
class Entry:
    """A model of pytorchvideo's hub.

    Attributes:
        module: Where its function is, in ``pytorchvideo.models.hub``.
        file: Of its weights.
        num_frames: T; of the fast pathway where there are two.
        frame_interval: How many frames of a video at 30 a second it is from one to the next.
        size: Height and width.
        layer: Where Grad-CAM looks.
        alpha: How many frames of the fast pathway one of the slow pathway stands for; 0 for one pathway.
    """

    module: str
    file: str
    num_frames: int
    frame_interval: int
    size: int
    layer: str
    alpha: int = 0


_SLOW = "blocks.4.multipathway_blocks.0"
ENTRIES: Mapping[str, Entry] = {
    "slow_r50": Entry("resnet", "SLOW_8x8_R50.pyth", 8, 8, 256, "blocks.4"),
    "c2d_r50": Entry("resnet", "C2D_8x8_R50.pyth", 8, 8, 256, "blocks.5"),
    "i3d_r50": Entry("resnet", "I3D_8x8_R50.pyth", 8, 8, 256, "blocks.5"),
    "x3d_s": Entry("x3d", "X3D_S.pyth", 13, 6, 182, "blocks.4"),
    "x3d_m": Entry("x3d", "X3D_M.pyth", 16, 5, 256, "blocks.4"),
    "slowfast_r50": Entry("slowfast", "SLOWFAST_8x8_R50.pyth", 32, 2, 256, _SLOW, alpha=4),
    "slowfast_r101": Entry("slowfast", "SLOWFAST_8x8_R101.pyth", 32, 2, 256, _SLOW, alpha=4),
}
"""Name to model; those of the hub whose input is frames alone."""


def load_pytorchvideo(
    name: str, weights: str, progress: Progress | None = None, options: Mapping[str, Any] | None = None
) -> nn.Module:
    """A model of pytorchvideo's hub behind the usual input.

    Of a model with two pathways Grad-CAM looks at the end of the slow one (``blocks.4.multipathway_blocks.0``); the
    fast one is ``blocks.4.multipathway_blocks.1``.

    Args:
        name: One of ``ENTRIES``.
        weights: ``"auto"`` for the hub's, on Kinetics-400; ``"none"`` for random ones; or a file.
        progress: Told of the download.
        options: ``num_classes`` (with random weights or a file), ``labels``, ``num_frames``, ``size``, ``mean``,
            ``std``, ``frame_interval``.
    """
    if name not in ENTRIES:
        raise unknown("model of pytorchvideo", name, list(ENTRIES))
    entry = ENTRIES[name]
    config = ModelConfig(
        architecture=f"pytorchvideo:{name}",
        num_classes=400,
        num_frames=entry.num_frames,
        size=(entry.size, entry.size),
        sampling="consecutive",
        default_layer=entry.layer,
        first_layer="",
        labels=labels_of("kinetics400"),
        mean=_MEAN,
        std=_STD,
        frame_interval=entry.frame_interval,
    )
    other = () if weights == "auto" else ("num_classes",)
    config = configured(
        config, options or {}, ("labels", *other, "num_frames", "size", "mean", "std", "frame_interval")
    )
    build = _builder(entry, name)
    module = seeded(lambda: build(pretrained=False, model_num_class=config.num_classes))
    if weights == "auto":
        fill(module, downloaded(f"{_BASE}/{entry.file}", progress), config.architecture)
        config = config.replace(weights="trained on Kinetics-400 by pytorchvideo")
    elif weights != "none":
        fill(module, Path(weights), config.architecture)
        config = config.replace(weights=Path(weights).name)
    _end_in_logits(module)

    def prepare(x: Tensor) -> Tensor | list[Tensor]:
        return two_pathways(x, entry.alpha) if entry.alpha else x

    wrapped = Wrapped(module, config, prepare)
    first = next(name for name, layer in wrapped.named_modules() if isinstance(layer, nn.Conv3d))
    wrapped.config = config.replace(first_layer=first)
    return wrapped


def two_pathways(x: Tensor, alpha: int) -> list[Tensor]:
    """The slow pathway's frames, one in ``alpha``, the first and the last among them; and all frames.

    Feichtenhofer et al., SlowFast Networks for Video Recognition, ICCV 2019; which frames is pytorchvideo's own choice.

    Args:
        x: ``(N, C, T, H, W)``.
        alpha: How many frames one of the slow pathway stands for.
    """
    frames = x.shape[2]
    slow = torch.linspace(0, frames - 1, max(1, frames // alpha), device=x.device).long()
    return [x.index_select(2, slow), x]


def _builder(entry: Entry, name: str) -> Any:
    try:
        return getattr(importlib.import_module(f"pytorchvideo.models.hub.{entry.module}"), name)
    except ImportError as error:
        if getattr(error, "name", "") in ("pytorchvideo", "pytorchvideo.models"):
            raise VidexplainError("pytorchvideo: needs the package: pip install pytorchvideo") from None
        raise VidexplainError(f"pytorchvideo is there, and its {entry.module} cannot be imported: {error}") from None


def _end_in_logits(module: nn.Module) -> None:
    """Leave out the softmax of evaluation; let the pooling before the head cover inputs of any length and size."""
    for m in module.modules():
        if isinstance(getattr(m, "activation", None), nn.Softmax):
            m.register_module("activation", None)
        for name, child in list(m.named_children()):
            if name == "pool" and isinstance(child, nn.AvgPool3d):
                m.register_module(name, nn.AdaptiveAvgPool3d(1))
            elif isinstance(child, nn.ModuleList) and all(isinstance(one, nn.AvgPool3d) for one in child):
                m.register_module(name, nn.ModuleList([nn.AdaptiveAvgPool3d(1) for _ in child]))
