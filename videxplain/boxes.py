"""A part of a frame: what a network saw of it."""

from typing import TypeAlias

Box: TypeAlias = tuple[float, float, float, float]
"""Top, left, bottom and right of a part of a frame, in pixels of the frame."""


def box_slices(box: Box, size: tuple[int, int]) -> tuple[slice, slice]:
    """The rows and the columns of a box in a frame of ``size``, to the nearest pixel, at least one of each."""
    slices = []
    for low, high, extent in ((box[0], box[2], size[0]), (box[1], box[3], size[1])):
        first = min(max(round(low), 0), extent - 1)
        slices.append(slice(first, max(min(round(high), extent), first + 1)))
    return slices[0], slices[1]


def scaled_box(box: Box | None, size: tuple[int, int], new: tuple[int, int]) -> Box | None:
    """The box of a frame of ``size`` in the same frame resized to ``new``; None stays None."""
    if box is None:
        return None
    y, x = new[0] / size[0], new[1] / size[1]
    return box[0] * y, box[1] * x, box[2] * y, box[3] * x


def seen_words(box: Box | None, size: tuple[int, int]) -> str:
    """What a network saw of frames of ``size``, in words; empty where that is the whole frame."""
    if box is None:
        return ""
    rows, columns = box_slices(box, size)
    seen = f"{columns.stop - columns.start}x{rows.stop - rows.start}"
    return f"the network saw the middle {seen} of {size[1]}x{size[0]} pixels"
