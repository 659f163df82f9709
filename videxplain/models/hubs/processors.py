"""What a checkpoint's processor of Hugging Face does to frames: resizing, cropping and colours."""

from collections.abc import Mapping
from typing import Any

from videxplain.errors import VidexplainError
from videxplain.models.config import IMAGENET_MEAN, IMAGENET_STD, View

_COLOURS = 3
_PAIR = 2
_SHOWN = {"VivitImageProcessor": (256, 224), "VivitVideoProcessor": (256, 224)}
"""The shorter side and the crop of processors whose settings do not say them; 224 and 224 for others."""
_FILTERS = {2: "bilinear", 3: "bicubic"}


def view_of(processor: Mapping[str, Any], size: int) -> View | None:
    """How a checkpoint's processor prepares frames; None where it has none, or leaves them as they are."""
    resizes, crops = processor.get("do_resize", True), processor.get("do_center_crop", True)
    if not processor or not resizes or processor.get("resample", 2) not in _FILTERS:
        return None
    kind = str(processor.get("video_processor_type") or processor.get("image_processor_type"))
    short, crop = _SHOWN.get(kind, (224, 224))
    given = processor.get("crop_size", crop)
    crop = square([given["height"], given["width"]]) if isinstance(given, Mapping) else int(given)
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


def channel_statistics(processor: Mapping[str, Any]) -> tuple[tuple[float, float, float], tuple[float, float, float]]:
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
    for name, values in (("image_mean", mean), ("image_std", std)):
        if len(values) != _COLOURS:
            raise VidexplainError(f"{name} of the processor is three numbers, one a colour, not {len(values)}")
    return (mean[0], mean[1], mean[2]), (std[0], std[1], std[2])


def square(size: Any) -> int:
    """The side of a square that is written as a number or twice."""
    if isinstance(size, list | tuple) and len(size) == _PAIR and size[0] == size[1]:
        return int(size[0])
    if not isinstance(size, int):
        raise VidexplainError(f"a square input is needed, not {size}")
    return size
