"""Shapley values word for word: what a player adds, averaged over all orders in which players can come."""

from collections.abc import Callable
from itertools import permutations
from math import factorial


def shapley(players: int, value: Callable[[frozenset[int]], float]) -> list[float]:
    """The Shapley value of each player of a game that gives each set of players a value."""
    known: dict[frozenset[int], float] = {}

    def of(players_in: frozenset[int]) -> float:
        if players_in not in known:
            known[players_in] = value(players_in)
        return known[players_in]

    total = [0.0] * players
    for order in permutations(range(players)):
        present: frozenset[int] = frozenset()
        for player in order:
            total[player] += of(present | {player}) - of(present)
            present = present | {player}
    return [one / factorial(players) for one in total]
