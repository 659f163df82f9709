"""How good a network is on videos it has not learned from."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from videxplain.attribution.engine import Precision, computing_in
from videxplain.data.augmentation import Augmentation
from videxplain.data.datasets.open import VideoDataset, split_validation
from videxplain.data.datasets.types import Video
from videxplain.device import device_of
from videxplain.errors import VidexplainError, unknown
from videxplain.evaluation.reliance import DISTURBANCES, order_pairs
from videxplain.models.config import ModelConfig
from videxplain.models.networks.blocks import VideoNetwork
from videxplain.progress import Progress
from videxplain.train.clips import Clips, PassSampler, Readable
from videxplain.train.data import make_loader
from videxplain.untouched import untouched

SUBSETS = ("test", "validation", "train")
UNDISTURBED = "as they are"


@dataclass(frozen=True)
class Evaluation:
    """What a network says of videos.

    Attributes:
        videos: The videos, their labels those of the network.
        labels: Names of the network's classes.
        probabilities: ``(V, K)``, the mean over the clips of each video.
        disturbed: The same with the order of frames taken away in several ways.
    """

    videos: tuple[Video, ...]
    labels: tuple[str, ...]
    probabilities: NDArray[np.float32]
    disturbed: Mapping[str, NDArray[np.float32]]

    @property
    def truth(self) -> NDArray[np.int64]:
        """``(V,)`` labels."""
        return np.array([video.label for video in self.videos], np.int64)

    @property
    def predicted(self) -> NDArray[np.int64]:
        """``(V,)`` best classes."""
        return self.probabilities.argmax(1)

    def accuracy(self, top: int = 1) -> float:
        """The share of videos whose class is among the ``top`` best."""
        return top_accuracy(self.probabilities, self.truth, top)

    def per_class(self) -> dict[str, float]:
        """Top-1 of each class that has videos."""
        truth, right = self.truth, self.predicted == self.truth
        return {self.labels[k]: float(right[truth == k].mean()) for k in np.unique(truth).tolist()}

    def temporal(self) -> dict[str, float]:
        """Top-1 with the order of frames taken away."""
        return {name: top_accuracy(found, self.truth) for name, found in self.disturbed.items()}

    def metrics(self) -> dict[str, Any]:
        """Everything as plain numbers."""
        return {
            "videos": len(self.videos),
            "top1": self.accuracy(),
            "top5": self.accuracy(5),
            "per_class": self.per_class(),
            "temporal": self.temporal(),
            "order_pairs": order_pairs(self.probabilities, self.truth, self.labels),
        }


def top_accuracy(probabilities: NDArray[np.float32], truth: NDArray[np.int64], top: int = 1) -> float:
    """The share of rows of ``(V, K)`` in which the true class is among the ``top`` best."""
    best = np.argsort(-probabilities, axis=1, kind="stable")[:, :top]
    return float((best == truth[:, None]).any(1).mean())


def choose_videos(
    dataset: VideoDataset, subset: str, config: ModelConfig, *, by: str = "group", seed: int = 0
) -> tuple[Video, ...]:
    """The videos of a subset, their labels turned into those of the network.

    Args:
        dataset: Where from.
        subset: ``"test"``, ``"validation"`` or ``"train"``; the last two as training divides them.
        config: Of the network.
        by: How validation videos were split off.
        seed: Of that split.

    Raises:
        VidexplainError: No such subset, or classes that the network does not have.
    """
    if subset not in SUBSETS:
        raise unknown("subset", subset, SUBSETS)
    if subset == "test":
        videos = dataset.test
    else:
        training, validation = split_validation(dataset.train, by=by, seed=seed)
        videos = validation if subset == "validation" else training
    classes = _class_numbers(dataset, config)
    if not videos:
        raise VidexplainError(f"split {dataset.split} of {dataset.root} has no {subset} videos")
    return tuple(Video(video.path, classes[video.label], video.group) for video in videos)


def evaluate(
    network: VideoNetwork,
    found: Readable,
    *,
    precision: Precision = "fp32",
    batch_size: int = 16,
    workers: int = 0,
    progress: Progress | None = None,
) -> Evaluation:
    """Classify videos, each by the mean probabilities of its clips, and again with the order of frames taken away.

    Networks of neighbouring frames see five windows spread over a video; networks of uniform frames see one set.

    Args:
        network: A network of the zoo, which is left as it was found.
        found: The videos.
        precision: ``"bf16"`` computes in bfloat16 where autocast does.
        batch_size: Clips of a forward pass.
        workers: Processes that prepare clips.
        progress: Told of batches.
    """
    config = network.config
    device = device_of(network)
    clips = Clips(
        found,
        config,
        clips="uniform" if config.sampling == "uniform" else "five",
        augmentation=Augmentation("resize", config.size, config.mean, config.std),
    )
    loader = make_loader(clips, PassSampler(len(clips), seed=0, shuffle=False), batch_size=batch_size, workers=workers)
    sums = {name: np.zeros((len(found.videos), config.num_classes)) for name in (UNDISTURBED, *DISTURBANCES)}
    number = 0
    with untouched(network), torch.inference_mode(), computing_in(precision, device):
        for done, (batch, _, positions) in enumerate(loader, start=1):
            batch = batch.to(device)
            numbers = range(number, number + len(batch))
            number += len(batch)
            for name, total in sums.items():
                changed = DISTURBANCES[name](batch, numbers) if name in DISTURBANCES else batch
                logits = network(changed.contiguous(memory_format=torch.channels_last_3d)).float()
                np.add.at(total, positions.numpy(), logits.softmax(1).cpu().numpy())
            if progress:
                progress(done, len(loader))
    means = {name: (total / clips.per_video).astype(np.float32) for name, total in sums.items()}
    labels = tuple(config.label(k) for k in range(config.num_classes))
    return Evaluation(found.videos, labels, means.pop(UNDISTURBED), means)


def _class_numbers(dataset: VideoDataset, config: ModelConfig) -> Sequence[int]:
    """For each class of a dataset the network's number for it."""
    have, want = dataset.labels, config.labels
    if not want:
        if len(have) != config.num_classes:
            raise VidexplainError(
                f"{dataset.root} has {len(have)} classes, and the network {config.num_classes} without names"
            )
        return range(len(have))
    if foreign := [name for name in have if name not in want]:
        more = f" and {len(foreign) - 1} more" if len(foreign) > 1 else ""
        raise VidexplainError(
            f"{dataset.root} has classes that the network does not know: {foreign[0]}{more}; "
            f"it knows {len(want)}: {', '.join(want[:3])}, ..."
        )
    return [want.index(name) for name in have]
