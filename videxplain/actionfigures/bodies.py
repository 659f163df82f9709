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
from videxplain.actionfigures.idling import idle, ride
from videxplain.actionfigures.scenery import Scenery
from videxplain.actionfigures.skeleton import Array, Joints, solve
from videxplain.actionfigures.things import (
    HELD_NAME,
    MOVERS,
    THING_NAME,
    carried_parcel,
    chair,
    colour,
    held_thing,
    laid_thing,
    table,
    thrown_ball,
)

USUAL = 0.82
"""Share of the clips with a chair, and with a table, of the classes that need none."""


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


@dataclass(frozen=True)
class Acting:
    """What the actor of one clip does, before it is drawn.

    Attributes:
        style: How.
        yaw: Which way the figure faces, see `View`.
        performance: By frame.
        joints: Where they are.
        way: ``(T,)`` how far forward the figure is, in body heights.
        carrying: The limbs that carry the act.
        chair: Whether a chair stands behind the figure.
        table: Whether a table stands before it.
    """

    style: motion.Style
    yaw: float
    performance: Performance
    joints: Joints
    way: Array
    carrying: frozenset[str]
    chair: bool
    table: bool


def rehearse(act: Act | None, cast: Cast, count: int, lead: float, rng: np.random.Generator) -> Acting:
    """Decide what the actor does in ``count`` frames; an ``act`` of None is nothing in particular."""
    turned = rng.choice([0.0, 0.8, 1.4], p=[0.3, 0.4, 0.3]) * rng.choice([-1, 1]) + rng.normal(0, 0.12)
    yaw = float(np.clip(turned, -1.55, 1.55))
    style = motion.Style(reach=rng.uniform(0.85, 1.15), variant=int(rng.integers(2)), view=yaw * cast.handed)
    chances = rng.uniform(size=2)
    carrying = act.carrying(bool(style.variant)) if act is not None else frozenset[str]()
    legs_act = "acting leg" in carrying
    # Of its own: what is done takes different numbers of draws.
    rest, way = idle(count, np.random.default_rng(rng.integers(2**63)), may_walk=act is not None and not legs_act)
    performance = Performance(rest, np.zeros(count, bool), np.zeros(count), way)
    if act is not None:
        performance = perform(act, rest, cast.look.body, style, lead, rng)
        way = performance.way if legs_act else way
    if act is not None and act.thing == "parcel":
        way = np.zeros(count)  # the table stays where it is
    return Acting(
        style,
        yaw,
        performance,
        solve(cast.look.body, performance.pose, cast.handed),
        way,
        carrying,
        chair=(act is not None and act.thing == "chair") or bool(chances[0] < USUAL),
        table=(act is not None and act.thing == "parcel") or bool(chances[1] < USUAL),
    )


def actor(
    act: Act | None, cast: Cast, camera: Camera, feet: Array, scale: float, lead: float, rng: np.random.Generator
) -> tuple[list[Body], NDArray[np.bool_]]:
    """Who acts, and what for; also in which frames the action goes on.

    A chair behind the figure and a table with something on it before it are in most clips of every class.

    Args:
        act: What is done; None for somebody who does nothing in particular.
        cast: Who, and where.
        camera: From where it is seen.
        feet: Where the figure stands, ``(2,)`` in pixels.
        scale: How much taller than the cast's height it is.
        lead: See `perform`.
        rng: Decides the view and the manner.
    """
    count, height = len(camera.zoom), scale * cast.height
    does = rehearse(act, cast, count, lead, rng)
    elevation, near = rng.uniform(0.05, 0.16), float(feet[1])
    view = View(does.yaw, elevation, (float(feet[0]), near), height, camera.zoom, camera.shift)
    parts = figure_parts(cast.look, does.joints)
    own = act.thing if act is not None else ""
    tint, *tints = (colour(rng) for _ in range(5))
    held, boxes = rng.uniform() < 0.25, rng.uniform(size=2) < 0.5
    if own == "ball":
        parts.append(thrown_ball(does.joints, does.performance, tint))
    elif own == "parcel":
        parts += carried_parcel(does.joints, does.performance, bool(does.style.variant), tint)
    if held and "other arm" not in does.carrying:
        parts += held_thing(does.joints, tints[0], bool(boxes[0]))
    moved = does.way[:, None, None] * np.array([0.0, 0.0, 1.0])
    parts = [dataclasses.replace(part, spheres=part.spheres + moved) for part in parts]
    tags = {limb: ACTING if limb in does.carrying else ACTOR for limb in LIMBS}
    tags |= {THING_NAME: THING, HELD_NAME: SCENE}
    shadow, active = _ground(does.joints.pelvis + moved[:, 0], view), does.performance.active
    bodies = [Body(near, Outlines(parts, view, cast.light, tags), shadow, 0.3 * height, acting=active)]
    # Who leaves the place would walk through chair and table.
    aside = 0.5 * height * rng.choice([-1, 1]) if np.ptp(does.way) > 0 else 0.0
    beside = dataclasses.replace(view, feet=(view.feet[0] + aside, near))
    if does.chair:
        seat = Outlines(chair(count, tints[1]), beside, cast.light, {THING_NAME: SCENE})
        bodies.append(Body(near - 0.5, seat, None, 0))
    if does.table:
        top = table(count, cast.handed, tints[2])
        if own != "parcel":
            top += laid_thing(count, cast.handed, tints[3], bool(boxes[1]))
        bodies.append(Body(near + 0.5, Outlines(top, beside, cast.light, {THING_NAME: SCENE}), None, 0))
    return bodies, active


def bystander(cast: Cast, camera: Camera, feet: Array, scale: float, side: float, rng: np.random.Generator) -> Body:
    """Somebody about as tall, who moves every limb and does nothing that is a class, or rolls by on a board."""
    count, look, handed = len(camera.zoom), random_look(rng), int(rng.choice([-1, 1]))
    depth = rng.uniform(0.75, 1.0)
    height = scale * cast.height * depth * rng.uniform(0.92, 1.08)
    ground = cast.scenery.horizon + (feet[1] - cast.scenery.horizon) * depth
    manner = np.random.default_rng(rng.integers(2**63))
    rides = rng.uniform() < 0.15
    yaw = float(rng.uniform(-1.4, 1.4))
    way = np.zeros(count)
    if rides:
        yaw = float(rng.choice([-1, 1]) * rng.uniform(1.3, 1.57))
        # Whichever way they face, or a picture would tell which way time goes.
        way = np.linspace(-0.5, 0.5, count) * rng.uniform(0.5, 1.2) * rng.choice([-1, 1])
    pose = ride(count, manner) if rides else idle(count, manner, may_walk=False)[0]
    x = feet[0] + side * rng.uniform(0.42, 0.9) * height
    view = View(yaw, rng.uniform(0.05, 0.12), (float(x), float(ground)), height, camera.zoom, camera.shift)
    joints = solve(look.body, pose, handed)
    moved = way[:, None, None] * np.array([0.0, 0.0, 1.0])
    parts = [dataclasses.replace(part, spheres=part.spheres + moved) for part in figure_parts(look, joints)]
    if rides:
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
