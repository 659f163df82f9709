"""What limbs do that carry no action: they stand, sway, step, bend, reach about, whatever the class.

Every limb draws what it does by itself. Nothing here depends on the class, except that limbs which carry the action
are replaced by it.
"""

import numpy as np

from videxplain.actionfigures import motion
from videxplain.actionfigures.skeleton import Array, Body, Pose

_TURN = 2 * np.pi
_HANGING = ((0.1, -0.95, 0.09), (0.55, -0.35, -0.8))
_POSTURES = (
    _HANGING,
    ((0.06, -0.66, 0.12), (1.0, -0.1, -0.6)),  # on the hip
    ((-0.25, -0.55, 0.42), (0.7, -0.6, -0.3)),  # before the belly
    ((-0.1, -0.7, -0.3), (0.8, 0.0, -0.6)),  # behind the back
    ((-0.3, 0.26, 0.42), (0.6, -0.9, 0.0)),  # at the chin
    ((0.7, -0.55, 0.1), (0.5, -0.3, -0.8)),  # out to the side, low
    ((0.93, -0.08, 0.1), (0.3, -0.6, -0.7)),  # out to the side, level
    ((0.05, -0.6, 0.66), (0.6, -0.6, -0.5)),  # forward, low
    ((-0.15, 0.62, 0.16), (1.0, 0.25, 0.1)),  # on the head
)
"""Wrist and elbow as in `Pose.hands` and `Pose.elbows`. No action goes through any of them for long."""


def idle(frames: int, rng: np.random.Generator, *, may_walk: bool) -> tuple[Pose, Array]:
    """Somebody who does nothing in particular.

    Args:
        frames: T.
        rng: Decides what each limb does.
        may_walk: Whether the legs may walk. Walking is an action, so only somebody whose other limbs act does it.

    Returns:
        The pose, and how far forward the figure is, ``(T,)`` in body heights.
    """
    pose = Pose.standing(frames)
    seconds = np.arange(frames) / 25
    breath = np.sin(_TURN * 0.3 * seconds + rng.uniform(0, _TURN))
    pose.lean += wander(frames, rng, -0.02, 0.24)
    pose.curl += 0.03 + 0.015 * breath + wander(frames, rng, 0.0, 0.12)
    pose.twist += wander(frames, rng, -0.4, 0.4)
    pose.side += wander(frames, rng, -0.12, 0.12)
    pose.nod += wander(frames, rng, -0.1, 0.25)
    pose.look += wander(frames, rng, -0.6, 0.6)
    for index in (0, 1):
        _arm(pose, index, rng)
    return pose, _legs(pose, rng, may_walk)


def ride(frames: int, rng: np.random.Generator) -> Pose:
    """Standing on a board that rolls, seen from the side of the board."""
    pose, _ = idle(frames, rng, may_walk=False)
    pose.root[:] = [0.0, 0.015, 0.0]
    pose.feet[:] = [0.06, 0.045, 0.0]
    pose.toes[:] = 0
    return pose


def wander(frames: int, rng: np.random.Generator, low: float, high: float) -> Array:
    """``(T,)`` values that go from one to another between ``low`` and ``high``; of some people all are the same."""
    at = _times(frames, rng)
    values = rng.uniform(low, high, len(at))
    if rng.uniform() < 0.3:
        values[:] = values[0]
    return motion.curve(np.arange(frames, dtype=float), *zip(at, values, strict=True))


def _times(frames: int, rng: np.random.Generator) -> Array:
    """Places in time, 8 to 26 frames apart, the first before the clip and the last after it."""
    steps = rng.uniform(8, 26, frames // 8 + 4)
    return np.cumsum(steps) - steps[0] - rng.uniform(0, 8)


def _arm(pose: Pose, index: int, rng: np.random.Generator) -> None:
    frames = len(pose.root)
    kind = rng.choice(["hang", "hold", "reach", "swing"], p=[0.2, 0.2, 0.42, 0.18])
    if kind == "swing":
        swing = np.cos(_TURN * np.arange(frames) / rng.uniform(18, 34) + rng.uniform(0, _TURN))
        far = rng.uniform(0.15, 0.4)
        pose.hands[:, index] = np.stack([0 * swing + 0.12, -0.9 + 0.05 * swing**2, 0.12 - far * swing], -1)
        return
    at = _times(frames, rng)
    if kind == "reach":
        chosen = rng.integers(len(_POSTURES), size=len(at))
    else:
        chosen = np.full(len(at), 0 if kind == "hang" else rng.integers(len(_POSTURES)))
    jitter = rng.normal(0, 0.05 if kind == "reach" else 0.02, (len(at), 3))
    time = np.arange(frames, dtype=float)
    for axis in range(3):
        hands = [_POSTURES[c][0][axis] + jitter[i, axis] for i, c in enumerate(chosen)]
        elbows = [_POSTURES[c][1][axis] for c in chosen]
        pose.hands[:, index, axis] = motion.curve(time, *zip(at, hands, strict=True))
        pose.elbows[:, index, axis] = motion.curve(time, *zip(at, elbows, strict=True))


def _legs(pose: Pose, rng: np.random.Generator, may_walk: bool) -> Array:
    """Fill in the legs; returns how far forward the figure is."""
    frames = len(pose.root)
    time = np.arange(frames, dtype=float)
    kind = rng.choice(["stand", "bend", "step", "walk"], p=[0.28, 0.24, 0.14, 0.34])
    travels = rng.uniform() < 0.5
    pace, begin, reach = rng.uniform(22, 30), rng.uniform(), rng.uniform(0.85, 1.15)
    if kind == "walk" and may_walk:
        walking = motion.walk(begin + time / pace, Body(), motion.Style(reach, 0, 0.0))
        pose.root, pose.feet, pose.toes = walking.root, walking.feet, walking.toes
        return motion.forward(0.46 * reach * time / pace) if travels else np.zeros(frames)
    pose.root[:, 0] = wander(frames, rng, -0.03, 0.03)
    pose.root[:, 1] = -0.004
    pose.feet[..., 0] = rng.uniform(0.0, 0.04)
    pose.feet[:, 0, 2] = rng.uniform(-0.06, 0.06)
    if kind == "bend":
        pose.root[:, 1] -= wander(frames, rng, 0.0, 0.11)
    if kind == "step":
        # One foot to the side and back, then the other.
        for index in (0, 1):
            at = (begin + 0.5 * index + time / (1.3 * pace)) % 1
            aside = np.sin(np.pi * np.clip(at / 0.5, 0, 1))
            pose.feet[:, index, 0] += 0.09 * aside
            pose.feet[:, index, 1] = 0.03 * np.sin(2 * np.pi * np.clip(at / 0.5, 0, 1)) ** 2
    return np.zeros(frames)
