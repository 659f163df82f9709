"""What a video file says about itself before anything is decoded."""

from collections.abc import Iterable
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np
from numpy.typing import NDArray

from videxplain.data.frame_times import RATE_TOLERANCE
from videxplain.errors import VidexplainError

# "tty" draws any text file as a film of a terminal; "image2" takes a per cent sign in a name for a numbered sequence.
_NOT_VIDEO = ("tty", "image2")
_PLAYLISTS = ("hls", "concat", "dash", "imf")
# Bare streams have no clock: their times are counts at 25 frames/s, whatever the rate. Some codecs say their rate.
_BARE = {
    *("h261", "h263", "h264", "hevc", "vvc", "evc", "obu", "av1", "mpegvideo", "m4v", "vc1", "dirac", "cavsvideo"),
    *("avs2", "avs3", "mjpeg", "mjpeg_2000", "ingenient"),
}
_EDIT_LISTS = "mov,mp4,m4a,3gp,3g2,mj2"
_MEASURED_PACKETS = 1000
# Film and broadcast stay within 2:1. A ratio beyond this is damage, and would ask for pictures of any size.
_MOST_STRETCHED = 4
# Real HMDB51 files have titles that are not UTF-8. PyAV 19 has no such option.
_TITLES: dict[str, Any] = {"metadata_errors": "replace"} if int(av.__version__.split(".")[0]) < 19 else {}


@dataclass(frozen=True)
class Header:
    """What the container declares. Any of it can be wrong; None is what it does not say.

    Attributes:
        fps: Frames per second. Where the container counts no frames, the declared rate has to agree with the times of
            the first frames; otherwise ``fps`` is their mean rate.
        frames: How many frames are shown. Frames that an edit list hides are not counted.
        seconds: How long the video lasts.
        pixel_aspect: Width of a pixel divided by its height; 1 for square pixels, and where the ratio makes no sense.
        begins: Seconds at which the frames of an AVI file begin, in the order in which they are shown. This format has
            no other times: where frames are not stored in the order in which they are shown, the time stamps of decoded
            frames go back. Of prepared frames, when they were shown in their video, if its frame rate varies. None for
            other formats.
        has_clock: Whether frames have times. Bare streams have none.
        others: How many more video streams the file has; pictures of a cover do not count.
    """

    fps: float | None
    frames: int | None
    seconds: float | None
    pixel_aspect: Fraction = Fraction(1)
    begins: NDArray[np.float64] | None = None
    has_clock: bool = True
    others: int = 0


def open_container(path: Path) -> "tuple[av.container.InputContainer, av.VideoStream]":
    """Open a video file and find its video stream; the caller closes the container.

    Raises:
        VidexplainError: The file holds no video that can be decoded.
    """
    try:
        container = av.open(
            # An absolute path: a relative one that begins with "name:" would be taken for a protocol.
            str(path.absolute()),
            **_TITLES,
            # A playlist must not make the decoder read other files or addresses.
            container_options={"protocol_whitelist": "file"},
        )
    except (av.FFmpegError, UnicodeError, ValueError):
        raise VidexplainError(f"{path} is not a video that can be decoded") from None
    try:
        stream = container.streams.best("video")
        if not isinstance(stream, av.VideoStream) or stream.disposition & av.stream.Disposition.attached_pic:
            raise VidexplainError(f"{path} has no video stream")
        if container.format.name in _PLAYLISTS:
            raise VidexplainError(f"{path} is a playlist, which is not a video that can be decoded: name the video")
        if container.format.name in _NOT_VIDEO:
            raise VidexplainError(f"{path} is not a video that can be decoded")
        if stream.codec_context is None:
            raise VidexplainError(f"{path} has a video stream that no decoder here knows")
    except BaseException:
        container.close()
        raise
    return container, stream


def read_header(path: Path) -> Header:
    """The header of a video file.

    Raises:
        VidexplainError: The file holds no video that can be decoded.
    """
    container, stream = open_container(path)
    with container:
        rate = stream.average_rate or stream.guessed_rate
        fps = float(rate) if rate else None
        frames = _shown_frames(container, stream)
        begins = _begins(container, stream)
        cover = av.stream.Disposition.attached_pic
        others = sum(1 for one in container.streams.video if not one.disposition & cover) - 1
        if container.format.name in _BARE:
            told = stream.codec_context.framerate
            return Header(float(told) if told else None, None, None, _pixel_aspect(stream), None, False, others)
        if frames is None:
            fps = _checked_rate(container, stream, fps)
        elif begins is not None and len(begins) > 1:
            # It counts moments, and there may be a frame at every second one alone, as with H.264 that was copied.
            usual = _usual_step(stream) * Fraction(stream.time_base or 0)
            fps = fps if fps and abs(usual * fps - 1) <= RATE_TOLERANCE else float(1 / usual)
        seconds, aspect = _seconds(container, stream), _pixel_aspect(stream)
        return Header(fps, frames, seconds, aspect, begins, others=others)


def _begins(container: "av.container.InputContainer", stream: "av.VideoStream") -> NDArray[np.float64] | None:
    if container.format.name != "avi" or stream.time_base is None or not len(stream.index_entries):
        return None
    moments = np.array([entry.timestamp for entry in stream.index_entries], np.int64)
    return np.asarray(moments * float(stream.time_base)) if (np.diff(moments) > 0).all() else None


def _usual_step(stream: "av.VideoStream") -> Fraction:
    """How many moments of an AVI file it is from one frame to the next."""
    moments = [entry.timestamp for entry in stream.index_entries]
    return Fraction(float(np.median(np.diff(moments)))) if len(moments) > 1 else Fraction(1)


def _pixel_aspect(stream: "av.VideoStream") -> Fraction:
    declared = stream.sample_aspect_ratio
    if not declared or not Fraction(1, _MOST_STRETCHED) <= declared <= _MOST_STRETCHED:
        return Fraction(1)
    return declared


def _shown_frames(container: "av.container.InputContainer", stream: "av.VideoStream") -> int | None:
    """The number of frames that the container declares, without those that an edit list hides."""
    if not stream.frames:
        return None
    if container.format.name == _EDIT_LISTS and len(stream.index_entries):
        # The demuxer leaves out what lies outside the edits, and marks what is only decoded and not shown.
        return sum(not entry.is_discard for entry in stream.index_entries)
    if container.format.name == "avi" and len(entries := stream.index_entries):
        # It also counts moments at which the picture before stays, for which there is no frame. The index has times.
        behind = stream.frames - 1 - entries[-1].timestamp
        if 0 <= behind < _usual_step(stream):
            return len(entries)
        empty = entries[-1].timestamp + 1 - len(entries)
        return stream.frames - max(0, min(empty, stream.frames - 1))
    return stream.frames


def _seconds(container: "av.container.InputContainer", stream: "av.VideoStream") -> float | None:
    if stream.duration and stream.time_base:
        return float(stream.duration * stream.time_base)
    return container.duration / av.time_base if container.duration else None


def last_packets(path: Path) -> tuple[float, float]:
    """When the last packet of the video, and the last one of any stream, is over, in seconds of the file's clock."""
    container, stream = open_container(path)
    video = last = 0.0
    with container:
        try:
            for packet in container.demux():
                if packet.pts is None:
                    continue
                seconds = float((packet.pts + (packet.duration or 0)) * packet.time_base)
                last = max(last, seconds)
                video = max(video, seconds) if packet.stream_index == stream.index else video
        except av.FFmpegError:
            pass  # damaged from here on
    return video, last


def _checked_rate(
    container: "av.container.InputContainer", stream: "av.VideoStream", declared: float | None
) -> float | None:
    """The declared rate, or the mean one where the usual time from frame to frame contradicts it."""
    shown, decoded = _first_times(container.demux(stream))
    if stream.time_base is None or len(shown) < 2 or shown[-1] == shown[0]:
        return declared
    # Files that were put one after the other begin anew in the middle: then only the order of decoding has steps.
    steps = np.diff(decoded if len(decoded) > 1 else shown)
    # The median, because a gap where packets are lost is no change of rate.
    usual = float(np.median(steps[steps > 0]) * stream.time_base)
    if declared and abs(usual * declared - 1) <= RATE_TOLERANCE:
        return declared
    return float((len(shown) - 1) / ((shown[-1] - shown[0]) * stream.time_base))


def _first_times(packets: "Iterable[av.Packet]") -> tuple[list[int], list[int]]:
    """When the first frames are shown, each time once and in order, and when they are decoded, in their order."""
    shown: set[int] = set()
    decoded: list[int] = []
    try:
        for number, packet in enumerate(packets, 1):
            if packet.pts is not None:
                shown.add(packet.pts)
            if packet.dts is not None:
                decoded.append(packet.dts)
            if number == _MEASURED_PACKETS:
                break
    except av.FFmpegError:
        pass  # damaged from here on; the packets before have their times
    return sorted(shown), decoded
