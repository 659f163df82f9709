"""Backgrounds: rooms, streets, parks, courts, studios and textures, larger than the picture so that it can move."""

from collections.abc import Callable
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from videxplain.actionfigures.camera import ROOM

Picture = NDArray[np.uint8]
RGB = tuple[float, float, float]
_FINER = 2
"""Drawn this many times larger and averaged down."""


@dataclass(frozen=True)
class Scenery:
    """A place.

    Attributes:
        name: Which kind.
        picture: ``(H + 2 margin, W + 2 margin, 3)`` uint8 RGB.
        margin: Pixels that it is larger on each side.
        horizon: Where the ground begins, in pixels of the picture that is seen.
    """

    name: str
    picture: Picture
    margin: int
    horizon: float


class _Canvas:
    """A picture in units of its height below and beside ``(0, 0)``, the middle of the horizon."""

    def __init__(self, width: int, height: int, horizon: float, unit: float) -> None:
        self.pixels = np.zeros((height, width, 3), np.uint8)
        self.middle, self.horizon, self.unit = width / 2, horizon, unit
        self.left, self.right = -width / 2 / unit, width / 2 / unit
        self.top, self.bottom = -horizon / unit, (height - horizon) / unit

    def polygon(self, points: list[tuple[float, float]], colour: RGB) -> None:
        places = np.array([(self.middle + x * self.unit, self.horizon + y * self.unit) for x, y in points])
        cv2.fillPoly(self.pixels, [np.rint(places * 16).astype(np.int32)], _ints(colour), cv2.LINE_AA, 4)

    def box(self, left: float, top: float, right: float, bottom: float, colour: RGB) -> None:
        self.polygon([(left, top), (right, top), (right, bottom), (left, bottom)], colour)

    def ellipse(self, x: float, y: float, a: float, b: float, colour: RGB) -> None:
        turn = np.linspace(0, 2 * np.pi, 28, endpoint=False)
        self.polygon([(x + a * np.cos(t), y + b * np.sin(t)) for t in turn], colour)

    def gradient(self, top: float, bottom: float, first: RGB, last: RGB) -> None:
        rows = [round(self.horizon + y * self.unit) for y in (top, bottom)]
        start, stop = max(rows[0], 0), min(rows[1], len(self.pixels))
        share = np.linspace(0, 1, max(stop - start, 1))[:, None]
        self.pixels[start:stop] = (np.array(first) + share * (np.array(last) - first))[: stop - start, None]

    def grain(self, top: float, bottom: float, strength: float, coarse: int, rng: np.random.Generator) -> None:
        """Uneven brightness between two heights."""
        start, stop = (min(max(round(self.horizon + y * self.unit), 0), len(self.pixels)) for y in (top, bottom))
        if stop <= start:
            return
        width = self.pixels.shape[1]
        small = rng.normal(0, strength, ((stop - start) // coarse + 2, width // coarse + 2)).astype(np.float32)
        spots = cv2.resize(small, (width, stop - start), interpolation=cv2.INTER_CUBIC)
        self.pixels[start:stop] = np.clip(self.pixels[start:stop] + spots[..., None], 0, 255)


def make_scenery(size: tuple[int, int], rng: np.random.Generator) -> Scenery:
    """Anywhere; ``size`` is height and width of the picture in pixels."""
    height, width = size
    margin = round(ROOM * width)
    horizon = height * rng.uniform(0.56, 0.7)
    name = str(rng.choice(list(PLACES)))
    canvas = _Canvas(
        _FINER * (width + 2 * margin), _FINER * (height + 2 * margin), _FINER * (horizon + margin), _FINER * height
    )
    PLACES[name](canvas, rng)
    # Somewhat pale and soft, as what lies behind the figures is in pictures.
    soft = cv2.GaussianBlur(canvas.pixels, (0, 0), 0.006 * _FINER * height)
    pale = cv2.addWeighted(soft, 0.86, np.full_like(soft, 150), 0.14, rng.uniform(-22, 10))
    small = cv2.resize(pale, (width + 2 * margin, height + 2 * margin), interpolation=cv2.INTER_AREA)
    return Scenery(name, np.asarray(small, np.uint8), margin, horizon)


def _room(canvas: _Canvas, rng: np.random.Generator) -> None:
    wall = _tint(rng, 196, 18)
    canvas.gradient(canvas.top, 0, _lit(wall, 0.88), wall)
    boards = _lit((172.0, 128.0, 88.0), rng.uniform(0.6, 1.1))
    canvas.gradient(0, canvas.bottom, _lit(boards, 0.8), _lit(boards, 1.1))
    for k in range(-14, 15):
        far, near = 0.22 * k, 0.22 * k * (1 + 2.2 * canvas.bottom)
        canvas.polygon(
            [(far, 0), (far + 0.006, 0), (near + 0.02, canvas.bottom), (near, canvas.bottom)], _lit(boards, 0.7)
        )
    canvas.box(canvas.left, -0.035, canvas.right, 0.0, _lit(wall, 1.16))
    side = rng.choice([-1, 1])
    x = side * rng.uniform(0.25, 0.45)
    canvas.box(x - 0.2, -0.62, x + 0.2, -0.2, (236, 234, 228))
    for pane in (-0.18, 0.01):
        canvas.box(x + pane, -0.6, x + pane + 0.17, -0.22, (160, 200, 232))
        canvas.box(x + pane, -0.32, x + pane + 0.17, -0.22, (142, 176, 132))
    curtain = _tint(rng, 150, 50)
    for edge in (-0.26, 0.18):
        for fold in range(4):
            canvas.box(
                x + edge + 0.02 * fold,
                -0.66,
                x + edge + 0.02 * fold + 0.02,
                -0.12,
                _lit(curtain, 0.85 + 0.1 * (fold % 2)),
            )
    _shelf(canvas, -side * rng.uniform(0.35, 0.6), rng)
    picture = -side * rng.uniform(0.0, 0.12)
    canvas.box(picture - 0.1, -0.5, picture + 0.06, -0.3, (70, 58, 48))
    canvas.box(picture - 0.085, -0.485, picture + 0.045, -0.315, _tint(rng, 170, 50))
    rug = _tint(rng, 130, 45)
    canvas.ellipse(0, 0.2, 0.55, 0.1, rug)
    canvas.ellipse(0, 0.2, 0.46, 0.08, _lit(rug, 1.15))


def _shelf(canvas: _Canvas, x: float, rng: np.random.Generator) -> None:
    wood = _lit((120.0, 88.0, 60.0), rng.uniform(0.7, 1.2))
    canvas.box(x - 0.16, -0.56, x + 0.16, 0.01, wood)
    for row in range(4):
        top = -0.54 + 0.135 * row
        canvas.box(x - 0.145, top, x + 0.145, top + 0.115, _lit(wood, 0.55))
        at = x - 0.14
        while at < x + 0.11:
            thick = rng.uniform(0.012, 0.03)
            canvas.box(at, top + rng.uniform(0.01, 0.05), at + thick, top + 0.115, _tint(rng, 140, 60))
            at += thick + (0.06 if rng.uniform() < 0.15 else 0.002)


def _street(canvas: _Canvas, rng: np.random.Generator) -> None:
    canvas.gradient(canvas.top, 0, (118, 168, 220), (216, 226, 232))
    x = canvas.left
    while x < canvas.right:
        wide, tall = rng.uniform(0.2, 0.42), rng.uniform(0.3, 0.75)
        front = _tint(rng, 158, 34)
        canvas.box(x, -tall, x + wide, 0, front)
        canvas.box(x, -tall, x + wide, -tall + 0.02, _lit(front, 0.75))
        across = max(int(wide / 0.085), 2)
        step = wide / across
        for row in range(int(tall / 0.11)):
            for column in range(across):
                left, top = x + (column + 0.25) * step, -tall + 0.05 + 0.11 * row
                if top + 0.06 < -0.02:
                    glass = (70, 86, 104) if rng.uniform() < 0.7 else (222, 208, 150)
                    canvas.box(left, top, left + 0.5 * step, top + 0.06, glass)
        x += wide
    canvas.gradient(0, 0.07, (168, 166, 162), (180, 178, 174))
    canvas.box(canvas.left, 0.07, canvas.right, 0.085, (124, 122, 120))
    canvas.gradient(0.085, canvas.bottom, (92, 94, 98), (112, 113, 116))
    for k in range(-6, 7):
        canvas.polygon(
            [(0.34 * k, 0.2), (0.34 * k + 0.17, 0.2), (0.34 * k + 0.18, 0.215), (0.34 * k - 0.01, 0.215)],
            (206, 204, 196),
        )
    canvas.grain(0.0, canvas.bottom, 4, 2, rng)


def _park(canvas: _Canvas, rng: np.random.Generator) -> None:
    canvas.gradient(canvas.top, 0, (112, 168, 226), (222, 234, 240))
    for _ in range(rng.integers(2, 5)):
        x, y = rng.uniform(canvas.left, canvas.right), rng.uniform(-0.6, -0.35)
        for _ in range(5):
            canvas.ellipse(x + rng.normal(0, 0.07), y + rng.normal(0, 0.015), 0.07, 0.03, (240, 244, 247))
    for far, colour in ((0.22, (140, 172, 158)), (0.12, (112, 152, 116))):
        bumps = [(x, -far * (0.6 + 0.4 * np.sin(3 * x + rng.uniform(0, 1) + 9 * far))) for x in np.linspace(-2, 2, 30)]
        canvas.polygon([(-2, 0.02), *bumps, (2, 0.02)], colour)
    canvas.gradient(0, canvas.bottom, (120, 158, 88), (92, 136, 66))
    canvas.grain(0, canvas.bottom, 9, 3, rng)
    path = rng.uniform(-0.6, 0.6)
    canvas.polygon(
        [(path, 0), (path + 0.05, 0), (path + 0.5, canvas.bottom), (path - 0.1, canvas.bottom)], (196, 182, 150)
    )
    for x in np.sort(rng.uniform(canvas.left, canvas.right, rng.integers(4, 8))):
        tall = rng.uniform(0.25, 0.5)
        canvas.box(x - 0.015, -0.4 * tall, x + 0.015, 0.02, (96, 72, 52))
        green = _lit((74.0, 122.0, 60.0), rng.uniform(0.75, 1.15))
        for _ in range(9):
            shade = rng.uniform(0.85, 1.2)
            canvas.ellipse(x + rng.normal(0, 0.06), -0.62 * tall + rng.normal(0, 0.06), 0.07, 0.06, _lit(green, shade))


def _court(canvas: _Canvas, rng: np.random.Generator) -> None:
    wall = _tint(rng, 176, 22)
    canvas.gradient(canvas.top, 0, wall, _lit(wall, 0.92))
    rows = np.arange(canvas.top, 0, 0.05)
    for row, y in enumerate(rows):
        canvas.box(canvas.left, y, canvas.right, y + 0.004, _lit(wall, 0.87))
        for x in np.arange(canvas.left + 0.06 * (row % 2), canvas.right, 0.12):
            canvas.box(x, y, x + 0.004, y + 0.05, _lit(wall, 0.87))
    stripe = _tint(rng, 120, 70)
    canvas.box(canvas.left, -0.36, canvas.right, -0.3, stripe)
    floor = _lit((204.0, 150.0, 92.0), rng.uniform(0.75, 1.05))
    canvas.gradient(0, canvas.bottom, _lit(floor, 0.82), _lit(floor, 1.08))
    for y in (0.05, 0.3):
        canvas.box(canvas.left, y, canvas.right, y + 0.012, (236, 234, 228))
    canvas.ellipse(0, 0.18, 0.5, 0.1, (236, 234, 228))
    canvas.ellipse(0, 0.18, 0.485, 0.09, floor)
    x = rng.choice([-1, 1]) * rng.uniform(0.3, 0.55)
    canvas.box(x - 0.15, -0.66, x + 0.15, -0.45, (238, 238, 238))
    canvas.box(x - 0.06, -0.57, x + 0.06, -0.48, (206, 70, 50))
    canvas.box(x - 0.05, -0.56, x + 0.05, -0.49, (238, 238, 238))


def _studio(canvas: _Canvas, rng: np.random.Generator) -> None:
    paper = _tint(rng, 168, 45)
    canvas.gradient(canvas.top, -0.1, _lit(paper, 0.75), paper)
    canvas.gradient(-0.1, 0.06, paper, _lit(paper, 1.1))
    canvas.gradient(0.06, canvas.bottom, _lit(paper, 1.1), _lit(paper, 0.82))
    canvas.grain(canvas.top, canvas.bottom, 3, 12, rng)


def _texture(canvas: _Canvas, rng: np.random.Generator) -> None:
    first, last = _tint(rng, 150, 55), _tint(rng, 150, 55)
    canvas.gradient(canvas.top, canvas.bottom, first, last)
    for coarse, strength in ((36, 26), (12, 16), (4, 8)):
        canvas.grain(canvas.top, canvas.bottom, strength, coarse, rng)


PLACES: dict[str, Callable[[_Canvas, np.random.Generator], None]] = {
    "room": _room,
    "street": _street,
    "park": _park,
    "court": _court,
    "studio": _studio,
    "texture": _texture,
}


def _tint(rng: np.random.Generator, level: float, spread: float) -> RGB:
    red, green, blue = np.clip(level + rng.normal(0, spread, 3), 30, 245)
    return float(red), float(green), float(blue)


def _lit(colour: RGB, brightness: float) -> RGB:
    red, green, blue = (min(max(value * brightness, 0.0), 255.0) for value in colour)
    return red, green, blue


def _ints(colour: RGB) -> tuple[int, int, int]:
    red, green, blue = (int(value) for value in colour)
    return red, green, blue
