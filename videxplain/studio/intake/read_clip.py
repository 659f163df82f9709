"""Reads one clip in a process of its own, with limits: ``python -m videxplain.studio.intake.read_clip``.

The process decodes the whole file once and writes what a page shows: a video that browsers play, a poster, and the
facts. A hostile file can harm this process only.
"""

import json
import sys
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from videxplain.errors import VidexplainError
from videxplain.studio.process_limits import limit_process

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from videxplain.data.stream import FileFrames
    from videxplain.data.video import VideoReader

POSTER_SIDE = 320
SHOWN_SIDE = 960
SOURCE, SHOWN, POSTER = "source", "shown.mp4", "poster.jpg"
"""The files of a clip, in its folder."""
_SAME_TIME = 5e-3
"""Seconds. The page shows two digits behind the point."""
_SAME_RATE = 1e-3
"""By which share the rate of the time stamps may differ from the declared one, with which the video is written."""
_POSTER_FRAME = 12
"""Counted from 1; the very first frame is often black."""


def read(source: Path, out: Path, limits: dict[str, Any]) -> dict[str, Any]:
    """Decode a file; write ``shown.mp4`` and ``poster.jpg`` into ``out``.

    Args:
        source: The file.
        out: The folder.
        limits: ``seconds, pixels, frames`` as in :class:`videxplain.studio.settings.Limits`.

    Returns:
        ``frames, fps, width, height, warning``.

    Raises:
        VidexplainError: The file cannot be read, or is larger than allowed.
    """
    from videxplain.data.video import VideoReader
    from videxplain.viz.player.poster import write_poster
    from videxplain.viz.video import save_video

    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        with VideoReader(source) as reader:
            _check(reader, limits)
            frames, declared = _Frames(reader, limits), reader.fps
            save_video(out / SHOWN, iter(frames), declared)
            reader.times()  # decodes nothing: the pass has come to the end; it tells of a variable frame rate
            if abs(reader.fps - declared) > _SAME_RATE * declared:
                frames = _Frames(reader, limits)
                save_video(out / SHOWN, iter(frames), reader.fps)
    write_poster(out / POSTER, frames.poster, POSTER_SIDE)
    height, width = reader.size
    said = [str(one.message).replace(str(source), "the clip") for one in caught]
    return {
        "frames": frames.count,
        "fps": reader.fps,
        "width": width,
        "height": height,
        "warning": " ".join(said[0].split()) if said else "",
    }


def shown_times(source: "FileFrames", shown: Path) -> tuple[float, "NDArray[np.float64] | None"]:
    """How the page plays a clip, and when the frames of a stretch are shown in the clip itself.

    The page shows all frames of a clip for the same time.

    Args:
        source: The stretch.
        shown: The video of the page, which has the whole clip.

    Returns:
        Frames per second of the video of the page, and ``(T,)`` seconds of the stretch's frames, counted from the first
        frame of the clip; None where these are their numbers divided by that rate.
    """
    import numpy as np

    from videxplain.data.header import read_header

    fps = read_header(shown).fps or source.fps
    even = (source.start + np.arange(source.num_frames)) / fps
    return fps, None if np.allclose(source.times, even, rtol=0, atol=_SAME_TIME) else source.times


def _check(reader: "VideoReader", limits: dict[str, Any]) -> None:
    """Refuse frames that are too large, and frame rates that cannot be shown."""
    height, width = reader.size
    if height * width > limits["pixels"]:
        raise VidexplainError(f"frames of {width}x{height} are too large; {limits['pixels']:,} pixels are allowed")
    if not 0.1 <= reader.fps <= 1000:
        raise VidexplainError(f"a frame rate of {reader.fps:.4g} is not one that can be shown")


class _Frames:
    """The frames of a clip at the size of the page. While they are read, they are counted, and one is kept."""

    def __init__(self, reader: "VideoReader", limits: dict[str, Any]) -> None:
        self._reader, self._limits = reader, limits
        self.count = 0
        self.poster: Any = None

    def __iter__(self) -> Iterator[Any]:
        """Decode the frames, resized to square pixels and at most ``SHOWN_SIDE``."""
        import cv2

        from videxplain.data.shown import shown_frame, shown_size

        reader, limits = self._reader, self._limits
        height, width = reader.size
        most = min(limits["frames"], int(limits["seconds"] * reader.fps))
        square = shown_size(reader.size, reader.pixel_aspect)
        share = min(1.0, SHOWN_SIDE / max(square))
        shown = (max(2, round(square[1] * share)), max(2, round(square[0] * share)))
        resized = shown != (width, height)
        for frame in reader:
            self.count += 1
            if self.count > most:
                raise VidexplainError(
                    f"the clip is longer than {limits['seconds']:g} seconds or {limits['frames']:,} frames"
                )
            if self.poster is None or self.count == _POSTER_FRAME:
                self.poster = shown_frame(frame, reader.pixel_aspect)
            yield cv2.resize(frame, shown, interpolation=cv2.INTER_AREA) if resized else frame


def main() -> None:
    """Read the clip that the arguments name, and print the result as one line of JSON."""
    source, out, text = Path(sys.argv[1]), Path(sys.argv[2]), sys.argv[3]
    limits = json.loads(text)
    limit_process(cpu=limits["decode_seconds"], fsize=limits["file_bytes"], core=0, **{"as": limits["decode_memory"]})
    try:
        answer: dict[str, Any] = {"facts": read(source, out, limits)}
    except VidexplainError as error:
        answer = {"error": str(error).replace(str(source), "the file")}
    except MemoryError:
        answer = {"error": "reading the file needs more memory than is allowed"}
    print(json.dumps(answer))


if __name__ == "__main__":
    main()
