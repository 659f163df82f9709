"""What a video file says about itself before anything is decoded.

OpenCV decodes, and PyAV reads the header: OpenCV's frame count is length times rate wherever the container counts no
frames, without saying so, and its frame rate of a file with variable rate can be the resolution of the clock (1000).
"""

from dataclasses import dataclass
from pathlib import Path

import av
import numpy as np

from videxplain.errors import VidexplainError

# "tty" draws any text file as a film of a terminal; "image2" takes a per cent sign in a name for a numbered sequence.
_NOT_VIDEO = ("tty", "image2")
_MEASURED_PACKETS = 1000
_RATE_TOLERANCE = 0.05


@dataclass(frozen=True)
class Header:
    """What the container declares; any of it can be wrong, and None is what it does not say.

    Attributes:
        fps: Frames per second. Where the container counts no frames, the declared rate has to agree with the times of
            the first ones; otherwise it is their mean rate.
        frames: How many frames there are.
        seconds: How long the video lasts.
    """

    fps: float | None
    frames: int | None
    seconds: float | None


def read_header(path: Path) -> Header:
    """The header of a video file.

    Raises:
        VidexplainError: No video in it.
    """
    try:
        # An absolute path: a relative one that begins with "name:" would be taken for a protocol.
        with av.open(str(path.absolute())) as container:
            stream = container.streams.best("video")
            if not isinstance(stream, av.VideoStream):
                raise VidexplainError(f"{path} has no video stream")
            if container.format.name in _NOT_VIDEO:
                raise VidexplainError(f"{path} is not a video that can be decoded")
            rate = stream.average_rate or stream.guessed_rate
            fps = float(rate) if rate else None
            if stream.frames:
                return Header(fps, stream.frames, None)
            fps = _checked_rate(container, stream, fps)
            return Header(fps, None, container.duration / av.time_base if container.duration else None)
    except (av.FFmpegError, UnicodeError):
        raise VidexplainError(f"{path} is not a video that can be decoded") from None


def _checked_rate(
    container: "av.container.InputContainer", stream: "av.VideoStream", declared: float | None
) -> float | None:
    """The declared rate, or the mean one where the usual time from frame to frame contradicts it."""
    times: list[int] = []
    try:
        for packet in container.demux(stream):
            if packet.pts is not None:
                times.append(packet.pts)
            if len(times) == _MEASURED_PACKETS:
                break
    except av.FFmpegError:
        pass  # damaged from here on; the packets before have their times
    times.sort()
    if stream.time_base is None or len(times) < 2 or times[-1] == times[0]:
        return declared
    # The median, because a gap where packets are lost is no change of rate.
    usual = float(np.median(np.diff(times)) * stream.time_base)
    if declared and abs(usual * declared - 1) <= _RATE_TOLERANCE:
        return declared
    return float((len(times) - 1) / ((times[-1] - times[0]) * stream.time_base))
