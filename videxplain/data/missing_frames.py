"""Whether frames are missing at the end of a video file: its header says one number, and another decodes."""

from collections.abc import Sequence
from pathlib import Path

from videxplain.data.header import Header, last_packets

_SECONDS_MISSING = 1.0
"""A length in seconds covers the sound too, and the last frame's time on screen; only a larger gap is damage."""


def missing_at_end(path: Path, header: Header, stamps: Sequence[float], fps: float) -> str:
    """How many frames the file declares and how many there are, in words; empty where none are missing.

    Args:
        path: The file.
        header: What it says about itself.
        stamps: Seconds at which the frames that decode are shown; NaN where the file does not say it.
        fps: Frames per second.
    """
    declared, count = "", len(stamps)
    if header.frames is not None:
        declared = str(header.frames) if count < header.frames else ""
    elif header.seconds is not None and count:
        known = stamps[-1] - stamps[0]
        shown = known if known > 0 else (count - 1) / fps  # NaN, or time stamps that go back
        estimate = round(header.seconds * fps)
        if header.seconds - shown > _SECONDS_MISSING and count < estimate and _ends_early(path, header, stamps[-1]):
            declared = f"about {estimate}"
    return f"declares {declared} frames, {count} decode" if declared else ""


def _ends_early(path: Path, header: Header, last: float) -> bool:
    """Whether packets behind the last frame do not decode, or all streams end before the file's length is over.

    Sound may be longer than the video, and some formats count the length from before the first frame.
    """
    video, any_stream = last_packets(path)
    length = header.seconds or 0.0
    return not video - last <= _SECONDS_MISSING or length - any_stream > _SECONDS_MISSING
