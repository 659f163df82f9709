"""Frames as they are needed: from a file or from memory, window by window, read ahead in a thread."""

import queue
import threading
from collections.abc import Callable, Generator, Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol, TypeVar

import numpy as np
from numpy.typing import NDArray

from videxplain.data.clip import Clip
from videxplain.data.fingerprint import fingerprint
from videxplain.data.video import VideoReader
from videxplain.errors import VidexplainError

T = TypeVar("T")
Frame = NDArray[np.uint8]


class FrameSource(Protocol):
    """A stretch of video that can be read more than once, from any frame on.

    Attributes:
        path: The file or folder, None for frames that only ever were in memory.
        fps: Frames per second.
        size: Height and width in pixels.
        num_frames: How many frames there are; counted, not what a container says.
    """

    @property
    def path(self) -> Path | None: ...  # noqa: D102
    @property
    def fps(self) -> float: ...  # noqa: D102
    @property
    def size(self) -> tuple[int, int]: ...  # noqa: D102
    @property
    def num_frames(self) -> int: ...  # noqa: D102

    def frames(self, start: int = 0, stop: int | None = None) -> Iterator[Frame]:
        """Frames ``start`` to ``stop`` (exclusive) of this stretch, each ``(H, W, 3)`` uint8 RGB."""
        ...


class FileFrames:
    """Frames decoded from a file or folder each time they are asked for; memory does not grow with the video.

    ``times`` are the seconds at which each frame is shown, ``pixel_aspect`` is the shape of a pixel, and ``rate_known``
    says whether ``fps`` is more than an assumption, as those of :class:`~videxplain.Clip`. ``fingerprint`` is that of
    the file when it was opened.
    """

    def __init__(self, path: str | Path, start: int = 0, stop: int | None = None, fps: float | None = None) -> None:
        """Open and count; ``start`` and ``stop`` (exclusive) cut the stretch; ``fps`` is for images."""
        with VideoReader(path, start, stop, fps) as reader:
            self.times = reader.times()
            self.num_frames = len(self.times)
        self._reader = reader
        self.start = start
        self.path: Path | None = reader.path
        self.fps, self.size, self.pixel_aspect = reader.fps, reader.size, reader.pixel_aspect
        self.rate_known = reader.rate_known
        self.fingerprint = fingerprint(reader.path)

    def frames(self, start: int = 0, stop: int | None = None) -> Iterator[Frame]:
        """Decode frames ``start`` to ``stop`` of the stretch."""
        # Stopping at the last frame that was counted saves looking for more.
        return self._reader.frames(start, self.num_frames if stop is None else min(stop, self.num_frames))


class ClipFrames:
    """The frames of a :class:`~videxplain.Clip`."""

    def __init__(self, clip: Clip) -> None:
        """Look at a clip."""
        self._clip = clip
        self.path, self.fps, self.size, self.num_frames = clip.path, clip.fps, clip.size, clip.num_frames
        self.times, self.pixel_aspect, self.rate_known = clip.times, clip.pixel_aspect, clip.rate_known
        # None for frames that are no stretch of their source, such as every second one.
        self.start = int(clip.indices[0]) if (np.diff(clip.indices) == 1).all() else None

    def frames(self, start: int = 0, stop: int | None = None) -> Iterator[Frame]:
        """Frames ``start`` to ``stop`` of the clip."""
        yield from self._clip.frames[start:stop]


def consecutive_windows(
    source: FrameSource, windows: Sequence[NDArray[np.int64]], prepare: Callable[[Frame], NDArray[np.float32]]
) -> Iterator[NDArray[np.float32]]:
    """Each window of frames that are near each other, ``(3, T, h, w)``; every frame is decoded and prepared once.

    Args:
        source: Where the frames come from.
        windows: Indices of each window, ordered by their first frame, and thereby by their last.
        prepare: One frame to ``(3, 1, h, w)``.
    """
    if not windows:
        return
    held: dict[int, NDArray[np.float32]] = {}
    decoded = _numbered(source, int(windows[0][0]), int(windows[-1][-1]) + 1)
    for window in windows:
        for index in [i for i in held if i < window[0]]:
            del held[index]
        while int(window[-1]) not in held:
            index, frame = next(decoded)
            if index >= window[0]:
                held[index] = prepare(frame)
        yield np.concatenate([held[int(i)] for i in window], axis=1)


def interleaved_windows(
    source: FrameSource, windows: Sequence[NDArray[np.int64]], prepare: Callable[[Frame], NDArray[np.float32]]
) -> Iterator[NDArray[np.float32]]:
    """Each set of frames spread over the video, ``(3, T, h, w)``, with one decoder a position of the set.

    The sets move through the video side by side, so a decoder only ever goes forward and memory does not grow.
    Arguments as for :func:`consecutive_windows`; position j of later sets never lies before that of earlier ones.
    """
    if not windows:
        return
    cursors = [_Cursor(source, int(first), int(last)) for first, last in zip(windows[0], windows[-1], strict=True)]
    for window in windows:
        frames = [cursor.at(int(index)) for cursor, index in zip(cursors, window, strict=True)]
        yield np.concatenate([prepare(frame) for frame in frames], axis=1)


class _Cursor:
    def __init__(self, source: FrameSource, first: int, last: int) -> None:
        self._decoded = _numbered(source, first, last + 1)
        self._index, self._frame = next(self._decoded)

    def at(self, index: int) -> Frame:
        while self._index < index:
            self._index, self._frame = next(self._decoded)
        return self._frame


def _numbered(source: FrameSource, start: int, stop: int) -> Iterator[tuple[int, Frame]]:
    """Frames with their positions; a source that ends too early raises."""
    index = start
    for frame in source.frames(start, stop):
        yield index, frame
        index += 1
    if index < stop:
        name = source.path or "the source"
        raise VidexplainError(f"{name} ended after {index} frames, and had {source.num_frames} when it was opened")


@dataclass(frozen=True)
class _End:
    error: BaseException | None


def read_ahead(items: Iterable[T], depth: int = 2) -> Iterator[T]:
    """The same items, made in a thread up to ``depth`` items ahead. An error in the thread is raised here.

    Closing this generator ends the thread and closes ``items``, if it is a generator too.
    """
    ready: queue.SimpleQueue[T | _End] = queue.SimpleQueue()
    taken = threading.Semaphore(depth - 1)
    stopped = threading.Event()

    def work() -> None:
        error = None
        try:
            for item in items:
                ready.put(item)
                taken.acquire()
                if stopped.is_set():
                    break
            if isinstance(items, Generator):
                items.close()
        except BaseException as raised:  # handed over, whatever it is
            error = raised
        ready.put(_End(error))

    thread = threading.Thread(target=work, name="videxplain-read-ahead", daemon=True)
    thread.start()
    try:
        while not isinstance(item := ready.get(), _End):
            taken.release()
            yield item
        if item.error:
            raise item.error
    finally:
        stopped.set()
        taken.release()
        thread.join()
