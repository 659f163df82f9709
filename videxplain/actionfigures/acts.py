"""The fourteen classes, and how one clip of each goes: when it begins, how fast, which limbs carry it."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from videxplain.actionfigures import motion
from videxplain.actionfigures.skeleton import Array, Body, Pose

_ARM, _ARMS = ("acting arm",), ("acting arm", "other arm")
_LEGS = ("acting leg", "other leg")
_TRUNK = ("head", "torso")
_BLEND = 5
"""Frames from standing about to the action."""


@dataclass(frozen=True)
class Act:
    """One class.

    Attributes:
        label: Its name.
        pose: From a phase (one repetition per unit) or, of what is done once, a share of the way, to poses.
        limbs: Which limbs carry the action. They are the evidence; the others move the same way in every class.
        frames: Shortest and longest repetition or, of what is done once, the whole, at 25 frames a second.
        once: Done once, and not repeated.
        returns: What is done once ends where it began, and not in another posture.
        backwards: Whether the action is the one of ``pose`` played backwards.
        travels: Body heights per repetition, of those who move on and do not stay on the spot.
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

    def carrying(self, both: bool) -> frozenset[str]:
        """The limbs that carry it; what is lifted with ``both`` hands adds the other arm."""
        return frozenset(self.limbs) | ({"other arm"} if both and self.thing == "parcel" else set())


ACTS = {
    act.label: act
    for act in (
        Act("Walk", motion.walk, _LEGS, (22, 30), travels=0.46),
        Act("Run", motion.run, (*_LEGS, *_ARMS), (14, 18), travels=0.5),
        Act("Jump", motion.jump, (*_LEGS, *_TRUNK, *_ARMS), (22, 30)),
        Act("Wave", motion.wave, _ARM, (12, 20)),
        Act("Clap", motion.clap, _ARMS, (10, 16)),
        Act("Punch", motion.punch, _ARM, (14, 20)),
        Act("Kick", motion.kick, _LEGS, (20, 28)),
        Act("Squat", motion.squat, (*_LEGS, *_TRUNK), (26, 36)),
        Act("Bow", motion.bow, _TRUNK, (28, 40)),
        Act("Throw", motion.throw, _ARM, (24, 30), once=True, returns=True, thing="ball"),
        Act("SitDown", motion.sit_down, (*_LEGS, *_TRUNK), (20, 28), once=True, thing="chair"),
        Act("StandUp", motion.sit_down, (*_LEGS, *_TRUNK), (20, 28), once=True, thing="chair", backwards=True),
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
        way: ``(T,)`` how far forward the act takes the figure, in body heights; 0 in the middle of the clip.
    """

    pose: Pose
    active: NDArray[np.bool_]
    share: Array
    way: Array


def perform(
    act: Act, rest: Pose, body: Body, style: motion.Style, lead: float, rng: np.random.Generator
) -> Performance:
    """A clip of an act.

    Args:
        act: Which.
        rest: What the figure does apart from the act, in each of T frames. The limbs that do not carry the act go on
            with it, and the others do it before the act and after it.
        body: Whose.
        style: How.
        lead: Largest share of the clip that may pass before the action begins; at its end up to 0.15 of the clip, or
            ``lead`` if that is less. An act that is another one backwards begins and ends the other way round.
        rng: Decides when it begins, how fast it goes, and where in its course a repeated one is.
    """
    frames = len(rest.root)
    before = round(frames * rng.uniform(0, lead))
    after = round(frames * rng.uniform(0, min(lead, 0.15)))
    length = int(rng.integers(act.frames[0], act.frames[1] + 1))
    course, place, on_the_spot = rng.uniform(), rng.uniform(0.3, 0.7), rng.uniform() < 0.75
    t, way = np.arange(frames), np.zeros(frames)
    if act.once:
        length = min(length, frames)
        first = min(max(round((frames - length) * place), before), frames - length)
        share = np.clip((t - first) / max(length - 1, 1), 0, 1)
        weight = _ramp(t, first, first + length + _BLEND if act.returns else 2 * frames)
        active = (t >= first) & (t < first + length)
        if act.backwards:
            # Only the limbs that carry the act: what else moves never tells which way time goes.
            share, weight, active = share[::-1], weight[::-1], active[::-1]
        pose = act.pose(share, body, style)
    else:
        share = np.zeros(frames)
        pose = act.pose(course + (t - before) / length, body, style)
        weight = _ramp(t, before, frames - after)
        active = weight >= 0.5
        if act.travels and not on_the_spot:
            way = motion.forward(np.cumsum(weight) / length * act.travels * style.reach)
    acting = rest.with_limbs(pose, act.carrying(bool(style.variant)))
    return Performance(rest.towards(acting, weight), active, share, way)


def _ramp(t: NDArray[np.int64], first: int, end: int) -> Array:
    """0 before ``first``, 1 after some frames, 0 again from ``end`` on; no ramp at the borders of the clip."""
    up = np.clip((t - first + 1) / _BLEND, 0, 1) if first > 0 else np.ones(len(t))
    down = np.clip((end - t) / _BLEND, 0, 1) if end < len(t) else np.ones(len(t))
    rising = np.minimum(up, down)
    return rising * rising * (3 - 2 * rising)
