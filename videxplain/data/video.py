"""Read video: files, or folders of numbered images, as a stream of RGB frames."""

import math
import re
import warnings
from array import array
from collections.abc import Generator, Iterator
from contextlib import closing
from itertools import chain
from numbers import Integral
from pathlib import Path
from types import TracebackType

import av
import numpy as np
from numpy.typing import NDArray

from videxplain.data.datasets.prepared import FrameFolder, is_frame_folder
from videxplain.data.decoder import RGB, pictures
from videxplain.data.frame_times import frame_times, rate_of
from videxplain.data.header import Header, read_header
from videxplain.data.image_order import missing_numbers
from videxplain.data.images import is_animated, numbered_images, read_image, reading
from videxplain.data.missing_frames import missing_at_end
from videxplain.data.rate import DEFAULT_FPS, checked_rate
from videxplain.data.suffixes import IMAGE_SUFFIXES
from videxplain.errors import VidexplainError
from videxplain.files import as_path

Frame = NDArray[np.uint8]
# A path has lost one of an address's two slashes.
_ADDRESS = re.compile(r"([A-Za-z][A-Za-z0-9+.-]+):/+(.+)")


class DamagedVideoWarning(UserWarning):
    """Frames are missing, as the file or the names of images say, or the decoder has filled in parts of some."""


class SeveralStreamsWarning(UserWarning):
    """A video file has several video streams, of which one is read."""


class UnknownRateWarning(UserWarning):
    """A video file does not say how many frames there are in a second."""


class VariableRateWarning(UserWarning):
    """The steps from frame to frame differ, or have gaps, so that a frame's number alone does not say its time."""


class VideoReader:
    """Frames of a file or of a folder of images, decoded one after the other.

    Opening decodes the first frame of the range, so whatever opens has one. Rotation flags are honoured; grey becomes
    RGB and alpha is dropped. Frames keep the size in which they are stored; ``pixel_aspect`` says how they are shown,
    and :mod:`videxplain.data.shown` stretches them for pictures.
    Each iteration starts again at ``start`` with a decoder of its own, also after the ``with`` block, which only ends
    the one that opening left. When the end of a file comes earlier than its header says, or the decoder has filled in
    missing parts of frames, a :class:`DamagedVideoWarning` tells so, once for each reader.

    Attributes:
        path: The file or folder.
        fps: Frames per second, as the file declares them; the mean where :meth:`times` has found that the rate varies.
        rate_known: Whether the file declares them, or the caller has said them. If not, ``fps`` is 25.
        size: Height and width in pixels, after rotation.
        declared_frames: The frame count the container declares, which can be wrong, or None where it declares none.
            Frames that an edit list hides are not counted.
        pixel_aspect: Width of a pixel divided by its height, after rotation; 1 for square pixels.
        damaged_frames: In how many frames the decoder has filled in missing parts, as far as the longest pass has come.
    """

    def __init__(self, path: str | Path, start: int = 0, stop: int | None = None, fps: float | None = None) -> None:
        """Open ``path`` for frames ``start`` to ``stop`` (exclusive; None, or beyond the last frame, for the end).

        ``fps`` is the frame rate of a folder of images, or of a file that does not say it.

        Raises:
            VidexplainError: No such file, not a video, no frame that decodes, a range without frames, or ``fps`` for a
                file that says it itself.
        """
        self.path = as_path(path)
        for number in (start, 0 if stop is None else stop):
            if not isinstance(number, Integral):
                raise VidexplainError(f"a range of frames is two whole numbers, and {number!r} is none")
        self.start, self.stop = start, stop
        if self.path == Path():  # an empty name says so, too, such as that of a variable that is not set
            raise VidexplainError(
                "the clip has no name, or is '.', the folder where you are: name a file, or a folder of images by its "
                "whole path"
            )
        if start < 0 or (stop is not None and stop <= start):
            raise VidexplainError(f"frames {start}:{'' if stop is None else stop} is not a range of frames")
        self._images: list[Path] | None = None
        self._header = Header(None, None, None)
        self._told = False
        self.damaged_frames = 0
        self._on_its_side = False
        self._stamps = array("d")  # in seconds, of all frames up to the end of the range, once a pass has got there
        with reading(self.path):
            if self.path.is_dir():
                self._images = numbered_images(self.path)
                self._header = self._header_of_images(self._images)
            elif self.path.suffix.lower() in IMAGE_SUFFIXES and self.path.is_file() and not is_animated(self.path):
                self._images, self._header = [self.path], Header(None, 1, None)
            else:
                _check_file(self.path)
                self._header = read_header(self.path)
        self.declared_frames = self._header.frames
        self.fps, self.rate_known = self._rate(fps)
        frames = self._decode(start, stop)
        first = next(frames)
        self.size: tuple[int, int] = first.shape[:2]
        if self._header.others:
            (height, width), streams = self.size, self._header.others + 1
            words = f"{self.path} has {streams} video streams, of which only one is read, of {width}x{height} pixels"
            warnings.warn(words, SeveralStreamsWarning, stacklevel=2)
        aspect = float(self._header.pixel_aspect)
        self.pixel_aspect = 1 / aspect if self._on_its_side else aspect
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
        with closing(self._step(self.stop)) as steps:
            return max(sum(1 for _ in steps) - self.start, 0)

    def times(self) -> NDArray[np.float64]:
        """Seconds at which each frame of the range is shown, ``(T,)``, counted from the first frame of the file.

        A file is decoded for it, unless a pass has reached the end of the range before. These are index / fps, or the
        file's time stamps where those say something else: where the frame rate varies, ``fps`` becomes the mean rate;
        where frames have long gaps between them, it becomes the rate without the gaps. A :class:`VariableRateWarning`
        says so in both cases. Where time stamps have another constant rate than the file declares, ``fps`` becomes
        theirs.
        """
        if self._images is not None:
            known = self._header.begins
            return (np.arange(len(self._images)) / self.fps if known is None else known)[self.start : self.stop]
        if not self._stamps:
            self.count()
        self.fps, words = rate_of(self._stamps, self.fps)
        if words:
            warnings.warn(f"{self.path} {words}", VariableRateWarning, stacklevel=2)
        return frame_times(self._stamps, self.fps)[self.start :]

    def _name(self, index: int) -> str:
        return f"frame {index} of {self.path}" if self._images is None else str(self._images[index])

    def _header_of_images(self, images: list[Path]) -> Header:
        """What is known of a folder of images; images that are missing are told."""
        if is_frame_folder(self.path):
            folder = FrameFolder.read(self.path)
            lost = f"declares {folder.frames} frames, {len(images)} are there" if len(images) < folder.frames else ""
            begins = np.array(folder.seconds) if folder.seconds and len(images) == folder.frames else None
            header = Header(folder.fps, folder.frames, None, begins=begins)
        else:
            lost = missing_numbers(images)
            header = Header(None, len(images), None)
        if lost:
            warnings.warn(f"{self.path} {lost}", DamagedVideoWarning, stacklevel=4)
        return header

    def _rate(self, given: float | None) -> tuple[float, bool]:
        """Frames per second, and whether they are known."""
        declared = self._header.fps
        if declared is not None and math.isfinite(declared) and declared > 0:
            if given is not None:
                raise VidexplainError(
                    f"{self.path} says its frame rate itself ({declared:.5g} frames/s): leave fps out"
                )
            return declared, True
        if given is not None:
            return checked_rate(given), True
        if self._images is None:
            words = f"{self.path} declares no frame rate; {DEFAULT_FPS:g} frames/s are assumed"
            warnings.warn(words, UnknownRateWarning, stacklevel=3)
        return DEFAULT_FPS, False

    def _decode(self, start: int, stop: int | None) -> Iterator[Frame]:
        """Frames ``start`` to ``stop`` of the whole file, at least one."""
        if self._images is not None:
            self._check_start(start, len(self._images))
            yield from map(read_image, self._images[start:stop])
            return
        to_rgb = RGB()
        total = 0
        # Seeking lands on the wrong frame in many files; stepping there does not.
        with closing(self._step(stop)) as steps:
            for index, picture in enumerate(steps):
                total = index + 1
                if index < start:
                    continue
                try:
                    frame = to_rgb(picture)
                except (av.FFmpegError, ValueError):
                    raise VidexplainError(f"{self._name(index)} decodes, but cannot be converted to RGB") from None
                self._on_its_side = to_rgb.on_its_side
                yield frame
        self._check_start(start, total)

    def _step(self, stop: int | None) -> Generator[av.VideoFrame, None, None]:
        """Decode picture after picture up to ``stop``, not yet converted; at the end of the file, look for damage."""
        stamps, damaged = array("d"), 0
        with closing(pictures(self.path)) as decoded:
            for picture in decoded:
                timed = self._header.has_clock and picture.time is not None
                stamps.append(picture.time if timed else math.nan)
                damaged += picture.is_corrupt
                self.damaged_frames = max(damaged, self.damaged_frames)
                yield picture
                if len(stamps) == stop:
                    if stop == self.stop:
                        self._stamps = self._in_order(stamps)
                        self._tell_damage("", damaged, len(stamps))
                    return
        self._stamps = self._in_order(stamps, at_end=True)
        self._tell_damage(missing_at_end(self.path, self._header, stamps, self.fps), damaged, len(stamps))

    def _in_order(self, stamps: "array[float]", at_end: bool = False) -> "array[float]":
        """The time stamps, or those of an AVI file's index where they go back or are missing."""
        begins, count = self._header.begins, len(stamps)
        if begins is None or (np.diff(stamps) > 0).all():
            return stamps
        known = len(begins) == count if at_end else len(begins) >= count
        return array("d", begins[:count]) if known else stamps

    def _tell_damage(self, missing: str, damaged: int, count: int) -> None:
        frames = "a damaged frame" if damaged == 1 else f"{damaged} damaged frames"
        filled = f"has {frames}, in which the decoder filled in what is missing" if damaged else ""
        if (missing or filled) and count and not self._told:
            self._told = True
            words = ", and ".join(filter(None, (missing, filled)))
            warnings.warn(f"{self.path} {words}", DamagedVideoWarning, stacklevel=2)

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
        return all_frames(reader), reader.fps


def all_frames(reader: VideoReader) -> NDArray[np.uint8]:
    """The frames of a reader's range, ``(T, H, W, 3)`` uint8 RGB."""
    frames = list(reader)
    together = np.empty((len(frames), *reader.size, 3), np.uint8)
    for i in reversed(range(len(frames))):  # each leaves as it is copied, so that a long clip is not in memory twice
        together[i] = frames.pop()
    return together


def _check_file(path: Path) -> None:
    if not path.exists():
        if address := _ADDRESS.fullmatch(str(path)):
            raise VidexplainError(f"{address[1]}://{address[2]} is an address: download the video and name the file")
        if str(path) == "-":
            raise VidexplainError("no such file: -; video is not read from standard input, name a file")
        raise VidexplainError(f"no such file: {path}")
    if not path.is_file():
        raise VidexplainError(f"{path} is neither a file nor a folder")
    with path.open("rb") as file:
        if not file.read(1):
            raise VidexplainError(f"{path} is empty")
