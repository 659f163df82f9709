"""What is not a person: what an action is done with, and what merely moves."""

import dataclasses
from collections.abc import Callable

import numpy as np

from videxplain.actionfigures.acts import Performance
from videxplain.actionfigures.drawing import Colour, Part
from videxplain.actionfigures.motion import GRASP, PLACE, RELEASE, SEAT, TABLE
from videxplain.actionfigures.skeleton import Array, Joints

THING_NAME, HELD_NAME = "thing", "held"
"""Parts that an action is done with, and parts that somebody merely holds."""
_TURN = 2 * np.pi
_GRAVITY = 1.6 / 25**2
"""Body heights per frame, squared; gentle, so that a thrown ball is seen for a while."""


def colour(rng: np.random.Generator) -> Colour:
    """Any that stands out a little."""
    values = rng.uniform(50, 235, 3)
    values[rng.integers(3)] = rng.uniform(150, 240)
    red, green, blue = (float(v) for v in values)
    return red, green, blue


def chair(frames: int, tint: Colour) -> list[Part]:
    """A chair behind a figure that stands at the origin, facing the way it faces."""
    dark = (0.7 * tint[0], 0.7 * tint[1], 0.7 * tint[2])
    behind, wide, deep = -0.21, 0.1, 0.1
    corners = [(x, z) for x in (-wide, wide) for z in (behind - deep, behind + deep)]
    parts = [_still(frames, [(x, 0.01, z), (x, SEAT - 0.02, z)], 0.011, dark, 2) for x, z in corners]
    parts += [
        _still(frames, [(x, SEAT, behind - deep), (x, SEAT + 0.26, behind - deep - 0.03)], 0.012, dark, 2)
        for x in (-wide, wide)
    ]
    back = [(x, y, behind - deep - 0.02) for x in (-wide, wide) for y in (SEAT + 0.14, SEAT + 0.25)]
    parts.append(_still(frames, back, 0.012, tint, 2))
    parts.append(_still(frames, [(x, SEAT - 0.01, z) for x, z in corners], 0.016, tint, 3))
    return parts


def table(frames: int, handed: int, tint: Colour) -> list[Part]:
    """A small round table in front of a figure that stands at the origin, a little to its acting side."""
    x, z = handed * PLACE[0], PLACE[2] + 0.03
    dark = (0.7 * tint[0], 0.7 * tint[1], 0.7 * tint[2])
    rim = [(x + 0.075 * np.cos(a), TABLE - 0.012, z + 0.06 * np.sin(a)) for a in np.arange(8) * np.pi / 4]
    return [
        _still(frames, [(x, 0.012, z - 0.03), (x, 0.012, z + 0.03)], 0.014, dark, 2),
        _still(frames, [(x, 0.02, z), (x, TABLE - 0.02, z)], 0.011, dark, 2),
        _still(frames, rim, 0.012, tint, 3),
    ]


def laid_thing(frames: int, handed: int, tint: Colour, box: bool) -> list[Part]:
    """What lies on a table and stays there."""
    place = np.tile([handed * PLACE[0], PLACE[1] - 0.01, PLACE[2]], (frames, 1))
    return _box(place, tint) if box else [_moving(place, 0.045, tint)]


def held_thing(joints: Joints, tint: Colour, box: bool) -> list[Part]:
    """What lies in the other hand, whatever that arm does."""
    hand = joints.fingers[:, 1]
    parts = _box(hand, tint) if box else [_moving(hand, 0.042, tint)]
    return [dataclasses.replace(part, name=HELD_NAME) for part in parts]


def thrown_ball(joints: Joints, performance: Performance, tint: Colour) -> Part:
    """A ball that lies in the acting hand until it is released, and then flies."""
    hand = joints.fingers[:, 0].copy()
    away = np.flatnonzero(performance.share >= RELEASE)
    if len(away):
        first = away[0]
        start = hand[max(first - 1, 0)]
        flown = (away - first + 1.0)[:, None]
        # Forward and a little up; whatever the hand did in the frame before, so that it never flies backwards.
        hand[away] = start + flown * [0.0, 0.02, 0.075] - 0.5 * _GRAVITY * flown**2 * [0, 1, 0]
        hand[:, 1] = np.maximum(hand[:, 1], 0.04)
    return _moving(hand, 0.042, tint)


def carried_parcel(joints: Joints, performance: Performance, both: bool, tint: Colour) -> list[Part]:
    """Something on a table that is taken with one hand (a ball) or with both (a box)."""
    hands = joints.fingers[:, 0] if not both else joints.fingers.mean(1)
    held = performance.share >= GRASP
    # Where it is grasped, not where it is held first: an action played backwards begins with it in the hand.
    taken = int(np.argmin(np.where(held, performance.share, np.inf)) if held.any() else np.argmax(performance.share))
    place = np.where(held[:, None], hands, hands[taken])
    if not both:
        return [_moving(place, 0.045, tint)]
    return _box(place, tint)


def _box(place: Array, tint: Colour) -> list[Part]:
    corners = [(x, y, z) for x in (-0.05, 0.05) for y in (-0.035, 0.035) for z in (-0.03, 0.03)]
    return [Part(THING_NAME, np.stack([place + corner for corner in corners], 1), np.full(8, 0.014), tint, layers=3)]


def _still(frames: int, points: list[tuple[float, float, float]], radius: float, tint: Colour, layers: int) -> Part:
    spheres = np.tile(np.array(points, float), (frames, 1, 1))
    return Part(THING_NAME, spheres, np.full(len(points), radius), tint, layers=layers)


def _moving(place: Array, radius: float, tint: Colour) -> Part:
    return Part(THING_NAME, place[:, None], np.array([radius]), tint, bias=0.05)


def _rolling_ball(frames: int, rng: np.random.Generator) -> list[Part]:
    radius = rng.uniform(0.05, 0.09)
    x = _crossing(frames, rng)
    return [_moving(np.stack([x, np.full(frames, radius), np.zeros(frames)], 1), radius, colour(rng))]


def _bouncing_ball(frames: int, rng: np.random.Generator) -> list[Part]:
    radius, period = rng.uniform(0.045, 0.07), rng.uniform(14, 24)
    at = (np.arange(frames) / period + rng.uniform()) % 1
    y = radius + rng.uniform(0.25, 0.5) * 4 * at * (1 - at)
    x = 0.5 * _crossing(frames, rng)
    return [_moving(np.stack([x, y, np.zeros(frames)], 1), radius, colour(rng))]


def _balloon(frames: int, rng: np.random.Generator) -> list[Part]:
    t = np.arange(frames) / 25
    x = 0.6 * _crossing(frames, rng) + 0.02 * np.sin(_TURN * 0.5 * t + rng.uniform(0, _TURN))
    y = rng.uniform(0.7, 1.1) + 0.03 * np.sin(_TURN * 0.4 * t + rng.uniform(0, _TURN))
    top = np.stack([x, y, 0 * x], 1)
    string = _hull([top - [0, 0.08, 0], top - [0, 0.3, 0]], [0.004, 0.004], (200, 200, 196), 1)
    return [string, _hull([top, top - [0, 0.045, 0]], [0.07, 0.05], colour(rng), 4)]


def _bird(frames: int, rng: np.random.Generator) -> list[Part]:
    """Seen from the front, so that it is the same backwards."""
    x, t = _crossing(frames, rng), np.arange(frames) / 25
    y = rng.uniform(0.9, 1.2) + 0.03 * np.sin(_TURN * 0.6 * t + rng.uniform(0, _TURN))
    flap = 0.06 * np.sin(_TURN * rng.uniform(2, 3) * t + rng.uniform(0, _TURN))
    body, tint = np.stack([x, y, 0 * x], 1), (58.0, 60.0, 68.0)
    wings = [
        _hull([body, body + np.stack([0 * x + s * 0.085, flap, 0 * x], 1)], [0.018, 0.007], tint, 2) for s in (-1, 1)
    ]
    return [*wings, _hull([body], [0.022], tint, 2)]


def _trolley(frames: int, rng: np.random.Generator) -> list[Part]:
    """A cart that rolls by, the same from both ends."""
    x, tint = _crossing(frames, rng), colour(rng)
    ground = np.stack([x, 0 * x, 0 * x], 1)
    wheels = [_hull([np.add(ground, [s * 0.1, 0.03, 0])], [0.03], (46, 46, 50), 2) for s in (-1, 1)]
    box = _hull([np.add(ground, [sx * 0.14, y, 0]) for sx in (-1, 1) for y in (0.07, 0.2)], [0.02] * 4, tint, 3)
    return [*wheels, box]


def _pendulum(frames: int, rng: np.random.Generator) -> list[Part]:
    """A lamp that swings on its cable."""
    swing = 0.35 * np.sin(_TURN * rng.uniform(0.4, 0.8) * np.arange(frames) / 25 + rng.uniform(0, _TURN))
    top = np.tile([0.0, 1.7, 0.0], (frames, 1))
    lamp = top + 0.6 * np.stack([np.sin(swing), -np.cos(swing), 0 * swing], 1)
    return [_hull([top, lamp], [0.006, 0.006], (60, 60, 62), 1), _hull([lamp], [0.06], (238, 214, 150), 3)]


MOVERS: tuple[Callable[[int, np.random.Generator], list[Part]], ...] = (
    _rolling_ball,
    _bouncing_ball,
    _balloon,
    _bird,
    _trolley,
    _pendulum,
)
"""Distractors. All look the same in a mirror and move the same backwards: none of them tells which way time goes."""


def _crossing(frames: int, rng: np.random.Generator) -> Array:
    """A steady way across, in body heights, in either direction."""
    reach = rng.uniform(0.4, 1.3)
    return rng.choice([-1.0, 1.0]) * reach * np.linspace(-0.5, 0.5, frames) + rng.normal(0, 0.12)


def _hull(points: list[Array], radii: list[float], tint: Colour, layers: int) -> Part:
    return Part(THING_NAME, np.stack(points, 1), np.array(radii), tint, layers=layers)
