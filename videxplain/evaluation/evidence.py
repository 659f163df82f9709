"""Where a network looks, against where the evidence is known to be: ActionFigures' masks."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from videxplain.actionfigures import read_evidence
from videxplain.attribution.engine import Precision
from videxplain.data.clip import Clip
from videxplain.data.datasets.frames import read_video_frames
from videxplain.data.datasets.prepared import is_frame_folder, source_video
from videxplain.data.datasets.types import Video
from videxplain.explanation.api import explain
from videxplain.metrics.baselines import centre_map, motion_map, random_map
from videxplain.metrics.localisation import energy, energy_in_time, pointing
from videxplain.models.networks.blocks import VideoNetwork
from videxplain.progress import Progress

METHOD = "gradcam"
Maps = NDArray[np.float32]


@dataclass(frozen=True)
class Hit:
    """How one map of one video agrees with the evidence.

    Attributes:
        energy: The share of the map's sum that lies in the mask; 0 for a map of zeros.
        pointing: Whether the maximum lies in the mask; the share of them where several places are equal.
        active: The share of the map's sum that lies in frames in which the action goes on.
        blank: Whether the map is zero everywhere.
    """

    energy: float
    pointing: float
    active: float
    blank: bool


@dataclass(frozen=True)
class EvidenceReport:
    """How maps agree with the evidence, over videos.

    Attributes:
        videos: How many.
        hits: For each kind of map, the network's first, one a video.
        mask: The mean share of a video's pixels that are evidence: the energy of a map that knows nothing.
    """

    videos: int
    hits: Mapping[str, Sequence[Hit]]
    mask: float

    def rows(self) -> list[dict[str, float | str]]:
        """Means over videos, a row for each kind of map."""
        return [
            {
                "map": name,
                "energy": float(np.mean([hit.energy for hit in hits])),
                "pointing": float(np.mean([hit.pointing for hit in hits])),
                "active": float(np.mean([hit.active for hit in hits])),
                "blank": float(np.mean([hit.blank for hit in hits])),
            }
            for name, hits in self.hits.items()
        ]


def measure_evidence(
    network: VideoNetwork,
    videos: Sequence[Video],
    *,
    precision: Precision = "fp32",
    progress: Progress | None = None,
) -> EvidenceReport:
    """Explain videos for their true classes and compare the maps with the evidence; and so for ``BASELINES``.

    Args:
        network: A network of the zoo.
        videos: Of a dataset that ``videxplain synthesize`` wrote, or frames prepared from it.
        precision: See :func:`videxplain.explain`.
        progress: Told of videos.

    Raises:
        VidexplainError: A video without evidence beside it.
    """
    hits: dict[str, list[Hit]] = {METHOD: [], **{name: [] for name in BASELINES}}
    shares = []
    for done, video in enumerate(videos, start=1):
        path = source_video(video.path) if is_frame_folder(video.path) else video.path
        evidence = read_evidence(path)
        frames = read_video_frames(video.path, range(len(evidence.active)))
        mask, people = (_enlarged(masks, frames.shape[1:3]) for masks in (evidence.limbs, evidence.people))
        shares.append(mask.mean())
        found = explain(network, Clip(frames), METHOD, target=video.label, precision=precision)
        hits[METHOD].append(compare(found.heatmap, mask, evidence.active))
        for name, draw in BASELINES.items():
            hits[name].append(compare(draw(frames, people, path), mask, evidence.active))
        if progress:
            progress(done, len(videos))
    return EvidenceReport(len(videos), hits, float(np.mean(shares)))


def compare(heatmap: Maps, mask: NDArray[np.bool_], active: NDArray[np.bool_]) -> Hit:
    """One map against the evidence.

    Args:
        heatmap: ``(T, H, W)``; what is negative counts as zero.
        mask: ``(T, H, W)``.
        active: ``(T,)``.
    """
    blank = not (heatmap > 0).any()
    return Hit(energy(heatmap, mask), pointing(heatmap, mask), energy_in_time(heatmap, active), blank)


BASELINES: Mapping[str, Callable[[NDArray[np.uint8], NDArray[np.bool_], Path], Maps]] = {
    "random": lambda frames, people, path: random_map(frames, path.name),
    "centre": lambda frames, people, path: centre_map(frames),
    "frame differences": lambda frames, people, path: motion_map(frames),
    "any person": lambda frames, people, path: people.astype(np.float32),
}
"""Maps that need no network: from frames, masks of people, and the video's path."""


def _enlarged(masks: NDArray[np.bool_], size: tuple[int, ...]) -> NDArray[np.bool_]:
    if masks.shape[1:] == size:
        return masks
    resized = [cv2.resize(mask.astype(np.uint8), size[::-1], interpolation=cv2.INTER_NEAREST) for mask in masks]
    return np.stack(resized).astype(bool)
