"""A clip: decoded frames and where they came from."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from videxplain.errors import VidexplainError

# A stack of grey frames three or four pixels wide, or one colour image? From this width of the image on, the latter.
_IMAGE_WIDTH = 16


@dataclass(frozen=True, eq=False)
class Clip:
    """Frames in memory.

    Attributes:
        frames: ``(T, H, W, 3)`` uint8 RGB. Grey, ``(T, H, W)`` or ``(T, H, W, 1)``, is repeated to three channels, and
            the alpha of ``(T, H, W, 4)`` is dropped.
        fps: Frames per second.
        indices: ``(T,)`` positions of the frames in their source; 0 to T-1 when not given.
        path: The source, or None.
        times: ``(T,)`` seconds at which the frames are shown, counted from the first frame of the source; indices /
            fps when not given. They differ from that where the source has a variable frame rate.
    """

    frames: NDArray[np.uint8]
    fps: float = 25.0
    indices: NDArray[np.int64] = None  # type: ignore[assignment]  # filled in below, so nobody sees None
    path: Path | None = None
    times: NDArray[np.float64] = None  # type: ignore[assignment]  # filled in below as well

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
        if not (np.isfinite(self.fps) and self.fps > 0):
            raise VidexplainError(f"the frame rate is a positive number, not {self.fps}")
        indices = np.arange(len(frames)) if self.indices is None else np.asarray(self.indices)
        if indices.shape != (len(frames),) or indices.dtype.kind not in "iu":
            raise VidexplainError(
                f"indices are one integer for each of {len(frames)} frames, not {indices.dtype} {indices.shape}"
            )
        object.__setattr__(self, "frames", frames)
        object.__setattr__(self, "fps", float(self.fps))
        object.__setattr__(self, "indices", indices.astype(np.int64))
        times = indices / float(self.fps) if self.times is None else np.asarray(self.times, np.float64)
        if times.shape != (len(frames),) or not np.isfinite(times).all():
            raise VidexplainError(f"times are one number of seconds for each of {len(frames)} frames")
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


def read_clip(path: str | Path, start: int = 0, stop: int | None = None) -> Clip:
    """Decode a file or a folder of numbered images, or frames ``start`` to ``stop`` of it, into memory.

    Raises:
        VidexplainError: No such file, not a video, no frame that decodes, or an empty range.
    """
    from videxplain.data.video import VideoReader, all_frames

    with VideoReader(path, start, stop) as reader:
        frames = all_frames(reader)
        times = reader.times()
    return Clip(frames, reader.fps, np.arange(start, start + len(frames)), Path(path), times)
