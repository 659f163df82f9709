"""What the camera does: pan, zoom, shake; all of it moves the masks too."""

from dataclasses import dataclass

import numpy as np

from videxplain.actionfigures.skeleton import Array

KINDS = ("pan", "zoom", "shake")
ROOM = 0.3
"""How much larger than the picture a background is on every side, in shares of the picture's width."""


@dataclass(frozen=True)
class Camera:
    """By frame: a point p of the scene is seen at ``zoom * p + shift``, in pixels.

    Attributes:
        kind: ``"still"``, ``"pan"``, ``"zoom"`` or ``"shake"``.
        zoom: ``(T,)``.
        shift: ``(T, 2)``.
    """

    kind: str
    zoom: Array
    shift: Array

    def part(self, first: int, stop: int) -> "Camera":
        """The frames from ``first`` to ``stop``."""
        return Camera(self.kind, self.zoom[first:stop], self.shift[first:stop])


def make_camera(kind: str, frames: int, size: tuple[int, int], rng: np.random.Generator) -> Camera:
    """A camera of a kind; what it does is as likely as the same backwards."""
    height, width = size
    zoom, shift = np.ones(frames), np.zeros((frames, 2))
    course = np.linspace(-0.5, 0.5, frames) if frames > 1 else np.zeros(1)
    if kind == "pan":
        angle = rng.choice([0, np.pi]) + rng.normal(0, 0.12)
        shift = course[:, None] * (rng.uniform(0.1, 0.22) * width * np.array([np.cos(angle), np.sin(angle)]))
    elif kind == "zoom":
        zoom = 1.03 + course * rng.choice([-1, 1]) * rng.uniform(0.12, 0.22)
        centre = np.array([width / 2, 0.6 * height])
        shift = (1 - zoom)[:, None] * centre
    elif kind == "shake":
        steps = rng.normal(0, 1, (frames + 8, 2))
        smooth = np.stack([np.convolve(steps[:, axis], np.hanning(9)[1:-1] / 4, "valid") for axis in (0, 1)], 1)
        shift = 0.012 * width * smooth[:frames]
    return Camera(kind, zoom, shift)
