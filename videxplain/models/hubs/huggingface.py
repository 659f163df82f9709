"""Video classifiers of Hugging Face's transformers: VideoMAE, TimeSformer, ViViT, V-JEPA 2."""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from torch import Tensor, nn

from videxplain.errors import VidexplainError
from videxplain.models.architectures import Architecture
from videxplain.models.build import seeded
from videxplain.models.config import IMAGENET_MEAN, IMAGENET_STD, ModelConfig, OutputKind, TokenLayout, View
from videxplain.models.hubs.huggingface_files import (
    carefully,
    check_place,
    read_network,
    read_processor,
    read_settings,
    weights_file,
)
from videxplain.models.video_model import VideoModel
from videxplain.models.wrapping import Wrapped

_PAIR = 2
_OPTIONS = ("labels", "sampling", "frame_interval", "mean", "std")


@dataclass(frozen=True)
class Family:
    """What the configurations of one kind of network say, and what they do not.

    Attributes:
        network: Its class in transformers.
        argument: What its forward pass calls the video.
        frame_intervals: From how many frames a network sees to how many of the video it is from one to the next, as in
            the published checkpoints, whose configurations do not say it; of other numbers of frames the first.
        tokens: From the configuration to where tokens stand.
        layer: From the configuration to a pattern of the names of layers of which the last is explained by default: it
            still has what the answer rests on at the tokens of all places, where behind it only one token is read.
    """

    network: str
    argument: str
    frame_intervals: Mapping[int, int]
    tokens: Callable[[Any], TokenLayout]
    layer: Callable[[Any], str]


def _tubelets(prefix: int) -> Callable[[Any], TokenLayout]:
    def lay(config: Any) -> TokenLayout:
        size = getattr(config, "image_size", None) or config.crop_size
        frames = getattr(config, "num_frames", None) or config.frames_per_clip
        tubelet = config.tubelet_size
        step, patch = (tubelet[0], tubelet[1]) if isinstance(tubelet, list | tuple) else (tubelet, config.patch_size)
        side = _one(size) // _one(patch)
        # VideoMAE's own classifiers average all tokens; what is fine-tuned from its pretraining reads the first alone.
        read_mean = getattr(config, "use_mean_pooling", True)
        return TokenLayout((frames // step, side, side), prefix, read=None if read_mean else "first")

    return lay


def _one(size: Any) -> int:
    """The side of a square that is written as a number or twice."""
    if isinstance(size, list | tuple) and len(size) == _PAIR and size[0] == size[1]:
        return int(size[0])
    if not isinstance(size, int):
        raise VidexplainError(f"a square input is needed, not {size}")
    return size


def _divided(config: Any) -> TokenLayout:
    side = _one(config.image_size) // _one(config.patch_size)
    return TokenLayout((config.num_frames, side, side), 1, "hwt")


HUGGINGFACE_FAMILIES: Mapping[str, Family] = {
    "videomae": Family(
        "VideoMAEForVideoClassification",
        "pixel_values",
        {16: 4},
        _tubelets(0),
        lambda config: r"\.layers?\.\d+$" if config.use_mean_pooling else "layernorm_before$",
    ),
    "timesformer": Family(
        "TimesformerForVideoClassification",
        "pixel_values",
        {8: 32, 16: 16, 96: 4},
        _divided,
        lambda _: "layernorm_before$",
    ),
    "vivit": Family(
        "VivitForVideoClassification", "pixel_values", {32: 2}, _tubelets(1), lambda _: "layernorm_before$"
    ),
    "vjepa2": Family(
        "VJEPA2ForVideoClassification",
        "pixel_values_videos",
        {64: 2, 32: 2, 16: 4},
        _tubelets(0),
        lambda _: r"cross_attention_layer\.layer_norm1$",
    ),
}
"""``model_type`` of a configuration to what is known of it."""


def load_huggingface(name: str, weights: str = "auto", options: Mapping[str, Any] | None = None) -> VideoModel:
    """A video classifier with its own processor's settings and labels.

    ``config.view`` is the resize and the crop of the checkpoint's processor. It is None where the checkpoint has none,
    or where its size is not the network's; whole frames are then resized.

    Args:
        name: Of a checkpoint, or a folder that ``save_pretrained`` has written.
        weights: ``"auto"`` for those of the checkpoint, ``"none"`` for random ones.
        options: ``labels``, ``sampling``, ``frame_interval``, ``mean``, ``std``.

    Raises:
        VidexplainError: transformers is missing, the checkpoint cannot be had, or it is no such network.
    """
    try:
        import transformers
    except ImportError:
        raise VidexplainError("hf: needs transformers: pip install 'videxplain[hf]'") from None
    if weights not in ("auto", "none"):
        raise VidexplainError(f"weights of hf:{name} are auto or none; name the folder of others instead")
    check_place(name)
    settings = read_settings(name)
    family = HUGGINGFACE_FAMILIES.get(settings.model_type)
    if family is None:
        known = ", ".join(HUGGINGFACE_FAMILIES)
        raise VidexplainError(f"hf:{name} is a {settings.model_type}; video classifiers are taken of: {known}")
    network = getattr(transformers, family.network)
    module: Any
    if weights == "none":
        module = carefully(name, lambda: seeded(lambda: network(settings)))
    else:
        module = read_network(network, name, settings)
    config = carefully(name, lambda: _config(name, family, settings, module))
    if weights != "none":
        words = f"those of the folder {Path(name).name}" if Path(name).is_dir() else f"{name} of Hugging Face"
        file, sha256 = weights_file(name)
        config = config.replace(weights=words, weights_file=file, weights_sha256=sha256)
    entry = Architecture(f"{name} of Hugging Face", config, lambda config: module, shared=_OPTIONS)
    config = entry.configure(options or {})
    if config.num_classes != settings.num_labels:
        raise VidexplainError(f"{len(config.labels)} labels for the {settings.num_labels} classes of hf:{name}")
    module.config.return_dict = True

    def prepare(x: Tensor) -> dict[str, Tensor]:
        return {family.argument: x.transpose(1, 2).contiguous()}

    return Wrapped(module, config, prepare).eval()


def _config(name: str, family: Family, settings: Any, module: nn.Module) -> ModelConfig:
    """What a network expects, as its configuration and its processor say."""
    size = _one(getattr(settings, "image_size", None) or settings.crop_size)
    frames = getattr(settings, "num_frames", None) or settings.frames_per_clip
    processor = read_processor(name)
    mean, std = _colours(processor)
    return ModelConfig(
        architecture=f"hf:{Path(name).name if Path(name).is_dir() else name}",
        num_classes=settings.num_labels,
        num_frames=frames,
        size=(size, size),
        default_layer=[layer for layer, _ in module.named_modules() if re.search(family.layer(settings), layer)][-1],
        first_layer=next(layer for layer, m in module.named_modules() if isinstance(m, nn.Conv2d | nn.Conv3d)),
        labels=tuple(str(settings.id2label[k]) for k in range(settings.num_labels)),
        mean=mean,
        std=std,
        frame_interval=family.frame_intervals.get(frames, next(iter(family.frame_intervals.values()))),
        tokens=family.tokens(settings),
        output=_output(settings),
        view=_view(processor, size),
    )


_SHOWN = {"VivitImageProcessor": (256, 224), "VivitVideoProcessor": (256, 224)}
"""The shorter side and the crop of processors whose settings do not say them; 224 and 224 for others."""
_FILTERS = {2: "bilinear", 3: "bicubic"}


def _view(processor: Mapping[str, Any], size: int) -> View | None:
    """How a checkpoint's processor prepares frames; None where it has none, or leaves them as they are."""
    resizes, crops = processor.get("do_resize", True), processor.get("do_center_crop", True)
    if not processor or not resizes or processor.get("resample", 2) not in _FILTERS:
        return None
    kind = str(processor.get("video_processor_type") or processor.get("image_processor_type"))
    short, crop = _SHOWN.get(kind, (224, 224))
    given = processor.get("crop_size", crop)
    crop = _one([given["height"], given["width"]]) if isinstance(given, Mapping) else int(given)
    wanted = processor.get("size", {"shortest_edge": short})
    resize: int | tuple[int, int]
    if kind == "VJEPA2VideoProcessor":
        resize = int(crop * 256 / 224)  # whatever its file says
    elif isinstance(wanted, Mapping) and "height" in wanted:
        resize = (int(wanted["height"]), int(wanted["width"]))
    else:
        resize = int(wanted["shortest_edge"]) if isinstance(wanted, Mapping) else int(wanted)
    if not crops and isinstance(resize, tuple):
        crop = resize[0] if resize == (size, size) else 0
    if crop != size or (not crops and isinstance(resize, int)):
        return None  # frames of another size or shape than the network's
    filters: Any = _FILTERS[processor.get("resample", 2)]
    return View(resize, (crop, crop), filters, antialias=True, corner="floor")


def _output(settings: Any) -> OutputKind:
    """What the logits are, by the rule of transformers: one label without a problem type is a regression."""
    problem, one = settings.problem_type, settings.num_labels == 1
    if problem not in (None, "single_label_classification", "multi_label_classification", "regression"):
        raise VidexplainError(f"the problem type '{problem}' is none that transformers has")
    if problem == "multi_label_classification":
        return "binary" if one else "multilabel"
    return "regression" if problem == "regression" or one else "logits"


def _colours(processor: Mapping[str, Any]) -> tuple[tuple[float, float, float], tuple[float, float, float]]:
    """Mean and deviation for values in [0, 1] that do what a processor does to values up to 255."""
    # ViViT's first brings colours to [-1, 1], unless its file says otherwise.
    vivit = any("Vivit" in str(processor.get(f"{kind}_processor_type")) for kind in ("image", "video"))
    factor = float(processor.get("rescale_factor", 1 / 127.5 if vivit else 1 / 255))
    scale = 255 * factor if processor.get("do_rescale", True) else 255.0
    offset = 1.0 if processor.get("offset", vivit) else 0.0
    means, stds = (0.0, 0.0, 0.0), (1.0, 1.0, 1.0)
    if processor.get("do_normalize", True):
        means = tuple(processor.get("image_mean", (0.5, 0.5, 0.5) if vivit else IMAGENET_MEAN))
        stds = tuple(processor.get("image_std", (0.5, 0.5, 0.5) if vivit else IMAGENET_STD))
    mean = tuple((value + offset) / scale for value in means)
    std = tuple(value / scale for value in stds)
    return (mean[0], mean[1], mean[2]), (std[0], std[1], std[2])
