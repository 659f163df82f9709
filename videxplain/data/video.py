"""Decode video: files, or folders of numbered images, as a stream of RGB frames."""

import math
import os
import re
import warnings
from collections.abc import Iterator
from pathlib import Path
from types import TracebackType
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from videxplain.errors import VidexplainError

# The decoder's own chatter about damaged files; what matters is said by this module, once. An environment that has
# its own setting keeps it.
os.environ.setdefault("OPENCV_FFMPEG_LOGLEVEL", "-8")

Frame = NDArray[np.uint8]
IMAGE_SUFFIXES = (".png", ".jpg", ".jpeg", ".bmp", ".tif", ".tiff", ".webp")
DEFAULT_FPS = 25.0
"""Frames per second of a folder of images, and of a file that does not say."""


class DamagedVideoWarning(UserWarning):
    """Fewer frames decode than the file declares."""


class VideoReader:
    """Frames of a file or of a folder of images, decoded one after the other.

    Opening decodes the first frame, so whatever opens has one. Rotation flags are honoured; grey becomes RGB and
    alpha is dropped. Each iteration starts again at ``start``.

    Attributes:
        path: The file or folder.
        fps: Frames per second.
        size: Height and width in pixels, after rotation.
        declared_frames: The frame count the container declares, which is a guess, or None where it declares none.
    """

    def __init__(self, path: str | Path, start: int = 0, stop: int | None = None) -> None:
        """Open ``path`` for frames ``start`` to ``stop`` (exclusive; None for the end).

        Raises:
            VidexplainError: No such file, not a video, no frame that decodes, or an empty range.
        """
        self.path = Path(path)
        self.start, self.stop = start, stop
        if start < 0 or (stop is not None and stop <= start):
            raise VidexplainError(f"frames {start}:{'' if stop is None else stop} is not a range of frames")
        if not self.path.exists():
            raise VidexplainError(f"no such file: {self.path}")
        self._images = _numbered_images(self.path) if self.path.is_dir() else None
        self.declared_frames: int | None = len(self._images) if self._images is not None else None
        self.fps = DEFAULT_FPS
        if self._images is None:
            self._probe()
        first = next(self._decode(0, 1), None)
        if first is None:
            raise VidexplainError(f"no frame of {self.path} can be decoded")
        self.size: tuple[int, int] = first.shape[:2]

    def __enter__(self) -> "VideoReader":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        return None

    def __iter__(self) -> Iterator[Frame]:
        return self._decode(self.start, self.stop)

    def _probe(self) -> None:
        if self.path.stat().st_size == 0:
            raise VidexplainError(f"{self.path} is empty")
        capture = _open(self.path)
        try:
            if not capture.isOpened():
                raise VidexplainError(f"{self.path} is not a video that can be decoded")
            fps = capture.get(cv2.CAP_PROP_FPS)
            if math.isfinite(fps) and fps > 0:
                self.fps = float(fps)
            count = capture.get(cv2.CAP_PROP_FRAME_COUNT)
            self.declared_frames = int(count) if math.isfinite(count) and count > 0 else None
        finally:
            capture.release()

    def _decode(self, start: int, stop: int | None) -> Iterator[Frame]:
        if self._images is not None:
            yield from self._read_images(start, stop)
            return
        capture = _open(self.path)
        try:
            # Seeking lands on the wrong frame in many files; stepping there does not.
            for _ in range(start):
                if not capture.grab():
                    return
            index = start
            while stop is None or index < stop:
                read, frame = capture.read()
                if not read:
                    return
                yield _rgb(frame)
                index += 1
        finally:
            capture.release()

    def _read_images(self, start: int, stop: int | None) -> Iterator[Frame]:
        assert self._images is not None
        size = None
        for image in self._images[start:stop]:
            frame = _read_image(image)
            size = size or frame.shape
            if frame.shape != size:
                raise VidexplainError(
                    f"{image} is {frame.shape[1]}x{frame.shape[0]} and the images before it {size[1]}x{size[0]}"
                )
            yield frame


def count_frames(path: str | Path) -> int:
    """How many frames decode; warns with both numbers when the container declares more.

    Raises:
        VidexplainError: As for :class:`VideoReader`.
    """
    reader = VideoReader(path)
    if reader._images is not None:
        return len(reader._images)
    capture = _open(reader.path)
    try:
        count = 0
        while capture.grab():
            count += 1
    finally:
        capture.release()
    if reader.declared_frames and count < reader.declared_frames:
        warnings.warn(
            f"{path} declares {reader.declared_frames} frames, and {count} decode", DamagedVideoWarning, stacklevel=2
        )
    return count


def read_frames(path: str | Path, start: int = 0, stop: int | None = None) -> tuple[NDArray[np.uint8], float]:
    """All frames of a range, ``(T, H, W, 3)`` uint8 RGB, and the frame rate."""
    reader = VideoReader(path, start, stop)
    frames = list(reader)
    if not frames:
        raise VidexplainError(f"{path} has no frame {start}; it has {count_frames(path)} frames")
    if stop is None or len(frames) < stop - start:
        decoded, declared = start + len(frames), reader.declared_frames
        if declared and decoded < declared:
            warnings.warn(f"{path} declares {declared} frames, and {decoded} decode", DamagedVideoWarning, stacklevel=2)
    return np.stack(frames), reader.fps


def _open(path: Path) -> cv2.VideoCapture:
    # An absolute path: a relative one that begins with "name:" would be taken for a protocol.
    return cv2.VideoCapture(str(path.absolute()), cv2.CAP_FFMPEG)


def _rgb(frame: NDArray[Any]) -> Frame:
    if frame.ndim == 2 or frame.shape[2] == 1:
        code = cv2.COLOR_GRAY2RGB
    else:
        code = cv2.COLOR_BGRA2RGB if frame.shape[2] == 4 else cv2.COLOR_BGR2RGB
    return np.asarray(cv2.cvtColor(frame, code), np.uint8)


def _numbered_images(folder: Path) -> list[Path]:
    images = [p for p in folder.iterdir() if p.suffix.lower() in IMAGE_SUFFIXES and not p.name.startswith(".")]
    if not images:
        raise VidexplainError(f"{folder} holds no images ({', '.join(IMAGE_SUFFIXES)})")
    return sorted(images, key=lambda p: [int(s) if s.isdigit() else s.casefold() for s in re.split(r"(\d+)", p.name)])


def _read_image(path: Path) -> Frame:
    # Through bytes: cv2.imread cannot open every file name on every platform.
    data = np.frombuffer(path.read_bytes(), np.uint8)
    frame = cv2.imdecode(data, cv2.IMREAD_COLOR) if len(data) else None
    if frame is None:
        raise VidexplainError(f"{path} is not an image that can be decoded")
    return _rgb(frame)
