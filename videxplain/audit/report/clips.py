"""The clips of a report: which of them get a video and maps, and writing these."""

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from videxplain.attribution.registry import METHODS
from videxplain.audit.report.media import write_media
from videxplain.audit.result import Audit
from videxplain.errors import VidexplainError


def choose_clips(audit: Audit, explained: NDArray[np.int64], odd: dict[int, float], clips: str) -> list[int]:
    """Choose the clips that get a video and maps.

    Args:
        audit: The audit.
        explained: Numbers of the videos that were explained.
        odd: How unlike its class each of them is, by number.
        clips: ``"all"``, ``"confused"``, or a number of clips. Confused and odd clips then take turns, so that the
            report has both kinds.

    Returns:
        Numbers of videos, in the order of the data set.

    Raises:
        VidexplainError: ``clips`` is something else.
    """
    numbers = explained.tolist()
    correct = audit.videos["correct"]
    wrong = {i for i in numbers if correct.iloc[i] is not None and not correct.iloc[i]}
    count = clip_count(clips)
    if count is None:
        return numbers if clips == "all" else sorted(wrong)
    by_odd = sorted(numbers, key=lambda i: -odd.get(i, 0.0))
    first = [i for i in by_odd if i in wrong]
    second = [i for i in by_odd if i not in wrong]
    turns = [i for pair in zip(first, second, strict=False) for i in pair]
    turns += first[len(second) :] + second[len(first) :]
    return sorted(turns[:count])


def clip_count(clips: str) -> int | None:
    """The number that ``--clips`` gives; None for ``"all"`` and ``"confused"``.

    Raises:
        VidexplainError: It is something else.
    """
    if clips in ("all", "confused"):
        return None
    if not clips.isdecimal():
        raise VidexplainError(f"--clips is all, confused or a number, not '{clips}'")
    return int(clips)


def write_clip(audit: Audit, number: int, folder: Path, max_side: int) -> NDArray[np.float32]:
    """Write the poster, the video and the maps of one video of an audit.

    Args:
        audit: The audit.
        number: Number of the video.
        folder: The folder of the media.
        max_side: The longer side of the written video, in pixels.

    Returns:
        The mean movement of the clip, as :func:`videxplain.audit.report.media.write_media` gives it.

    Raises:
        VidexplainError: The video cannot be read any more.
    """
    row = audit.videos.iloc[number].to_dict()
    best = np.argsort(-np.asarray(row["probabilities"]), kind="stable")[:5]
    row["top"] = [[audit.settings.labels[k], float(row["probabilities"][k])] for k in best]
    maps = {"prediction": (f"why {row['prediction']}", audit.maps(number))}
    if row["correct"] is not None and not row["correct"] and row["truth"] in audit.settings.labels:
        maps["truth"] = (f"what speaks for {row['truth']}", audit.maps(number, "truth"))
        if METHODS[audit.settings.method].candidates:
            words = f"why {row['prediction']} rather than {row['truth']}"
            maps["contrast"] = (words, audit.maps(number, "contrast"))
    box = audit.settings.view_box((int(row["height"]), int(row["width"])))
    return write_media(folder, str(row["name"]), audit.path(number), row, maps, max_side=max_side, box=box)
