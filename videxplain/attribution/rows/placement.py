"""Whether what a layer puts out lies over the clip: each place where the clip shows what it depends on.

An output ``(N, C, T, h, w)`` does not say that its axes are those of the clip. A network may turn, mirror, crop or tile
its input first, or have time as its last axis. So a quarter of the clip at each end of each axis is changed, and it is
measured which places of the output change with it.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import pairwise

import torch
from torch import Tensor

from videxplain.attribution.rows import seen_parts
from videxplain.attribution.rows.probing import SMALLEST_CHANGE, Probe, other_clip

_AXES = ("time", "height", "width")
_ENDS = (("first", "last"), ("top", "bottom"), ("left", "right"))
_LEAST_FRAMES = 4
"""Of fewer frames or pixels no quarters are taken."""
_CLEAR = 0.4
"""Places clearly belong to different ends of an axis where their shares of the ends differ by this much. In layers that
see all of the clip at every place they differ by less, and nothing can be told."""
_FALL = 0.5
"""Shares may fall along an axis, where they should rise, by so much of their range together."""
_FOLLOWS = 0.4
"""Places follow an axis if the mean share rises or falls from one half of them to the other by so much of its range. It
is half of the range where it rises evenly, and little where shares go up and down by chance."""
_SCATTERED = 9
"""Of fewer places none are called scattered."""
_SPREAD = 0.2
"""Shares of places that belong to different ends deviate by so much from their mean."""
_EXPLAINED = 0.2
"""Where places lie in order, what an axis says of them is more than this share of the variance."""
_ALIKE = 0.7
"""The same places belong to the same ends in two clips if their shares correlate by so much."""
_NOTHING = 0.05
"""A place that changes by less than this share of the largest change tells nothing."""
_STRONG = 10.0
_MORE_LOOKS = 4
"""Before a layer is refused, so many clips more are changed. In one clip, the few values of a small map that sees all
of the clip depend by chance more on one end of an axis or on the other."""
_EVEN = 0.15
"""Places depend on all of an axis alike if their shares of its ends have at most this range. Behind a Fourier transform
it is up to 0.15, with one channel; behind three to twelve convolutions, or a block of attention with its skip
connection, 0.55 or more along two axes at least."""
_MANY = 64
"""Of fewer places nothing is said of that: each sees most of the clip."""
_SEED = 40
_PARTS = 4
_OWN = 0.25
"""A place lies over its own part of an axis if it depends on it by this share of what it depends on any part."""


def passes(frames: int) -> int:
    """What it costs to judge a layer, once for a network and a size of input of T frames."""
    return 1 + 2 * (3 if frames >= _LEAST_FRAMES else 2) + seen_parts.passes(frames)


@dataclass(frozen=True)
class Placement:
    """How the output of a layer lies over the clip.

    Attributes:
        wrong: Why it does not, in words; empty where it does, or where that is not clear.
        is_even: Whether it has many places, and each depends on all parts of the clip alike.
    """

    wrong: str
    is_even: bool = False


def placement(run: Callable[[Tensor], Tensor], x: Tensor, name: str) -> Placement:
    """How the output of a layer lies over the clip.

    It costs some :func:`passes`, and more before a layer is refused.

    Args:
        run: A pass of ``(N, C, T, H, W)`` that gives the layer's output as ``(N, C, T, h, w)``.
        x: A batch.
        name: The layer, for messages.
    """
    # Weak changes may open no rectifier, and then nothing seems to depend on a part.
    found = _placement([_probe(run, x, name)], x)
    if found.wrong:
        looks = [_probe(run, x, name, _STRONG), *(_probe(run, x, name, _STRONG, seed) for seed in range(_MORE_LOOKS))]
        found = _placement(looks, x)
    return found if found.wrong else Placement(seen_parts.unseen_part(run, x, name), found.is_even)


def _probe(
    run: Callable[[Tensor], Tensor], x: Tensor, name: str, strength: float = 1.0, seed: int | None = None
) -> Probe:
    """A pass of the clip, or of one that is made up, to be compared with passes of it with parts changed."""
    if seed is None:
        return Probe(lambda clip: [run(clip)], x, name, strength)
    clip, other = other_clip(x, strength, _SEED + 2 * seed), other_clip(x, strength, _SEED + 2 * seed + 1)
    return Probe(lambda changed: [run(changed)], clip, name, other=other)


def _placement(probes: Sequence[Probe], x: Tensor) -> Placement:
    """The same by changes of one clip or, on average, of several."""
    found: list[_Ends | None] = []
    seen = torch.zeros((), device=x.device)
    for axis in range(3):
        if x.shape[2 + axis] < _LEAST_FRAMES:
            found.append(None)
            continue
        of_axis = _Ends(_change(probes, x, axis, 0), _change(probes, x, axis, 1))
        for end, change in enumerate(of_axis.together):
            if not bool((change > SMALLEST_CHANGE).any()) and not _is_between(probes, x, axis, end):
                what = f"{_ENDS[axis][end]} frames" if axis == 0 else f"{_ENDS[axis][end]} of the picture"
                return Placement(f"it does not see the {what}, such as behind a crop")
        seen = seen + (of_axis.together[0] + of_axis.together[1]).mean(0)
        found.append(of_axis)
    for axis, ends in enumerate(found):
        if ends is None:
            continue
        if _has_margin(seen, axis):
            return Placement(
                f"it has a margin along the {_AXES[axis]} in which nothing of the clip is seen, such as padding"
            )
        ranges = [_range(ends.shares(along)) for along in (0, 1, 2, -1)]
        along = max(range(3), key=lambda one: ranges[one])
        elsewhere = along != axis and ranges[along] >= _CLEAR and ranges[axis] < ranges[along] / 2
        own = found[along]
        taken = own is not None and not _falls(own.shares(along)) and _range(own.shares(along)) >= ranges[along]
        if elsewhere and not taken and ends.follow(along):
            return Placement(f"the clip's {_AXES[axis]} lies along its axis {along + 2} instead of axis {axis + 2}")
        turned = seen.shape[axis] > 1 and ranges[-1] >= _CLEAR and ranges[axis] < ranges[-1] / 2
        if turned and ends.all_are(_rises, -1):
            return Placement(f"the clip's {_AXES[axis]} lies along its axis 1 instead of axis {axis + 2}")
        if ranges[axis] >= _CLEAR and ends.all_are(_falls, axis) and not _is_in_place(probes, x, axis):
            return Placement(
                f"its places do not follow the clip along the {_AXES[axis]}, such as behind a flip or a roll"
            )
        if ends.are_scattered(axis):
            return Placement(
                f"its places do not follow the clip along the {_AXES[axis]}, such as behind a permutation of all places"
            )
    ranges = [_range(ends.shares(axis)) for axis, ends in enumerate(found) if ends is not None]
    return Placement("", seen.numel() >= _MANY and bool(ranges) and max(ranges) <= _EVEN)


class _Ends:
    """How much channels and places change with each end of an axis of the clip, in several looks."""

    def __init__(self, first: Tensor, last: Tensor) -> None:
        """Take ``(looks, C, t, h, w)`` for the first and the last end."""
        self._looks = list(zip(first, last, strict=True))
        self.together = first.mean(0), last.mean(0)

    def shares(self, along: int) -> Tensor:
        """Along an axis of the output, the share of the last end in what places depend on; -1 is the channels."""
        return _shares(*self.together, along)

    def all_are(self, so: Callable[[Tensor], bool], along: int) -> bool:
        """Whether shares along an axis are so on average and in every look, where chance would have it otherwise."""
        return so(self.shares(along)) and all(so(_shares(first, last, along)) for first, last in self._looks)

    def follow(self, along: int) -> bool:
        """Whether the places along an axis go from one end of the clip's axis to the other, always the same way."""
        shares = self.shares(along)
        whole, sign = _trend(shares), float(_trend(shares) > 0) * 2 - 1
        rightly = abs(whole) >= _FOLLOWS * _range(shares)
        return rightly and all(sign * _trend(_shares(first, last, along)) > 0 for first, last in self._looks)

    def are_scattered(self, axis: int) -> bool:
        """Whether places belong clearly to different ends, always the same ones, and do not lie in that order."""
        shares = _shares_of_places(*self.together)
        if shares.numel() < _SCATTERED or shares.shape[axis] < 2:
            return False
        others = [other for other in range(3) if other != axis]
        whole, along = shares.var(correction=0), shares.mean(others).var(correction=0)
        if whole < _SPREAD**2 or along > _EXPLAINED * whole:
            return False
        every = torch.stack([_shares_of_places(first, last) for first, last in self._looks]).flatten(1)
        return len(every) == 1 or bool((torch.corrcoef(every).nan_to_num()[0] > _ALIKE).all())


def _shares_of_places(first: Tensor, last: Tensor) -> Tensor:
    """For each place ``(t, h, w)`` the share of the last end; half where a place depends on neither."""
    a, b = first.mean(0), last.mean(0)
    a, b = a / a.mean().clamp_min(1e-30), b / b.mean().clamp_min(1e-30)
    both = a + b
    return torch.where(both > _NOTHING * both.max(), b / both.clamp_min(1e-30), 0.5)


def _range(share: Tensor) -> float:
    return float(share.max() - share.min()) if len(share) > 1 else 0.0


def _trend(share: Tensor) -> float:
    """By how much the mean of the second half is above that of the first."""
    half = len(share) // 2
    return float(share[-half:].mean() - share[:half].mean()) if half else 0.0


def _falls(share: Tensor) -> bool:
    return float((share[:-1] - share[1:]).clamp_min(0).sum()) > _FALL * _range(share)


def _change(probes: Sequence[Probe], x: Tensor, axis: int, end: int, parts: int = _PARTS) -> Tensor:
    """How much channels and places change, ``(looks, C, t, h, w)``, with one part of so many at an end of an axis."""
    extent = x.shape[2 + axis]
    strip = -(-extent // parts)
    return (
        _change_between(probes, x, axis, 0, strip)
        if end == 0
        else _change_between(probes, x, axis, extent - strip, extent)
    )


def _change_between(probes: Sequence[Probe], x: Tensor, axis: int, first: int, last: int) -> Tensor:
    """How much channels and places change, ``(looks, C, t, h, w)``, with what lies between two numbers on an axis."""
    numbers = torch.arange(x.shape[2 + axis], device=x.device)
    shape = [1] * 5
    shape[2 + axis] = len(numbers)
    hidden = ((numbers >= first) & (numbers < last)).view(shape)
    return torch.stack([probe.places(hidden) for probe in probes])


def _is_in_place(probes: Sequence[Probe], x: Tensor, axis: int) -> bool:
    """Whether each place depends on its own part of an axis, and those at the ends more on their end than on the other.

    So it is behind dilated convolutions, too, where places depend on frames at a distance and not on those between.
    """
    others = [0, *(1 + other for other in range(3) if other != axis)]
    extent = x.shape[2 + axis]
    edges = [extent * part // _PARTS for part in range(_PARTS + 1)]
    parts = torch.stack([_change_between(probes, x, axis, *edge).mean(0).mean(others) for edge in pairwise(edges)])
    parts = parts / parts.mean(1, keepdim=True).clamp_min(1e-30)
    places = torch.arange(parts.shape[1], device=x.device)
    centres = (places + 0.5) * extent / len(places)
    own = torch.bucketize(centres, torch.tensor(edges[1:-1], device=x.device), right=True)
    over_own = parts[own, places] >= _OWN * parts.amax(0)
    nearer = parts[0] - parts[-1]
    return bool(over_own.all() and nearer[own == 0].mean() > 0 and nearer[own == _PARTS - 1].mean() < 0)


def _is_between(probes: Sequence[Probe], x: Tensor, axis: int, end: int) -> bool:
    """Whether frames of an end are left out because the network sees only every n-th frame."""
    return axis == 0 and bool((_change(probes, x, 0, end, parts=2) > SMALLEST_CHANGE).any())


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
