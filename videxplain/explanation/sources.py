"""The frames of a result: from whatever a clip is given as, and again after loading."""

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from videxplain.data.clip import Clip
from videxplain.data.shown import pixel_aspect_of, source_times
from videxplain.data.stream import ClipFrames, FileFrames, FrameSource
from videxplain.errors import VidexplainError

ClipLike: TypeAlias = Clip | FrameSource | str | Path
"""What every function takes as a clip: a clip, a source of frames, or the path of a video or a folder of images.

An array of frames ``(T, H, W, 3)`` uint8 RGB is taken as well.
"""


def as_source(clip: ClipLike) -> FrameSource:
    """Frames from whatever a clip is given as.

    Raises:
        VidexplainError: No video at that path, or something that is not a clip.
    """
    if isinstance(clip, Clip):
        return ClipFrames(clip)
    if isinstance(clip, str | Path):
        return FileFrames(clip)
    if hasattr(clip, "num_frames") and hasattr(clip, "frames"):
        return clip
    return ClipFrames(_clip_of(clip))


def _clip_of(frames: Any) -> Clip:
    if not isinstance(frames, Sequence) and not hasattr(frames, "__array__"):
        raise VidexplainError(
            f"a clip is a path, a Clip or frames, not {type(frames).__name__}: give Clip(frames), (T, H, W, 3) uint8"
        )
    try:
        return Clip(np.asarray(frames.detach() if hasattr(frames, "detach") else frames))
    except ValueError as error:
        raise VidexplainError(f"these frames cannot be taken as Clip(frames): {error}") from None


def clip_name(source: FrameSource) -> str:
    """The clip for titles: the name of its file, and the frame from which numbers and times of frames are counted."""
    name, start = source.path.name if source.path else "clip", getattr(source, "start", None)
    return f"{name} from frame {start} on" if start else name


def clip_record(source: FrameSource) -> dict[str, Any]:
    """The clip as plain values for JSON."""
    height, width = source.size
    return {
        "clip": str(source.path) if source.path else None,
        "first_frame": getattr(source, "start", None),
        "frames": source.num_frames,
        "fps": source.fps,
        "fingerprint": getattr(source, "fingerprint", None),
        "rate_known": bool(getattr(source, "rate_known", True)),
        "height": height,
        "width": width,
        "pixel_aspect": pixel_aspect_of(source),
        "seconds": source_times(source).tolist(),
    }


class SavedFrames:
    """The clip of a loaded result. Its file is opened when frames are asked for."""

    def __init__(self, record: Mapping[str, Any]) -> None:
        """Take what :func:`clip_record` has written."""
        self.path = Path(record["clip"]) if record["clip"] else None
        self.start: int | None = None if record["first_frame"] is None else int(record["first_frame"])
        self.num_frames = int(record["frames"])
        self.fps, self.size = float(record["fps"]), (int(record["height"]), int(record["width"]))
        # Files of earlier versions have none of these.
        self.rate_known = bool(record.get("rate_known", True))
        self.fingerprint: str | None = record.get("fingerprint")
        self.pixel_aspect = float(record.get("pixel_aspect", 1.0))
        self.times = np.array(record["seconds"], np.float64) if "seconds" in record else None
        if self.times is not None and (len(self.times) != self.num_frames or not np.isfinite(self.times).all()):
            raise ValueError(f"{len(self.times)} times for {self.num_frames} frames")

    def frames(self, start: int = 0, stop: int | None = None) -> Iterator[NDArray[np.uint8]]:
        """Decode frames ``start`` to ``stop`` of the clip again.

        Raises:
            VidexplainError: The clip is no longer there, or it has changed.
        """
        if self.path is None or self.start is None:
            raise VidexplainError("the frames were in memory and are not saved: give load(path, clip=...) to draw them")
        if not self.path.exists():
            raise VidexplainError(f"the clip {self.path} is no longer there: give load(path, clip=...) to draw it")
        source = FileFrames(self.path, self.start, self.start + self.num_frames)
        if self.fingerprint not in (None, source.fingerprint):
            raise VidexplainError(
                f"{self.path} has changed since the result was made: explain it again, or give load(path, clip=...)"
            )
        return matching(source, self).frames(start, stop)


def matching(source: FrameSource, saved: SavedFrames) -> FrameSource:
    """``source``, if it has the size and the number of frames of the clip that was saved.

    Raises:
        VidexplainError: It is another clip.
    """
    found, wanted = (source.num_frames, *source.size), (saved.num_frames, *saved.size)
    if found != wanted:
        frames, height, width = found
        raise VidexplainError(
            f"{source.path or 'the clip'} has {frames} frames of {width}x{height}, and the result was made from "
            f"{wanted[0]} frames of {wanted[2]}x{wanted[1]}"
        )
    return source
