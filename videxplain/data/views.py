"""A frame as the authors of a network show it: resized by their rule, and cropped in the middle."""

from typing import Protocol

import cv2
import numpy as np
from numpy.typing import NDArray

from videxplain.boxes import Box, box_slices
from videxplain.errors import VidexplainError

# As for pictures of files: nothing real is larger than 16K.
_MOST_PIXELS = 1 << 27


class View(Protocol):
    """What is asked of a view here; ``videxplain.models.config.View`` says what the fields mean."""

    @property
    def resize(self) -> int | tuple[int, int]: ...  # noqa: D102
    @property
    def crop(self) -> tuple[int, int]: ...  # noqa: D102
    @property
    def interpolation(self) -> str: ...  # noqa: D102
    @property
    def antialias(self) -> bool: ...  # noqa: D102
    @property
    def corner(self) -> str: ...  # noqa: D102


def resized_size(size: tuple[int, int], view: View) -> tuple[int, int]:
    """Height and width of a frame of ``size`` after resizing, before the crop.

    Raises:
        VidexplainError: They are larger than any picture.
    """
    if isinstance(view.resize, tuple):
        tall, wide = view.resize
    else:
        long = int(view.resize * max(size) / min(size))
        tall, wide = (view.resize, long) if size[0] <= size[1] else (long, view.resize)
    if tall * wide > _MOST_PIXELS:
        raise VidexplainError(f"the view resizes frames of {size[1]}x{size[0]} to {wide}x{tall}, which is too large")
    return tall, wide


def view_box(size: tuple[int, int], view: View) -> Box:
    """The part of a frame that the network sees, as ``(y0, x0, y1, x1)`` in pixels of the frame.

    Args:
        size: Height and width of the frame.
        view: How the network's authors show it.

    Raises:
        VidexplainError: The crop is larger than the resized frame.
    """
    (height, width), (tall, wide) = size, resized_size(size, view)
    top, left = crop_corner(tall, wide, view)
    y, x = height / tall, width / wide
    return top * y, left * x, (top + view.crop[0]) * y, (left + view.crop[1]) * x


def seen_box(size: tuple[int, int], view: View | None) -> Box | None:
    """The part of a frame that a network sees; None where that is the whole frame.

    Args:
        size: Height and width of the frame.
        view: How frames are shown to the network; None where they are resized whole.
    """
    box = None if view is None else view_box(size, view)
    return None if box is None or box_slices(box, size) == (slice(0, size[0]), slice(0, size[1])) else box


def apply_view(frames: NDArray[np.uint8], view: View) -> NDArray[np.uint8]:
    """Frames ``(T, H, W, 3)`` resized and cropped, ``(T, h, w, 3)``, uint8 RGB.

    Raises:
        VidexplainError: The crop is larger than the resized frame.
    """
    tall, wide = resized_size((frames.shape[1], frames.shape[2]), view)
    top, left = crop_corner(tall, wide, view)
    seen = np.empty((len(frames), *view.crop, 3), np.uint8)
    for t, frame in enumerate(frames):
        resized = _resized(frame, tall, wide, view)
        seen[t] = resized[top : top + view.crop[0], left : left + view.crop[1]]
    return seen


def apply_resize(frames: NDArray[np.uint8], view: View) -> NDArray[np.uint8]:
    """Frames ``(T, H, W, 3)`` resized and not cropped."""
    tall, wide = resized_size((frames.shape[1], frames.shape[2]), view)
    return np.stack([_resized(frame, tall, wide, view) for frame in frames])


def crop_corner(tall: int, wide: int, view: View) -> tuple[int, int]:
    """The first row and column of the crop in the middle of frames resized to ``tall`` and ``wide``.

    Raises:
        VidexplainError: The crop is larger.
    """
    height, width = view.crop
    if height > tall or width > wide:
        raise VidexplainError(f"a crop of {width}x{height} pixels does not fit into frames resized to {wide}x{tall}")
    if view.corner == "round":
        return round((tall - height) / 2), round((wide - width) / 2)
    return (tall - height) // 2, (wide - width) // 2


def _resized(frame: NDArray[np.uint8], tall: int, wide: int, view: View) -> NDArray[np.uint8]:
    if frame.shape[:2] == (tall, wide):
        return frame
    if view.antialias:
        # OpenCV has no filter that widens as frames shrink. Pillow's is what processors were written with.
        from PIL import Image

        filters = {"bilinear": Image.Resampling.BILINEAR, "bicubic": Image.Resampling.BICUBIC}
        return np.asarray(Image.fromarray(frame).resize((wide, tall), filters[view.interpolation]))
    kind = {"bilinear": cv2.INTER_LINEAR, "bicubic": cv2.INTER_CUBIC}[view.interpolation]
    # In floating point, because OpenCV's whole numbers round otherwise than PyTorch.
    exact = cv2.resize(frame.astype(np.float32), (wide, tall), interpolation=kind)
    return np.clip(np.rint(exact), 0, 255).astype(np.uint8)
