"""Whether a clip is like those that a network has learned from."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

FEATURES = "picture and log deviation"
"""What the features are; weights that say another thing of theirs, or nothing, were measured by an older version."""


@dataclass(frozen=True, eq=False)
class Distribution:
    """Where the features of known clips lie.

    Attributes:
        means: ``(K, F)`` mean features, of each class or of all clips together.
        whitening: ``(F, F)`` W, with which the shared covariance becomes the identity: ``W S W^T = 1``.
        usual: The median distance of validation clips.
    """

    means: Tensor
    whitening: Tensor
    usual: float

    def distances(self, features: Tensor) -> Tensor:
        """Mahalanobis distance ``(N,)`` of features ``(N, F)`` to the nearest mean (Lee et al., 2018, eq. 2)."""
        whitening = self.whitening.double()
        white = features.detach().cpu().double() @ whitening.T
        return torch.cdist(white, self.means.double() @ whitening.T).amin(1)

    @classmethod
    def of(cls, name: str, tensors: Mapping[str, Tensor], numbers: Mapping[str, Any]) -> "Distribution":
        """What :meth:`Familiarity.tensors` and :meth:`Familiarity.numbers` hold under this name."""
        means, whitening = tensors[f"{name}.means"].float(), tensors[f"{name}.whitening"].float()
        if means.ndim != 2 or whitening.shape != (means.shape[1],) * 2:
            raise ValueError(
                f"means {tuple(means.shape)} and whitening {tuple(whitening.shape)} do not belong together"
            )
        return cls(means, whitening, float(numbers[f"usual_{name}"]))


@dataclass(frozen=True, eq=False)
class Familiarity:
    """The distribution of the features of training clips, and how far validation clips are from it.

    Features are those of :class:`videxplain.models.stages.ClipFeatures`: first those of the picture, which all classes
    share, then those of the network's stages, whose means differ from class to class. Each part has a Mahalanobis
    distance. Both are divided by what is usual for validation clips, and the mean of the two is the distance of a clip:
    about 1 for a known one. Every number is the mean over the windows of a clip.

    Attributes:
        stages: The dotted names of the stages.
        of_picture: The features of the picture.
        of_stages: The features of the stages.
        distance_limit: What at least 99 % of known clips do not reach, by those of validation.
        energy_limit: The same for their energy.
        training_clips: How many clips the means and the covariances are of.
        validation_clips: How many clips the limits are of.
    """

    stages: tuple[str, ...]
    of_picture: Distribution
    of_stages: Distribution
    distance_limit: float
    energy_limit: float
    training_clips: int
    validation_clips: int

    def distances(self, features: Tensor) -> Tensor:
        """The distance ``(N,)`` of windows with features ``(N, P + F)``, in terms of the usual one."""
        picture = self.of_picture.means.shape[1]
        return (
            self.of_picture.distances(features[:, :picture]) / self.of_picture.usual
            + self.of_stages.distances(features[:, picture:]) / self.of_stages.usual
        ) / 2

    def tensors(self) -> dict[str, Tensor]:
        """What is stored as tensors, by name."""
        return {
            "picture.means": self.of_picture.means,
            "picture.whitening": self.of_picture.whitening,
            "stages.means": self.of_stages.means,
            "stages.whitening": self.of_stages.whitening,
        }

    def numbers(self) -> dict[str, Any]:
        """What is stored as plain numbers, by name."""
        return {
            "features": FEATURES,
            "stages": list(self.stages),
            "usual_picture": self.of_picture.usual,
            "usual_stages": self.of_stages.usual,
            "distance_limit": self.distance_limit,
            "energy_limit": self.energy_limit,
            "training_clips": self.training_clips,
            "validation_clips": self.validation_clips,
        }

    @classmethod
    def of(cls, tensors: Mapping[str, Tensor], numbers: Mapping[str, Any]) -> "Familiarity | None":
        """The object that :meth:`tensors` and :meth:`numbers` describe; None if it is of other features.

        Raises:
            ValueError: Shapes that do not belong together, or a missing entry.
        """
        if numbers.get("features") != FEATURES:
            return None
        try:
            return cls(
                tuple(map(str, numbers["stages"])),
                Distribution.of("picture", tensors, numbers),
                Distribution.of("stages", tensors, numbers),
                float(numbers["distance_limit"]),
                float(numbers["energy_limit"]),
                int(numbers["training_clips"]),
                int(numbers["validation_clips"]),
            )
        except (KeyError, TypeError) as error:
            raise ValueError(f"the statistics of the features are not complete: {error}") from None


def energies(logits: Tensor) -> Tensor:
    """Energy ``(N,)`` of logits ``(N, K)``, ``-log sum exp``: low for known clips (Liu et al., 2020, eq. 4)."""
    return -logits.detach().cpu().double().logsumexp(1)


@dataclass(frozen=True)
class ClipFamiliarity:
    """How far a clip is from those that a network has learned from.

    Attributes:
        distance: Distance of its features from those of known clips, whose usual distance is 1.
        distance_limit: What at least 99 % of known clips do not reach.
        energy: The energy score of its logits, which is low for known clips.
        energy_limit: What at least 99 % of known clips do not reach.
    """

    distance: float
    distance_limit: float
    energy: float
    energy_limit: float

    @property
    def beyond(self) -> bool:
        """Whether the clip is unlike anything that the network has learned from: its distance is over the limit."""
        return self.distance > self.distance_limit

    def record(self) -> dict[str, Any]:
        """Plain values for JSON."""
        return {
            "beyond": self.beyond,
            "distance": self.distance,
            "distance_limit": self.distance_limit,
            "energy": self.energy,
            "energy_limit": self.energy_limit,
        }

    @classmethod
    def from_record(cls, record: Mapping[str, Any] | None) -> "ClipFamiliarity | None":
        """What :meth:`record` has written; None for None."""
        names = ("distance", "distance_limit", "energy", "energy_limit")
        return cls(*(float(record[name]) for name in names)) if record else None


class Measurement:
    """The familiarity of a clip, window by window.

    Attributes:
        stages: The dotted names of the stages that features are taken of.
    """

    def __init__(self, known: Familiarity) -> None:
        """``known`` is what the network has learned from."""
        self._known, self.stages = known, known.stages
        self._distance = self._energy = 0.0
        self._windows = 0

    def add(self, features: Tensor, logits: Tensor) -> None:
        """Count a window with features ``(1, F)`` and logits ``(1, K)``."""
        self._distance += float(self._known.distances(features)[0])
        self._energy += float(energies(logits)[0])
        self._windows += 1

    def result(self) -> ClipFamiliarity | None:
        """The means over the windows; None if there was none."""
        if not self._windows:
            return None
        return ClipFamiliarity(
            self._distance / self._windows,
            self._known.distance_limit,
            self._energy / self._windows,
            self._known.energy_limit,
        )
