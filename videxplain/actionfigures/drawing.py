"""Solid shapes: convex hulls of spheres, shaded in steps from a dark to a light side.

A limb is the hull of two spheres, a torso of four; a projected hull is the hull of circles, which its support points
in a few directions describe, so that the outlines of a whole clip are computed at once.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from videxplain.actionfigures.skeleton import Array

Colour = tuple[float, float, float]

SUBPIXEL_BITS = 4
_DIRECTIONS = np.stack([np.cos(a := np.arange(22) * 2 * np.pi / 22), np.sin(a)], -1)
_LAYERS = ((1.0, 0.0, 0.62), (0.87, 0.13, 0.84), (0.66, 0.27, 1.0), (0.34, 0.44, 1.13))
"""Of each shade: radius, shift towards the light (both in radii), brightness."""
_FAR = 4.0
"""Distance of the viewer, in body heights."""

SCENE, BYSTANDER, ACTOR, ACTING, THING = range(5)
"""What a pixel shows; `ACTING` and `THING` are the evidence, `BYSTANDER` to `ACTING` are people."""
_QUIET = {ACTING: ACTOR, THING: SCENE}


@dataclass(frozen=True)
class Part:
    """A solid that moves.

    Attributes:
        name: Which limb it belongs to.
        spheres: ``(T, S, 3)`` centres in body coordinates.
        radii: ``(S,)``.
        colour: RGB, 0 to 255, of the side that neither faces the light nor turns away.
        bias: Added to its depth when limbs are ordered; larger is nearer to the viewer.
        layers: How many shades, at most 4.
        joined: Goes on from the part before it without an edge between them.
    """

    name: str
    spheres: Array
    radii: Array
    colour: Colour
    bias: float = 0.0
    layers: int = 4
    joined: bool = False


@dataclass(frozen=True)
class View:
    """How body coordinates become picture coordinates.

    Attributes:
        yaw: Which way the figure faces, radians; 0 is towards the viewer, positive to the right.
        elevation: How far the viewer looks down, radians.
        feet: ``(x, y)`` in pixels of the body's origin.
        height: Pixels of standing height.
        zoom: ``(T,)`` magnification of the camera.
        shift: ``(T, 2)`` pixels added after magnifying.
    """

    yaw: float
    elevation: float
    feet: tuple[float, float]
    height: float
    zoom: Array
    shift: Array

    def project(self, points: Array) -> tuple[Array, Array, Array]:
        """Places ``(T, ..., 2)`` in pixels of points ``(T, ..., 3)``, their depth, and pixels per unit there."""
        cos, sin = np.cos(self.yaw), np.sin(self.yaw)
        x = cos * points[..., 0] + sin * points[..., 2]
        z = cos * points[..., 2] - sin * points[..., 0]
        y = np.cos(self.elevation) * points[..., 1] - np.sin(self.elevation) * z
        depth = np.cos(self.elevation) * z + np.sin(self.elevation) * points[..., 1]
        near = _FAR / (_FAR - np.minimum(depth, 0.6 * _FAR))
        flat = np.stack([self.feet[0] + self.height * near * x, self.feet[1] - self.height * near * y], -1)
        over = [1] * (points.ndim - 2)
        zoom = self.zoom.reshape(-1, *over)
        shift = self.shift.reshape(-1, *over, 2)
        return flat * zoom[..., None] + shift, depth, self.height * near * zoom


class Outlines:
    """The outlines of several parts in every frame, ready to be filled."""

    def __init__(self, parts: Sequence[Part], view: View, light: tuple[float, float], tags: dict[str, int]) -> None:
        """Compute them.

        Args:
            parts: What is drawn; depth orders it anew in each frame.
            view: From where it is seen.
            light: Where the light comes from, in the picture, ``(x, y)``, of length 1.
            tags: What the pixels of each named limb are.
        """
        frames = len(parts[0].spheres)
        self._polygons: list[NDArray[np.int32]] = [np.empty(0, np.int32)] * len(parts)
        depths = np.empty((frames, len(parts)))
        by_shape: dict[tuple[int, int], list[int]] = {}
        for index, part in enumerate(parts):
            by_shape.setdefault((part.spheres.shape[1], part.layers), []).append(index)
        for (_, layers), members in by_shape.items():
            centres = np.stack([parts[i].spheres for i in members], 1)
            radii = np.stack([parts[i].radii for i in members])
            flat, depth, scale = view.project(centres)
            depths[:, members] = depth.mean(-1)
            polygons = _support_polygons(flat, radii * scale, np.asarray(light), layers)
            for place, index in enumerate(members):
                self._polygons[index] = polygons[:, place]
        self._colours = [_shades(part) for part in parts]
        self._tags = [tags[part.name] for part in parts]
        self._limbs = _runs(parts)
        # Head parts turn in front of each other; a limb's parts keep their order, clothes over skin.
        depths += [part.bias for part in parts]
        limb_depth = np.stack([depths[:, [i for run in limb for i in run]].mean(1) for limb in self._limbs], 1)
        self._order = np.argsort(limb_depth, axis=1, kind="stable").tolist()

    def paint(self, frame: int, picture: NDArray[np.uint8], labels: NDArray[np.uint8], acting: bool = True) -> None:
        """Fill them, the farthest limb first.

        Args:
            frame: Which frame.
            picture: ``(H, W, 3)``, drawn into.
            labels: ``(H, W)``, drawn into.
            acting: Whether the action goes on; if not, what would be `ACTING` is `ACTOR` and a `THING` is `SCENE`.
        """
        for limb in self._order[frame]:
            for run in self._limbs[limb]:
                for layer in range(max(len(self._colours[index]) for index in run)):
                    for index in run:
                        if layer < len(self._colours[index]):
                            outline, colour = self._polygons[index][frame, layer], self._colours[index][layer]
                            cv2.fillConvexPoly(picture, outline, colour, cv2.LINE_AA, SUBPIXEL_BITS)
                for index in run:
                    tag = self._tags[index] if acting else _QUIET.get(self._tags[index], self._tags[index])
                    cv2.fillConvexPoly(labels, self._polygons[index][frame, 0], tag, cv2.LINE_8, SUBPIXEL_BITS)


def _runs(parts: Sequence[Part]) -> list[list[list[int]]]:
    """Limbs, each a list of runs of parts that are drawn as one; a part of the head is a limb of its own."""
    limbs: dict[str, list[list[int]]] = {}
    for index, part in enumerate(parts):
        own = limbs.setdefault(f"{part.name} {index}" if part.name == "head" else part.name, [])
        if part.joined and own:
            own[-1].append(index)
        else:
            own.append([index])
    return list(limbs.values())


def _support_polygons(centres: Array, radii: Array, light: Array, layers: int) -> NDArray[np.int32]:
    """Outlines ``(T, P, L, K, 2)`` of hulls of circles, centres ``(T, P, S, 2)`` and radii ``(T, P, S)`` in pixels."""
    size, towards = np.array([layer[:2] for layer in _LAYERS[:layers]]).T[..., None]
    r = radii[:, :, None] * size  # (T, P, L, S)
    c = centres[:, :, None] + (radii[:, :, None] * towards)[..., None] * light  # (T, P, L, S, 2)
    reach = c @ _DIRECTIONS.T + r[..., None]  # (T, P, L, S, K)
    best = reach.argmax(3)[:, :, :, None]  # (T, P, L, 1, K)
    chosen = np.take_along_axis(c, best.swapaxes(3, 4), 3)  # (T, P, L, K, 2)
    radius = np.take_along_axis(r, best[:, :, :, 0], 3)  # (T, P, L, K)
    points = chosen + radius[..., None] * _DIRECTIONS
    # cv2 counts from the centre of the first pixel.
    return np.round((points - 0.5) * (1 << SUBPIXEL_BITS)).astype(np.int32)


def _shades(part: Part) -> list[tuple[int, ...]]:
    shades = [layer[2] for layer in _LAYERS[: part.layers]] if part.layers > 1 else [1.0]
    return [tuple(int(min(max(value * shade, 0), 255)) for value in part.colour) for shade in shades]
