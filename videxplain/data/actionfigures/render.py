"""From a class and a seed to frames, with where the evidence is in every one of them."""

import dataclasses
from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from videxplain.data.actionfigures import motion
from videxplain.data.actionfigures.acts import ACTS, Act, Performance, perform
from videxplain.data.actionfigures.camera import KINDS, Camera, make_camera
from videxplain.data.actionfigures.drawing import (
    ACTING,
    ACTOR,
    BYSTANDER,
    SCENE,
    THING,
    Outlines,
    Part,
    View,
)
from videxplain.data.actionfigures.figure import LIMBS, Look, figure_parts, random_look
from videxplain.data.actionfigures.scenery import Scenery, make_scenery
from videxplain.data.actionfigures.skeleton import Array, Pose, solve
from videxplain.data.actionfigures.things import (
    MOVERS,
    THING_NAME,
    carried_parcel,
    chair,
    colour,
    thrown_ball,
)
from videxplain.errors import VidexplainError, unknown

Seed = int | Sequence[int]


@dataclass(frozen=True)
class Difficulty:
    """What makes real video hard, as settings.

    Attributes:
        lead: Largest share of a clip that may pass before the action begins.
        camera: Share of clips in which the camera pans, zooms or shakes.
        cuts: Share of clips that begin or end with another scene, in which another person does nothing.
    """

    lead: float = 0.15
    camera: float = 0.33
    cuts: float = 0.0

    def __post_init__(self) -> None:
        for name, value in dataclasses.asdict(self).items():
            most = 0.7 if name == "lead" else 1.0
            if not 0 <= value <= most:
                raise VidexplainError(f"{name} is a share from 0 to {most:g}, not {value:g}")


@dataclass(frozen=True, eq=False)
class FigureClip:
    """A rendered clip.

    Attributes:
        frames: ``(T, H, W, 3)`` uint8 RGB.
        evidence: ``(T, H, W)`` bool: the visible pixels of the limbs that carry the action and of what it is done
            with, in the frames in which it goes on.
        people: ``(T, H, W)`` bool: the visible pixels of everybody.
        active: ``(T,)`` bool: whether the action goes on.
        label: What the actor does.
        camera: ``"still"``, ``"pan"``, ``"zoom"`` or ``"shake"``.
        cut: The first frame of the second scene, or None.
    """

    frames: NDArray[np.uint8]
    evidence: NDArray[np.bool_]
    people: NDArray[np.bool_]
    active: NDArray[np.bool_]
    label: str
    camera: str
    cut: int | None


@dataclass(frozen=True)
class _Cast:
    """What the clips of a group share: who acts, and where."""

    look: Look
    scenery: Scenery
    light: tuple[float, float]
    height: float
    handed: int


@dataclass(frozen=True)
class _Body:
    """Something that is drawn, and where its shadow falls."""

    near: float
    outlines: Outlines
    shadow: Array | None
    width: float
    acting: NDArray[np.bool_] | None = None


def render_clip(
    label: str,
    *,
    seed: Seed,
    group_seed: Seed | None = None,
    num_frames: int = 48,
    size: tuple[int, int] = (120, 160),
    difficulty: Difficulty | None = None,
) -> FigureClip:
    """Render one clip; the same arguments give the same pixels.

    Args:
        label: One of `LABELS`.
        seed: What happens in this clip.
        group_seed: Who acts and where; None for ``seed``.
        num_frames: T.
        size: Height and width in pixels, at least 32 each.
        difficulty: What makes it hard; None for the defaults.
    """
    if label not in ACTS:
        raise unknown("action", label, list(ACTS))
    if num_frames < 1 or min(size) < 32:
        raise VidexplainError(f"a clip has at least 1 frame of 32x32 pixels, not {num_frames} of {size[1]}x{size[0]}")
    wanted = difficulty or Difficulty()
    rng = np.random.default_rng(seed)
    cast = _cast(size, np.random.default_rng(seed if group_seed is None else group_seed))
    # One draw each whatever the settings, so that a setting changes nothing else.
    moves, kind, is_cut, where, front = (
        rng.uniform(),
        str(rng.choice(KINDS)),
        rng.uniform(),
        rng.uniform(),
        rng.uniform(),
    )
    camera = make_camera(kind if moves < wanted.camera else "still", num_frames, size, rng)
    cut = round(num_frames * (0.2 + 0.2 * where)) if is_cut < wanted.cuts and num_frames >= 8 else 0
    acting = slice(cut, num_frames) if front < 0.5 else slice(0, num_frames - cut)
    other = slice(0, cut) if front < 0.5 else slice(num_frames - cut, num_frames)

    frames = np.empty((num_frames, *size, 3), np.uint8)
    pixels = np.zeros((num_frames, *size), np.uint8)
    active = np.zeros(num_frames, bool)
    active[acting] = _shoot(
        ACTS[label], cast, camera.part(acting.start, acting.stop), wanted, rng, frames[acting], pixels[acting]
    )
    if cut:
        elsewhere = _cast(size, rng)
        _shoot(None, elsewhere, camera.part(other.start, other.stop), wanted, rng, frames[other], pixels[other])
    return FigureClip(
        frames=frames,
        evidence=(pixels == ACTING) | (pixels == THING),
        people=(pixels >= BYSTANDER) & (pixels <= ACTING),
        active=active,
        label=label,
        camera=camera.kind,
        cut=max(acting.start, other.start) if cut else None,
    )


def _cast(size: tuple[int, int], rng: np.random.Generator) -> _Cast:
    scenery = make_scenery(size, rng)
    angle = rng.uniform(0.35, 1.1) * rng.choice([-1, 1])
    return _Cast(
        look=random_look(rng),
        scenery=scenery,
        light=(float(np.sin(angle)), float(-np.cos(angle))),
        height=size[0] * rng.uniform(0.58, 0.74),
        handed=int(rng.choice([-1, 1])),
    )


def _shoot(
    act: Act | None,
    cast: _Cast,
    camera: Camera,
    difficulty: Difficulty,
    rng: np.random.Generator,
    frames: NDArray[np.uint8],
    pixels: NDArray[np.uint8],
) -> NDArray[np.bool_]:
    """Fill ``frames`` and ``pixels`` with one scene; returns in which frames the action goes on."""
    count, height, width = pixels.shape
    feet = np.array([width * rng.uniform(0.4, 0.6), rng.uniform(0.9, 0.96) * height])
    bodies, active = _actor(act, cast, camera, feet, difficulty, rng)
    ordered = act is not None and act.once and not act.returns
    for place in rng.permutation([-1.0, 1.0])[: rng.choice([0, 1, 2], p=[0.3, 0.45, 0.25])]:
        bodies.append(_bystander(cast, camera, feet, place, not ordered, rng))
    for _ in range(rng.choice([0, 1, 2], p=[0.25, 0.5, 0.25])):
        bodies.append(_mover(cast, camera, feet, width, rng))
    if rng.uniform() < 0.4:
        bodies.append(_furniture(cast, camera, feet, width, rng))
    bodies.sort(key=lambda body: body.near)

    grain = rng.normal(0, rng.uniform(1, 2.5), (3, height, width, 1)).astype(np.float32)
    flicker = rng.normal(1, 0.012, (count,))
    shade = _shadow_shape()
    for t in range(count):
        picture, labels = frames[t], pixels[t]
        _background(cast.scenery, camera, t, picture)
        for body in bodies:
            if body.shadow is not None:
                _darken(picture, body.shadow[t], body.width * camera.zoom[t], shade)
        for body in bodies:
            body.outlines.paint(t, picture, labels, acting=body.acting is None or bool(body.acting[t]))
        picture[:] = np.clip(picture * flicker[t] + grain[rng.integers(3)], 0, 255).astype(np.uint8)
    return active


def _actor(
    act: Act | None, cast: _Cast, camera: Camera, feet: Array, difficulty: Difficulty, rng: np.random.Generator
) -> tuple[list[_Body], NDArray[np.bool_]]:
    count, body = len(camera.zoom), cast.look.body
    turned = rng.choice([0.0, 0.8, 1.4], p=[0.3, 0.4, 0.3]) * rng.choice([-1, 1]) + rng.normal(0, 0.12)
    yaw = float(np.clip(turned, -1.55, 1.55))
    style = motion.Style(
        reach=rng.uniform(0.85, 1.15),
        variant=int(rng.integers(2)),
        view=yaw * cast.handed,
        sway=(rng.uniform(0, 6.3), rng.uniform(0, 6.3)),
    )
    view = View(yaw, rng.uniform(0.05, 0.16), (float(feet[0]), float(feet[1])), cast.height, camera.zoom, camera.shift)
    if act is None:
        still = motion.idle(count, body, style)
        performance = Performance(still, np.zeros(count, bool), np.zeros(count), np.zeros(count))
    else:
        performance = perform(act, count, body, style, difficulty.lead, rng)
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
    bodies = [
        _Body(near, Outlines(parts, view, cast.light, tags), shadow, 0.3 * cast.height, acting=performance.active)
    ]
    if act is not None and act.thing == "chair":
        seat = Outlines(chair(count, tint), view, cast.light, {THING_NAME: SCENE})
        bodies.append(_Body(near - 0.5, seat, None, 0))
    return bodies, performance.active


def _bystander(
    cast: _Cast, camera: Camera, feet: Array, side: float, may_walk: bool, rng: np.random.Generator
) -> _Body:
    """Somebody smaller, farther back, who stands, sways, rolls by on a board or walks by."""
    count, look, handed = len(camera.zoom), random_look(rng), int(rng.choice([-1, 1]))
    height = cast.height * rng.uniform(0.55, 0.75)
    ground = cast.scenery.horizon + (feet[1] - cast.scenery.horizon) * rng.uniform(0.3, 0.6)
    style = motion.Style(1.0, 0, 0.0, (rng.uniform(0, 6.3), rng.uniform(0, 6.3)))
    does = rng.choice(["stand", "sway", "ride", "walk"], p=[0.35, 0.3, 0.15, 0.2])
    if does == "walk" and not may_walk:
        does = "ride"  # somebody who walks shows which way time goes
    yaw = float(rng.uniform(-1.2, 1.2))
    way = np.zeros(count)
    pose: Pose
    if does in ("ride", "walk"):
        yaw = float(rng.choice([-1, 1]) * rng.uniform(1.3, 1.57))
        way = np.linspace(-0.5, 0.5, count) * rng.uniform(0.5, 1.2)
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
    return _Body(float(ground), Outlines(parts, view, cast.light, tags), shadow, 0.3 * height)


def _mover(cast: _Cast, camera: Camera, feet: Array, width: int, rng: np.random.Generator) -> _Body:
    """Something that moves and is no evidence."""
    make = MOVERS[rng.integers(len(MOVERS))]
    return _prop(make(len(camera.zoom), rng), cast, camera, feet, float(width * rng.uniform(0.1, 0.9)), rng)


def _furniture(cast: _Cast, camera: Camera, feet: Array, width: int, rng: np.random.Generator) -> _Body:
    """A chair or a ball that nobody uses, so that neither tells what is done."""
    count, x = len(camera.zoom), float(feet[0] + rng.choice([-1, 1]) * rng.uniform(0.2, 0.42) * width)
    if rng.uniform() < 0.6:
        return _prop(chair(count, colour(rng)), cast, camera, feet, x, rng, shadow=True)
    place = np.tile([0.0, 0.05, 0.0], (count, 1, 1))
    return _prop([Part(THING_NAME, place, np.array([0.05]), colour(rng))], cast, camera, feet, x, rng, shadow=True)


def _prop(
    parts: list[Part],
    cast: _Cast,
    camera: Camera,
    feet: Array,
    x: float,
    rng: np.random.Generator,
    shadow: bool = False,
) -> _Body:
    depth = rng.uniform(0.25, 1.05)
    y = cast.scenery.horizon + (feet[1] - cast.scenery.horizon) * depth
    height = cast.height * (0.55 + 0.45 * depth)
    view = View(float(rng.uniform(-0.5, 0.5)), 0.1, (x, float(y)), height, camera.zoom, camera.shift)
    under = _ground(np.zeros((len(camera.zoom), 3)), view) if shadow else None
    return _Body(float(y), Outlines(parts, view, cast.light, {THING_NAME: SCENE}), under, 0.28 * height)


def _background(scenery: Scenery, camera: Camera, t: int, picture: NDArray[np.uint8]) -> None:
    zoom = float(camera.zoom[t])
    x, y = (float(value) for value in camera.shift[t])
    matrix = np.array([[zoom, 0, x - zoom * scenery.margin], [0, zoom, y - zoom * scenery.margin]])
    height, width = picture.shape[:2]
    cv2.warpAffine(scenery.picture, matrix, (width, height), dst=picture, borderMode=cv2.BORDER_REPLICATE)


def _ground(places: Array, view: View) -> Array:
    """Where ``(T, 3)`` points come to lie on the ground, ``(T, 2)`` in pixels."""
    return view.project(places * [1, 0, 1])[0]


def _shadow_shape() -> NDArray[np.float32]:
    """A soft ellipse, 1 in the middle."""
    y, x = np.mgrid[-1:1:17j, -1:1:49j]
    return np.exp(-2.5 * (x**2 + y**2)).astype(np.float32)


def _darken(picture: NDArray[np.uint8], centre: Array, width: float, shape: NDArray[np.float32]) -> None:
    """Lay a soft shadow on the ground, in place."""
    half = max(int(width), 3)
    tall = max(half // 3, 1)
    x, y = (int(v) for v in np.rint(centre))
    top, left = max(y - tall, 0), max(x - half, 0)
    region = picture[top : y + tall + 1, left : x + half + 1]
    if region.size == 0 or y + tall < 0 or x + half < 0:
        return
    soft = cv2.resize(shape, (2 * half + 1, 2 * tall + 1), interpolation=cv2.INTER_LINEAR)
    first = (top - (y - tall), left - (x - half))
    part = soft[first[0] : first[0] + region.shape[0], first[1] : first[1] + region.shape[1], None]
    region[:] = (region * (1 - 0.5 * part)).astype(np.uint8)
