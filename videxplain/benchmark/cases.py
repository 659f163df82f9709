"""The clips that methods are measured on: one input of a network each, with what is known about it."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import cv2
import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from videxplain.actionfigures import held_out_clips, read_evidence
from videxplain.attribution.engine import forward
from videxplain.boxes import Box, box_slices
from videxplain.data.datasets.frames import frame_count, read_video_frames
from videxplain.data.datasets.prepared import is_frame_folder, source_video
from videxplain.data.datasets.types import Video, VideoDataset
from videxplain.data.datasets.ucf101_24 import VideoBoxes
from videxplain.data.sampling import spread_windows, uniform_indices
from videxplain.data.transforms import fit_frame, to_model_input
from videxplain.data.views import seen_box
from videxplain.device import device_of
from videxplain.errors import VidexplainError
from videxplain.models.config import ModelConfig
from videxplain.models.outputs import probabilities
from videxplain.untouched import untouched

Masks = NDArray[np.bool_]


@dataclass(frozen=True, eq=False)
class Scene:
    """A whole video and what is known about it.

    Attributes:
        name: What it is called in tables.
        frames: ``(F, H, W, 3)`` uint8 RGB.
        label: Its class in words, or None where nobody says.
        limbs: ``(F, H, W)``: the evidence, or None where it is not known; and so for the next two.
        people: ``(F, H, W)``: everybody.
        active: ``(F,)``: whether the action goes on.
    """

    name: str
    frames: NDArray[np.uint8]
    label: str | None
    limbs: Masks | None = None
    people: Masks | None = None
    active: NDArray[np.bool_] | None = None


@dataclass(frozen=True, eq=False)
class Case:
    """What a network sees of a video in one pass, and what is known about that.

    Attributes:
        name: Of the video.
        x: ``(1, 3, T, H, W)``, normalised.
        target: The class that is explained.
        label: The same in words.
        probability: What the network says of that class.
        frames: ``(T, H, W, 3)`` uint8 RGB, at the network's size.
        limbs: ``(T, H, W)``: the evidence, at the network's size; None where it is not known, as the next two.
        people: ``(T, H, W)``.
        active: ``(T,)``.
    """

    name: str
    x: Tensor
    target: int
    label: str
    probability: float
    frames: NDArray[np.uint8]
    limbs: Masks | None
    people: Masks | None
    active: NDArray[np.bool_] | None


@dataclass(frozen=True)
class Chosen:
    """The cases of a network.

    Attributes:
        cases: Of videos that the network classifies rightly, or whose class nobody says.
        seen: How many videos it took to find them.
    """

    cases: tuple[Case, ...]
    seen: int


def rendered_scenes() -> Iterator[Scene]:
    """Clips of ActionFigures' test groups, rendered in memory; the classes take turns."""
    for name, clip in held_out_clips():
        yield Scene(name, clip.frames, clip.label, clip.evidence, clip.people, clip.active)


def dataset_scenes(dataset: VideoDataset, boxes: Mapping[str, VideoBoxes] | None = None) -> Iterator[Scene]:
    """Test videos of a dataset, the classes taking turns; with the evidence where it lies beside them.

    Args:
        dataset: Where from.
        boxes: Of the people who act, by the name of the file without its suffix (UCF101-24); only videos that have some
            are taken, and only those that decode to as many frames as their boxes are made for.
    """
    for video in _in_turns(dataset.test):
        source = source_video(video.path) if is_frame_folder(video.path) else video.path
        if boxes is not None and source.stem not in boxes:
            continue
        frames = read_video_frames(video.path, range(frame_count(video.path)))
        name, label = f"{video.path.parent.name}/{source.stem}", dataset.labels[video.label]
        if boxes is not None:
            known = boxes[source.stem]
            if known.frames == len(frames):
                people = known.masks(frames.shape[1:3])
                yield Scene(name, frames, label, people, people, known.active)
        elif dataset.layout == "actionfigures":
            evidence = read_evidence(source)
            yield Scene(name, frames, label, evidence.limbs, evidence.people, evidence.active)
        else:
            yield Scene(name, frames, label)


def _in_turns(videos: Sequence[Video]) -> list[Video]:
    """One video of each class, then the next of each."""
    seen: dict[int, int] = {}
    ranks = []
    for video in videos:
        ranks.append((seen.setdefault(video.label, 0), video.label))
        seen[video.label] += 1
    return [videos[place] for place in sorted(range(len(videos)), key=ranks.__getitem__)]


def choose_cases(module: nn.Module, config: ModelConfig, scenes: Iterator[Scene], count: int) -> Chosen:
    """The first ``count`` scenes that the network classifies rightly; none is left out where its class is unknown.

    What a network got wrong is left out because nobody knows where the evidence for a mistake should be.

    Args:
        module: The network.
        config: What it expects.
        scenes: Videos to choose from.
        count: How many are wanted; fewer come where the scenes end.

    Raises:
        VidexplainError: No scene that it classifies rightly.
    """
    device = device_of(module)
    chosen: list[Case] = []
    seen = 0
    for scene in scenes:
        if len(chosen) == count:
            break
        seen += 1
        x, frames, window = _one_pass(scene, config)
        with untouched(module), torch.no_grad():
            said = probabilities(forward(module, x.to(device)), config)[0]
        best = int(said.argmax())
        known = scene.label is not None and scene.label in config.outcome_labels
        if known and config.label(best) != scene.label:
            continue
        size, box = config.size, seen_box((scene.frames.shape[1], scene.frames.shape[2]), config.view)
        chosen.append(
            Case(
                name=scene.name,
                x=x.to(device),
                target=best,
                label=config.label(best),
                probability=float(said[best]),
                frames=frames,
                limbs=_resized(scene.limbs, window, size, box),
                people=_resized(scene.people, window, size, box),
                active=None if scene.active is None else scene.active[window],
            )
        )
    if not chosen:
        raise VidexplainError(f"{config.architecture} classifies none of {seen} videos rightly: nothing to explain")
    return Chosen(tuple(chosen), seen)


def _one_pass(scene: Scene, config: ModelConfig) -> tuple[Tensor, NDArray[np.uint8], NDArray[np.int64]]:
    """The last window of a video, or frames spread over all of it.

    The last one, because there an action ends: one that goes on from the first frame to the last says nothing about
    who finds it in time.
    """
    count = len(scene.frames)
    if config.sampling == "uniform":
        window = uniform_indices(count, config.num_frames)
    else:
        window = spread_windows(count, config.num_frames, 2, config.frame_interval)[-1]
    shown = scene.frames[window]
    x = to_model_input(shown, size=config.size, mean=config.mean, std=config.std, view=config.view)
    return torch.from_numpy(x)[None], np.stack([fit_frame(frame, config.size, config.view) for frame in shown]), window


def _resized(masks: Masks | None, window: NDArray[np.int64], size: tuple[int, int], box: Box | None) -> Masks | None:
    """The masks of what the network sees, at its size. Half of a pixel's area decides."""
    if masks is None:
        return None
    seen = masks[window]
    if box is not None:
        rows, columns = box_slices(box, (masks.shape[1], masks.shape[2]))
        seen = seen[:, rows, columns]
    shares = [cv2.resize(mask.astype(np.float32), size[::-1], interpolation=cv2.INTER_AREA) for mask in seen]
    return np.stack(shares) >= 0.5
