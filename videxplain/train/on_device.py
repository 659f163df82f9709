"""Clips that travel to the device as bytes, and are varied and normalised there.

Preparing a clip takes a processor longer than a narrow network needs for it on a GPU. Copying its bytes does not.
"""

import math
from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
import torch
from torch import Tensor
from torch.utils.data import get_worker_info

from videxplain.data.augmentation import JITTER
from videxplain.evaluation.clips import Clips, Index
from videxplain.evaluation.loading import Batch
from videxplain.models.config import ModelConfig
from videxplain.train.frame_cache import resized

_LUMA = (0.299, 0.587, 0.114)
_TO_YIQ = (_LUMA, (0.596, -0.274, -0.322), (0.211, -0.523, 0.312))
"""From RGB to brightness and two axes of colour (NTSC, 1953). A hue is an angle in the plane of the two."""
_UNVARIED = (1.0, 1.0, 1.0, 0.0)


class Bytes(NamedTuple):
    """A batch of clips that have not been varied yet."""

    frames: Tensor
    """``(N, T, H, W, 3)`` uint8 RGB, at the network's size."""
    flips: Tensor
    """``(N, 2)`` bool: whether each clip is mirrored, and whether it is turned upside down."""
    colours: Tensor
    """``(N, 4)``: factors of brightness, contrast and saturation, and the turn of the hue as a share of a circle."""
    labels: Tensor
    """``(N,)``."""
    videos: Tensor
    """``(N,)``, the positions of their videos."""


class ByteClips(Clips):
    """Clips in batches of bytes, with what is drawn for each. The draws depend on what those of ``Clips`` depend on."""

    def __getitems__(self, indices: Sequence[Index]) -> Bytes:
        """A batch of clips; PyTorch's loaders ask for it instead of single clips."""
        height, width = self.config.size
        # Pinned memory reaches the device faster. Worker processes cannot give it.
        pinned = torch.cuda.is_available() and get_worker_info() is None
        shape = len(indices), self.config.num_frames, height, width, 3
        frames = torch.empty(shape, dtype=torch.uint8, pin_memory=pinned)
        flips, colours, positions = [], [], []
        for into, index in zip(frames.numpy(), indices, strict=True):
            clip, position, rng = self.drawn(index)
            into[:] = clip if clip.shape[1:3] == self.config.size else resized(clip, self.config.size)
            varied = self.augmentation.name == "flip"
            flips.append(rng.random(2) < 0.5 if varied else [False, False])
            jitter = rng.uniform(-JITTER, JITTER, 4) if varied and rng.random() < 0.5 else np.zeros(4)
            colours.append(_UNVARIED + jitter)
            positions.append(position)
        wanted = self.augmentation.horizontal_flip, self.augmentation.vertical_flip
        return Bytes(
            frames,
            torch.from_numpy(np.array(flips) & np.array(wanted)),
            torch.from_numpy(np.array(colours, np.float32)),
            torch.tensor([self.videos[position].label for position in positions]),
            torch.tensor(positions),
        )


def on_device(batch: Any, config: ModelConfig) -> Any:
    """Vary and normalise what a loader gave, on the device where it is.

    Args:
        batch: :class:`Bytes`, or a list of them, one for each dataset.
        config: What the network expects.

    Returns:
        ``Batch``, or a list of them.
    """
    if isinstance(batch, Bytes):
        return _varied(batch, config)
    return [_varied(one, config) for one in batch]


def _varied(batch: Bytes, config: ModelConfig) -> Batch:
    frames = batch.frames
    for axis, flips in ((3, batch.flips[:, 0]), (2, batch.flips[:, 1])):
        frames = torch.where(flips[:, None, None, None, None], frames.flip(axis), frames)
    pixels = jittered(frames.float().div_(255), batch.colours)
    mean, std = (pixels.new_tensor(values) for values in (config.mean, config.std))
    return pixels.sub_(mean).div_(std).permute(0, 4, 1, 2, 3), batch.labels, batch.videos


def jittered(pixels: Tensor, colours: Tensor) -> Tensor:
    """Vary colours: brightness, contrast, saturation and hue one after the other, as one linear map for each clip.

    ``x <- b x``, ``x <- c x + (1 - c) m`` with m the mean brightness of the clip, ``x <- s x + (1 - s) y`` with y the
    brightness of the pixel, and a rotation by ``2 pi h`` around the axis of greys in YIQ. Values are clipped to [0, 1]
    once, at the end.

    Args:
        pixels: ``(N, ..., 3)`` RGB in [0, 1].
        colours: ``(N, 4)``: b, c, s and h.

    Returns:
        Of the same shape.
    """
    brightness, contrast, saturation, hue = (part[:, None, None] for part in colours.unbind(1))
    to_yiq = pixels.new_tensor(_TO_YIQ)
    luma, angle = to_yiq[:1], 2 * math.pi * hue
    one, zero = torch.ones_like(angle), torch.zeros_like(angle)
    rows = [[one, zero, zero], [zero, angle.cos(), -angle.sin()], [zero, angle.sin(), angle.cos()]]
    turned = torch.cat([torch.cat(row, dim=2) for row in rows], dim=1)
    of_hue = torch.linalg.inv(to_yiq) @ turned @ to_yiq
    of_saturation = saturation * torch.eye(3, device=pixels.device) + (1 - saturation) * luma.expand(3, 3)
    flat = pixels.flatten(1, -2)
    mean = brightness * (flat.mean(1, keepdim=True) @ luma.T)  # (N, 1, 1)
    matrix = brightness * contrast * (of_hue @ of_saturation)
    # Saturation and hue leave greys as they are, so the part that contrast adds needs no matrix.
    return torch.baddbmm((1 - contrast) * mean.expand(-1, -1, 3), flat, matrix.mT).clamp_(0, 1).view_as(pixels)
