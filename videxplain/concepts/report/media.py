"""Pictures and videos of concepts: where and when a concept is active in a clip."""

from collections.abc import Iterator
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from videxplain.audit.report.media import fitted, write_picture
from videxplain.boxes import Box, box_slices, scaled_box
from videxplain.concepts.tubes import Tube
from videxplain.data.shown import ShownFrames, irregular_times
from videxplain.data.stream import FileFrames
from videxplain.viz.colour import DEFAULT_COLORMAP, lut, rgb
from videxplain.viz.overlay import overlay
from videxplain.viz.video import save_video

MAX_SIDE = 320
STRIP = 3
"""Number of frames in the picture of a tube."""
_EDGE = rgb("#ffffff")
_QUALITY = [cv2.IMWRITE_JPEG_QUALITY, 85]
_CELLS = (160, 120)


def write_tube(
    folder: Path, name: str, video: Path, maps: NDArray[np.float32], tube: Tube, scale: float, box: Box | None
) -> None:
    """Write ``<name>.mp4``, the clip with a concept drawn over it, and ``<name>.jpg``, frames of the tube side by side.

    Frames with the tube have a box around it.

    Args:
        folder: The folder of the media.
        name: What the files are called.
        video: The clip.
        maps: ``(T, h, w)``, the concept's coefficients.
        tube: Its strongest tube.
        scale: The coefficient that gets the brightest colour.
        box: The part of a frame of the clip that the network saw; None for the whole frame.
    """
    stored = FileFrames(video)
    source = ShownFrames(stored)
    height, width = fitted(source.size, MAX_SIDE)
    seen = scaled_box(box, stored.size, (height, width))
    first, last = tube.frames
    chosen = {round(float(at)) for at in np.linspace(first, last, STRIP)}
    strip: list[NDArray[np.uint8]] = []

    def frames() -> Iterator[NDArray[np.uint8]]:
        for i, frame in enumerate(source.frames()):
            if i >= len(maps):
                return
            small = cv2.resize(frame, (width, height), interpolation=cv2.INTER_AREA)
            picture = overlay(small, maps[i], scale, opacity=0.75, box=seen)
            _draw_box(picture, tube.box_at(i), seen)
            if i in chosen:
                strip.append(picture)
            yield picture

    save_video(folder / f"{name}.mp4", frames(), source.fps, times=irregular_times(stored))
    while len(strip) < STRIP:  # a tube of few frames
        strip.append(np.full_like(strip[-1], 255))
    write_picture(folder / f"{name}.jpg", np.concatenate(strip, axis=1), _QUALITY)


def _draw_box(picture: NDArray[np.uint8], box: tuple[float, float, float, float] | None, seen: Box | None) -> None:
    """Draw a box given in shares of the part that the network saw."""
    if box is None:
        return
    size = (picture.shape[0], picture.shape[1])
    rows, columns = box_slices(seen or (0, 0, *size), size)
    high, wide = rows.stop - rows.start, columns.stop - columns.start
    left, top = round(columns.start + box[0] * wide), round(rows.start + box[1] * high)
    right, bottom = round(columns.start + box[2] * wide) - 1, round(rows.start + box[3] * high) - 1
    cv2.rectangle(picture, (left, top), (right, bottom), _EDGE, 1)


def write_place(path: Path, values: NDArray[np.floating]) -> None:
    """Write a mean map ``(rows, columns)`` as a picture. Its largest value gets the brightest colour."""
    level = np.asarray(values, np.float32) / max(float(values.max()), 1e-12)
    large = cv2.resize(level, _CELLS, interpolation=cv2.INTER_LINEAR)
    picture = lut(DEFAULT_COLORMAP)[np.clip(np.rint(255 * large), 0, 255).astype(np.uint8)]
    write_picture(path, picture)
