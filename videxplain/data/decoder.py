"""The decoder: a file's pictures in order, and a picture as RGB."""

import os
from collections.abc import Generator, Iterator
from dataclasses import dataclass
from multiprocessing import parent_process
from pathlib import Path

import av
import cv2
import numpy as np
from av.sidedata.sidedata import Type as SideData
from av.video.reformatter import Interpolation, VideoReformatter
from numpy.typing import NDArray

from videxplain.data.header import open_container
from videxplain.errors import VidexplainError

# Below this size, handing a frame to a thread costs more than decoding it.
_THREADED_PIXELS = 320 * 240
# More threads would wait for the conversion to RGB, which is one thread's; each holds frames and takes time to start.
_MOST_THREADS = 4
# Nothing real is larger than 16K; a damaged header can declare a picture that fills the memory.
_MOST_PIXELS = 1 << 27
# So many packets in a row that neither demux nor decode are the end of a damaged file.
_FAILURES_AT_END = 1000
# For these formats red first and blue first give the same numbers. Others are dithered or rounded differently; they go
# through blue first, as OpenCV's reader asked for, so that old results stay.
_SAME_IN_BOTH_ORDERS = frozenset(f"yuv{j}{sampling}p" for j in ("", "j") for sampling in ("420", "422", "444"))
# A display matrix is in fixed point, so a quarter turn leaves a little where zeros should be.
_UPRIGHT = 0.01


def pictures(path: Path) -> Generator[av.VideoFrame, None, None]:
    """Decode the shown pictures of a file, one after the other.

    A packet that does not decode is left out, and decoding goes on behind it. Closing the generator closes the file.

    Raises:
        VidexplainError: The file holds no video that can be decoded.
    """
    container, stream = open_container(path)
    with container:
        if stream.width * stream.height > _MOST_PIXELS:
            raise VidexplainError(f"{path} declares pictures of {stream.width}x{stream.height}, which is too large")
        # One thread in a worker process: there are as many of them as cores.
        if stream.width * stream.height < _THREADED_PIXELS or parent_process() is not None:
            stream.codec_context.thread_count = 1
        else:
            stream.thread_type = "AUTO"
            stream.codec_context.thread_count = min(_MOST_THREADS, (os.cpu_count() or 1) + 1)  # one waits
        yield from _decode(container, stream)


def _decode(container: "av.container.InputContainer", stream: "av.VideoStream") -> Iterator[av.VideoFrame]:
    failures = 0
    packets = container.demux(stream)
    while failures < _FAILURES_AT_END:
        try:
            packet = next(packets, None)
        except av.FFmpegError:
            failures += 1
            packets = container.demux(stream)  # an error ends the iterator, not the file
            continue
        if packet is None:
            return
        try:
            decoded = packet.decode()
        except av.FFmpegError:
            failures += 1
            continue
        for picture in decoded:
            failures = 0
            yield picture


class RGB:
    """Pictures as arrays ``(H, W, 3)`` uint8 RGB, turned as the file says, alpha dropped.

    Colours follow the file's matrix (BT.601 where it names none) and range. The scaler is set up once for all pictures
    of a file, and the first picture says how all are turned.

    Attributes:
        on_its_side: Whether pictures are turned by a quarter, so that their height becomes their width.
    """

    def __init__(self) -> None:
        self._scaler = VideoReformatter()
        self._begun = False
        self._turn = _Turn()

    @property
    def on_its_side(self) -> bool:  # noqa: D102
        return self._turn.on_its_side

    def __call__(self, picture: av.VideoFrame) -> NDArray[np.uint8]:
        """Convert one picture; ``av.FFmpegError`` where its pixel format cannot be converted."""
        order = "rgb24" if picture.format.name in _SAME_IN_BOTH_ORDERS else "bgr24"
        scaled = self._scaler.reformat(picture, format=order, interpolation=Interpolation.BICUBIC, threads=1)
        frame = np.asarray(scaled.to_ndarray(), np.uint8)
        if order == "bgr24":
            frame = np.asarray(cv2.cvtColor(frame, cv2.COLOR_BGR2RGB), np.uint8)
        if not self._begun:  # reading side data takes as long as converting a small picture
            self._turn, self._begun = _turn(picture), True
        return self._turn.apply(frame)


@dataclass(frozen=True)
class _Turn:
    """How a picture is turned: rows and columns exchanged, and then mirrored."""

    on_its_side: bool = False
    down: int = 1
    right: int = 1

    def apply(self, frame: NDArray[np.uint8]) -> NDArray[np.uint8]:
        if self == _Turn():
            return frame
        return np.ascontiguousarray(
            (frame.transpose(1, 0, 2) if self.on_its_side else frame)[:: self.down, :: self.right]
        )


def _turn(picture: av.VideoFrame) -> _Turn:
    """What the display matrix says; one for other angles than quarter turns is ignored."""
    matrix = picture.side_data.get(SideData.DISPLAYMATRIX)  # type: ignore[call-overload]  # PyAV's types want a name
    if matrix is None:
        return _Turn()
    numbers = np.frombuffer(matrix, np.int32)
    a, b, c, d = (float(numbers[i]) for i in (0, 1, 3, 4))  # x' = a x + c y, y' = b x + d y
    if abs(a) + abs(d) < _UPRIGHT * (abs(b) + abs(c)):
        return _Turn(True, -1 if b < 0 else 1, -1 if c < 0 else 1)
    if abs(b) + abs(c) < _UPRIGHT * (abs(a) + abs(d)):
        return _Turn(False, -1 if d < 0 else 1, -1 if a < 0 else 1)
    return _Turn()
