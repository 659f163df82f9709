"""How the fourteen actions go: poses as smooth functions of time.

Repeated actions take a phase (one repetition per unit). Actions with a beginning and an end take a share of the way,
0 to 1. All are written for one acting side; `Style` varies them. A function moves only the limbs that its class names
in `videxplain.actionfigures.acts`. The other limbs move as `videxplain.actionfigures.idling` says.
"""

from dataclasses import dataclass

import numpy as np

from videxplain.actionfigures.skeleton import Array, Body, Pose

_TURN = 2 * np.pi


@dataclass(frozen=True)
class Style:
    """How somebody in particular does it.

    Attributes:
        reach: How large the movement is; 1 is usual.
        variant: 0 or 1: which of two ways of doing the same.
        view: Which way the figure faces (the yaw of `drawing.View`) times the acting side: people wave at somebody.
    """

    reach: float
    variant: int
    view: float


def walk(phase: Array, body: Body, style: Style) -> Pose:
    """Two steps per unit of phase."""
    pose = Pose.standing(len(phase))
    stride = 0.145 * style.reach
    for index in (0, 1):
        along, up, pitch = _step(phase + 0.5 * index, 0.6, stride, 0.05, 0.03)
        pose.feet[:, index, 1], pose.feet[:, index, 2], pose.toes[:, index] = up, along, pitch
    pose.root[:, 1] = -0.014 + 0.008 * np.cos(2 * _TURN * phase + np.pi)
    return pose


def run(phase: Array, body: Body, style: Style) -> Pose:
    """Two strides per unit of phase, with a flight after each."""
    pose = Pose.standing(len(phase))
    stride = 0.21 * style.reach
    for index in (0, 1):
        along, up, pitch = _step(phase + 0.5 * index, 0.36, stride, 0.24, 0.05)
        pose.feet[:, index, 1], pose.feet[:, index, 2], pose.toes[:, index] = up, along - 0.03, pitch
        swing = np.cos(_TURN * (phase + 0.5 * index) - 0.3)
        pose.hands[:, index] = np.stack([0.0 * swing - 0.05, -0.42 - 0.2 * swing, 0.28 - 0.5 * swing], -1)
        pose.elbows[:, index] = [0.3, -0.35, -1.0]
    bounce = np.cos(2 * _TURN * (phase - 0.18) + np.pi)
    pose.root[:, 1] = -0.035 + 0.03 * bounce
    pose.feet[..., 1] += 0.5 * np.maximum(pose.root[:, 1:2] + 0.012, 0)
    return pose


def jump(phase: Array, body: Body, style: Style) -> Pose:
    """Crouch, fly with the arms up, land: once per unit."""
    u = phase % 1
    high = 0.15 * style.reach
    flight = np.clip((u - 0.36) / 0.4, 0, 1)
    lift = 4 * high * flight * (1 - flight)
    crouch = curve(u, (0, 0.02), (0.22, 0.15), (0.36, 0.0), (0.76, 0.0), (0.86, 0.13), (1, 0.02))
    arms = curve(u, (0, 0.0), (0.22, -0.5), (0.42, 1.0), (0.6, 0.9), (0.84, 0.1), (1, 0.0))
    pose = Pose.standing(len(phase))
    pose.root[:, 1] = lift - crouch
    pose.root[:, 2] = -0.35 * crouch
    pose.lean += 2.6 * crouch
    tuck = np.sin(np.pi * flight) * 0.05
    pose.feet[..., 1] = (lift + tuck)[:, None]
    pose.toes += (0.7 * np.sin(np.pi * flight) ** 0.7)[:, None]
    up = np.maximum(arms, 0)[:, None]
    back = np.minimum(arms, 0)[:, None]
    pose.hands[..., 0] = 0.12 + 0.18 * up
    pose.hands[..., 1] = -0.93 + 1.7 * up - 0.3 * back
    pose.hands[..., 2] = 0.1 + 0.9 * np.sin(np.pi * np.minimum(up, 1)) * 0.8 + 0.15 * up + 1.0 * back
    return pose


def wave(phase: Array, body: Body, style: Style) -> Pose:
    """The raised forearm from side to side, across the line of sight: once to and fro per unit."""
    pose = Pose.standing(len(phase))
    swing = style.reach * 0.42 * np.sin(_TURN * phase)
    # Not across the body, where the head would be in the way.
    across = np.clip(style.view, -1.1, 1.1)
    base = np.array([0.5, 0.45, 0.16]) if style.variant == 0 else np.array([0.3, 0.8, 0.1])
    pose.hands[:, 0] = base + swing[:, None] * [np.cos(across), 0, -np.sin(across)]
    pose.hands[:, 0, 1] -= 0.12 * np.abs(swing)
    pose.elbows[:, 0] = [0.9, -0.75, -0.15]
    return pose


def clap(phase: Array, body: Body, style: Style) -> Pose:
    """Hands apart and together in front of the chest: once per unit."""
    pose = Pose.standing(len(phase))
    apart = (0.5 + 0.5 * np.cos(_TURN * phase))[:, None]
    meet = -(body.shoulders - 0.022) / body.arm
    pose.hands[..., 0] = meet + apart * 0.52 * style.reach
    pose.hands[..., 1] = -0.22 + (0.3 if style.variant else 0.0) + 0.04 * apart
    pose.hands[..., 2] = 0.62 + 0.06 * (1 - apart)
    pose.elbows[:] = [0.8, -0.8, -0.2]
    return pose


def punch(phase: Array, body: Body, style: Style) -> Pose:
    """From the guard straight ahead and back: once per unit."""
    u = phase % 1
    out = curve(u, (0, 0.0), (0.16, -0.06), (0.42, 1.0), (0.54, 0.97), (0.86, 0.0), (1, 0.0))
    pose = Pose.standing(len(phase))
    pose.hands[:, 0] = [-0.18, -0.12, 0.42]
    pose.hands[:, 0] += out[:, None] * np.array([-0.1, 0.14 if style.variant else 0.06, 0.6])
    pose.elbows[:, 0] = [0.55, -1.0, -0.25]
    return pose


def kick(phase: Array, body: Body, style: Style) -> Pose:
    """Knee up, leg out, and back: once per unit."""
    u = phase % 1
    knee = curve(u, (0, 0.0), (0.1, 0.0), (0.32, 1.0), (0.46, 1.0), (0.64, 1.0), (0.88, 0.0), (1, 0.0))
    out = curve(u, (0, 0.0), (0.28, 0.0), (0.46, 1.0), (0.54, 1.0), (0.7, 0.0), (1, 0.0))
    pose = Pose.standing(len(phase))
    rest, ready, far = (
        np.array([0.02, 0, -0.06]),
        np.array([0.0, 0.26, 0.07]),
        np.array([0.0, 0.4 + 0.1 * (style.reach - 1), 0.43]),
    )
    if style.variant:
        far = np.array([0.24, 0.42, 0.32])
    pose.feet[:, 0] = rest + knee[:, None] * (ready - rest) + out[:, None] * (far - ready)
    pose.feet[:, 1] = [0.0, 0, 0.02]
    pose.toes[:, 0] = 0.5 * knee - 1.0 * out
    pose.root[:, 0], pose.root[:, 1], pose.root[:, 2] = -0.03 * knee, -0.022, -0.03 * out
    return pose


def squat(phase: Array, body: Body, style: Style) -> Pose:
    """Down and up: once per unit."""
    deep = 0.5 - 0.5 * np.cos(_TURN * phase)
    pose = Pose.standing(len(phase))
    pose.root[:, 1], pose.root[:, 2] = -0.21 * style.reach * deep, -0.11 * deep
    pose.lean += 0.62 * deep
    pose.nod -= 0.3 * deep
    pose.feet[..., 0] = 0.035
    return pose


def bow(phase: Array, body: Body, style: Style) -> Pose:
    """Forward from the hips, a moment's rest, and up: once per unit."""
    u = phase % 1
    down = curve(u, (0, 0.0), (0.36, 1.0), (0.6, 1.0), (0.96, 0.0), (1, 0.0))
    pose = Pose.standing(len(phase))
    pose.lean += 0.95 * style.reach * down
    pose.curl += 0.3 * down
    pose.nod += 0.25 * down
    return pose


def throw(share: Array, body: Body, style: Style) -> Pose:
    """Swing back, over the shoulder, and through."""
    pose = Pose.standing(len(share))
    keys = ((0, (0.02, -0.62, 0.5)), (0.18, (0.25, -0.3, 0.1)), (0.4, (0.42, 0.42, -0.38)), (0.53, (0.2, 0.78, 0.12)),
            (0.62, (-0.05, 0.52, 0.76)), (0.78, (-0.35, -0.5, 0.5)), (1, (0.05, -0.85, 0.2)))  # fmt: skip
    for axis in range(3):
        pose.hands[:, 0, axis] = curve(share, *((at, value[axis]) for at, value in keys))
    pose.elbows[:, 0] = [1.0, -0.5, -0.3]
    return pose


RELEASE = 0.6
"""When a thrown ball leaves the hand."""


def sit_down(share: Array, body: Body, style: Style) -> Pose:
    """From standing before a chair to sitting on it."""
    pose = Pose.standing(len(share))
    down = curve(share, (0, 0.0), (0.15, 0.04), (0.85, 0.98), (1, 1.0))
    pose.root[:, 1] = -(body.pelvis - SEAT - 0.062) * down
    pose.root[:, 2] = -0.21 * curve(share, (0, 0.0), (0.6, 0.8), (0.9, 1.0), (1, 1.0))
    pose.lean += curve(share, (0, 0.0), (0.45, 0.72 * style.reach), (0.8, 0.35), (1, 0.02))
    pose.nod -= curve(share, (0, 0.0), (0.45, 0.2), (1, 0.0))
    pose.feet[..., 2] = 0.02
    return pose


SEAT = 0.255
"""Height of a chair."""
TABLE = 0.5
"""Height of a table, so that an arm reaches it without a bend of the body."""


def pick_up(share: Array, body: Body, style: Style) -> Pose:
    """Take what lies on a table, and lift it; with one hand (variant 0) or both."""
    pose = Pose.standing(len(share))
    hold = curve(share, (0, 0.0), (0.4, 0.0), (0.56, 1.0), (1, 1.0))
    both = (0, 1) if style.variant else (0,)
    aside, high, ahead = PLACE
    for index in both:
        out = aside if index == 0 else -aside
        pose.grips[:, index] = [out + (0.045 if style.variant else 0.0), high, ahead]
        pose.reach[:, index] = curve(share, (0, 0.0), (0.1, 0.0), (0.44, 1.0), (0.56, 1.0), (0.9, 0.0), (1, 0.0))
        carried = np.array([-0.12, 0.1, 0.62] if style.variant else [-0.05, 0.15, 0.58])
        pose.hands[:, index] += hold[:, None] * (carried - pose.hands[:, index])
        pose.elbows[:, index] = [0.7, -0.7, -0.5]
    return pose


PLACE = (0.1, TABLE + 0.045, 0.2)
"""Where on the table a thing lies: to the acting side, up, forward."""
GRASP = 0.5
"""When something is taken."""


def curve(at: Array, *keys: tuple[float, float]) -> Array:
    """A smooth curve through ``(place, value)`` points that does not overshoot and starts and ends at rest."""
    x, y = np.array(keys, float).T
    rise = np.diff(y) / np.diff(x)
    slope = np.zeros(len(x))
    same = rise[:-1] * rise[1:] > 0
    slope[1:-1][same] = 2 * rise[:-1][same] * rise[1:][same] / (rise[:-1] + rise[1:])[same]
    at = np.clip(at, x[0], x[-1])
    index = np.clip(np.searchsorted(x, at, side="right") - 1, 0, len(x) - 2)
    width = x[index + 1] - x[index]
    s = (at - x[index]) / width
    return (
        y[index] * (1 + 2 * s) * (1 - s) ** 2
        + width * slope[index] * s * (1 - s) ** 2
        + y[index + 1] * s**2 * (3 - 2 * s)
        + width * slope[index + 1] * s**2 * (s - 1)
    )


def forward(way: Array) -> Array:
    """A way ``(T,)`` in body heights that is 0 in the middle of the clip and does not lead out of the picture."""
    # As on a treadmill where it would be longer.
    way = way * min(1.0, 0.7 / max(float(np.ptp(way)), 1e-9))
    return way - way[len(way) // 2]


def _step(phase: Array, ground: float, stride: float, high: float, roll: float) -> tuple[Array, Array, Array]:
    """An ankle's place along the way, its height and the foot's pitch; on the ground for the share ``ground``."""
    u = phase % 1
    swing = np.clip((u - ground) / (1 - ground), 0, 1)
    forth = swing * swing * (3 - 2 * swing)
    along = np.where(u < ground, stride * (1 - 2 * u / ground), stride * (2 * forth - 1))
    heel = curve(u, (0, 0.0), (0.6 * ground, 0.0), (ground, 1.0), (ground + 0.5 * (1 - ground), 0.2), (1, 0.0))
    up = high * np.sin(np.pi * np.minimum(swing * 1.0, 1)) ** 1.2 + roll * heel
    pitch = 0.75 * heel + (0.5 * np.sin(np.pi * swing) if high > 0.1 else 0) - 0.25 * np.maximum(swing - 0.7, 0) / 0.3
    return along, up, pitch
