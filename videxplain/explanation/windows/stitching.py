"""From what windows give to one map a frame, and to the probabilities of a video."""

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from torch import Tensor

from videxplain.attribution.registry import Attribution, Method, magnitude
from videxplain.errors import VidexplainError
from videxplain.explanation.frame_maps import FrameMaps
from videxplain.explanation.windows.maps import WindowMaps
from videxplain.explanation.windows.plan import Plan
from videxplain.models.config import ModelConfig
from videxplain.models.outputs import probabilities


def probabilities_of(logits: Tensor, config: ModelConfig) -> NDArray[np.float64]:
    """What the output ``(1, K)`` says of each outcome; raises where K is not that of the configuration."""
    if not torch.isfinite(logits).all():
        raise VidexplainError(
            f"{config.architecture} returned NaN or infinite values for this clip, so there is nothing to explain: "
            "its weights may be damaged, or its numbers overflow"
        )
    return probabilities(logits, config)[0].double().cpu().numpy()


def per_frame(maps: Tensor, frames: int) -> NDArray[np.float32]:
    """Maps of one window ``(M, T, h, w)``, enlarged in time alone; input gradients become their largest channel."""
    if maps.ndim == 6:
        return magnitude(maps[:, 0]).float().cpu().numpy()
    maps = maps[:, 0].float()
    if maps.shape[1] != frames:
        size = (frames, *maps.shape[2:])
        maps = F.interpolate(maps[:, None], size=size, mode="trilinear", align_corners=False)[:, 0]
    return np.ascontiguousarray(maps.cpu().numpy())


def width_key(key: int) -> int:
    """The key under which the half-widths of a class's intervals are kept; classes have keys from 0."""
    return -1 - key


def kept_maps(keys: list[int], result: Attribution, frames: int) -> tuple[list[int], NDArray[np.float32]]:
    """The maps of a window by frame, and the half-widths of their intervals behind them, with their keys."""
    by_frame = per_frame(result.maps, frames)
    if result.half_widths is None:
        return keys, by_frame
    both = np.concatenate([by_frame, per_frame(result.half_widths, frames)])
    return [*keys, *map(width_key, keys)], both


def are_coarse(maps: Tensor, method: Method, frames: int) -> bool:
    """Whether several of a window's ``frames`` share what ``(M, N, t, h, w)`` or finer maps say.

    They share a step of the layer, or a box or cell that is hidden.
    """
    return method.family == "perturbation" or (maps.ndim == 5 and maps.shape[2] < frames)


def stitch(kept: WindowMaps, key: int, whole: Plan, num_frames: int, coarse: bool) -> FrameMaps:
    """One map a frame: the windows' maps for one class, each with its share of the frame.

    The maps of windows side by side alternate from frame to frame. Each window has a scale of its own, so the video
    would flicker. ``coarse`` maps, of which :func:`are_coarse` tells, are therefore interpolated.
    """
    maps: FrameMaps | None = None
    for i, (window, shares) in enumerate(zip(whole.windows, whole.shares, strict=True)):
        values = kept.read(i, key)
        maps = maps or FrameMaps(num_frames, values.shape[1:])
        for frame, share, value in zip(window, shares, values, strict=True):
            maps.add(int(frame), share * value)
    assert maps is not None
    return maps.between(whole.interval) if coarse and whole.interval > 1 else maps
