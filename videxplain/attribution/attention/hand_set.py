"""Attention that is set by hand: every token attends to itself alone, but for a few that attend to one other.

A change at a place has to move from token to token as this attention says, and nowhere else.
"""

import random
from collections.abc import Sequence
from dataclasses import dataclass, field

import torch
from torch import Tensor

from videxplain.attribution.attention.token_flow import LayerAttention
from videxplain.models.config import TokenLayout

Place = tuple[int, int]
"""Step in time, and number of the place in it."""

_NONE = 1e-2
"""A token that does not change at all differs by less than this share of the smallest change."""


@dataclass
class Round:
    """One setting of the attention of all layers.

    Attributes:
        attend: For each layer the key that each query attends to, ``(B, queries)``.
        starts: The places whose part of the clip is changed, ``(N, t, h w)``, bool.
        hops: For each layer, and each sample, the place that attends to a changed one, and the place that attends to
            that place in the next layer; behind the last there is none, and it is the first again.
        stays: For each layer, and each sample, a changed place that attends to one that does not change.
    """

    attend: list[Tensor]
    starts: Tensor
    hops: list[list[tuple[Place, Place]]] = field(default_factory=list)
    stays: list[list[Place]] = field(default_factory=list)

    def is_followed(self, change: Tensor, expected: Tensor, least: float) -> bool:
        """Whether changes ``(N, t, h w)`` in the end came along all hops, and stayed where a skip connection leads.

        Where changes are too small for that, as in a network whose attention hardly counts yet, nothing is told. Nor is
        it where no change is expected, because a rectifier before the attention hides that part of the clip.

        Args:
            change: As a share of the largest value.
            expected: Above zero where a token should change, ``(N, t, h w)``.
            least: A smaller change is rounding.
        """
        hops = [hop for hop in self.hops if any(expected[n, *at[0]] > 0 for n, at in enumerate(hop))]
        once, twice = ([max(float(change[n, *at[k]]) for n, at in enumerate(hop)) for hop in hops] for k in (0, 1))
        for stay in self.stays:
            if any(expected[n, *place] > 0 for n, place in enumerate(stay)) and not any(
                float(change[n, *place]) > least for n, place in enumerate(stay)
            ):
                return False
        largest = max(once, default=0.0)
        if largest <= least:
            return True
        near = least * _NONE
        return all(value > near for value in once) and all(
            second > near for first, second in zip(once, twice, strict=True) if first * largest > 10 * near
        )


def plan_rounds(seen: Sequence[LayerAttention], samples: int) -> list[Round]:
    """Rounds in which each two neighbouring layers, and the skip connection of each layer, have their turn.

    Args:
        seen: The attention of all layers, in the order of the pass.
        samples: N.
    """
    layers = [one for one in seen if not one.pools]
    tasks = [*(("stay", i) for i in range(len(layers))), *(("hop", i) for i in range(len(layers)))]
    rounds: list[Round] = []
    drawn = random.Random(0)
    while tasks or not rounds:
        one = _RoundOfTasks(seen, samples, drawn)
        left = [task for task in tasks if not one.add(*task)]
        if len(left) == len(tasks):
            left = left[1:]  # a grid too small for it
        one.collect()
        rounds.append(one.round)
        tasks = left
    return rounds


class _RoundOfTasks:
    def __init__(self, seen: Sequence[LayerAttention], samples: int, drawn: random.Random) -> None:
        grid = seen[0].form.grid
        assert grid is not None
        self._seen, self._samples, self._drawn = seen, samples, drawn
        self._steps, self._places = grid[0], grid[1] * grid[2]
        self._used: list[set[Place]] = [set() for _ in range(samples)]
        device = seen[0].weights.device
        attend = [
            torch.arange(one.weights.shape[-2], device=device).expand(len(one.weights), -1).clone() for one in seen
        ]
        self.round = Round(attend, torch.zeros(samples, self._steps, self._places, dtype=torch.bool))

    def add(self, kind: str, layer: int) -> bool:
        """Whether there was room for a task."""
        found = []
        for n in range(self._samples):
            if (places := self._room(n, kind, layer)) is None:
                return False
            found.append(places)
        following = min(layer + 1, len([one for one in self._seen if not one.pools]) - 1)
        for n, places in enumerate(found):
            self._used[n].update(places)
            self.round.starts[n, *places[0]] = True
            if kind == "stay":
                self._attend(layer, n, places[0], places[1])
                continue
            self._attend(layer, n, places[1], places[0])
            if following > layer:
                self._attend(following, n, places[2], places[1])
        if kind == "stay":
            self.round.stays.append([places[0] for places in found])
        else:
            self.round.hops.append([(places[1], places[-1]) for places in found])
        return True

    def collect(self) -> None:
        """Let a query that collects from all tokens take one that has no part in this round."""
        if not self._seen[-1].pools:
            return
        everywhere = [(t, p) for t in range(self._steps) for p in range(self._places)]
        for n in range(self._samples):
            if not self._used[n]:  # no layer before it
                self.round.starts[n, 0, 0] = True
                self._used[n].add((0, 0))
            if free := self._free(n, everywhere):
                self.round.attend[-1][n, 0] = self._index(self._seen[-1].form, n, self._drawn.choice(free))[1]

    def _room(self, n: int, kind: str, layer: int) -> list[Place] | None:
        layers = [one.form for one in self._seen if not one.pools]
        everywhere = [(t, p) for t in range(self._steps) for p in range(self._places)]
        forms = [layers[layer]] if kind == "stay" or layer + 1 == len(layers) else layers[layer : layer + 2]
        for _ in range(8):
            taken: list[Place] = []
            for form in (None, *forms):
                among = everywhere if form is None else self._group(form, taken[-1])
                free = [place for place in self._free(n, among) if place not in taken]
                if not free:
                    break
                taken.append(self._drawn.choice(free))
            if len(taken) == len(forms) + 1:
                return taken
        return None

    def _free(self, n: int, among: Sequence[Place]) -> list[Place]:
        return [place for place in among if place not in self._used[n]]

    def _group(self, form: TokenLayout, place: Place) -> list[Place]:
        """The places that attend to each other."""
        t, p = place
        if form.order == "frames":
            return [(t, other) for other in range(self._places)]
        if form.order == "places":
            return [(other, p) for other in range(self._steps)]
        return [(step, other) for step in range(self._steps) for other in range(self._places)]

    def _attend(self, layer: int, n: int, query: Place, key: Place) -> None:
        form = self._seen[layer].form
        row, number = self._index(form, n, query)
        self.round.attend[layer][row, number] = self._index(form, n, key)[1]

    def _index(self, form: TokenLayout, n: int, place: Place) -> tuple[int, int]:
        """Row of the batch and number in the list."""
        (t, p), extra = place, form.prefix or 0
        if form.order == "frames":
            return n * self._steps + t, extra + p
        if form.order == "places":
            return n * self._places + p, t
        return n, extra + (t * self._places + p if form.order == "thw" else p * self._steps + t)
