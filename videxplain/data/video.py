"""Decode video: files, or folders of numbered images, as a stream of RGB frames."""

import math
import os
import re
import threading
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import chain, islice
from pathlib import Path
from types import TracebackType

import cv2
import numpy as np
from numpy.typing import NDArray

from videxplain.data.header import Header, read_header
from videxplain.errors import VidexplainError

# The decoder's own chatter about damaged files; what matters is said by this module, once. FFmpeg inside OpenCV reads
# this when the first file is opened, and an environment that has its own setting keeps it.
os.environ.setdefault("OPENCV_FFMPEG_LOGLEVEL", "-8")

Frame = NDArray[np.uint8]
IMAGE_SUFFIXES = (".png", ".jpg", ".jpeg", ".bmp", ".tif", ".tiff", ".webp")
DEFAULT_FPS = 25.0
"""Frames per second of a folder of images, and of a file that does not say."""

# OpenCV reports a packet that does not decode as it reports the end of the file, so only many in a row are the end.
# At the end of a file, a thousand take some 30 ms.
_FAILURES_AT_END = 1000
# A length in seconds covers the sound too, and the last frame's time on screen; only a larger gap is damage.
_SECONDS_MISSING = 1.0
_LOG_LEVEL = threading.Lock()


class DamagedVideoWarning(UserWarning):
    """Fewer frames decode than the file declares."""


class VideoReader:
    """Frames of a file or of a folder of images, decoded one after the other.

    Opening decodes the first frame of the range, so whatever opens has one. Rotation flags are honoured; grey becomes
    RGB and alpha is dropped. Each iteration starts again at ``start`` with a decoder of its own, also after the
    ``with`` block, which only ends the one that opening left. When the end of a file comes earlier than its header
    says, a :class:`DamagedVideoWarning` tells so, once for each reader.

    Attributes:
        path: The file or folder.
        fps: Frames per second.
        size: Height and width in pixels, after rotation.
        declared_frames: The frame count the container declares, which can be wrong, or None where it declares none.
    """

    def __init__(self, path: str | Path, start: int = 0, stop: int | None = None) -> None:
        """Open ``path`` for frames ``start`` to ``stop`` (exclusive; None, or beyond the last frame, for the end).

        Raises:
            VidexplainError: No such file, not a video, no frame that decodes, or a range without frames.
        """
        self.path = Path(path)
        self.start, self.stop = start, stop
        if start < 0 or (stop is not None and stop <= start):
            raise VidexplainError(f"frames {start}:{'' if stop is None else stop} is not a range of frames")
        self._images: list[Path] | None = None
        self._header = Header(DEFAULT_FPS, None, None)
        self._told = False
        with _reading(self.path):
            if self.path.is_dir():
                self._images = _numbered_images(self.path)
            elif self.path.suffix.lower() in IMAGE_SUFFIXES and self.path.is_file():
                self._images = [self.path]
            else:
                _check_file(self.path)
                self._header = read_header(self.path)
        self.declared_frames = self._header.frames if self._images is None else len(self._images)
        self.fps = self._known_rate()
        frames = self._decode(start, stop)
        first = next(frames)
        self.size: tuple[int, int] = first.shape[:2]
        # The first pass goes on where opening stopped, so that the frames before ``start`` are stepped over once.
        self._opened: Iterator[Frame] | None = chain([first], frames)

    def __enter__(self) -> "VideoReader":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._opened = None  # the last reference to the decoder that no pass has taken over

    def __iter__(self) -> Iterator[Frame]:
        return self.frames()

    def frames(self, start: int = 0, stop: int | None = None) -> Iterator[Frame]:
        """Decode frames ``start`` to ``stop`` (exclusive) of the range, so that 0 is the first of the range.

        Raises:
            VidexplainError: A frame of another size than the first, or none at ``start``.
        """
        if stop is not None and stop <= start:
            return
        opened, self._opened = self._opened, None
        if opened is None or start or stop is not None:
            ends = [self.stop] if stop is None else [self.stop, self.start + stop]
            opened = self._decode(self.start + start, min((end for end in ends if end is not None), default=None))
        for index, frame in enumerate(opened, start=self.start + start):
            if frame.shape[:2] != self.size:
                (height, width), (rows, columns) = self.size, frame.shape[:2]
                raise VidexplainError(
                    f"frames of different sizes: {self._name(self.start)} is {width}x{height}, "
                    f"{self._name(index)} is {columns}x{rows}"
                )
            yield frame

    def count(self) -> int:
        """How many frames the range has; counted by decoding a file up to there."""
        if self._images is not None:
            return len(self._images[self.start : self.stop])
        capture = _open(self.path)
        try:
            return sum(1 for _ in islice(self._step(capture), self.start, self.stop))
        finally:
            capture.release()

    def _name(self, index: int) -> str:
        return f"frame {index} of {self.path}" if self._images is None else str(self._images[index])

    def _known_rate(self) -> float:
        fps = self._header.fps
        if fps is not None and math.isfinite(fps) and fps > 0:
            return fps
        warnings.warn(f"{self.path} declares no frame rate; {DEFAULT_FPS:g} frames/s are assumed", stacklevel=3)
        return DEFAULT_FPS

    def _decode(self, start: int, stop: int | None) -> Iterator[Frame]:
        """Frames ``start`` to ``stop`` of the whole file, at least one."""
        if self._images is not None:
            self._check_start(start, len(self._images))
            yield from map(_read_image, self._images[start:stop])
            return
        capture = _open(self.path)
        total = 0
        try:
            # Seeking lands on the wrong frame in many files; stepping there does not.
            for index in self._step(capture):
                total = index + 1
                if index < start:
                    continue
                converted, frame = capture.retrieve()
                if not converted:
                    raise VidexplainError(f"{self._name(index)} decodes, but cannot be converted to RGB")
                yield np.asarray(cv2.cvtColor(frame, cv2.COLOR_BGR2RGB), np.uint8)
                if total == stop:
                    return
        finally:
            capture.release()
        self._check_start(start, total)

    def _step(self, capture: cv2.VideoCapture) -> Iterator[int]:
        """Decode frame after frame, not yet converted, and give the position of each; at the end, look for damage."""
        count = failures = 0
        seconds = 0.0
        while failures < _FAILURES_AT_END:
            if capture.grab():
                yield count
                count += 1
                failures = 0
            else:
                if not failures:
                    seconds = capture.get(cv2.CAP_PROP_POS_MSEC) / 1000
                failures += 1
        self._tell_damage(count, seconds)

    def _tell_damage(self, count: int, seconds: float) -> None:
        header = self._header
        declared = None
        if header.frames is not None:
            declared = str(header.frames) if count < header.frames else None
        elif header.seconds is not None and header.seconds - seconds > _SECONDS_MISSING:
            estimate = round(header.seconds * self.fps)
            declared = f"about {estimate}" if count < estimate else None
        if declared is not None and count and not self._told:
            self._told = True
            warnings.warn(f"{self.path} declares {declared} frames, {count} decode", DamagedVideoWarning, stacklevel=2)

    def _check_start(self, start: int, total: int) -> None:
        if total == 0:
            raise VidexplainError(f"no frame of {self.path} can be decoded")
        if start >= total:
            frames = "1 frame" if total == 1 else f"{total} frames"
            raise VidexplainError(f"{self.path} has {frames}, so there is no frame {start} (the first is frame 0)")


def count_frames(path: str | Path) -> int:
    """How many frames decode; warns with both numbers when the container declares more.

    Raises:
        VidexplainError: As for :class:`VideoReader`.
    """
    with VideoReader(path) as reader:
        return reader.count()


def read_frames(path: str | Path, start: int = 0, stop: int | None = None) -> tuple[NDArray[np.uint8], float]:
    """All frames of a range, ``(T, H, W, 3)`` uint8 RGB, and the frame rate in frames per second.

    Raises:
        VidexplainError: As for :class:`VideoReader`.
    """
    with VideoReader(path, start, stop) as reader:
        frames = list(reader)
        together = np.empty((len(frames), *reader.size, 3), np.uint8)
    for i in reversed(range(len(frames))):  # each leaves as it is copied, so that a long clip is not in memory twice
        together[i] = frames.pop()
    return together, reader.fps


@contextmanager
def _reading(path: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise VidexplainError(f"cannot read {path}: {error.strerror or error}") from error


def _check_file(path: Path) -> None:
    if not path.exists():
        raise VidexplainError(f"no such file: {path}")
    if not path.is_file():
        raise VidexplainError(f"{path} is neither a file nor a folder")
    with path.open("rb") as file:
        if not file.read(1):
            raise VidexplainError(f"{path} is empty")


def _open(path: Path) -> cv2.VideoCapture:
    with _quiet():
        # An absolute path: a relative one that begins with "name:" would be taken for a protocol.
        capture = cv2.VideoCapture(str(path.absolute()), cv2.CAP_FFMPEG)
    capture.set(cv2.CAP_PROP_ORIENTATION_AUTO, 1)
    return capture


@contextmanager
def _quiet() -> Iterator[None]:
    """OpenCV's own warnings off: what does not open or decode is said by an error of ours."""
    logging = getattr(cv2.utils, "logging", cv2)  # where it is from OpenCV 5 on, and where it was
    with _LOG_LEVEL:  # files are opened in threads too, and the level is one for all
        level = logging.getLogLevel()
        logging.setLogLevel(0)
        try:
            yield
        finally:
            logging.setLogLevel(level)


def _numbered_images(folder: Path) -> list[Path]:
    # Names that begin with a dot are what other systems leave beside the images they name.
    images = [p for p in folder.iterdir() if p.suffix.lower() in IMAGE_SUFFIXES and not p.name.startswith(".")]
    if not images:
        raise VidexplainError(f"{folder} holds no images ({', '.join(IMAGE_SUFFIXES)})")
    return sorted(images, key=_natural)


def _natural(path: Path) -> tuple[list[str | int], str]:
    # Splitting at numbers puts them at the odd places; the name itself decides between 1.png and 01.png.
    parts = re.split(r"(\d+)", path.name)
    return [int(part) if i % 2 else part.casefold() for i, part in enumerate(parts)], path.name


def _read_image(path: Path) -> Frame:
    # Through bytes: cv2.imread cannot open every file name on every platform.
    with _reading(path):
        data = np.frombuffer(path.read_bytes(), np.uint8)
    try:
        with _quiet():
            frame = cv2.imdecode(data, cv2.IMREAD_COLOR) if len(data) else None
    except cv2.error:  # more pixels than OpenCV takes
        frame = None
    if frame is None:
        raise VidexplainError(f"{path} is not an image that can be decoded")
    return np.asarray(cv2.cvtColor(frame, cv2.COLOR_BGR2RGB), np.uint8)
