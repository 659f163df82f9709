"""What a person looks like, and the solids their body is made of."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from videxplain.actionfigures.drawing import Colour, Part
from videxplain.actionfigures.skeleton import Array, Body, Joints

LIMBS = ("head", "torso", "acting arm", "other arm", "acting leg", "other leg")

_SKIN: tuple[Colour, ...] = (
    (246, 213, 188), (233, 190, 158), (214, 166, 128), (190, 138, 100), (156, 106, 74), (120, 80, 56), (92, 62, 46),
)  # fmt: skip
_HAIR: tuple[Colour, ...] = (
    (34, 28, 26), (58, 40, 30), (96, 64, 40), (142, 98, 56), (206, 170, 106), (150, 70, 38), (150, 148, 146),
)  # fmt: skip
_CLOTH: tuple[Colour, ...] = (
    (205, 62, 54), (230, 126, 48), (238, 190, 66), (98, 168, 84), (52, 142, 132), (58, 122, 196), (70, 82, 160),
    (132, 84, 168), (210, 100, 150), (232, 228, 220), (150, 152, 158), (62, 66, 76), (128, 92, 66), (120, 30, 52),
)  # fmt: skip
_BOTTOMS: tuple[Colour, ...] = (
    (48, 60, 96), (60, 84, 132), (52, 54, 60), (92, 92, 96), (150, 130, 100), (108, 84, 62), (70, 86, 66), (32, 34, 44),
)  # fmt: skip
_SHOES: tuple[Colour, ...] = ((238, 236, 230), (40, 40, 44), (180, 50, 46), (110, 76, 50), (70, 110, 170))


@dataclass(frozen=True)
class Look:
    """A person: build, skin, hair and clothes.

    Attributes:
        body: Build.
        skin: Colour.
        hair: Colour.
        style: Of the hair: short, long, bun, bald or cap.
        top: Colour.
        second: Colour of stripes, cap and belt.
        pattern: Of the top: plain, stripes or panel.
        sleeves: none, short or long.
        bottom: Colour.
        legs: trousers, shorts or skirt.
        shoes: Colour.
    """

    body: Body
    skin: Colour
    hair: Colour
    style: str
    top: Colour
    second: Colour
    pattern: str
    sleeves: str
    bottom: Colour
    legs: str
    shoes: Colour


def random_look(rng: np.random.Generator) -> Look:
    """Anybody."""

    def one(colours: tuple[Colour, ...]) -> Colour:
        chosen = np.array(colours[rng.integers(len(colours))]) + rng.normal(0, 7, 3)
        red, green, blue = np.clip(chosen, 14, 250)
        return float(red), float(green), float(blue)

    stretch = rng.uniform(0.95, 1.05)
    body = Body(
        girth=rng.uniform(0.86, 1.28),
        shoulders=0.105 * rng.uniform(0.9, 1.1),
        hips=0.055 * rng.uniform(0.92, 1.12),
        thigh=0.245 * stretch,
        shin=0.235 * stretch,
        upper_arm=0.17 * rng.uniform(0.96, 1.04),
        forearm=0.15 * rng.uniform(0.96, 1.04),
        head=0.072 * rng.uniform(0.95, 1.1),
    )
    return Look(
        body=body,
        skin=one(_SKIN),
        hair=one(_HAIR),
        style=str(rng.choice(["short", "long", "bun", "bald", "cap"], p=[0.4, 0.24, 0.12, 0.08, 0.16])),
        top=one(_CLOTH),
        second=one(_CLOTH),
        pattern=str(rng.choice(["plain", "stripes", "panel"], p=[0.5, 0.3, 0.2])),
        sleeves=str(rng.choice(["none", "short", "long"], p=[0.16, 0.42, 0.42])),
        bottom=one(_BOTTOMS),
        legs=str(rng.choice(["trousers", "shorts", "skirt"], p=[0.58, 0.27, 0.15])),
        shoes=one(_SHOES),
    )


def figure_parts(look: Look, joints: Joints) -> list[Part]:
    """The body as solids, named by limb."""
    parts = _head(look, joints) + _torso(look, joints)
    for index, which in enumerate(("acting", "other")):
        parts += _arm(look, joints, index, f"{which} arm")
        parts += _leg(look, joints, index, f"{which} leg")
    return parts


def _hull(
    name: str,
    points: Sequence[Array],
    radii: Sequence[float],
    colour: Colour,
    bias: float = 0,
    layers: int = 4,
    joined: bool = False,
) -> Part:
    return Part(name, np.stack(points, 1), np.array(radii), colour, bias, layers, joined)


def _head(look: Look, joints: Joints) -> list[Part]:
    left, up, ahead = (joints.head_frame[..., axis] for axis in range(3))
    chest_up, chest_ahead = joints.chest_frame[..., 1], joints.chest_frame[..., 2]
    r, centre = look.body.head, joints.head

    def at(x: float, y: float, z: float) -> Array:
        return centre + r * (x * left + y * up + z * ahead)

    parts = [
        _hull("head", [joints.neck + 0.01 * chest_up, at(0, -0.3, 0)], [0.031, 0.027], look.skin, 0.0, 3),
        _hull("head", [at(0, 0.08, 0.02), at(0, -0.48, 0.16)], [0.86 * r, 0.6 * r], look.skin, 0.03),
        _hull("head", [at(0, -0.16, 0.94)], [0.13 * r], look.skin, 0.035, 2),
        *(_hull("head", [at(x, 0.02, 0.76)], [0.095 * r], (44, 36, 38), 0.04, 1) for x in (-0.32, 0.32)),
        *(_hull("head", [at(x, -0.1, 0)], [0.16 * r], look.skin, 0.03, 2) for x in (-0.85, 0.85)),
    ]
    if look.style == "bald":
        return parts
    cover = look.second if look.style == "cap" else look.hair
    # From the front the crown lies behind the face; from the side it must not cover the cheek.
    parts.append(_hull("head", [at(0, 0.26, -0.16), at(0, -0.1, -0.36)], [0.92 * r, 0.7 * r], cover, 0.022))
    parts.append(_hull("head", [at(0, 0.66, 0.2), at(0, 0.56, -0.3)], [0.48 * r, 0.6 * r], cover, 0.052, 3))
    if look.style == "cap":
        brim = [at(-0.4, 0.46, 0.7), at(0.4, 0.46, 0.7), at(0, 0.42, 1.15)]
        parts.append(_hull("head", brim, [0.14 * r, 0.14 * r, 0.11 * r], cover, 0.06, 2))
    elif look.style == "long":
        nape = joints.neck - 0.03 * chest_up - 0.05 * chest_ahead
        parts.append(_hull("head", [at(0, 0.1, -0.4), nape], [0.74 * r, 0.6 * r], look.hair, -0.012))
    elif look.style == "bun":
        parts.append(_hull("head", [at(0, 0.85, -0.7)], [0.42 * r], look.hair, 0.0))
    return parts


def _torso(look: Look, joints: Joints) -> list[Part]:
    body, girth = look.body, look.body.girth
    thick = 0.047 * girth
    side, up, ahead = (joints.chest_frame[..., axis] for axis in range(3))
    waist_half, chest_half = 0.045 + 0.04 * (girth - 0.86), body.shoulders - 0.03
    chest = [joints.neck - 0.05 * up + sign * chest_half * side for sign in (-1, 1)]
    waist = [joints.waist + 0.01 * up + sign * waist_half * joints.torso_frame[..., 0] for sign in (-1, 1)]
    hips = [joints.pelvis - 0.008 * up + sign * (body.hips - 0.004) * joints.hip_frame[..., 0] for sign in (-1, 1)]
    hem = [0.5 * (hip + edge) for hip, edge in zip(hips, waist, strict=True)]
    collar = [joints.neck - 0.014 * up + sign * 0.038 * side for sign in (-1, 1)]
    parts = [
        _hull("torso", [*waist, *hips], [0.98 * thick] * 2 + [0.055 * girth**0.8] * 2, look.bottom),
        _hull("torso", [*waist, *hem], [thick] * 2 + [1.06 * thick] * 2, look.top),
        _hull("torso", [*chest, *waist], [thick] * 4, look.top, joined=True),
        _hull("torso", [*collar, *chest], [0.03] * 2 + [0.9 * thick] * 2, look.top, joined=True),
    ]
    if look.pattern == "stripes":
        for share in (0.15, 0.45, 0.75):
            centre = joints.waist + share * (joints.neck - 0.03 * up - joints.waist)
            half = waist_half + share * (chest_half - waist_half) + 0.62 * thick
            ring = [centre + a * half * side + b * 0.7 * thick * ahead for a in (-1, 1) for b in (-1, 1)]
            parts.append(_hull("torso", ring, [0.012] * 4, look.second, layers=3))
    elif look.pattern == "panel":
        ends = [joints.neck - 0.065 * up + 0.7 * thick * ahead, joints.waist + 0.03 * up + 0.7 * thick * ahead]
        parts.append(_hull("torso", ends, [0.036, 0.032], look.second, layers=3))
    if look.legs == "skirt":
        knees = [joints.hips[:, i] + 0.62 * (joints.knees[:, i] - joints.hips[:, i]) for i in (0, 1)]
        parts.insert(0, _hull("torso", [*hips, *knees], [0.055 * girth] * 2 + [0.068 * girth] * 2, look.bottom))
    return parts


def _arm(look: Look, joints: Joints, index: int, name: str) -> list[Part]:
    g = look.body.girth**0.7
    shoulder, elbow, wrist = joints.shoulders[:, index], joints.elbows[:, index], joints.wrists[:, index]
    cloth = look.top if look.sleeves == "long" else look.skin
    parts = [
        _hull(name, [wrist, joints.fingers[:, index]], [0.022, 0.025], look.skin, 0.03),
        _hull(name, [shoulder, elbow], [0.037 * g, 0.029 * g], cloth, 0.03, joined=cloth is look.skin),
        _hull(name, [elbow, wrist], [0.029 * g, 0.021 * g], cloth, 0.03, joined=True),
    ]
    if look.sleeves == "short":
        cuff = shoulder + 0.55 * (elbow - shoulder)
        parts.append(_hull(name, [shoulder, cuff], [0.041 * g, 0.039 * g], look.top, 0.03))
    return parts


def _leg(look: Look, joints: Joints, index: int, name: str) -> list[Part]:
    g = look.body.girth**0.7
    hip, knee, ankle = joints.hips[:, index], joints.knees[:, index], joints.ankles[:, index]
    bare = look.legs != "trousers"
    cloth = look.skin if bare else look.bottom
    # The hips lie over the thighs, unless the leg comes forward.
    parts = [
        _hull(name, [joints.heels[:, index], joints.toes[:, index]], [0.027, 0.022], look.shoes, -0.07),
        _hull(name, [hip, knee], [0.057 * g, 0.042 * g], cloth, -0.07),
        _hull(name, [knee, ankle], [0.041 * g, (0.024 if bare else 0.03) * g], cloth, -0.07, joined=True),
    ]
    if look.legs == "shorts":
        parts.append(_hull(name, [hip, hip + 0.74 * (knee - hip)], [0.06 * g, 0.054 * g], look.bottom, -0.07))
    return parts
