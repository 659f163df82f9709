"""Which parts of the clip a layer sees, and in which order, measured by changes so small that no hard choice changes.

A network may choose frames, or cut out a part of the picture, by what the clip shows. A large change then changes the
choice, and everything seems to depend on everything. So a made-up clip is changed a little: what was not chosen has no
influence.
"""

from collections.abc import Callable
from dataclasses import dataclass
from itertools import pairwise

import torch
from torch import Tensor

from videxplain.attribution.rows.moments import Pairs, turned_round
from videxplain.attribution.rows.order_in_time import frames_in_words, is_spread_evenly
from videxplain.attribution.rows.probing import Probe, other_clip

STRIPS = 8
"""An axis is cut into so many parts. As much of the picture may be left out at a border, such as a remainder of
patches."""
_LEAST = 4
"""Axes of fewer frames or pixels, and of fewer places, tell nothing."""
_NUDGE = 0.02
"""The change, as a share of the spread of the made-up clip."""
_OWN = 0.1
"""Places at a border depend on their border by this share of what they depend on all. Where all places see everything
alike, it is about a third."""
_STRONG = 3.0
_MORE_LOOKS = 3
"""Before moments are called turned round, so many made-up clips more are changed: attention that looks at other moments
than its own looks at others in another clip."""
_ENDS = {3: ("top", "bottom"), 4: ("left", "right")}
_SEED = 21


def passes(frames: int) -> int:
    """What it costs where nothing is amiss."""
    return 2 + (min(frames, STRIPS) if frames >= _LEAST else 0) + 4


@dataclass(frozen=True)
class _Look:
    """What changes of one made-up clip show.

    Attributes:
        unseen: What the layer leaves out, in words.
        turned: Moments that stand in another order than the clip's.
    """

    unseen: str = ""
    turned: Pairs = frozenset()


def unseen_part(run: Callable[[Tensor], Tensor], x: Tensor, name: str) -> str:
    """What a layer leaves out of the clip, or that it shows moments in another order, in words.

    It is empty where the layer sees all of the clip in its order, or where nothing can be told.

    Args:
        run: A pass of ``(N, C, T, H, W)`` that gives the layer's output as ``(N, C, t, h, w)``.
        x: A batch, whose shape and scale alone count.
        name: The layer, for messages.
    """
    found = _look(run, x, name, 1.0)
    # A clip of weak contrast may open no rectifier in some part.
    if found.unseen and (unseen := _look(run, x, name, _STRONG).unseen):
        return unseen
    turned = found.turned
    for look in range(_MORE_LOOKS):
        turned = turned and turned & _look(run, x, name, 1.0, _SEED + 1 + look).turned
    return "its places do not follow the clip along the time, such as behind frames in another order" if turned else ""


def _look(run: Callable[[Tensor], Tensor], x: Tensor, name: str, strength: float, seed: int | None = None) -> _Look:
    clip = other_clip(x, strength) if seed is None else other_clip(x, strength, seed)
    noise = torch.randn(clip.shape, generator=torch.Generator().manual_seed(_SEED)).to(clip)
    nudged = clip + _NUDGE * clip.float().std(correction=0).to(clip.dtype) * noise
    probe = Probe(lambda changed: [run(changed)], clip, name, other=nudged)
    whole = probe.places(torch.ones((1,) * 5, dtype=torch.bool, device=x.device))
    if not bool(whole.any()):  # rounded, so that small changes do nothing
        return _Look()
    in_time = _look_in_time(probe, x.shape[2], whole.shape[1])
    return in_time if in_time.unseen else _Look(_left_out_at_a_border(probe, x, whole), in_time.turned)


def _look_in_time(probe: Probe, frames: int, steps: int) -> _Look:
    if frames < _LEAST:
        return _Look()
    edges = [frames * strip // STRIPS for strip in range(STRIPS + 1)]
    strips = [(first, last) for first, last in pairwise(edges) if first < last]
    changes = torch.stack([_change(probe, 2, frames, *strip).mean((0, 2, 3)) for strip in strips])
    unseen = "" if bool(changes.any(1).all()) else _left_out_in_time(probe, frames, steps)
    return _Look(unseen, turned_round(changes, strips, frames))


def _left_out_in_time(probe: Probe, frames: int, steps: int) -> str:
    seen = [t for t in range(frames) if _depends(probe, 2, frames, t, t + 1)]
    if not seen or is_spread_evenly(seen, frames, steps):
        return ""
    return f"it sees frames {frames_in_words(seen)} of {frames}, which are not spread evenly over the clip"


def _left_out_at_a_border(probe: Probe, x: Tensor, whole: Tensor) -> str:
    for axis, ends in _ENDS.items():
        extent, places = x.shape[axis], whole.shape[axis - 1]
        if extent < _LEAST:
            continue
        strip = -(-extent // STRIPS)
        for end, first in zip(ends, (0, extent - strip), strict=True):
            change = _change(probe, axis, extent, first, first + strip)
            if places >= _LEAST:
                count = -(-places // STRIPS)
                at_end = slice(0, count) if first == 0 else slice(places - count, places)
                own, all_of_it = (values.movedim(axis - 1, 0)[at_end].mean() for values in (change, whole))
                left_out = bool(own < _OWN * all_of_it)
            else:
                left_out = not bool(change.any())
            if left_out:
                return f"it does not see the {end} of the picture, such as behind a crop"
    return ""


def _depends(probe: Probe, axis: int, extent: int, first: int, last: int) -> bool:
    return bool(_change(probe, axis, extent, first, last).any())


def _change(probe: Probe, axis: int, extent: int, first: int, last: int) -> Tensor:
    """How much channels and places change, ``(C, t, h, w)``, with what lies between two numbers on an axis."""
    numbers = torch.arange(extent, device=probe.device)
    shape = [1] * 5
    shape[axis] = extent
    return probe.places(((numbers >= first) & (numbers < last)).view(shape))
