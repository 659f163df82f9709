"""Changes of a clip: freeze, blur or hide a box over some frames, or cut the frames out."""

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from videxplain.data.shown import pixel_aspect_of
from videxplain.data.stream import FrameSource
from videxplain.errors import VidexplainError, unknown

Frame = NDArray[np.uint8]
KINDS = ("freeze", "blur", "hide", "cut")
_MOST_FRAMES = 10_000_000


@dataclass(frozen=True)
class Edit:
    """One change of a clip, over some of its frames.

    Attributes:
        kind: ``"freeze"`` keeps the content of the box from the frame before, ``"blur"`` blurs the box, ``"hide"``
            fills it with the network's mean colour, ``"cut"`` removes the frames.
        first: The first frame. Frames count from the first one that the question is about.
        last: The last frame.
        box: Left, top, right and bottom as shares of width and height; by default the whole picture.
    """

    kind: str
    first: int
    last: int
    box: tuple[float, float, float, float] = (0.0, 0.0, 1.0, 1.0)

    @classmethod
    def checked(cls, given: Any) -> "Edit":
        """The change of a request.

        Args:
            given: A table with ``kind``, ``first``, ``last`` and ``box``.

        Raises:
            VidexplainError: The table is not a change.
        """
        if not isinstance(given, Mapping):
            raise VidexplainError("an edit is a table with kind, first, last and box")
        kind, box = given.get("kind"), given.get("box", (0.0, 0.0, 1.0, 1.0))
        if kind not in KINDS:
            raise unknown("edit", str(kind)[:40], KINDS)
        first, last = given.get("first", 0), given.get("last", 0)
        if any(type(one) is not int or not 0 <= one < _MOST_FRAMES for one in (first, last)) or last < first:
            raise VidexplainError("first and last of an edit are numbers of frames, and last is not before first")
        if not isinstance(box, list | tuple) or len(box) != 4 or not all(_is_share(one) for one in box):
            raise VidexplainError("box of an edit is left, top, right, bottom, each from 0 to 1")
        left, top, right, bottom = map(float, box)
        if not (left < right and top < bottom):
            raise VidexplainError("box of an edit is left, top, right, bottom, with left < right and top < bottom")
        return cls(kind, first, last, (left, top, right, bottom))

    def words(self, start: int) -> str:
        """The change in words, with frames counted in the clip. ``start`` is the frame of the clip that is frame 0."""
        where = "" if self.box == (0.0, 0.0, 1.0, 1.0) or self.kind == "cut" else " in the box"
        return f"{self.kind}{where}, frames {start + self.first} to {start + self.last}"

    def pixels(self, size: tuple[int, int]) -> tuple[slice, slice]:
        """Rows and columns of the box in pictures of ``size``; at least one pixel."""
        (height, width), (left, top, right, bottom) = size, self.box
        top_row, left_column = min(math.floor(top * height), height - 1), min(math.floor(left * width), width - 1)
        return (
            slice(top_row, max(math.ceil(bottom * height), top_row + 1)),
            slice(left_column, max(math.ceil(right * width), left_column + 1)),
        )


def _is_share(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and 0 <= value <= 1


class ChangedFrames:
    """A source whose frames are changed by a function; frames can be left out.

    Attributes:
        path: That of the source.
        fps: Frames per second.
        size: Height and width in pixels.
        num_frames: How many frames are left.
        pixel_aspect: Width of a pixel divided by its height.
    """

    def __init__(self, source: FrameSource, change: Callable[[int, Frame], Frame], kept: Sequence[int]) -> None:
        """Look at ``source``.

        Args:
            source: The frames.
            change: From the number of a frame and its picture to a new picture.
            kept: The numbers of the frames that stay, in order.
        """
        self._source, self._change, self._kept = source, change, kept
        self.path: Path | None = source.path
        self.fps, self.size, self.num_frames = source.fps, source.size, len(kept)
        self.pixel_aspect = pixel_aspect_of(source)

    def frames(self, start: int = 0, stop: int | None = None) -> Iterator[Frame]:
        """Frames ``start`` to ``stop`` of what is left."""
        wanted = list(self._kept[start:stop])
        if not wanted:
            return
        chosen = set(wanted)
        for number, frame in enumerate(self._source.frames(wanted[0], wanted[-1] + 1), start=wanted[0]):
            if number in chosen:
                yield self._change(number, frame)


def edited(source: FrameSource, edits: Sequence[Edit], mean: Sequence[float]) -> FrameSource:
    """A source with changes.

    Args:
        source: The frames.
        edits: The changes, made one after the other.
        mean: The mean colour of the network, RGB from 0 to 1.

    Raises:
        VidexplainError: A change is about frames after the end, or no frame would be left.
    """
    if not edits:
        return source
    for edit in edits:
        if edit.last >= source.num_frames:
            raise VidexplainError(f"the clip has frames 0 to {source.num_frames - 1}; there is no frame {edit.last}")
    cut = {frame for edit in edits if edit.kind == "cut" for frame in range(edit.first, edit.last + 1)}
    kept = [frame for frame in range(source.num_frames) if frame not in cut]
    if not kept:
        raise VidexplainError("nothing of the clip would be left")
    colour = np.rint(255 * np.asarray(mean)).astype(np.uint8)
    # Before the first frame there is none, so a change from there takes the frame after its last one.
    held = {edit: _frame(source, _holder(edit, source.num_frames)) for edit in edits if edit.kind == "freeze"}

    def change(number: int, frame: Frame) -> Frame:
        frame = frame.copy()
        for edit in edits:
            if edit.kind == "cut" or not edit.first <= number <= edit.last:
                continue
            place = edit.pixels(source.size)
            if edit.kind == "freeze":
                frame[place] = held[edit][place]
            elif edit.kind == "hide":
                frame[place] = colour
            else:
                width = max(3, min(source.size) // 4) | 1
                frame[place] = cv2.blur(cv2.blur(frame[place], (width, width)), (width, width))
        return frame

    return ChangedFrames(source, change, kept)


def _holder(edit: Edit, frames: int) -> int:
    if edit.first > 0:
        return edit.first - 1
    return edit.last + 1 if edit.last + 1 < frames else 0


def _frame(source: FrameSource, number: int) -> Frame:
    return next(iter(source.frames(number, number + 1)))
