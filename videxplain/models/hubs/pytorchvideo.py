"""The models of pytorchvideo's hub, with one pathway or two."""

import warnings
from collections.abc import Mapping
from dataclasses import dataclass
from importlib import import_module
from typing import Any

import torch
from torch import Tensor, nn

from videxplain.errors import VidexplainError
from videxplain.models.architecture import Architecture
from videxplain.models.build import WeightsSource, build, downloaded
from videxplain.models.config import ModelConfig, View
from videxplain.models.video_model import VideoModel
from videxplain.models.weights.files import named_file
from videxplain.models.weights.labels import labels_of
from videxplain.progress import Progress

_BASE = "https://dl.fbaipublicfiles.com/pytorchvideo/model_zoo/kinetics"
_STRIDE = 32
"""So many pixels one place at the end of an MViT stands for."""


@dataclass(frozen=True)
class Entry:
    """A model of the hub, as its page of trained models describes it.

    Attributes:
        module: Where its function is, in ``pytorchvideo.models.hub``.
        file: Of its weights, trained on Kinetics-400.
        num_frames: T; of the fast pathway where there are two.
        frame_interval: How many frames of a video at 30 a second it is from one to the next.
        size: Height and width that it was trained on.
        layer: Where Grad-CAM looks.
        alpha: How many frames of the fast pathway one of the slow pathway stands for; 1 where there is one pathway.
        tested: The shorter side to which its documented preparation resizes frames, and the side of the square that it
            crops from their middle; 0 where none is documented.
        in_pairs: Whether frames are pooled two by two, so that the last of an odd number would not be looked at.
    """

    module: str
    file: str
    num_frames: int
    frame_interval: int
    size: int
    layer: str
    alpha: int = 1
    tested: int = 0
    in_pairs: bool = False

    @property
    def is_mvit(self) -> bool:
        """Whether it is a transformer, which has a position for every place of its input."""
        return self.module == "vision_transformers"


_SLOW = "blocks.4.multipathway_blocks.0"
ENTRIES: Mapping[str, Entry] = {
    "slow_r50": Entry("resnet", "SLOW_8x8_R50.pyth", 8, 8, 224, "blocks.4", tested=256),
    # Between their first two stages these have a pooling, which is a block of its own.
    "c2d_r50": Entry("resnet", "C2D_8x8_R50.pyth", 8, 8, 224, "blocks.5", in_pairs=True),
    "i3d_r50": Entry("resnet", "I3D_8x8_R50.pyth", 8, 8, 224, "blocks.5", in_pairs=True),
    "csn_r101": Entry("csn", "CSN_32x2_R101.pyth", 32, 2, 224, "blocks.4"),
    "r2plus1d_r50": Entry("r2plus1d", "R2PLUS1D_16x4_R50.pyth", 16, 4, 224, "blocks.4"),
    "x3d_xs": Entry("x3d", "X3D_XS.pyth", 4, 12, 160, "blocks.4", tested=182),
    "x3d_s": Entry("x3d", "X3D_S.pyth", 13, 6, 160, "blocks.4", tested=182),
    "x3d_m": Entry("x3d", "X3D_M.pyth", 16, 5, 224, "blocks.4", tested=256),
    "x3d_l": Entry("x3d", "X3D_L.pyth", 16, 5, 312, "blocks.4"),
    "slowfast_r50": Entry("slowfast", "SLOWFAST_8x8_R50.pyth", 32, 2, 224, _SLOW, alpha=4, tested=256),
    "slowfast_r101": Entry("slowfast", "SLOWFAST_8x8_R101.pyth", 32, 2, 224, _SLOW, alpha=4, tested=256),
    "slowfast_16x8_r101_50_50": Entry("slowfast", "SLOWFAST_16x8_R101_50_50.pyth", 64, 2, 224, _SLOW, alpha=4),
    # Behind the last attention only the class token is read: the tokens before it are what the answer rests on.
    "mvit_base_16x4": Entry("vision_transformers", "MVIT_B_16x4.pyth", 16, 4, 224, "blocks.15.norm1"),
    "mvit_base_32x3": Entry("vision_transformers", "MVIT_B_32x3_f294077834.pyth", 32, 3, 224, "blocks.15.norm1"),
}
"""Name to model: those of the hub that classify videos, from frames alone."""


class TwoPathways(nn.Module):
    """A SlowFast network that takes one clip; its layers are called what they are called in pytorchvideo.

    Feichtenhofer et al., SlowFast Networks for Video Recognition, ICCV 2019.

    Attributes:
        blocks: pytorchvideo's, of which all but the last take and give a list: slow pathway, fast pathway.
        alpha: How many frames of the fast pathway one of the slow pathway stands for.
    """

    def __init__(self, blocks: nn.ModuleList, alpha: int) -> None:
        """Put the choice of frames before ``blocks``."""
        super().__init__()
        self.blocks, self.alpha = blocks, alpha

    def forward(self, x: Tensor) -> Tensor:
        """Logits ``(N, K)`` of ``(N, 3, T, H, W)``."""
        parts: Any = two_pathways(x, self.alpha)
        for block in self.blocks:
            parts = block(parts)
        return parts


def two_pathways(x: Tensor, alpha: int) -> list[Tensor]:
    """The frames of the slow pathway and those of the fast one, which are all.

    The slow ones are spread from the first frame to the last, rounded down, as in pytorchvideo's own preparation.

    Args:
        x: ``(N, C, T, H, W)``.
        alpha: The slow pathway has T / alpha frames.
    """
    frames = x.shape[2]
    # Counted on the CPU, so that every device rounds alike.
    slow = torch.linspace(0, frames - 1, frames // alpha).long().to(x.device)
    return [x.index_select(2, slow), x]


def load_pytorchvideo(
    name: str, weights: str, progress: Progress | None = None, options: Mapping[str, Any] | None = None
) -> VideoModel:
    """A model of pytorchvideo's hub with a ``.config``; its layers keep their names.

    Where the hub ends in a softmax it is left out: explained are logits. The mean over space and time covers whatever
    the input is; at the size of training that is what the hub's own does.

    Of a SlowFast network Grad-CAM looks at the end of the slow pathway, ``blocks.4.multipathway_blocks.0``, which has
    eight of nine channels and gets the fast one's through its side connections; the fast one ends in
    ``blocks.4.multipathway_blocks.1``.

    The default size is that of training. The hub documents a larger one for testing, with a preparation of its own:
    with that ``size``, such as 256 for ``slow_r50``, frames are prepared so.

    Args:
        name: One of ``ENTRIES``.
        weights: ``"auto"`` for the hub's; ``"none"`` for random ones; or a file.
        progress: Told of the download.
        options: Those that every architecture has (:data:`videxplain.models.architecture.SHARED_OPTIONS`).

    Raises:
        VidexplainError: No pytorchvideo, no network, or an input that the model does not take.
    """
    entry, options = ENTRIES[name], options or {}
    config = published_config(name)
    path = None if weights == "auto" else named_file(weights, config.architecture, ("auto", "none"))
    if weights != "auto" and (path is None or path.name != entry.file.rpartition("/")[2]):
        config = config.replace(labels=())  # the classes of somebody else's weights, however many they are
    if entry.tested and options.get("size") in (entry.tested, (entry.tested, entry.tested)):
        crop = (entry.tested, entry.tested)
        config = config.replace(size=crop, view=View(entry.tested, crop))

    def network(config: ModelConfig) -> nn.Module:
        if entry.is_mvit:
            return _function(entry, name)(
                head_num_classes=config.num_classes, spatial_size=config.size, temporal_size=config.num_frames
            )
        module = _function(entry, name)(model_num_class=config.num_classes)
        _end_in_logits(module)
        return module if entry.alpha == 1 else TwoPathways(module.blocks, entry.alpha)

    described = Architecture(summary=f"pytorchvideo's {name}", config=config, build=network)
    _check_input(described.configure(options), entry, trained=weights == "auto")
    if weights == "auto":
        source = WeightsSource(downloaded(f"{_BASE}/{entry.file}", progress), "trained on Kinetics-400 by pytorchvideo")
    else:
        source = WeightsSource(path, path.name) if path else WeightsSource()
    return build(described, options, source)


def published_config(name: str) -> ModelConfig:
    """What a model expects with the hub's weights."""
    entry = ENTRIES[name]
    return ModelConfig(
        architecture=f"pytorchvideo:{name}",
        num_classes=400,
        num_frames=entry.num_frames,
        size=(entry.size, entry.size),
        sampling="consecutive",
        default_layer=entry.layer,
        first_layer="",
        labels=labels_of("kinetics400"),
        mean=(0.45, 0.45, 0.45),
        std=(0.225, 0.225, 0.225),
        frame_interval=entry.frame_interval,
    )


def _check_input(config: ModelConfig, entry: Entry, trained: bool) -> None:
    """Raise for frames that the network does not take."""
    multiple = 2 if entry.in_pairs else entry.alpha
    if config.num_frames % multiple:
        raise VidexplainError(f"num_frames of {config.architecture} is a multiple of {multiple}")
    if not entry.is_mvit:
        return
    if trained and (config.num_frames, *config.size) != (entry.num_frames, entry.size, entry.size):
        raise VidexplainError(
            f"the weights of {config.architecture} are for {entry.num_frames} frames of {entry.size}x{entry.size} "
            "pixels: leave num_frames and size out, or say weights none"
        )
    if config.num_frames % 2 or any(side % _STRIDE for side in config.size):
        raise VidexplainError(f"{config.architecture} needs an even num_frames, and sides that {_STRIDE} divides")


def _function(entry: Entry, name: str) -> Any:
    """The hub's function that builds a model."""
    try:
        with warnings.catch_warnings():
            # It uses what newer versions of PyTorch announce the end of.
            warnings.simplefilter("ignore")
            return getattr(import_module(f"pytorchvideo.models.hub.{entry.module}"), name)
    except ImportError as error:
        if error.name == "pytorchvideo":
            raise VidexplainError("pytorchvideo: needs that package: pip install 'videxplain[pytorchvideo]'") from None
        raise VidexplainError(f"pytorchvideo cannot be imported here: {error}") from None


def _end_in_logits(module: nn.Module) -> None:
    """Leave out the softmax of the head, and let its mean cover inputs of any length and size."""
    for m in module.modules():
        for name, child in list(m.named_children()):
            if isinstance(child, nn.Softmax):
                setattr(m, name, None)
            elif isinstance(child, nn.AvgPool3d):
                setattr(m, name, nn.AdaptiveAvgPool3d(1))
