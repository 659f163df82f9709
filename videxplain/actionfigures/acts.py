"""The fourteen classes, and how one clip of each goes: when it begins, how fast, which limbs carry it."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from videxplain.actionfigures import motion
from videxplain.actionfigures.skeleton import Array, Body, Pose

_ARM, _ARMS = ("acting arm",), ("acting arm", "other arm")
_LEG, _LEGS = ("acting leg",), ("acting leg", "other leg")
_TRUNK = ("head", "torso")
_BLEND = 5
"""Frames from standing about to the action."""


@dataclass(frozen=True)
class Act:
    """One class.

    Attributes:
        label: Its name.
        pose: From a phase (one repetition per unit) or, of what is done once, a share of the way, to poses.
        limbs: Which limbs carry the action.
        frames: Shortest and longest repetition or, of what is done once, the whole, at 25 frames a second.
        once: Done once, and not repeated.
        returns: What is done once ends where it began, and not in another posture.
        backwards: Whether the action is the one of ``pose`` played backwards.
        travels: Body heights per repetition.
        thing: What it is done with: ``"ball"``, ``"chair"``, ``"parcel"`` or nothing.
    """

    label: str
    pose: Callable[[Array, Body, motion.Style], Pose]
    limbs: tuple[str, ...]
    frames: tuple[int, int]
    once: bool = False
    returns: bool = False
    backwards: bool = False
    travels: float = 0.0
    thing: str = ""


ACTS = {
    act.label: act
    for act in (
        Act("Walk", motion.walk, _LEGS, (22, 30), travels=0.46),
        Act("Run", motion.run, (*_LEGS, *_ARMS), (14, 18), travels=0.5),
        Act("Jump", motion.jump, (*_LEGS, *_ARMS), (22, 30)),
        Act("Wave", motion.wave, _ARM, (12, 20)),
        Act("Clap", motion.clap, _ARMS, (10, 16)),
        Act("Punch", motion.punch, _ARM, (14, 20)),
        Act("Kick", motion.kick, _LEG, (20, 28)),
        Act("Squat", motion.squat, (*_LEGS, "torso"), (26, 36)),
        Act("Bow", motion.bow, _TRUNK, (28, 40)),
        Act("Throw", motion.throw, _ARM, (24, 30), once=True, returns=True, thing="ball"),
        Act("SitDown", motion.sit_down, (*_LEGS, "torso"), (20, 28), once=True, thing="chair"),
        Act("StandUp", motion.sit_down, (*_LEGS, "torso"), (20, 28), once=True, thing="chair", backwards=True),
        Act("PickUp", motion.pick_up, _ARM, (26, 34), once=True, thing="parcel"),
        Act("PutDown", motion.pick_up, _ARM, (26, 34), once=True, thing="parcel", backwards=True),
    )
}
LABELS = tuple(ACTS)


@dataclass(frozen=True)
class Performance:
    """One clip of an act, by frame.

    Attributes:
        pose: What the figure does.
        active: ``(T,)`` whether the action is going on.
        share: ``(T,)`` how far what is done once has come, 0 to 1.
        way: ``(T,)`` how far forward the figure has moved, in body heights; 0 in the middle of the clip.
    """

    pose: Pose
    active: NDArray[np.bool_]
    share: Array
    way: Array

    def backwards(self) -> "Performance":
        """The same from its end to its beginning."""
        return Performance(self.pose.backwards(), self.active[::-1], self.share[::-1], self.way[::-1])


def perform(
    act: Act, frames: int, body: Body, style: motion.Style, lead: float, rng: np.random.Generator
) -> Performance:
    """A clip of an act.

    Args:
        act: Which.
        frames: T.
        body: Whose.
        style: How.
        lead: Largest share of the clip that may pass before the action begins; at its end up to 0.15 of the clip, or
            ``lead`` if that is less. An act that is another one backwards begins and ends the other way round.
        rng: Decides when it begins, how fast it goes, and where in its course a repeated one is.
    """
    before = round(frames * rng.uniform(0, lead))
    after = round(frames * rng.uniform(0, min(lead, 0.15)))
    length = int(rng.integers(act.frames[0], act.frames[1] + 1))
    course, place = rng.uniform(), rng.uniform(0.3, 0.7)
    t = np.arange(frames)
    rest = motion.idle(frames, body, style)
    if act.once:
        length = min(length, frames)
        first = min(max(round((frames - length) * place), before), frames - length)
        share = np.clip((t - first) / max(length - 1, 1), 0, 1)
        pose = _breathing(act.pose(share, body, style), rest)
        leave = first + length + _BLEND if act.returns else 2 * frames
        performance = Performance(
            rest.towards(pose, _ramp(t, first, leave)), (t >= first) & (t < first + length), share, np.zeros(frames)
        )
        return performance.backwards() if act.backwards else performance
    phase = course + (t - before) / length
    weight = _ramp(t, before, frames - after)
    way = np.cumsum(weight) / length * act.travels * style.reach
    # More than a body's height would lead out of the picture: the ground gives way, as on a treadmill.
    way *= min(1.0, 0.9 / max(float(np.ptp(way)), 1e-9))
    pose = rest.towards(act.pose(phase, body, style), weight)
    return Performance(pose, weight >= 0.5, np.zeros(frames), way - way[frames // 2])


def _ramp(t: NDArray[np.int64], first: int, end: int) -> Array:
    """0 before ``first``, 1 after some frames, 0 again from ``end`` on; no ramp at the borders of the clip."""
    up = np.clip((t - first + 1) / _BLEND, 0, 1) if first > 0 else np.ones(len(t))
    down = np.clip((end - t) / _BLEND, 0, 1) if end < len(t) else np.ones(len(t))
    rising = np.minimum(up, down)
    return rising * rising * (3 - 2 * rising)


def _breathing(pose: Pose, rest: Pose) -> Pose:
    """Somebody who has finished still breathes and looks about."""
    pose.curl += rest.curl - rest.curl.mean()
    pose.look += 0.5 * (rest.look - rest.look.mean())
    return pose
