"""Write videos: H.264 that browsers and notebooks play, and GIFs."""

import queue
import threading
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import ExitStack
from fractions import Fraction
from functools import partial
from itertools import chain
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import av
import numpy as np
from av.video.reformatter import ColorRange, Colorspace

from videxplain.errors import VidexplainError
from videxplain.files import AbandonedError, replacing
from videxplain.viz.gif import GifWriter

QUEUE_BYTES = 64 * 2**20
_PATIENCE = 5
"""Seconds to wait for the encoder after an interrupt."""
CLOCK = Fraction(1, 90_000)
"""What time stamps of a variable frame rate are rounded to."""
BT601_MATRIX, BT709_PRIMARIES, BT709_CURVE, LIMITED_RANGE = 6, 1, 1, 1


def frame_rate(fps: float) -> Fraction:
    """The frame rate as a container stores it; 29.97 means 30000/1001."""
    if not 0 < fps < float("inf"):
        raise VidexplainError(f"the frame rate must be a positive number, not {fps}")
    ntsc = Fraction(round(fps * 1.001) * 1000, 1001)
    if abs(ntsc - fps) < 1e-5 * fps:
        return ntsc
    return Fraction(fps).limit_denominator(1001 * 60)


def even(frame: np.ndarray) -> np.ndarray:
    """The frame ``(H, W, 3)`` with its last row and column repeated where the size is odd.

    H.264 in ``yuv420p`` stores one colour for two by two pixels.
    """
    height, width = frame.shape[:2]
    return np.pad(frame, ((0, height % 2), (0, width % 2), (0, 0)), mode="edge")


class VideoWriter:
    """An MP4 file that is encoded in a thread of its own while the caller makes the next frames.

    The file appears when :meth:`close` returns, or when the ``with`` block ends without an error. If anything fails,
    there is no file. The next :meth:`write`, or :meth:`close`, raises an error of the encoder.
    """

    def __init__(
        self,
        path: str | Path,
        fps: float,
        size: tuple[int, int],
        note: str = "",
        times: Sequence[float] | np.ndarray | None = None,
    ) -> None:
        """Open the file.

        Args:
            path: Where to; the container is MP4 whatever the suffix.
            fps: Frames per second.
            size: Height and width of the frames, odd ones allowed.
            note: A line for the file's metadata.
            times: Seconds at which each frame is shown, growing from 0; None shows them all for the same time.
        """
        self._path, self._note, self._times = Path(path), note, times
        self._rate = frame_rate(fps)
        self._shape = (*size, 3)
        self._error: Exception | None = None
        self._written = 0
        self._files = ExitStack()
        self._temporary = self._files.enter_context(replacing(self._path))
        depth = min(max(QUEUE_BYTES // (3 * size[0] * size[1]), 2), 32)
        self._queue: queue.Queue[av.VideoFrame | None] = queue.Queue(depth)
        self._thread = threading.Thread(target=self._run, name="videxplain-encoder", daemon=True)
        self._thread.start()

    def write(self, frame: np.ndarray) -> None:
        """Queue one ``(H, W, 3)`` uint8 RGB frame; it is copied, so the caller may reuse the array."""
        if self._error is not None:
            raise self._failure(self._error)
        if frame.shape != self._shape or frame.dtype != np.uint8:
            raise ValueError(f"expected {self._shape} uint8, got {frame.shape} {frame.dtype}")
        # Converted here, not in the encoder's thread: the two take about as long as each other.
        picture = av.VideoFrame.from_ndarray(np.ascontiguousarray(even(frame)), format="rgb24").reformat(
            format="yuv420p", dst_colorspace=Colorspace.ITU601, dst_color_range=ColorRange.MPEG
        )
        if self._times is None:
            picture.pts, picture.time_base = self._written, 1 / self._rate
        else:
            picture.pts, picture.time_base = round(self._times[self._written] / CLOCK), CLOCK
        self._queue.put(picture)
        self._written += 1

    def close(self) -> None:
        """Finish the file and give it its name."""
        with self._files.pop_all():  # removes the temporary file, also after an interrupt of the wait
            self._end_encoding()
            if self._error is not None:
                raise self._failure(self._error)
            if not self._written:
                raise VidexplainError(f"cannot write {self._path}: there are no frames")

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if error is None:
            self.close()
            return
        try:
            self._end_encoding()
        finally:
            # An OSError of the caller's must not read as a failure to write.
            self._files.pop_all().__exit__(AbandonedError, AbandonedError(), None)

    def _end_encoding(self) -> None:
        if not self._thread.is_alive():
            return
        self._queue.put(None)
        try:
            self._thread.join()
        except KeyboardInterrupt:
            # Few frames are queued, and a thread that has not opened the file yet would make it again.
            self._thread.join(_PATIENCE)
            raise

    def _failure(self, error: Exception) -> Exception:
        if isinstance(error, OSError):
            return VidexplainError(f"cannot write {self._path}: {error.strerror or error}")
        return error

    def _run(self) -> None:
        pictures = iter(self._queue.get, None)
        try:
            self._encode(pictures)
        except Exception as error:
            self._error = error
            # Keep the queue moving, or the caller would wait for room in it for ever. The error may also come after
            # the last picture, when the file is finished; then nothing more comes.
            for _ in pictures:
                pass

    def _encode(self, pictures: Iterator[av.VideoFrame]) -> None:
        # The index goes to the front, so that a browser starts before it has the whole file.
        with av.open(str(self._temporary), "w", format="mp4", options={"movflags": "faststart"}) as container:
            container.metadata["comment"] = self._note
            stream = container.add_stream("libx264", rate=self._rate)
            height, width = (side + side % 2 for side in self._shape[:2])
            context: Any = stream.codec_context
            context.width, context.height, context.pix_fmt = width, height, "yuv420p"
            if self._times is not None:
                context.time_base = CLOCK
            context.options = {"crf": "18", "preset": "veryfast"}
            # BT.601 is what readers that ignore the tags assume, whatever the size.
            context.colorspace, context.color_range = BT601_MATRIX, LIMITED_RANGE
            context.color_primaries, context.color_trc = BT709_PRIMARIES, BT709_CURVE
            for picture in pictures:
                container.mux(stream.encode(picture))
            container.mux(stream.encode(None))


def save_video(
    path: str | Path,
    frames: Iterable[np.ndarray],
    fps: float,
    note: str = "",
    times: Sequence[float] | np.ndarray | None = None,
) -> None:
    """Write frames as they come, as MP4 (H.264) or GIF by the suffix of ``path``.

    Args:
        path: Ends in ``.mp4`` or ``.gif``.
        frames: ``(H, W, 3)`` uint8 RGB, all of one size; consumed one at a time.
        fps: Frames per second.
        note: A line for the metadata.
        times: Seconds at which each frame is shown, growing from 0; None shows them all for the same time.
    """
    path = Path(path)
    writers: dict[str, Callable[..., VideoWriter | GifWriter]] = {
        ".mp4": partial(VideoWriter, note=note, times=times),
        ".gif": partial(GifWriter, note=note, times=times),
    }
    if path.suffix.lower() not in writers:
        raise VidexplainError(f"cannot write a video as '{path.name}': the name must end in {' or '.join(writers)}")
    incoming = iter(frames)
    first = next(incoming, None)
    if first is None:
        raise VidexplainError(f"cannot write {path}: there are no frames")
    with writers[path.suffix.lower()](path, fps, first.shape[:2]) as writer:
        for frame in chain([first], incoming):
            writer.write(frame)
