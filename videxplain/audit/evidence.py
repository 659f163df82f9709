"""The known evidence of a data set's videos, and how a map agrees with it."""

from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from videxplain.actionfigures import Evidence, read_evidence
from videxplain.audit.settings import Settings
from videxplain.data.datasets.prepared import is_frame_folder, source_video
from videxplain.data.datasets.ucf101_24 import VideoBoxes, read_boxes
from videxplain.metrics.localisation import energy, pointing_within
from videxplain.viz.overlay import enlarge_into


def agreement(settings: Settings, video: Path, maps: NDArray[np.float32], size: tuple[int, int]) -> dict[str, Any]:
    """The columns ``energy`` and ``pointing`` of a video; empty if its evidence is not known.

    Args:
        settings: Which evidence the run has.
        video: The video, or its folder of frames.
        maps: ``(T, h, w)``, raw.
        size: Height and width of the video.
    """
    mask = known_evidence(settings, video, size)
    if mask is None or not mask.any() or not maps.max() > 0:
        return {}
    frames = min(len(mask), len(maps))
    place = mask.shape[1], mask.shape[2]
    large = np.stack([enlarge_into(one, place, settings.view_box(place)) for one in maps[:frames]])
    return {"energy": energy(large, mask[:frames]), "pointing": pointing_within(large, mask[:frames])}


def known_evidence(settings: Settings, video: Path, size: tuple[int, int]) -> NDArray[np.bool_] | None:
    """The known evidence of a video.

    Args:
        settings: Which evidence the run has.
        video: The video, or its folder of frames.
        size: Height and width of the video, in pixels.

    Returns:
        ``(T, H, W)``, true where a pixel is evidence; None if the evidence of this video is not known.
    """
    if settings.evidence == "masks":
        return read_masks(video).limbs
    if settings.evidence == "boxes":
        boxes = _boxes(settings.boxes).get(video.stem)
        return None if boxes is None else boxes.masks(size)
    return None


def read_masks(video: Path) -> Evidence:
    """The masks of a video of ActionFigures, or of a folder of frames that was prepared from one."""
    return read_evidence(source_video(video) if is_frame_folder(video) else video)


@lru_cache(maxsize=1)
def _boxes(path: str) -> dict[str, VideoBoxes]:
    return read_boxes(path)
