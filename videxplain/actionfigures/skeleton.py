"""An articulated body: where its joints are when its hands and feet are told where to go.

Body coordinates: x to the person's left, y up, z forward, origin on the ground under the pelvis of the standing
figure, unit: standing height. Limbs are solved from their ends (two-bone inverse kinematics), so that feet stay on the
ground, and knees and elbows bend the way they can.
"""

from collections.abc import Container
from dataclasses import dataclass, fields

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]

ANKLE = 0.035
SPINE = (0.11, 0.183)
"""Pelvis to waist, waist to the base of the neck."""
_KNEE_POLE = (0.12, 0.25, 1.0)


@dataclass(frozen=True)
class Body:
    """Proportions, as shares of standing height."""

    girth: float = 1.0
    shoulders: float = 0.105
    hips: float = 0.055
    thigh: float = 0.245
    shin: float = 0.235
    upper_arm: float = 0.17
    forearm: float = 0.15
    head: float = 0.072

    @property
    def arm(self) -> float:
        """Shoulder to wrist."""
        return self.upper_arm + self.forearm

    @property
    def pelvis(self) -> float:
        """Height of the pelvis of the standing figure; the knees are not quite straight."""
        return self.thigh + self.shin + ANKLE + 0.018


@dataclass
class Pose:
    """What a figure does, by frame; angles in radians, index 0 of a pair is the acting side.

    Attributes:
        root: ``(T, 3)`` pelvis, moved from where it is when standing: to the acting side, up, forward.
        turn: ``(T,)`` pelvis about the vertical; positive brings the acting hip forward.
        lean: ``(T,)`` the whole torso forward, about the hips.
        curl: ``(T,)`` the upper torso forward, about the waist.
        twist: ``(T,)`` the upper torso about itself; positive brings the acting shoulder forward.
        side: ``(T,)`` the torso towards the acting side.
        nod: ``(T,)`` the head forward.
        look: ``(T,)`` the head turned to the acting side.
        feet: ``(T, 2, 3)`` ankles, moved from where they are when standing: outwards, up, forward.
        toes: ``(T, 2)`` the foot's pitch; positive points the toes down.
        hands: ``(T, 2, 3)`` wrists from their shoulder, along the chest: outwards, up, forward, in arm lengths.
        elbows: ``(T, 2, 3)`` where the elbow points to: outwards, up, forward.
        grips: ``(T, 2, 3)`` wrists in body coordinates (outwards, up, forward), used as far as `reach` says.
        reach: ``(T, 2)`` 0: `hands` counts, 1: `grips` does.
    """

    root: Array
    turn: Array
    lean: Array
    curl: Array
    twist: Array
    side: Array
    nod: Array
    look: Array
    feet: Array
    toes: Array
    hands: Array
    elbows: Array
    grips: Array
    reach: Array

    @classmethod
    def standing(cls, frames: int) -> "Pose":
        """Upright, arms hanging."""
        turn, lean, curl, twist, side, nod, look = np.zeros((7, frames))
        return cls(
            root=np.zeros((frames, 3)),
            turn=turn,
            lean=lean,
            curl=curl,
            twist=twist,
            side=side,
            nod=nod,
            look=look,
            feet=np.zeros((frames, 2, 3)),
            toes=np.zeros((frames, 2)),
            hands=np.tile([0.1, -0.95, 0.09], (frames, 2, 1)),
            elbows=np.tile([0.55, -0.35, -0.8], (frames, 2, 1)),
            grips=np.zeros((frames, 2, 3)),
            reach=np.zeros((frames, 2)),
        )

    def with_limbs(self, other: "Pose", limbs: Container[str]) -> "Pose":
        """This pose, but the named limbs as in ``other``; the legs carry the pelvis and go together."""
        pose = Pose(*(getattr(self, field.name).copy() for field in fields(self)))
        if "acting leg" in limbs:
            pose.root, pose.feet, pose.toes, pose.turn = other.root, other.feet, other.toes, other.turn
        if "torso" in limbs:
            # How somebody is turned stays their own, whatever they do.
            pose.lean, pose.curl = other.lean, other.curl
        if "head" in limbs:
            pose.nod = other.nod
        for index, limb in enumerate(("acting arm", "other arm")):
            if limb in limbs:
                for mine, theirs in (
                    (pose.hands, other.hands),
                    (pose.elbows, other.elbows),
                    (pose.grips, other.grips),
                    (pose.reach, other.reach),
                ):
                    mine[:, index] = theirs[:, index]
        return pose

    def towards(self, other: "Pose", weight: Array) -> "Pose":
        """This pose where ``weight`` ``(T,)`` is 0, the other where it is 1, and between them between."""
        mixed = []
        for field in fields(self):
            here, there = getattr(self, field.name), getattr(other, field.name)
            share = weight.reshape(-1, *[1] * (here.ndim - 1))
            mixed.append(here + share * (there - here))
        return Pose(*mixed)


@dataclass(frozen=True)
class Joints:
    """Places in body coordinates, ``(T, 3)``; pairs ``(T, 2, 3)`` with the acting side first.

    The frames ``(T, 3, 3)`` hold in their columns where left, up and forward are for that part.
    """

    pelvis: Array
    waist: Array
    neck: Array
    head: Array
    hips: Array
    knees: Array
    ankles: Array
    heels: Array
    toes: Array
    shoulders: Array
    elbows: Array
    wrists: Array
    fingers: Array
    hip_frame: Array
    torso_frame: Array
    chest_frame: Array
    head_frame: Array


def solve(body: Body, pose: Pose, side: int) -> Joints:
    """Where everything is; ``side`` is +1 for a left-handed figure, -1 for a right-handed one."""
    outward = np.array([side, -side], float)[:, None] * [1.0, 0, 0] + [0, 1.0, 1.0]  # (2, 3)
    acting = np.array([side, 1.0, 1.0])
    hip_frame = _about_y(-side * pose.turn)
    torso_frame = hip_frame @ _about_z(-side * pose.side) @ _about_x(pose.lean)
    chest_frame = torso_frame @ _about_x(pose.curl) @ _about_y(-side * pose.twist)
    head_frame = chest_frame @ _about_y(side * pose.look) @ _about_x(pose.nod)

    pelvis = pose.root * acting + [0, body.pelvis, 0]
    waist = pelvis + SPINE[0] * torso_frame[..., 1]
    neck = waist + SPINE[1] * chest_frame[..., 1]
    head = neck + 0.035 * chest_frame[..., 1] + (0.9 * body.head) * head_frame[..., 1] + 0.012 * head_frame[..., 2]

    hips = pelvis[:, None] + _apply(hip_frame, outward * [body.hips, -0.02, 0])
    rest = outward * [body.hips, ANKLE, 0]
    knees, ankles = _two_bones(
        hips, rest + pose.feet * outward, body.thigh, body.shin, _apply(hip_frame, outward * _KNEE_POLE)
    )
    ahead = _apply(hip_frame, outward * [0.22, 0, 0.975])
    ahead = ahead * np.cos(pose.toes)[..., None] - np.array([0, 1.0, 0]) * np.sin(pose.toes)[..., None]
    below = np.stack([0 * pose.toes, np.cos(pose.toes), np.sin(pose.toes)], -1) * [1, -1, 0]
    sole = ankles + 0.016 * below
    heels, toes = sole - 0.022 * ahead, sole + 0.085 * ahead - [0, 0.004, 0]

    shoulders = neck[:, None] + _apply(chest_frame, outward * [body.shoulders, -0.022, 0])
    hung = shoulders + _apply(chest_frame, pose.hands * outward * body.arm)
    targets = hung + pose.reach[..., None] * (pose.grips * outward - hung)
    elbows, wrists = _two_bones(
        shoulders, targets, body.upper_arm, body.forearm, _apply(chest_frame, pose.elbows * outward)
    )
    along = wrists - elbows
    fingers = wrists + 0.042 * along / np.linalg.norm(along, axis=-1, keepdims=True)
    return Joints(
        pelvis, waist, neck, head, hips, knees, ankles, heels, toes, shoulders, elbows, wrists, fingers,
        hip_frame, torso_frame, chest_frame, head_frame,
    )  # fmt: skip


def _apply(frame: Array, vectors: Array) -> Array:
    """Vectors ``(2, 3)`` or ``(T, 2, 3)`` of a part, in body coordinates: ``(T, 2, 3)``."""
    return np.einsum("tij,t...j->t...i", frame, np.broadcast_to(vectors, (len(frame), 2, 3)))


def _two_bones(root: Array, target: Array, upper: float, lower: float, pole: Array) -> tuple[Array, Array]:
    """The middle joint and the end of a limb that reaches for ``target``, as far as it can."""
    line = target - root
    wanted = np.linalg.norm(line, axis=-1, keepdims=True)
    along = line / np.maximum(wanted, 1e-9)
    length = np.clip(wanted, abs(upper - lower) + 0.12 * upper, 0.998 * (upper + lower))
    before = (upper**2 - lower**2 + length**2) / (2 * length)
    out = np.sqrt(np.maximum(upper**2 - before**2, 0))
    across = pole - (pole * along).sum(-1, keepdims=True) * along
    across = across / np.maximum(np.linalg.norm(across, axis=-1, keepdims=True), 1e-9)
    return root + before * along + out * across, root + length * along


def _about_x(angle: Array) -> Array:
    cos, sin, zero, one = np.cos(angle), np.sin(angle), 0 * angle, 0 * angle + 1
    return np.stack([one, zero, zero, zero, cos, -sin, zero, sin, cos], -1).reshape(-1, 3, 3)


def _about_y(angle: Array) -> Array:
    cos, sin, zero, one = np.cos(angle), np.sin(angle), 0 * angle, 0 * angle + 1
    return np.stack([cos, zero, sin, zero, one, zero, -sin, zero, cos], -1).reshape(-1, 3, 3)


def _about_z(angle: Array) -> Array:
    cos, sin, zero, one = np.cos(angle), np.sin(angle), 0 * angle, 0 * angle + 1
    return np.stack([cos, -sin, zero, sin, cos, zero, zero, zero, one], -1).reshape(-1, 3, 3)
