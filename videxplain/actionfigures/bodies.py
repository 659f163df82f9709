"""What stands in a scene: who acts, who stands by, what moves, what is there."""

import dataclasses
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from videxplain.actionfigures import motion
from videxplain.actionfigures.acts import Act, Performance, perform
from videxplain.actionfigures.camera import Camera
from videxplain.actionfigures.drawing import (
    ACTING,
    ACTOR,
    BYSTANDER,
    SCENE,
    THING,
    Outlines,
    Part,
    View,
)
from videxplain.actionfigures.figure import LIMBS, Look, figure_parts, random_look
from videxplain.actionfigures.scenery import Scenery
from videxplain.actionfigures.skeleton import Array, Pose, solve
from videxplain.actionfigures.things import (
    MOVERS,
    THING_NAME,
    carried_parcel,
    chair,
    colour,
    thrown_ball,
)


@dataclass(frozen=True)
class Cast:
    """What the clips of a group share: who acts, and where."""

    look: Look
    scenery: Scenery
    light: tuple[float, float]
    height: float
    handed: int


@dataclass(frozen=True)
class Body:
    """Something that is drawn, and where its shadow falls."""

    near: float
    outlines: Outlines
    shadow: Array | None
    width: float
    acting: NDArray[np.bool_] | None = None


def actor(
    act: Act | None, cast: Cast, camera: Camera, feet: Array, lead: float, rng: np.random.Generator
) -> tuple[list[Body], NDArray[np.bool_]]:
    """Who acts, and what for; also in which frames the action goes on.

    Args:
        act: What is done; None for somebody who stands about.
        cast: Who, and where.
        camera: From where it is seen.
        feet: Where the figure stands, ``(2,)`` in pixels.
        lead: See `perform`.
        rng: Decides the view and the manner.
    """
    count, body = len(camera.zoom), cast.look.body
    turned = rng.choice([0.0, 0.8, 1.4], p=[0.3, 0.4, 0.3]) * rng.choice([-1, 1]) + rng.normal(0, 0.12)
    yaw = float(np.clip(turned, -1.55, 1.55))
    style = motion.Style(
        reach=rng.uniform(0.85, 1.15),
        variant=int(rng.integers(2)),
        view=yaw * cast.handed,
        sway=motion.random_sway(rng),
    )
    view = View(yaw, rng.uniform(0.05, 0.16), (float(feet[0]), float(feet[1])), cast.height, camera.zoom, camera.shift)
    if act is None:
        still = motion.idle(count, body, style)
        performance = Performance(still, np.zeros(count, bool), np.zeros(count), np.zeros(count))
    else:
        performance = perform(act, count, body, style, lead, rng)
    joints = solve(body, performance.pose, cast.handed)
    parts = figure_parts(cast.look, joints)
    tint = colour(rng)
    if act is not None and act.thing == "ball":
        parts.append(thrown_ball(joints, performance, tint))
    elif act is not None and act.thing == "parcel":
        parts += carried_parcel(joints, performance, bool(style.variant), tint)
    moved = performance.way[:, None, None] * np.array([0.0, 0.0, 1.0])
    parts = [dataclasses.replace(part, spheres=part.spheres + moved) for part in parts]
    carrying = set(act.limbs if act is not None else ())
    if act is not None and act.thing == "parcel" and style.variant:
        carrying.add("other arm")
    tags = {limb: ACTING if limb in carrying else ACTOR for limb in LIMBS} | {THING_NAME: THING}
    shadow = _ground(joints.pelvis + moved[:, 0], view)
    near = float(feet[1])
    bodies = [Body(near, Outlines(parts, view, cast.light, tags), shadow, 0.3 * cast.height, acting=performance.active)]
    if act is not None and act.thing == "chair":
        seat = Outlines(chair(count, tint), view, cast.light, {THING_NAME: SCENE})
        bodies.append(Body(near - 0.5, seat, None, 0))
    return bodies, performance.active


def bystander(cast: Cast, camera: Camera, feet: Array, side: float, may_walk: bool, rng: np.random.Generator) -> Body:
    """Somebody smaller, farther back, who stands, sways, rolls by on a board or walks by."""
    count, look, handed = len(camera.zoom), random_look(rng), int(rng.choice([-1, 1]))
    height = cast.height * rng.uniform(0.55, 0.75)
    ground = cast.scenery.horizon + (feet[1] - cast.scenery.horizon) * rng.uniform(0.3, 0.6)
    style = motion.Style(1.0, 0, 0.0, motion.random_sway(rng))
    does = rng.choice(["stand", "sway", "ride", "walk"], p=[0.35, 0.3, 0.15, 0.2])
    if does == "walk" and not may_walk:
        does = "ride"  # somebody who walks shows which way time goes
    yaw = float(rng.uniform(-1.2, 1.2))
    way = np.zeros(count)
    pose: Pose
    if does in ("ride", "walk"):
        yaw = float(rng.choice([-1, 1]) * rng.uniform(1.3, 1.57))
        way = np.linspace(-0.5, 0.5, count) * rng.uniform(0.5, 1.2)
        if does == "ride":
            way *= rng.choice([-1, 1])  # whichever way they face, or a picture would tell which way time goes
        pace = rng.uniform(22, 30)
        pose = (
            motion.ride(count, look.body, style)
            if does == "ride"
            else motion.walk(np.arange(count) / pace, look.body, style)
        )
    else:
        pose = motion.idle(count, look.body, style)
        if does == "sway":
            swing = np.sin(2 * np.pi * rng.uniform(0.4, 0.8) * np.arange(count) / 25 + style.sway[0])
            pose.side += 0.16 * swing
            pose.root[:, 0] += 0.03 * swing
    x = feet[0] + side * rng.uniform(0.42, 0.9) * cast.height
    view = View(yaw, rng.uniform(0.05, 0.12), (float(x), float(ground)), height, camera.zoom, camera.shift)
    joints = solve(look.body, pose, handed)
    moved = way[:, None, None] * np.array([0.0, 0.0, 1.0])
    parts = [dataclasses.replace(part, spheres=part.spheres + moved) for part in figure_parts(look, joints)]
    if does == "ride":
        board = np.tile([[-0.16, 0.03, 0.0], [0.16, 0.03, 0.0]], (count, 1, 1))[..., [2, 1, 0]] + moved
        parts.append(Part(THING_NAME, board, np.array([0.02, 0.02]), colour(rng), bias=-0.2, layers=2))
    tags = dict.fromkeys(LIMBS, BYSTANDER) | {THING_NAME: SCENE}
    shadow = _ground(joints.pelvis + moved[:, 0], view)
    return Body(float(ground), Outlines(parts, view, cast.light, tags), shadow, 0.3 * height)


def mover(cast: Cast, camera: Camera, feet: Array, width: int, rng: np.random.Generator) -> Body:
    """Something that moves and is no evidence."""
    make = MOVERS[rng.integers(len(MOVERS))]
    return _prop(make(len(camera.zoom), rng), cast, camera, feet, float(width * rng.uniform(0.1, 0.9)), rng)


def furniture(cast: Cast, camera: Camera, feet: Array, width: int, rng: np.random.Generator) -> Body:
    """A chair or a ball that nobody uses, so that neither tells what is done."""
    count, x = len(camera.zoom), float(feet[0] + rng.choice([-1, 1]) * rng.uniform(0.2, 0.42) * width)
    if rng.uniform() < 0.6:
        return _prop(chair(count, colour(rng)), cast, camera, feet, x, rng, shadow=True)
    place = np.tile([0.0, 0.05, 0.0], (count, 1, 1))
    return _prop([Part(THING_NAME, place, np.array([0.05]), colour(rng))], cast, camera, feet, x, rng, shadow=True)


def _prop(
    parts: list[Part],
    cast: Cast,
    camera: Camera,
    feet: Array,
    x: float,
    rng: np.random.Generator,
    shadow: bool = False,
) -> Body:
    depth = rng.uniform(0.25, 1.05)
    y = cast.scenery.horizon + (feet[1] - cast.scenery.horizon) * depth
    height = cast.height * (0.55 + 0.45 * depth)
    view = View(float(rng.uniform(-0.5, 0.5)), 0.1, (x, float(y)), height, camera.zoom, camera.shift)
    under = _ground(np.zeros((len(camera.zoom), 3)), view) if shadow else None
    return Body(float(y), Outlines(parts, view, cast.light, {THING_NAME: SCENE}), under, 0.28 * height)


def _ground(places: Array, view: View) -> Array:
    """Where ``(T, 3)`` points come to lie on the ground, ``(T, 2)`` in pixels."""
    return view.project(places * [1, 0, 1])[0]
