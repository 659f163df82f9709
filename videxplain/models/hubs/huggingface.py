"""Video networks of Hugging Face's transformers: VideoMAE, TimeSformer, ViViT, V-JEPA 2, and X-CLIP."""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from torch import Tensor, nn

from videxplain.errors import VidexplainError
from videxplain.models.architecture import Architecture
from videxplain.models.build import names_needed, seeded
from videxplain.models.config import ModelConfig, OutputKind, TokenLayout, label_of_several
from videxplain.models.hubs.huggingface_files import (
    carefully,
    check_place,
    read_network,
    read_processor,
    read_settings,
    weights_file,
)
from videxplain.models.hubs.processors import channel_statistics, square, view_of
from videxplain.models.video_model import VideoModel
from videxplain.models.wrapping import Wrapped

_OPTIONS = ("labels", "sampling", "frame_interval", "pad_frames", "mean", "std")


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
        side = square(size) // square(patch)
        # VideoMAE's own classifiers average all tokens; what is fine-tuned from its pretraining reads the first alone.
        read_mean = getattr(config, "use_mean_pooling", True)
        return TokenLayout((frames // step, side, side), prefix, read=None if read_mean else "first")

    return lay


def _divided(config: Any) -> TokenLayout:
    side = square(config.image_size) // square(config.patch_size)
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
    """A video classifier with its own processor's settings and labels, or X-CLIP for the texts that are its labels.

    ``config.view`` is the resize and the crop of the checkpoint's processor. It is None where the checkpoint has none,
    or where its size is not the network's; whole frames are then resized.

    Args:
        name: Of a checkpoint, or a folder that ``save_pretrained`` has written.
        weights: ``"auto"`` for those of the checkpoint, ``"none"`` for random ones.
        options: ``labels``, ``sampling``, ``frame_interval``, ``mean``, ``std``; and ``texts``, the labels of a network
            that compares videos with texts, where there are no labels.

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
    options = dict(options or {})
    if settings.model_type == "xclip":
        from videxplain.models.hubs.xclip import load_xclip

        return load_xclip(name, settings, weights, options)
    if options.pop("texts", None):
        raise VidexplainError(f"hf:{name} has classes and compares videos with no texts: give a class as the target")
    family = HUGGINGFACE_FAMILIES.get(settings.model_type)
    if family is None:
        known = ", ".join(HUGGINGFACE_FAMILIES)
        raise VidexplainError(f"hf:{name} is a {settings.model_type}; video networks are taken of: {known}, xclip")
    network = getattr(transformers, family.network)
    module: Any
    if weights == "none":
        module = carefully(name, lambda: seeded(lambda: network(settings)))
    else:
        module = read_network(network, name, settings)
    # Names of the caller replace those of the checkpoint, which may then be of no use.
    labels = () if options.get("labels") else _labels(name, settings)
    config = carefully(name, lambda: _config(name, family, settings, module, labels))
    if weights != "none":
        words = f"those of the folder {Path(name).name}" if Path(name).is_dir() else f"{name} of Hugging Face"
        file, sha256 = weights_file(name)
        config = config.replace(weights=words, weights_file=file, weights_sha256=sha256)
    entry = Architecture(f"{name} of Hugging Face", config, lambda config: module, shared=_OPTIONS)
    config = entry.configure(options)
    if config.num_classes != settings.num_labels:
        raise VidexplainError(f"{len(config.labels)} labels for the {settings.num_labels} classes of hf:{name}")
    module.config.return_dict = True

    def prepare(x: Tensor) -> dict[str, Tensor]:
        return {family.argument: x.transpose(1, 2).contiguous()}

    return Wrapped(module, config, prepare).eval()


def _config(name: str, family: Family, settings: Any, module: nn.Module, labels: tuple[str, ...]) -> ModelConfig:
    """What a network expects, as its configuration and its processor say."""
    size = square(getattr(settings, "image_size", None) or settings.crop_size)
    frames = getattr(settings, "num_frames", None) or settings.frames_per_clip
    processor = read_processor(name)
    mean, std = channel_statistics(processor)
    return ModelConfig(
        architecture=f"hf:{Path(name).name if Path(name).is_dir() else name}",
        num_classes=settings.num_labels,
        num_frames=frames,
        size=(size, size),
        default_layer=[layer for layer, _ in module.named_modules() if re.search(family.layer(settings), layer)][-1],
        first_layer=next(layer for layer, m in module.named_modules() if isinstance(m, nn.Conv2d | nn.Conv3d)),
        labels=labels,
        mean=mean,
        std=std,
        frame_interval=family.frame_intervals.get(frames, next(iter(family.frame_intervals.values()))),
        tokens=family.tokens(settings),
        output=_output(settings),
        view=view_of(processor, size),
    )


def _labels(name: str, settings: Any) -> tuple[str, ...]:
    """The names of the classes in a configuration; raises if a class has none, or not one of its own."""
    names = settings.id2label
    for k in range(settings.num_labels):
        if k not in names:
            raise names_needed(f"the labels of hf:{name} have no name for class {k}")
    labels = tuple(str(names[k]) for k in range(settings.num_labels))
    if shared := label_of_several(labels):
        raise names_needed(f"the labels of hf:{name} call several classes '{shared}'")
    return labels


def _output(settings: Any) -> OutputKind:
    """What the logits are, by the rule of transformers: one label without a problem type is a regression."""
    problem, one = settings.problem_type, settings.num_labels == 1
    if problem not in (None, "single_label_classification", "multi_label_classification", "regression"):
        raise VidexplainError(f"the problem type '{problem}' is none that transformers has")
    if problem == "multi_label_classification":
        return "binary" if one else "multilabel"
    return "regression" if problem == "regression" or one else "logits"
