"""Reads one clip in a process of its own, with limits: ``python -m videxplain.studio.read_clip``.

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
    from videxplain.data.video import VideoReader

POSTER_SIDE = 320
SHOWN_SIDE = 960
SOURCE, SHOWN, POSTER = "source", "shown.mp4", "poster.jpg"
"""The files of a clip, in its folder."""
_POSTER_FRAME = 12
"""Counted from 1; the very first frame is often black."""


def read(source: Path, out: Path, limits: dict[str, Any]) -> dict[str, Any]:
    """Decode a file; write ``shown.mp4`` and ``poster.jpg`` into ``out``.

    Args:
        source: The file.
        out: The folder.
        limits: ``seconds, pixels, frames`` as in :class:`videxplain.studio.settings.Limits`.

    Returns:
        ``frames, fps, width, height, shown_fps, warning``.

    Raises:
        VidexplainError: The file cannot be read, or is larger than allowed.
    """
    from videxplain.data.video import VideoReader
    from videxplain.viz.player.poster import write_poster
    from videxplain.viz.video import frame_rate, save_video

    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        with VideoReader(source) as reader:
            _check(reader, limits)
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
        "shown_fps": float(frame_rate(reader.fps)),
        "warning": " ".join(said[0].split()) if said else "",
    }


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
