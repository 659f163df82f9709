"""Whether what a layer puts out lies over the clip: each place where the clip shows what it depends on.

An output ``(N, C, T, h, w)`` does not say that its axes are those of the clip. A network may turn, mirror, crop or tile
its input first, or have time as its last axis. So a quarter of the clip at each end of each axis is changed, and it is
measured which places of the output change with it.
"""

from collections.abc import Callable
from itertools import pairwise

import torch
from torch import Tensor

from videxplain.attribution.rows import seen_parts
from videxplain.attribution.rows.probing import SMALLEST_CHANGE, Probe

_AXES = ("time", "height", "width")
_ENDS = (("first", "last"), ("top", "bottom"), ("left", "right"))
_LEAST_FRAMES = 4
"""Of fewer frames or pixels no quarters are taken."""
_CLEAR = 0.4
"""Places clearly belong to different ends of an axis where their shares of the ends differ by this much. In layers that
see all of the clip at every place they differ by less, and nothing can be told."""
_FALL = 0.5
"""Shares may fall along an axis, where they should rise, by so much of their range together."""
_NOTHING = 0.05
"""A place that changes by less than this share of the largest change tells nothing."""
_STRONG = 10.0
_PARTS = 4
_OWN = 0.25
"""A place lies over its own part of an axis if it depends on it by this share of what it depends on any part."""


def passes(frames: int) -> int:
    """What it costs to judge a layer, once for a network and a size of input of T frames."""
    return 1 + 2 * (3 if frames >= _LEAST_FRAMES else 2) + seen_parts.passes(frames)


def misplaced(run: Callable[[Tensor], Tensor], x: Tensor, name: str) -> str:
    """Why the output of a layer does not lie over the clip, in words; empty where it does, or where that is not clear.

    It costs some :func:`passes`, and more before a layer is refused.

    Args:
        run: A pass of ``(N, C, T, H, W)`` that gives the layer's output as ``(N, C, T, h, w)``.
        x: A batch.
        name: The layer, for messages.
    """
    # Weak changes may open no rectifier, and then nothing seems to depend on a part.
    if _misplaced(run, x, name, 1.0) and (why := _misplaced(run, x, name, _STRONG)):
        return why
    return seen_parts.unseen_part(run, x, name)


def _misplaced(run: Callable[[Tensor], Tensor], x: Tensor, name: str, strength: float) -> str:
    probe = Probe(lambda clip: [run(clip)], x, name, strength)
    shares: list[list[Tensor] | None] = []
    seen = torch.zeros((), device=x.device)
    for axis in range(3):
        if x.shape[2 + axis] < _LEAST_FRAMES:
            shares.append(None)
            continue
        ends = [_change(probe, x, axis, end) for end in (0, 1)]
        for end, change in enumerate(ends):
            if not bool((change > SMALLEST_CHANGE).any()) and not _is_between(probe, x, axis, end):
                what = f"{_ENDS[axis][end]} frames" if axis == 0 else f"{_ENDS[axis][end]} of the picture"
                return f"it does not see the {what}, such as behind a crop"
        seen = seen + (ends[0] + ends[1]).mean(0)
        shares.append([_shares(ends[0], ends[1], along) for along in (0, 1, 2, -1)])
    for axis, found in enumerate(shares):
        if found is None:
            continue
        if _has_margin(seen, axis):
            return f"it has a margin along the {_AXES[axis]} in which nothing of the clip is seen, such as padding"
        *_, of_channels = found
        ranges = [float(share.max() - share.min()) if len(share) > 1 else 0.0 for share in found]
        along = max(range(3), key=lambda one: ranges[one])
        if along != axis and ranges[along] >= _CLEAR and ranges[axis] < ranges[along] / 2:
            return f"the clip's {_AXES[axis]} lies along its axis {along + 2} instead of axis {axis + 2}"
        turned = seen.shape[axis] > 1 and ranges[-1] >= _CLEAR and ranges[axis] < ranges[-1] / 2
        if turned and _rises(of_channels):
            return f"the clip's {_AXES[axis]} lies along its axis 1 instead of axis {axis + 2}"
        falls = float((found[axis][:-1] - found[axis][1:]).clamp_min(0).sum())
        if ranges[axis] >= _CLEAR and falls > _FALL * ranges[axis] and not _is_in_place(probe, x, axis):
            return f"its places do not follow the clip along the {_AXES[axis]}, such as behind a flip or a roll"
    return ""


def _change(probe: Probe, x: Tensor, axis: int, end: int, parts: int = _PARTS) -> Tensor:
    """How much each channel and place changes, ``(C, t, h, w)``, with one part of so many at an end of an axis."""
    extent = x.shape[2 + axis]
    strip = -(-extent // parts)
    return (
        _change_between(probe, x, axis, 0, strip)
        if end == 0
        else _change_between(probe, x, axis, extent - strip, extent)
    )


def _change_between(probe: Probe, x: Tensor, axis: int, first: int, last: int) -> Tensor:
    """How much channels and places change, ``(C, t, h, w)``, with what lies between two numbers on an axis."""
    numbers = torch.arange(x.shape[2 + axis], device=x.device)
    shape = [1] * 5
    shape[2 + axis] = len(numbers)
    return probe.places(((numbers >= first) & (numbers < last)).view(shape))


def _is_in_place(probe: Probe, x: Tensor, axis: int) -> bool:
    """Whether each place depends on its own part of an axis, and those at the ends more on their end than on the other.

    So it is behind dilated convolutions, too, where places depend on frames at a distance and not on those between.
    """
    others = [0, *(1 + other for other in range(3) if other != axis)]
    extent = x.shape[2 + axis]
    edges = [extent * part // _PARTS for part in range(_PARTS + 1)]
    parts = torch.stack([_change_between(probe, x, axis, *edge).mean(others) for edge in pairwise(edges)])
    parts = parts / parts.mean(1, keepdim=True).clamp_min(1e-30)
    places = torch.arange(parts.shape[1], device=x.device)
    centres = (places + 0.5) * extent / len(places)
    own = torch.bucketize(centres, torch.tensor(edges[1:-1], device=x.device), right=True)
    over_own = parts[own, places] >= _OWN * parts.amax(0)
    nearer = parts[0] - parts[-1]
    return bool(over_own.all() and nearer[own == 0].mean() > 0 and nearer[own == _PARTS - 1].mean() < 0)


def _is_between(probe: Probe, x: Tensor, axis: int, end: int) -> bool:
    """Whether frames of an end are left out because the network sees only every n-th frame."""
    return axis == 0 and bool((_change(probe, x, 0, end, parts=2) > SMALLEST_CHANGE).any())


def _has_margin(seen: Tensor, axis: int) -> bool:
    """Whether more than an eighth of the places at an end of an axis depend on nothing; ``(t, h, w)``."""
    others = [other for other in range(3) if other != axis]
    blind = (seen.amax(others) <= SMALLEST_CHANGE / 10).tolist()
    if all(blind):
        return False
    return max(blind.index(False), blind[::-1].index(False)) > len(blind) / 8


def _shares(first: Tensor, last: Tensor, along: int) -> Tensor:
    """Along an axis of the output, the share of the last end in what the places depend on; only where it is clear.

    Axis -1 is that of the channels.
    """
    others = [axis + 1 for axis in (-1, 0, 1, 2) if axis != along]
    a, b = first.mean(others), last.mean(others)
    a, b = a / a.mean().clamp_min(1e-30), b / b.mean().clamp_min(1e-30)
    both = a + b
    seen = both > _NOTHING * both.max()
    return (b / both.clamp_min(1e-30))[seen]


def _rises(share: Tensor) -> bool:
    """Whether the channels follow an axis of the clip one by one, which those that look for something do not."""
    return len(share) >= _LEAST_FRAMES and bool((share.diff() >= -_CLEAR / len(share)).all())
