"""Frames that are changed while they are read: the changes that a visitor asked for."""

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from videxplain.data.shown import pixel_aspect_of
from videxplain.data.stream import FrameSource
from videxplain.errors import VidexplainError
from videxplain.studio.questions.edit import Edit

Frame = NDArray[np.uint8]


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
