"""How far maps agree with the known evidence of ActionFigures."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray
from torch import nn

from videxplain.actionfigures import read_evidence
from videxplain.attribution.engine import Precision
from videxplain.data.clip import Clip
from videxplain.data.datasets.frames import read_video_frames
from videxplain.data.datasets.prepared import is_frame_folder, source_video
from videxplain.data.datasets.types import Video
from videxplain.errors import VidexplainError
from videxplain.explanation.api import config_of, explain
from videxplain.files import parse_json
from videxplain.metrics.baselines import blurred_motion_map, centre_map, motion_map, random_map
from videxplain.metrics.localisation import TOLERANCE, energy, energy_in_time, pointing, pointing_within
from videxplain.progress import Progress

METHOD = "gradcam"
EVIDENCE = "evidence.json"
Maps = NDArray[np.float32]


@dataclass(frozen=True)
class Hit:
    """How far one map of one video agrees with the evidence; all values lie in [0, 1].

    Attributes:
        energy: The share of the map's sum that lies in the mask; 0 for a map of zeros.
        pointing: Whether the maximum lies in the mask. For several equal maxima, the share of them that do.
        within: The same with a tolerance: whether the maximum lies at most ``TOLERANCE`` pixels from the mask.
        active: The share of the map's sum that lies in frames with the action.
        blank: Whether the map is zero everywhere.
    """

    energy: float
    pointing: float
    within: float
    active: float
    blank: bool


@dataclass(frozen=True)
class MapScores:
    """Means over videos, for one kind of map.

    Attributes:
        map: ``"gradcam"`` for the network's maps, or a name of ``BASELINES``.
        energy: The mean of :attr:`Hit.energy`.
        pointing: The mean of :attr:`Hit.pointing`.
        maximum_within_tolerance: The mean of :attr:`Hit.within`; None in files of earlier versions.
        active: The mean of :attr:`Hit.active`.
        blank: The share of maps that are zero everywhere.
    """

    map: str
    energy: float
    pointing: float
    maximum_within_tolerance: float | None
    active: float
    blank: float


@dataclass(frozen=True)
class EvidenceReport:
    """How far maps agree with the evidence, over videos.

    Attributes:
        videos: Number of videos.
        mask: The mean share of a video's pixels that are evidence. This is the energy of a constant map.
        maps: A row for each kind of map, the network's first.
        per_class: For each class, the mean of :attr:`Hit.within` of the network's maps.
    """

    videos: int
    mask: float
    maps: tuple[MapScores, ...]
    per_class: Mapping[str, float]

    def as_dict(self) -> dict[str, Any]:
        """Plain values, for a file of JSON."""
        return {
            "videos": self.videos,
            "mask": self.mask,
            "tolerance": TOLERANCE,
            "maps": [asdict(row) for row in self.maps],
            "per_class": dict(self.per_class),
        }

    @staticmethod
    def read(path: Path) -> "EvidenceReport":
        """Read a file with the content of :meth:`as_dict`; files of earlier versions lack the tolerance and classes.

        Raises:
            VidexplainError: The file cannot be read, or has other content.
        """
        try:
            content = parse_json(path.read_text(encoding="utf-8"))
            rows = [{"maximum_within_tolerance": None} | row for row in content["maps"]]
            maps = tuple(MapScores(**row) for row in rows)
            return EvidenceReport(content["videos"], content["mask"], maps, content.get("per_class", {}))
        except OSError as error:
            raise VidexplainError(f"cannot read {path}: {error.strerror or error}") from None
        except (ValueError, KeyError, TypeError):
            raise VidexplainError(f"{path} is not what 'videxplain evaluate --evidence' writes") from None


def measure_evidence(
    network: nn.Module,
    videos: Sequence[Video],
    *,
    precision: Precision = "fp32",
    progress: Progress | None = None,
) -> EvidenceReport:
    """Explain videos for their true classes with Grad-CAM, and compare the maps and ``BASELINES`` with the evidence.

    Args:
        network: A network with a ``config``.
        videos: Videos that ``videxplain synthesize`` wrote, or frames prepared from them.
        precision: See :func:`videxplain.explain`.
        progress: Called with the number of videos done and the number of all videos.

    Raises:
        VidexplainError: A video has no evidence beside it.
    """
    config = config_of(network)
    hits: dict[str, list[Hit]] = {METHOD: [], **{name: [] for name in BASELINES}}
    of_class: dict[str, list[float]] = {}
    shares = []
    for done, video in enumerate(videos, start=1):
        path = source_video(video.path) if is_frame_folder(video.path) else video.path
        evidence = read_evidence(path)
        frames = read_video_frames(video.path, range(len(evidence.active)))
        mask, people = (_enlarged(masks, frames.shape[1:3]) for masks in (evidence.limbs, evidence.people))
        shares.append(mask.mean())
        explanation = explain(network, Clip(frames), METHOD, target=video.label, precision=precision)
        hits[METHOD].append(compare(explanation.heatmap, mask, evidence.active))
        of_class.setdefault(config.label(video.label), []).append(hits[METHOD][-1].within)
        for name, draw in BASELINES.items():
            hits[name].append(compare(draw(frames, people, path), mask, evidence.active))
        if progress:
            progress(done, len(videos))
    return EvidenceReport(
        len(videos),
        float(np.mean(shares)),
        tuple(_means(name, of_map) for name, of_map in hits.items()),
        {label: float(np.mean(values)) for label, values in sorted(of_class.items())},
    )


def compare(heatmap: Maps, mask: NDArray[np.bool_], active: NDArray[np.bool_]) -> Hit:
    """Compare one map with the evidence.

    Args:
        heatmap: ``(T, H, W)``; negative values count as zero.
        mask: ``(T, H, W)``, true where a pixel is evidence.
        active: ``(T,)``, true for frames with the action.
    """
    return Hit(
        energy=energy(heatmap, mask),
        pointing=pointing(heatmap, mask),
        within=pointing_within(heatmap, mask),
        active=energy_in_time(heatmap, active),
        blank=not (heatmap > 0).any(),
    )


BASELINES: Mapping[str, Callable[[NDArray[np.uint8], NDArray[np.bool_], Path], Maps]] = {
    "random": lambda frames, people, path: random_map(frames, path.name),
    "centre": lambda frames, people, path: centre_map(frames),
    "frame differences": lambda frames, people, path: motion_map(frames),
    "blurred frame differences": lambda frames, people, path: blurred_motion_map(frames),
    "any person": lambda frames, people, path: people.astype(np.float32),
}
"""Maps that need no network: ``(T, H, W)`` from frames, masks of people, and the video's path."""


def _means(name: str, hits: Sequence[Hit]) -> MapScores:
    energy, pointing, within, active, blank = (
        float(np.mean([getattr(hit, field) for hit in hits]))
        for field in ("energy", "pointing", "within", "active", "blank")
    )
    return MapScores(name, energy, pointing, within, active, blank)


def _enlarged(masks: NDArray[np.bool_], size: tuple[int, ...]) -> NDArray[np.bool_]:
    if masks.shape[1:] == size:
        return masks
    resized = [cv2.resize(mask.astype(np.uint8), size[::-1], interpolation=cv2.INTER_NEAREST) for mask in masks]
    return np.stack(resized).astype(bool)
