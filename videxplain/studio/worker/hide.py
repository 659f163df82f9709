"""Hides the strongest part of a map over a whole clip, or a random part of the same size and shape."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from videxplain.boxes import Box, box_slices
from videxplain.data.stream import FrameSource
from videxplain.errors import VidexplainError
from videxplain.metrics.strongest import at_random_place, strongest_part
from videxplain.studio.worker.changed_frames import ChangedFrames
from videxplain.viz.overlay import enlarge, enlarge_into

_SIDE = 112


def without_strongest(
    source: FrameSource,
    maps: NDArray[np.float32],
    mean: Sequence[float],
    seed: int | None = None,
    box: Box | None = None,
) -> FrameSource:
    """The clip without the strongest tenth of a map, filled with the network's mean colour.

    Args:
        source: The frames.
        maps: ``(T, h, w)``, raw.
        mean: The mean colour, RGB from 0 to 1.
        seed: For a random place: the hidden part is rolled in time, height and width. None hides it where it is.
        box: The part of a frame that the network saw and the map covers, in pixels; None for the whole frame.

    Raises:
        VidexplainError: The map is the same everywhere, so that it shows nothing.
    """
    rows, columns = box_slices(box or (0, 0, *source.size), source.size)
    small = _small(maps, (rows.stop - rows.start, columns.stop - columns.start))
    if not small.max() > small.min():
        raise VidexplainError("the map has the same value everywhere, so it shows nothing that could be hidden")
    mask = strongest_part(small)
    if seed is not None:
        mask = at_random_place(mask, seed)
    colour = np.rint(255 * np.asarray(mean)).astype(np.uint8)

    def change(number: int, frame: NDArray[np.uint8]) -> NDArray[np.uint8]:
        hidden = enlarge_into(mask[number].astype(np.float32), source.size, box) >= 0.5
        return np.where(hidden[..., None], colour, frame)

    return ChangedFrames(source, change, range(source.num_frames))


def _small(maps: NDArray[np.float32], size: tuple[int, int]) -> NDArray[np.float32]:
    """Enlarge maps, because a tenth of the places of a coarse map would be only a few cells."""
    share = min(1.0, _SIDE / max(size))
    to = (max(1, round(size[0] * share)), max(1, round(size[1] * share)))
    return np.stack([enlarge(np.nan_to_num(one), to) for one in maps])
