"""Whether the mask is the evidence: a classifier on the limbs in the mask alone, and one on everything else.

    python -m tests.actionfigures.oracle --clips 5600

A limb that a classifier must not see is replaced by what the same limb does in another clip in which it carries
nothing. So neither classifier can read the class from which limbs are missing.
"""

import argparse
import functools
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor, nn

from videxplain.actionfigures.acts import ACTS, LABELS
from videxplain.actionfigures.bodies import Acting, Cast, rehearse
from videxplain.actionfigures.render import draw_cast, stand
from videxplain.actionfigures.skeleton import Joints

FRAMES, SIZE, LEAD = 48, (120, 160), 0.15
CASTS = 100
"""Figures and places that the clips of all classes share, as the groups of the dataset do."""
UNITS = {
    "legs": ("acting leg", "other leg"),
    "torso": ("torso",),
    "head": ("head",),
    "acting arm": ("acting arm",),
    "other arm": ("other arm",),
}
"""What moves by itself; the legs carry the pelvis, and go together."""


@dataclass(frozen=True)
class Clip:
    """One rehearsed clip.

    Attributes:
        label: Class.
        units: Of each unit ``(T, F)``: its joints, in the frame of the part that it hangs on.
        carrying: The units in the mask.
        around: ``(G,)``: place, scale, view, way, chair, table, light and background.
    """

    label: int
    units: dict[str, np.ndarray]
    carrying: frozenset[str]
    around: np.ndarray


@functools.cache
def _cast(group: int) -> Cast:
    return draw_cast(SIZE, np.random.default_rng(group))


def rehearsed(label: int, seed: int) -> Clip:
    """A clip of class ``label``."""
    rng, cast = np.random.default_rng([seed, label]), _cast(seed % CASTS)
    scale, feet = stand(cast, SIZE, rng)
    acting = rehearse(ACTS[LABELS[label]], cast, FRAMES, LEAD, rng)
    carrying = frozenset(unit for unit, limbs in UNITS.items() if limbs[0] in acting.carrying)
    picture = cast.scenery.picture
    colours = picture[:: len(picture) // 5, :: picture.shape[1] // 6].reshape(-1) / 255.0
    around = [
        scale * cast.height / 120,
        *(feet / 120),
        acting.yaw,
        cast.handed,
        *cast.light,
        acting.chair,
        acting.table,
    ]
    around = np.concatenate([around, acting.way[::6], colours])
    return Clip(label, unit_joints(acting.joints, acting), carrying, around)


def unit_joints(joints: Joints, acting: Acting) -> dict[str, np.ndarray]:
    """Joints of each unit ``(T, F)``, each in the frame of the part that it hangs on."""

    def within(frame: np.ndarray, *vectors: np.ndarray) -> np.ndarray:
        return np.concatenate([np.einsum("tji,tj->ti", frame, vector) for vector in vectors], 1)

    side = -1.0 if joints.shoulders[0, 0, 0] < joints.shoulders[0, 1, 0] else 1.0
    mirror = np.array([side, 1.0, 1.0])
    legs = [(joints.knees - joints.hips), (joints.ankles - joints.hips)]
    units = {
        "legs": np.concatenate(
            [part.reshape(FRAMES, -1) for part in (*(leg * mirror for leg in legs), joints.pelvis)], 1
        ),
        "torso": np.concatenate([joints.torso_frame[..., 1], joints.chest_frame[..., 1:].reshape(FRAMES, -1)], 1),
        "head": within(joints.chest_frame, joints.head_frame[..., 1], joints.head_frame[..., 2]),
    }
    for index, name in enumerate(("acting arm", "other arm")):
        elbow, wrist = (joint[:, index] - joints.shoulders[:, index] for joint in (joints.elbows, joints.wrists))
        units[name] = within(joints.chest_frame, elbow, wrist) * np.tile(mirror, 2)
    return units


def swapped(clips: list[Clip], rng: np.random.Generator, *, masked: bool) -> Tensor:
    """``(N, F, T)`` joints of all units; those that are in the mask, or those that are not, come from other clips.

    Args:
        clips: Of all classes.
        rng: Chooses the other clips.
        masked: Keep the limbs in the mask, and replace the others; or the other way round.
    """
    idle = {unit: [clip.units[unit] for clip in clips if unit not in clip.carrying] for unit in UNITS}
    rows = []
    for clip in clips:
        kept = [
            clip.units[unit] if (unit in clip.carrying) == masked else idle[unit][rng.integers(len(idle[unit]))]
            for unit in UNITS
        ]
        rows.append(np.concatenate(kept, 1).T)
    return torch.tensor(np.stack(rows), dtype=torch.float32)


class Reader(nn.Module):
    """Convolutions over time, and what stays the same beside their mean."""

    def __init__(self, joints: int, around: int) -> None:
        super().__init__()
        self.time = nn.Sequential(
            nn.Conv1d(joints, 64, 5, 2, 2), nn.BatchNorm1d(64), nn.ReLU(),
            nn.Conv1d(64, 96, 5, 2, 2), nn.BatchNorm1d(96), nn.ReLU(),
            nn.Conv1d(96, 96, 3, 1, 1), nn.BatchNorm1d(96), nn.ReLU(),
        )  # fmt: skip
        self.around = around
        self.answer = nn.Sequential(nn.Linear(192 + around, 96), nn.ReLU(), nn.Dropout(0.2), nn.Linear(96, len(LABELS)))

    def forward(self, joints: Tensor, around: Tensor) -> Tensor:
        """``(N, F, T)`` and ``(N, G)`` to logits."""
        seen = self.time(joints)
        return self.answer(torch.cat([seen.mean(2), seen.amax(2), around[:, : self.around]], 1))


def accuracy(joints: Tensor, around: Tensor, labels: Tensor, *, use_around: bool, epochs: int) -> float:
    """Top-1 on the last quarter of the clips after training on the others."""
    torch.manual_seed(0)
    joints = (joints - joints.mean((0, 2), keepdim=True)) / (joints.std((0, 2), keepdim=True) + 0.02)
    around = (around - around.mean(0)) / (around.std(0) + 1e-3)
    stop = len(labels) * 3 // 4
    reader = Reader(joints.shape[1], around.shape[1] if use_around else 0)
    steps = epochs * (stop // 64)
    adam = torch.optim.AdamW(reader.parameters(), lr=2e-3, weight_decay=0.02)
    course = torch.optim.lr_scheduler.OneCycleLR(adam, 4e-3, steps)
    for _ in range(epochs):
        order = torch.randperm(stop)
        for first in range(0, stop // 64 * 64, 64):
            rows = order[first : first + 64]
            adam.zero_grad()
            nn.functional.cross_entropy(reader(joints[rows], around[rows]), labels[rows]).backward()
            adam.step()
            course.step()
    reader.eval()
    with torch.no_grad():
        return float((reader(joints[stop:], around[stop:]).argmax(1) == labels[stop:]).float().mean())


def measure(clips: int, epochs: int, seed: int = 0) -> tuple[float, float]:
    """Accuracy on the limbs in the mask alone, and on the other limbs, the place and the background."""
    rng = np.random.default_rng(seed)
    drawn = [rehearsed(number % len(LABELS), seed + number // len(LABELS)) for number in range(clips)]
    labels = torch.tensor([clip.label for clip in drawn])
    around = torch.tensor(np.stack([clip.around for clip in drawn]), dtype=torch.float32)
    inside, outside = (swapped(drawn, rng, masked=masked) for masked in (True, False))
    return (
        accuracy(inside, around, labels, use_around=False, epochs=epochs),
        accuracy(outside, around, labels, use_around=True, epochs=epochs),
    )


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--clips", type=int, default=5600)
    parser.add_argument("--epochs", type=int, default=25)
    given = parser.parse_args()
    torch.set_num_threads(1)
    inside, outside = measure(given.clips, given.epochs)
    chance = 1 / len(LABELS)
    print(f"limbs in the mask alone: {100 * inside:.1f} %")
    print(f"other limbs, place, background: {100 * outside:.1f} %, {outside / chance:.2f} times chance")
