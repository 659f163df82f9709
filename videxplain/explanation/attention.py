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
    if not 0 <= frame < source.num_frames:
        raise VidexplainError(f"frame {frame} does not exist; the clip has frames 0 to {source.num_frames - 1}")
    height, width = source.size
    if at is not None and len(at) != 2:
        raise VidexplainError(f"at is the x and y of a point, not {tuple(at)}")
    if at is not None and not (0 <= at[0] < width and 0 <= at[1] < height):
        raise VidexplainError(f"the point {at[0]:g},{at[1]:g} lies outside of the picture, which is {width}x{height}")
    if top < 1:
        raise VidexplainError(f"top is a number of links, at least 1, not {top}")
    box = seen_box(source.size, config.view)
    y_low, x_low, y_high, x_high = box or (0.0, 0.0, float(height), float(width))
    if at is not None and not (x_low <= at[0] < x_high and y_low <= at[1] < y_high):
        raise VidexplainError(
            f"the network does not see the point {at[0]:g},{at[1]:g}: it sees x from {math.ceil(x_low)} to "
            f"{math.ceil(x_high) - 1} and y from {math.ceil(y_low)} to {math.ceil(y_high) - 1}"
        )
    x, window, position = window_around(model, source, frame)
    if at is None:
        x_share, y_share, chosen = _strongest(model, x, position)
    else:
        x_share, y_share = (at[0] - x_low) / (x_high - x_low), (at[1] - y_low) / (y_high - y_low)
        chosen = "as given"
    seen = find_links(model, x, ((position + 0.5) / len(window), y_share, x_share), block)
    steps, rows, columns = seen.weights.shape
    middles = [int(window[int((step + 0.5) * len(window) / steps)]) for step in range(steps)]
    middles[seen.query[0]] = frame
    shown = tuple(middles)
    weights = seen.weights.numpy()
    links = []
    for flat in np.argsort(-np.abs(weights), axis=None, kind="stable")[:top]:
        step, row, column = np.unravel_index(flat, weights.shape)
        links.append(
            Link(
                shown[step],
                x_low + _centre(int(column), columns, seen.grid[2]) * (x_high - x_low),
                y_low + _centre(int(row), rows, seen.grid[1]) * (y_high - y_low),
                float(weights[step, row, column]),
            )
        )
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
        at=(x_low + x_share * (x_high - x_low), y_low + y_share * (y_high - y_low)),
        chosen=chosen,
        step=seen.query[0],
        weights=weights,
        shown=shown,
        links=tuple(links),
        notes=(*clip_notes(source, config), *_notes(weights)),
        view_box=box,
    )


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
