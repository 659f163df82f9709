"""The media of one clip in a report: poster, video and maps."""

import base64
import json
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from videxplain.boxes import Box, box_slices, scaled_box
from videxplain.data.shown import ShownFrames, irregular_times
from videxplain.data.stream import FileFrames
from videxplain.files import replacing
from videxplain.viz.overlay import enlarge, overlay
from videxplain.viz.player.bundle import player_data
from videxplain.viz.player.poster import write_poster
from videxplain.viz.video import frame_rate, save_video

VARIABLE_WORDS = "varies; the player shows every frame for the same time"
POSTER_SIDE = 240
MAX_SIDE = 480


def write_media(
    folder: Path,
    name: str,
    video: Path,
    row: Mapping[str, Any],
    maps: Mapping[str, tuple[str, NDArray[np.float32]]],
    *,
    max_side: int = MAX_SIDE,
    box: Box | None = None,
) -> NDArray[np.float32]:
    """Write ``<name>.jpg``, ``<name>.mp4`` and ``<name>.js``.

    Args:
        folder: The folder of the media.
        name: What the clip's files are called.
        video: The clip.
        row: Its row in the table of the audit, and ``top``: pairs of class and probability, the best first.
        maps: For each map its words, such as ``"why Kick"``, and the raw values ``(T, h, w)``. The first is drawn on
            the poster.
        max_side: The longer side of the written video, in pixels.
        box: The part of a frame that the network saw, in pixels of the clip; None for the whole frame.

    Returns:
        The mean movement: the absolute difference of neighbouring frames, averaged over time, ``(h, w)`` as the maps.

    Raises:
        VidexplainError: The clip cannot be read.
    """
    stored = FileFrames(video)
    source = ShownFrames(stored)
    height, width = fitted(source.size, max_side)
    box = scaled_box(box, stored.size, (height, width))
    rows, columns = box_slices(box or (0, 0, height, width), (height, width))
    first = next(iter(maps.values()))[1]
    best = int(np.argmax(row["curve"])) if len(row["curve"]) else 0
    moved = np.zeros(first.shape[1:], np.float64)
    held: dict[str, NDArray[np.uint8]] = {}

    def frames() -> Iterator[NDArray[np.uint8]]:
        before: NDArray[np.float32] | None = None
        for i, frame in enumerate(source.frames()):
            small: NDArray[Any] = cv2.resize(frame, (width, height), interpolation=cv2.INTER_AREA)
            grey = cv2.cvtColor(small, cv2.COLOR_RGB2GRAY).astype(np.float32)
            if before is not None:
                moved[...] += enlarge(np.abs(grey - before)[rows, columns], first.shape[1:])
            before = grey
            if i == best or not held:
                held["poster"] = small
            yield small

    save_video(folder / f"{name}.mp4", frames(), source.fps)
    limit = float(row["scale"] or 0)
    write_poster(folder / f"{name}.jpg", overlay(held["poster"], first[best], limit, box=box), POSTER_SIDE)
    entries = {
        key: _player_entry(words, values, limit if key == "prediction" else None, stored, (height, width), box)
        for key, (words, values) in maps.items()
    }
    varies = [] if irregular_times(stored) is None else [["frame rate", VARIABLE_WORDS]]
    content = {"maps": entries, "predictions": row["top"], "facts": [*_facts(row), *varies]}
    text = json.dumps(content, allow_nan=False, ensure_ascii=False).replace("<", "\\u003c").replace("\u2028", "\\u2028")
    with replacing(folder / f"{name}.js") as path:
        path.write_text(f"AUDIT_CLIP({json.dumps(name)}, {text});\n", encoding="utf-8", errors="backslashreplace")
    return (moved / max(len(first) - 1, 1)).astype(np.float32)


def _player_entry(
    words: str,
    maps: NDArray[np.float32],
    limit: float | None,
    source: FileFrames,
    size: tuple[int, int],
    box: Box | None,
) -> dict[str, Any]:
    """The data of one map for the player.

    Args:
        words: What is explained.
        maps: ``(T, h, w)``, raw.
        limit: The value that gets the brightest colour; None for the 99.9th percentile.
        source: The clip.
        size: Height and width of the written video.
        box: The part of a frame that the network saw, in pixels of the written video; None for the whole frame.
    """
    high = limit if limit is not None else float(np.percentile(maps, 99.9)) or float(maps.max())
    data = player_data(
        maps,
        temporal=maps.mean((1, 2)),
        fps=float(frame_rate(source.fps)),
        seconds=irregular_times(source),
        size=size,
        scale=(0.0, max(high, 0.0)),
        title=source.path.name if source.path else "",
        label=words,
        view=box,
    )
    return {"words": words, "meta": data.meta, "maps": base64.b64encode(data.maps).decode("ascii")}


def fitted(size: tuple[int, int], side: int) -> tuple[int, int]:
    """Even height and width in the proportions of ``size``, the longer at most ``side``; nothing is enlarged."""
    share = min(1.0, side / max(size))
    height, width = (max(2, 2 * round(extent * share / 2)) for extent in size)
    return height, width


def write_map(path: Path, values: NDArray[np.float32], side: int = 160, aspect: float = 4 / 3) -> None:
    """A mean map as a picture, its largest value in the brightest colour."""
    grey = np.full((round(side / aspect), side, 3), 40, np.uint8)
    picture = overlay(grey, values, float(values.max()), opacity=1.0)
    write_picture(path, picture)


def write_picture(path: Path, picture: NDArray[np.uint8], options: Sequence[int] = ()) -> None:
    """Write a picture ``(H, W, 3)`` RGB, whole or not at all.

    Args:
        path: The file; its suffix says the format.
        picture: The picture.
        options: OpenCV's for this format, such as the quality of a JPEG.
    """
    done, data = cv2.imencode(path.suffix, cv2.cvtColor(picture, cv2.COLOR_RGB2BGR), options)
    assert done
    with replacing(path) as temporary:
        temporary.write_bytes(data.tobytes())


_FACTS: Sequence[tuple[str, str, str]] = (
    ("frames", "frames", "{:d}"),
    ("frames a second", "fps", "{:.5g}"),
    ("first strong frame", "first", "{:d}"),
    ("last strong frame", "last", "{:d}"),
    ("share of strong frames", "time_share", "{:.0f} %"),
    ("centre from the left", "x", "{:.0f} %"),
    ("centre from the top", "y", "{:.0f} %"),
    ("in the middle quarter", "middle", "{:.0f} %"),
    ("along the border", "border", "{:.0f} %"),
    ("strongest tenth holds", "concentration", "{:.0f} %"),
    ("energy in the evidence", "energy", "{:.0f} %"),
    ("distance from what was learned", "feature_distance", "{:.2f}"),
)


def _facts(row: Mapping[str, Any]) -> list[list[str]]:
    """Figures of the map, in words."""
    facts = []
    for words, column, form in _FACTS:
        value = row[column]
        if value is not None and value == value:
            number = int(value) if form == "{:d}" else 100 * float(value) if form.endswith("%") else float(value)
            facts.append([words, form.format(number)])
    return facts
