"""Writes GIFs with one palette for the whole video. The memory does not grow with its length."""

import math
import os
import tempfile
from collections.abc import Sequence
from contextlib import ExitStack
from fractions import Fraction
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import av
import cv2
import numpy as np

from videxplain.errors import VidexplainError
from videxplain.files import AbandonedError, replacing

MAX_FPS = 12.5
MAX_WIDTH = 480
CENTISECOND = Fraction(1, 100)
CLOCK = Fraction(1, 25)
# A fixed (ordered) dither pattern: error diffusion makes still areas swarm from frame to frame.
DITHER = "dither=bayer:bayer_scale=3:diff_mode=rectangle"
_LONGEST = 655
"""Seconds: the delay of a frame is stored as a whole number of hundredths in two bytes."""


class GifWriter:
    """A GIF at the speed of the video, at most 480 pixels wide and 12.5 frames per second.

    The palette depends on all frames. So the frames first go to a temporary video file, and their colours are counted.
    :meth:`close`, or the end of the ``with`` block, makes the GIF and gives it its name. After an error no file is
    left.
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
            path: Where to.
            fps: Frames per second of the frames that `write` is given; without times, every n-th one is kept.
            size: Height and width of the frames.
            note: A line for the file's comment.
            times: Seconds at which each frame is shown, growing from 0; None shows them all for the same time.
        """
        if not 0 < fps < math.inf:
            raise VidexplainError(f"the frame rate must be a positive number, not {fps}")
        longest = 1 / fps if times is None else max(np.diff(times), default=0.0)
        if longest > _LONGEST:
            raise VidexplainError(
                f"a GIF shows a frame for {_LONGEST} seconds at most, and here one is shown for {longest:.0f}: take mp4"
            )
        self._path, self._note = Path(path), note
        self._fps, self._times = fps, times
        self._stride = math.ceil(fps / MAX_FPS - 1e-6)
        self._received = 0
        self._kept: list[int] = []
        self._shape = (*size, 3)
        scale = min(1.0, MAX_WIDTH / size[1])
        self._size = max(1, round(size[0] * scale)), max(1, round(size[1] * scale))
        self._files = ExitStack()
        with ExitStack() as files:
            self._temporary = files.enter_context(replacing(self._path))
            folder = files.enter_context(tempfile.TemporaryDirectory(prefix="videxplain-"))
            self._waiting = Path(folder) / "frames.mkv"
            self._container = files.enter_context(av.open(str(self._waiting), "w"))
            self._stream: Any = self._container.add_stream("libx264rgb", rate=1 / CLOCK)
            self._stream.height, self._stream.width, self._stream.pix_fmt = *self._size, "rgb24"
            self._stream.codec_context.options = {"crf": "6", "preset": "ultrafast"}
            self._palette = _PaletteMaker(self._size)
            self._files = files.pop_all()

    def write(self, frame: np.ndarray) -> None:
        """Take one ``(H, W, 3)`` uint8 RGB frame."""
        if frame.shape != self._shape or frame.dtype != np.uint8:
            raise ValueError(f"expected {self._shape} uint8, got {frame.shape} {frame.dtype}")
        if self._is_due(self._received):
            shrunk = cv2.resize(np.ascontiguousarray(frame), self._size[::-1], interpolation=cv2.INTER_AREA)
            picture = av.VideoFrame.from_ndarray(np.asarray(shrunk, np.uint8), format="rgb24")
            picture.pts, picture.time_base = len(self._kept), CLOCK
            self._kept.append(self._received)
            self._container.mux(self._stream.encode(picture))
            self._palette.add(picture)
        self._received += 1

    def close(self) -> None:
        """Make the GIF and give it its name."""
        with self._files.pop_all():
            if not self._received:
                raise VidexplainError(f"cannot write {self._path}: there are no frames")
            self._container.mux(self._stream.encode(None))
            self._container.close()
            self._make(self._palette.finish())

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if error is None:
            self.close()
        else:
            # An OSError of the caller's must not read as a failure to write.
            self._files.pop_all().__exit__(AbandonedError, AbandonedError(), None)

    def _make(self, palette: av.VideoFrame) -> None:
        last = self._centiseconds(self._kept[-1])
        options = {"loop": "0", "final_delay": str(max(self._centiseconds(self._received) - last, 2))}
        with (
            av.open(str(self._waiting)) as source,
            av.open(str(self._temporary), "w", format="gif", options=options) as container,
        ):
            stream: Any = container.add_stream("gif", rate=100)
            stream.codec_context.time_base = CENTISECOND
            stream.height, stream.width, stream.pix_fmt = *self._size, "pal8"
            painter = _Painter(self._size, palette)
            for index, frame in enumerate(source.decode(video=0)):
                waiting = frame.reformat(format="rgb24")
                waiting.pts, waiting.time_base = index, CLOCK
                painted = painter.paint(waiting)
                painted.pts, painted.time_base = self._centiseconds(self._kept[index]), CENTISECOND
                container.mux(stream.encode(painted))
            container.mux(stream.encode(None))
        if self._note:
            _add_comment(self._temporary, self._note)

    def _is_due(self, frame: int) -> bool:
        """Whether a frame is kept: every n-th, or, with times, one that is shown long enough after the one before."""
        if self._times is None or not self._kept:
            return frame % self._stride == 0
        return float(self._times[frame] - self._times[self._kept[-1]]) >= 1 / MAX_FPS - 1e-6

    def _centiseconds(self, frame: int) -> int:
        """When a source frame is shown, in hundredths of a second, which is how GIF counts."""
        if self._times is None:
            return round(100 * frame / self._fps)
        known = len(self._times)
        # The end of the last frame is not known: it is shown as long as the mean frame.
        seconds = self._times[frame] if frame < known else self._times[-1] + (frame - known + 1) / self._fps
        return round(100 * float(seconds))


def _add_comment(path: Path, note: str) -> None:
    """Put a comment block at the end of a GIF; FFmpeg writes none."""
    text = note.encode()
    blocks = [text[i : i + 255] for i in range(0, len(text), 255)]
    with path.open("r+b") as file:
        file.seek(-1, os.SEEK_END)  # over the trailer
        file.write(b"\x21\xfe" + b"".join(bytes([len(block)]) + block for block in blocks) + b"\x00\x3b")


class _Filters:
    """A chain of FFmpeg's filters that gives one frame back for what goes in."""

    def __init__(self, size: tuple[int, int], name: str, options: str) -> None:
        # Filters do not keep their graph alive, and crash without it.
        self._graph = av.filter.Graph()
        self._entry = self._source(size, "rgb24")
        self._filter: Any = self._graph.add(name, options)
        self._exit: Any = self._graph.add("buffersink")
        opaque: Any = self._graph.add("format", "bgra")
        self._entry.link_to(opaque)
        opaque.link_to(self._filter)
        self._filter.link_to(self._exit)

    def _source(self, size: tuple[int, int], pixels: str) -> Any:
        frames = av.VideoFormat(pixels, *size[::-1])
        return self._graph.add_buffer(width=size[1], height=size[0], format=frames, time_base=CLOCK)


class _PaletteMaker(_Filters):
    """Takes many frames and gives the 256 colours that fit them best."""

    def __init__(self, size: tuple[int, int]) -> None:
        super().__init__(size, "palettegen", "stats_mode=full")
        self._graph.configure()

    def add(self, frame: av.VideoFrame) -> None:
        """Count the colours of one frame."""
        self._entry.push(frame)

    def finish(self) -> av.VideoFrame:
        """The palette, as a picture of 16 by 16 pixels."""
        self._entry.push(None)
        return self._exit.pull()


class _Painter(_Filters):
    """Takes a frame and gives the same frame in the colours of the palette."""

    def __init__(self, size: tuple[int, int], palette: av.VideoFrame) -> None:
        super().__init__(size, "paletteuse", DITHER)
        colours = self._source((palette.height, palette.width), palette.format.name)
        colours.link_to(self._filter, 0, 1)
        self._graph.configure()
        colours.push(palette)
        colours.push(None)

    def paint(self, frame: av.VideoFrame) -> av.VideoFrame:
        """One frame; ``frame.pts`` must grow."""
        self._entry.push(frame)
        return self._exit.pull()
