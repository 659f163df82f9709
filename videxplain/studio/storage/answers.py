"""The files of a result, which the worker writes and the server sends."""

import json
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from videxplain.boxes import Box
from videxplain.explanation.player import player_data_of
from videxplain.explanation.result import Explanation
from videxplain.files import replacing, write_json
from videxplain.viz.player.bundle import PlayerData, player_data, shrunk

ANSWER, NUMBERS, SUMMARY = "answer.json", "explanation.npz", "explanation.json"
PLAYER, MAPS = "player.json", "maps.bin"
PARTIAL, PARTIAL_MAPS = "partial.json", "partial.bin"
_LARGEST_MAPS = 64 * 2**20
"""The most bytes of maps for a page. Larger maps are shrunk."""


def read_answer(folder: Path) -> dict[str, Any] | None:
    """The answer of a finished job; None if it has not finished."""
    try:
        content: dict[str, Any] = json.loads((folder / ANSWER).read_text(encoding="utf-8"))
    except FileNotFoundError:
        return None
    return content


def write_answer(folder: Path, content: Mapping[str, Any]) -> None:
    """Write the answer of a job. This file is last: a folder that has it is complete."""
    write_json(folder / ANSWER, content)


def write_explanation(
    folder: Path,
    explanation: Explanation,
    title: str,
    first: int,
    fps: float,
    seconds: NDArray[np.float64] | None,
) -> None:
    """Write an explanation for the page, for downloads, and for questions that build on it.

    Args:
        folder: The folder of the result.
        explanation: The explanation.
        title: Title of the player.
        first: The number of the first frame in the clip.
        fps: Frames per second of the video of the page.
        seconds: ``(T,)`` when each frame is shown in the clip; None where that is its number divided by ``fps``.
    """
    explanation.save(folder / NUMBERS)
    explanation.save(folder / SUMMARY)
    data = player_data_of(explanation, _LARGEST_MAPS, title=title)
    when = None if seconds is None else seconds.tolist()
    meta = {**data.meta, "first": first, "fps": fps, "seconds": when}
    _write_player(folder / PLAYER, folder / MAPS, replace(data, meta=meta))
    for name in (PARTIAL, PARTIAL_MAPS):
        (folder / name).unlink(missing_ok=True)


def write_partial(
    folder: Path,
    maps: NDArray[np.float32],
    fps: float,
    seconds: NDArray[np.float64] | None,
    *,
    size: tuple[int, int],
    title: str,
    label: str,
    signed: bool,
    view: Box | None,
    first: int,
) -> None:
    """Write the maps that are known so far.

    Args:
        folder: The folder of the result.
        maps: ``(T, h, w)``, raw; frames that no window has seen are zero.
        fps: Frames per second of the video of the page.
        seconds: ``(T,)`` when each frame is shown in the clip; None where that is its number divided by ``fps``.
        size: Height and width of the shown frames, in pixels.
        title: Title of the player.
        label: The class that is explained; empty if there is none.
        signed: Whether maps have negative values.
        view: The part of a shown frame that the network sees; None for the whole frame.
        first: The number of the first frame in the clip.
    """
    small = shrunk(np.nan_to_num(maps), _LARGEST_MAPS)
    high = float(np.percentile(small, 99.9)) or float(small.max())
    data = player_data(
        small,
        temporal=small.mean((1, 2)),
        fps=fps,
        seconds=seconds,
        size=size,
        scale=(float(small.min()) if signed else 0.0, max(high, 0.0)),
        signed=signed,
        title=title,
        label=label,
        view=view,
        first=first,
    )
    _write_player(folder / PARTIAL, folder / PARTIAL_MAPS, data)


def _write_player(description: Path, values: Path, data: PlayerData) -> None:
    with replacing(values) as path:
        path.write_bytes(data.maps)
    write_json(description, data.meta)
