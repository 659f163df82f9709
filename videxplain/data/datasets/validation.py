"""A part of the training videos to judge by while training."""

from collections import Counter
from collections.abc import Sequence

import numpy as np

from videxplain.data.datasets.types import Video
from videxplain.errors import unknown

WAYS = ("group", "random")
_FOLDS = 5


def split_validation(
    videos: Sequence[Video], *, by: str = "group", seed: int = 0
) -> tuple[tuple[Video, ...], tuple[Video, ...]]:
    """Training and validation videos, 4 : 1 in every class as nearly as can be, each in the order given.

    Args:
        videos: What is divided.
        by: ``"group"`` keeps every group on one side. ``"random"`` draws single videos, as the report seems to have
            done: clips of one recording then lie on both sides, and validation promises more than testing keeps (95 %
            and 74 % there).
        seed: Another seed draws another fifth.
    """
    if by not in WAYS:
        raise unknown("way to split off validation videos", by, WAYS)
    members: dict[str, list[int]] = {}
    for index, video in enumerate(videos):
        members.setdefault(video.group if by == "group" else f"{index:09d}", []).append(index)
    names = sorted(members)
    order = [names[i] for i in np.random.default_rng(seed).permutation(len(names))]
    held = set(_choose([Counter(videos[i].label for i in members[name]) for name in order]))
    validation = {i for position in held for i in members[order[position]]}
    return (
        tuple(video for i, video in enumerate(videos) if i not in validation),
        tuple(video for i, video in enumerate(videos) if i in validation),
    )


def _choose(groups: Sequence[Counter[int]]) -> list[int]:
    """Positions of groups, given by their videos of each class, that hold nearly a fifth of every class together.

    Groups are taken, or put back, as long as that brings the classes nearer to their fifths, by the sum of squares;
    no class is taken whole. A class that is left with none gets its smallest group.
    """
    total: Counter[int] = sum(groups, Counter())
    taken: Counter[int] = Counter()
    chosen: set[int] = set()

    def leaves_some(group: Counter[int]) -> bool:
        return all(taken[label] + count < total[label] for label, count in group.items())

    def toggle(position: int) -> None:
        taken.update({c: _sign(position, chosen) * n for c, n in groups[position].items()})
        chosen.symmetric_difference_update({position})

    changed = True
    while changed:
        changed = False
        for position, group in enumerate(groups):
            sign = _sign(position, chosen)
            # Five times (taken + count - total/5)^2 - (taken - total/5)^2; count is negative for what is put back.
            change = sum(
                sign * n * (2 * _FOLDS * taken[label] + _FOLDS * sign * n - 2 * total[label])
                for label, n in group.items()
            )
            if change < 0 and (sign < 0 or leaves_some(group)):
                toggle(position)
                changed = True
    for label in sorted(total):
        fitting = [i for i, group in enumerate(groups) if group[label] and leaves_some(group)]
        if not taken[label] and fitting:
            toggle(min(fitting, key=lambda i: groups[i].total()))
    return sorted(chosen)


def _sign(position: int, chosen: set[int]) -> int:
    return -1 if position in chosen else 1
