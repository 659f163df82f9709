"""From a class and a seed to frames, with where the evidence is in every one of them."""

import dataclasses
from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from videxplain.actionfigures.acts import ACTS, Act
from videxplain.actionfigures.bodies import Cast, actor, bystander, furniture, mover
from videxplain.actionfigures.camera import KINDS, Camera, make_camera
from videxplain.actionfigures.drawing import ACTING, BYSTANDER, THING
from videxplain.actionfigures.figure import random_look
from videxplain.actionfigures.scenery import Scenery, make_scenery
from videxplain.actionfigures.skeleton import Array
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
    cast = draw_cast(size, np.random.default_rng(seed if group_seed is None else group_seed))
    # One draw each whatever the settings, so that a setting changes nothing else.
    moves, kind, is_cut, where, front = (
        rng.uniform(),
        str(rng.choice(KINDS)),
        rng.uniform(),
        rng.uniform(),
        rng.uniform(),
    )
    # Of its own: kinds of camera take different numbers of draws.
    chance = np.random.default_rng(rng.integers(2**63))
    camera = make_camera(kind if moves < wanted.camera else "still", num_frames, size, chance)
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
        elsewhere = draw_cast(size, rng)
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


def draw_cast(size: tuple[int, int], rng: np.random.Generator) -> Cast:
    """Who acts and where, in pictures of ``size``, height and width in pixels."""
    scenery = make_scenery(size, rng)
    angle = rng.uniform(0.35, 1.1) * rng.choice([-1, 1])
    return Cast(
        look=random_look(rng),
        scenery=scenery,
        light=(float(np.sin(angle)), float(-np.cos(angle))),
        height=size[0] * rng.uniform(0.62, 0.76),
        handed=int(rng.choice([-1, 1])),
    )


def stand(cast: Cast, size: tuple[int, int], rng: np.random.Generator) -> tuple[float, Array]:
    """How much taller than the cast's height the actor is, and where the feet are, ``(2,)`` in pixels."""
    height, width = size
    scale = rng.uniform(0.8, 1.1)
    # Raised hands stay in the picture.
    lowest = min(max(0.8, 1.13 * scale * cast.height / height), 0.95)
    return scale, np.array([width * rng.uniform(0.22, 0.78), height * rng.uniform(lowest, 0.97)])


def _shoot(
    act: Act | None,
    cast: Cast,
    camera: Camera,
    difficulty: Difficulty,
    rng: np.random.Generator,
    frames: NDArray[np.uint8],
    pixels: NDArray[np.uint8],
) -> NDArray[np.bool_]:
    """Fill ``frames`` and ``pixels`` with one scene; returns in which frames the action goes on."""
    count, height, width = pixels.shape
    scale, feet = stand(cast, (height, width), rng)
    bodies, active = actor(act, cast, camera, feet, scale, difficulty.lead, rng)
    for place in rng.permutation([-1.0, 1.0])[: rng.choice([0, 1, 2], p=[0.4, 0.45, 0.15])]:
        bodies.append(bystander(cast, camera, feet, scale, place, rng))
    for _ in range(rng.choice([0, 1, 2], p=[0.25, 0.5, 0.25])):
        bodies.append(mover(cast, camera, feet, width, rng))
    if rng.uniform() < 0.4:
        bodies.append(furniture(cast, camera, feet, width, rng))
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


def _background(scenery: Scenery, camera: Camera, t: int, picture: NDArray[np.uint8]) -> None:
    zoom = float(camera.zoom[t])
    x, y = (float(value) for value in camera.shift[t])
    matrix = np.array([[zoom, 0, x - zoom * scenery.margin], [0, zoom, y - zoom * scenery.margin]])
    height, width = picture.shape[:2]
    cv2.warpAffine(scenery.picture, matrix, (width, height), dst=picture, borderMode=cv2.BORDER_REPLICATE)


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
