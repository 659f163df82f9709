"""An explanation as a player in a browser: a page of its own, or a frame in a notebook."""

import tempfile
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from videxplain.attribution.display_names import display_name
from videxplain.boxes import scaled_box
from videxplain.data.shown import irregular_times
from videxplain.explanation.sources import clip_name
from videxplain.files import replacing
from videxplain.progress import Progress
from videxplain.viz.player.bundle import COLOURS, PlayerData, player_data, player_frame, player_page, shrunk
from videxplain.viz.video import frame_rate, save_video

if TYPE_CHECKING:
    from videxplain.explanation.result import Explanation

PAGE_SIDE, NOTEBOOK_SIDE = 960, 480
"""The longer side of the clip, in pixels. A page is opened alone, and a notebook holds many players."""
NOTEBOOK_FRAMES = 1500
"""A notebook shows so many frames of a longer clip: a minute."""
_PAGE_BYTES, _NOTEBOOK_BYTES = 32 * 2**20, 4 * 2**20
"""Of maps; finer ones are averaged over squares."""


def player_data_of(
    explanation: "Explanation", most_bytes: int, start: int = 0, stop: int | None = None, title: str = ""
) -> PlayerData:
    """What the player is given of an explanation.

    Args:
        explanation: The explanation.
        most_bytes: Of maps.
        start: The first frame.
        stop: The frame behind the last; None for the end.
        title: The clip, the method and the network in words; empty for the usual.
    """
    origin, source = explanation.origin, explanation.source
    name = clip_name(source)
    chosen = range(*slice(start, stop).indices(explanation.num_frames))
    maps = np.nan_to_num(np.stack([explanation.maps[i] for i in chosen]))
    seconds = irregular_times(source)
    return player_data(
        shrunk(maps, most_bytes),
        temporal=np.nan_to_num(explanation.temporal[start:stop]),
        fps=float(frame_rate(source.fps)),
        size=explanation.shown.size,
        scale=explanation.range,
        signed=explanation.signed,
        title=title or f"{name}: {display_name(origin.method)} of {origin.model}",
        label=origin.target,
        notes=explanation.notes,
        view=explanation.shown_box,
        first=chosen.start,
        seconds=None if seconds is None else seconds[chosen.start : chosen.stop],
    )


def write_player_page(
    explanation: "Explanation",
    path: Path,
    *,
    colormap: str | None = None,
    opacity: float | None = None,
    progress: Progress | None = None,
) -> None:
    """Write one HTML file that holds the clip, the maps and the player. It needs no other file and no connection.

    Args:
        explanation: The explanation.
        path: The file.
        colormap: Name of a matplotlib colour map that the player begins with.
        opacity: How much of the frame the strongest evidence hides at first, in [0, 1].
        progress: Called with the frames written so far and the frames in all.
    """
    data = player_data_of(explanation, _PAGE_BYTES)
    data, mp4 = _with_clip(explanation, data, PAGE_SIDE, 0, None, progress)
    if opacity is not None:
        data = replace(data, meta={**data.meta, "opacity": opacity})
    colours = tuple(dict.fromkeys([*filter(None, [colormap]), *COLOURS]))
    text = player_page(data, mp4, colours, explanation.provenance, f"question: {explanation.question}")
    with replacing(path) as temporary:
        # A file name that is not UTF-8 holds surrogates, which UTF-8 cannot hold.
        temporary.write_text(text, encoding="utf-8", errors="backslashreplace")


def notebook_player(explanation: "Explanation") -> str:
    """The player as HTML for a notebook, in a frame of its own; of a long clip the part with the most evidence."""
    count = explanation.num_frames
    start, stop = strongest_part_of(explanation.temporal, NOTEBOOK_FRAMES)
    data = player_data_of(explanation, _NOTEBOOK_BYTES, start, stop)
    cut = "" if stop - start == count else f"frames {start} to {stop - 1} of {count:,}; save it as .html for all"
    # The table beside the player has the explanation's own notes.
    data = replace(data, meta={**data.meta, "notes": [cut] if cut else []})
    data, mp4 = _with_clip(explanation, data, NOTEBOOK_SIDE, start, stop)
    return player_frame(data, mp4, min(NOTEBOOK_SIDE, data.meta["width"]))


def strongest_part_of(curve: NDArray[np.float32], most: int) -> tuple[int, int]:
    """First frame, and the one behind the last, of the ``most`` frames in a row with the largest sum."""
    if len(curve) <= most:
        return 0, len(curve)
    sums = np.concatenate([[0.0], np.nan_to_num(curve).astype(np.float64).cumsum()])
    start = int(np.argmax(sums[most:] - sums[:-most]))
    return start, start + most


def _with_clip(
    explanation: "Explanation",
    data: PlayerData,
    side: int,
    start: int,
    stop: int | None,
    progress: Progress | None = None,
) -> tuple[PlayerData, bytes]:
    """The clip as an MP4 file whose longer side is at most ``side``, and the data with that size."""
    import cv2

    shown = explanation.shown
    share = min(1.0, side / max(shown.size))
    height, width = (max(2, round(extent * share)) for extent in shown.size)
    box = scaled_box(explanation.view_box, explanation.source.size, (height, width))

    def frames() -> Iterator[NDArray[np.uint8]]:
        for i, frame in enumerate(shown.frames(start, stop)):
            if i >= data.meta["frames"]:
                return
            small = frame if share == 1 else cv2.resize(frame, (width, height), interpolation=cv2.INTER_AREA)
            yield np.asarray(small, np.uint8)
            if progress:
                progress(i + 1, data.meta["frames"])

    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "clip.mp4"
        save_video(path, frames(), explanation.source.fps)
        return data.resized((height, width), box), path.read_bytes()
