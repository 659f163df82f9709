"""A clip: decoded frames and where they came from."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from videxplain.data.rate import DEFAULT_FPS, checked_rate
from videxplain.errors import VidexplainError

# A stack of grey frames three or four pixels wide, or one colour image? From this width of the image on, the latter.
_IMAGE_WIDTH = 16


@dataclass(frozen=True, eq=False)
class Clip:
    """Frames in memory.

    Attributes:
        frames: ``(T, H, W, 3)`` uint8 RGB. Grey, ``(T, H, W)`` or ``(T, H, W, 1)``, is repeated to three channels, and
            the alpha of ``(T, H, W, 4)`` is dropped.
        fps: Frames per second; 25 when not given, and ``rate_known`` is then False.
        indices: ``(T,)`` positions of the frames in their source; 0 to T-1 when not given.
        path: The source, or None.
        times: ``(T,)`` seconds at which the frames are shown, counted from the first frame of the source; indices /
            fps when not given. They differ from that where the source has a variable frame rate.
        pixel_aspect: Width of a pixel divided by its height. Pictures are drawn in square pixels; networks get the
            frames as they are here.
        rate_known: Whether somebody has said how many frames there are in a second. If not, results say so.
    """

    frames: NDArray[np.uint8]
    fps: float = None  # type: ignore[assignment]  # filled in below
    indices: NDArray[np.int64] = None  # type: ignore[assignment]  # filled in below, so nobody sees None
    path: Path | None = None
    times: NDArray[np.float64] = None  # type: ignore[assignment]  # filled in below as well
    pixel_aspect: float = 1.0
    rate_known: bool = None  # type: ignore[assignment]  # filled in below

    def __post_init__(self) -> None:
        frames = np.asarray(self.frames)
        if frames.dtype != np.uint8:
            raise VidexplainError(f"frames are uint8 with values 0 to 255, not {frames.dtype}")
        if frames.ndim == 3 and frames.shape[2] in (3, 4) and frames.shape[1] >= _IMAGE_WIDTH:
            raise VidexplainError(
                f"frames are (T, H, W, 3); {frames.shape} is one image, which is frames[None] as a clip"
            )
        if frames.ndim == 3:
            frames = frames[..., None]
        if frames.ndim != 4 or frames.shape[3] not in (1, 3, 4) or 0 in frames.shape:
            raise VidexplainError(f"frames are (T, H, W, 3), not {np.shape(self.frames)}")
        frames = np.repeat(frames, 3, axis=3) if frames.shape[3] == 1 else np.ascontiguousarray(frames[..., :3])
        known = self.fps is not None if self.rate_known is None else self.rate_known
        object.__setattr__(self, "rate_known", known)
        object.__setattr__(self, "fps", checked_rate(DEFAULT_FPS if self.fps is None else self.fps))
        indices = np.arange(len(frames)) if self.indices is None else np.asarray(self.indices)
        if indices.shape != (len(frames),) or indices.dtype.kind not in "iu":
            raise VidexplainError(
                f"indices are one integer for each of {len(frames)} frames, not {indices.dtype} {indices.shape}"
            )
        object.__setattr__(self, "frames", frames)
        object.__setattr__(self, "indices", indices.astype(np.int64))
        times = indices / self.fps if self.times is None else np.asarray(self.times, np.float64)
        if times.shape != (len(frames),) or not np.isfinite(times).all():
            raise VidexplainError(f"times are one number of seconds for each of {len(frames)} frames")
        if not (np.isfinite(self.pixel_aspect) and self.pixel_aspect > 0):
            raise VidexplainError(f"pixel_aspect is a positive number, not {self.pixel_aspect}")
        object.__setattr__(self, "times", times)
        object.__setattr__(self, "path", None if self.path is None else Path(self.path))

    @property
    def num_frames(self) -> int:
        """How many frames there are."""
        return len(self.frames)

    @property
    def size(self) -> tuple[int, int]:
        """Height and width in pixels."""
        return self.frames.shape[1], self.frames.shape[2]

    def __len__(self) -> int:
        return len(self.frames)

    def __iter__(self) -> Iterator[NDArray[np.uint8]]:
        return iter(self.frames)

    def __repr__(self) -> str:
        height, width = self.size
        source = f", {str(self.path)!r}" if self.path else ""
        return f"Clip({len(self)} frames of {width}x{height} at {self.fps:.5g} fps{source})"


def read_clip(path: str | Path, start: int = 0, stop: int | None = None, fps: float | None = None) -> Clip:
    """Decode a file or a folder of numbered images, or frames ``start`` to ``stop`` of it, into memory.

    Args:
        path: The file or folder.
        start: The first frame.
        stop: The frame behind the last; None for the end.
        fps: Frames per second of a folder of images, which does not say it.

    Raises:
        VidexplainError: No such file, not a video, no frame that decodes, an empty range, or ``fps`` for a file that
            says it itself.
    """
    from videxplain.data.video import VideoReader, all_frames

    with VideoReader(path, start, stop, fps) as reader:
        frames = all_frames(reader)
        times = reader.times()
    indices = np.arange(start, start + len(frames))
    return Clip(frames, reader.fps, indices, Path(path), times, reader.pixel_aspect, reader.rate_known)


def as_clip(value: object, fps: float | None = None) -> Clip:
    """A clip of whatever holds one.

    Args:
        value: A `Clip`, the path of a file or a folder of numbered images, or frames: an array or a tensor
            ``(T, H, W, 3)`` or, as torchvision has them, ``(T, 3, H, W)``, or a list of images ``(H, W, 3)``. Whole
            numbers are 0 to 255, fractions are 0 to 1.
        fps: Frames per second of frames, or of a folder of images; 25 when not given.

    Raises:
        VidexplainError: It holds no clip, values of another range, or axes in an order that cannot be told; or it says
            its frame rate itself, and ``fps`` is given.
    """
    if isinstance(value, Clip):
        if fps is not None and value.rate_known:
            raise VidexplainError(f"the clip says its frame rate itself ({value.fps:.5g} frames/s): leave fps out")
        return value if fps is None else _with_rate(value, fps)
    if isinstance(value, str | Path):
        return read_clip(value, fps=fps)
    frames = _array(value)
    if frames.ndim == 5:
        raise VidexplainError(f"{frames.shape} is a batch: give one clip (T, H, W, 3) at a time")
    if frames.ndim == 4 and frames.shape[3] not in (1, 3, 4):
        if frames.shape[1] == 3 and frames.shape[0] != 3:
            frames = np.moveaxis(frames, 1, 3)
        elif 3 in frames.shape[:2]:
            raise VidexplainError(f"which axis of {frames.shape} is colour cannot be told: frames are (T, H, W, 3)")
    clip = Clip(_bytes(frames))
    return clip if fps is None else _with_rate(clip, fps)


def _with_rate(clip: Clip, fps: float) -> Clip:
    times = clip.indices / checked_rate(fps)
    return replace(clip, fps=fps, times=times, rate_known=True)


def _array(value: Any) -> NDArray[Any]:
    if hasattr(value, "detach"):  # a tensor, also one with a gradient or on a GPU; torch need not be imported to know
        value = value.detach().cpu()
        value = value.float().numpy() if value.is_floating_point() else value.numpy()
    if isinstance(value, list | tuple):
        images = [_array(image) for image in value]
        if not images:
            raise VidexplainError("an empty list is no clip: at least one image is needed")
        shapes = list(dict.fromkeys(image.shape for image in images))
        if len(shapes) > 1:
            raise VidexplainError(f"images of different sizes are no clip: {shapes[0]} and {shapes[1]}")
        return np.stack(images)
    if isinstance(value, np.ndarray | np.generic) or hasattr(value, "__array__"):
        return np.asarray(value)
    raise VidexplainError(
        f"a clip is a Clip, a path, or frames (T, H, W, 3) as an array, a tensor or a list, not {type(value).__name__}"
    )


def _bytes(frames: NDArray[Any]) -> NDArray[np.uint8]:
    """Frames as uint8: whole numbers as they are, fractions of 0 to 1 times 255."""
    if frames.dtype == np.uint8:
        return frames
    if frames.dtype.kind not in "iuf":
        raise VidexplainError(f"frames are numbers, not {frames.dtype}")
    if not frames.size:
        raise VidexplainError(f"frames are (T, H, W, 3), not {frames.shape}")
    low, high = frames.min(), frames.max()
    if not (np.isfinite(low) and np.isfinite(high)):
        raise VidexplainError("frames hold NaN or infinite values")
    most = 1 if frames.dtype.kind == "f" else 255
    if low < 0 or high > most:
        raise VidexplainError(
            f"frames of {frames.dtype} hold 0 to {most}, not {low:.4g} to {high:.4g}; "
            "give frames as they were before normalising, uint8 for 0 to 255"
        )
    return (np.rint(frames * 255) if most == 1 else frames).astype(np.uint8)
