"""A video with several panes beside each other, each under its name."""

import math
from collections.abc import Iterable, Iterator, Sequence

import cv2
import numpy as np

_LABEL_GROUND, _LABEL_INK = (22, 24, 28), (255, 255, 255)
_BEST_SHAPE = 16 / 9
"""Width over height of a screen; panes are put in so many columns that the video is like one."""


def pane_columns(count: int, size: tuple[int, int]) -> int:
    """In how many columns so many panes of ``(height, width)`` make a video whose shape is nearest to a screen's."""
    height, width = size

    def off(columns: int) -> float:
        shape = columns * width / (math.ceil(count / columns) * height)
        return abs(math.log(shape / _BEST_SHAPE))

    return min(range(1, count + 1), key=off)


def label_height(size: tuple[int, int]) -> int:
    """Rows of pixels for the name above a pane of ``(height, width)``: 8 % of the shorter side, even, at least 20."""
    return max(20, 2 * round(0.04 * min(size)))


def in_panes(names: Sequence[str], pictures: Iterable[Sequence[np.ndarray]]) -> Iterator[np.ndarray]:
    """Frames of a video whose panes are beside each other, each under its name.

    Args:
        names: The name of each pane.
        pictures: For each frame, the picture ``(H, W, 3)`` uint8 RGB of each pane, all of one size. A pane holds its
            picture pixel by pixel.
    """
    labels: list[np.ndarray] = []
    for panes in pictures:
        height, width = panes[0].shape[:2]
        labels = labels or [_label(name, label_height((height, width)), width) for name in names]
        columns = pane_columns(len(panes), (height + len(labels[0]), width))
        whole = [np.concatenate([label, pane]) for label, pane in zip(labels, panes, strict=True)]
        whole += [np.full_like(whole[0], _LABEL_GROUND)] * (-len(whole) % columns)
        rows = [np.concatenate(whole[start : start + columns], 1) for start in range(0, len(whole), columns)]
        yield np.concatenate(rows)


def _label(name: str, height: int, width: int) -> np.ndarray:
    """A name on a dark strip ``(height, width, 3)``, as large as fits."""
    strip = np.full((height, width, 3), _LABEL_GROUND, np.uint8)
    # OpenCV draws ASCII only.
    text = name.encode("ascii", "replace").decode()
    font = cv2.FONT_HERSHEY_SIMPLEX
    (natural_width, natural_height), _ = cv2.getTextSize(text, font, 1.0, 1)
    scale = min(0.55 * height / natural_height, (width - 0.4 * height) / max(natural_width, 1))
    baseline = round((height + scale * natural_height) / 2)
    cv2.putText(
        strip, text, (round(0.2 * height), baseline), font, scale, _LABEL_INK, max(1, round(scale)), cv2.LINE_AA
    )
    return strip
