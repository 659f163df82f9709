"""Where one point of a clip looks: from a network and a clip to the places it takes most from."""

import math
from collections.abc import Iterator, Sequence

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from videxplain.attribution.api import attribute
from videxplain.attribution.attention.links import find_links
from videxplain.attribution.registry import magnitude
from videxplain.boxes import Box
from videxplain.data.stream import FrameSource
from videxplain.data.views import seen_box
from videxplain.errors import VidexplainError
from videxplain.explanation.api import clip_notes, window_around
from videxplain.explanation.attention_result import Attention, Link
from videxplain.explanation.origin import Origin, config_of, of_model
from videxplain.explanation.question import question_of
from videxplain.explanation.sources import ClipLike, as_source

EVEN_NOTE = "attention is nearly uniform: which links are strongest says little"
_NEARLY = 1.5
"""Attention is nearly uniform where the strongest link is at most this many times the mean."""


def attention(
    model: nn.Module,
    clip: ClipLike,
    *,
    frame: int | None = None,
    at: Sequence[float] | None = None,
    block: str | None = None,
    top: int = 20,
) -> Attention:
    """Where one point of a clip looks, in a network with non-local blocks or joint attention.

    Wang et al., Non-local Neural Networks, CVPR 2018, Figure 3, for any point.

    Args:
        model: Such as ``load_model("non_local")``, or a VideoMAE or ViViT of Hugging Face.
        clip: As for :func:`videxplain.explain`.
        frame: The frame of the point; None for the middle of the clip.
        at: Its x and y in pixels of the clip; None for the place where Grad-CAM is strongest in that frame, or for the
            centre where Grad-CAM is zero there.
        block: Which non-local block, by name, or layer of attention, by number; None for the last.
        top: How many links are kept.

    Raises:
        VidexplainError: No such block, frame or point, a point that the network does not see, or a network without
            such blocks.
    """
    config, source = config_of(model), as_source(clip)
    asked_frame, frame = frame, source.num_frames // 2 if frame is None else frame
    box = seen_box(source.size, config.view)
    part = box or (0.0, 0.0, float(source.size[0]), float(source.size[1]))
    _check_point(source, part, frame, at)
    if top < 1:
        raise VidexplainError(f"top is a number of links, at least 1, not {top}")
    x, window, position = window_around(model, source, frame)
    across, down, chosen = _strongest(model, x, position) if at is None else (*_shares(at, part), "as given")
    seen = find_links(model, x, ((position + 0.5) / len(window), down, across), block)
    steps = len(seen.weights)
    middles = [int(window[int((step + 0.5) * len(window) / steps)]) for step in range(steps)]
    middles[seen.query[0]] = frame
    weights = seen.weights.numpy()
    return Attention(
        source=source,
        origin=Origin(
            method="attention",
            layer=seen.block,
            target="",
            target_index=None,
            precision="fp32",
            windows=1,
            question=question_of(source, config, "attention", frame=asked_frame, at=at, block=block, top=top),
            **of_model(config),
        ),
        frame=frame,
        at=_pixel(across, down, part),
        chosen=chosen,
        step=seen.query[0],
        weights=weights,
        shown=tuple(middles),
        links=tuple(_strongest_links(weights, middles, seen.grid, part, top)),
        notes=(*clip_notes(source, config), *_notes(weights)),
        view_box=box,
    )


def _check_point(source: FrameSource, part: Box, frame: int, at: Sequence[float] | None) -> None:
    """Refuse a frame that the clip does not have, and a point outside of the ``part`` that the network sees."""
    if not 0 <= frame < source.num_frames:
        raise VidexplainError(f"frame {frame} does not exist; the clip has frames 0 to {source.num_frames - 1}")
    if at is None:
        return
    if len(at) != 2:
        raise VidexplainError(f"at is the x and y of a point, not {tuple(at)}")
    height, width = source.size
    if not (0 <= at[0] < width and 0 <= at[1] < height):
        raise VidexplainError(f"the point {at[0]:g},{at[1]:g} lies outside of the picture, which is {width}x{height}")
    top, left, bottom, right = part
    if not (left <= at[0] < right and top <= at[1] < bottom):
        raise VidexplainError(
            f"the network does not see the point {at[0]:g},{at[1]:g}: it sees x from {math.ceil(left)} to "
            f"{math.ceil(right) - 1} and y from {math.ceil(top)} to {math.ceil(bottom) - 1}"
        )


def _strongest_links(
    weights: NDArray[np.float32], shown: Sequence[int], grid: tuple[int, int, int], part: Box, top: int
) -> Iterator[Link]:
    """The ``top`` strongest places.

    Args:
        weights: ``(steps, rows, columns)``.
        shown: The frame of each step.
        grid: The places of the layer in time, height and width.
        part: What the network sees of a frame.
        top: How many.
    """
    _, rows, columns = weights.shape
    for flat in np.argsort(-np.abs(weights), axis=None, kind="stable")[:top]:
        step, row, column = (int(number) for number in np.unravel_index(flat, weights.shape))
        at = _pixel(_centre(column, columns, grid[2]), _centre(row, rows, grid[1]), part)
        yield Link(shown[step], *at, float(weights[step, row, column]))


def _shares(at: Sequence[float], part: Box) -> tuple[float, float]:
    """How far a point lies from the left and from the top of a part of a frame, as shares of the part."""
    top, left, bottom, right = part
    return (at[0] - left) / (right - left), (at[1] - top) / (bottom - top)


def _pixel(across: float, down: float, part: Box) -> tuple[float, float]:
    """The reverse of :func:`_shares`."""
    top, left, bottom, right = part
    return left + across * (right - left), top + down * (bottom - top)


def _notes(weights: NDArray[np.float32]) -> Iterator[str]:
    if np.abs(weights).max() <= _NEARLY * np.abs(weights).mean():
        yield EVEN_NOTE


def _centre(cell: int, cells: int, extent: int) -> float:
    """The middle of a cell as a share of the picture. Where there are half as many cells, each holds two places."""
    if cells == extent:
        return (cell + 0.5) / extent
    return (2 * cell + min(2 * cell + 2, extent)) / 2 / extent


def _strongest(model: nn.Module, x: torch.Tensor, position: int) -> tuple[float, float, str]:
    """Where Grad-CAM is strongest in one frame, as shares of width and height, and the same in words."""
    heat = magnitude(attribute(model, x, method="gradcam"))[0, position]
    if not heat.amax() > 0:
        return 0.5, 0.5, "the centre, as Grad-CAM has nothing in this frame"
    row, column = divmod(int(heat.argmax()), heat.shape[1])
    return (column + 0.5) / heat.shape[1], (row + 0.5) / heat.shape[0], "where Grad-CAM is strongest in this frame"
