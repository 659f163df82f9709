"""The table over all networks: a row for each method, for Markdown and for the terminal."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from videxplain.benchmark.measures import MEASURES, Measure
from videxplain.benchmark.rows import BLIND
from videxplain.benchmark.summary import Line, better, is_method

COLUMNS = ("deletion", "insertion", "road", "energy", "energy_in_time", "head_randomised", "all_randomised")
"""Measures of the table."""
ARROWS = {"higher": "↑", "lower": "↓"}
MISSING = "–"
_AGAIN = {"energy": " where", "energy_in_time": " when"}


class OverviewCell(NamedTuple):
    """A mean over networks, as text."""

    text: str
    bold: bool
    """Whether it is the best of the methods, and better than the baselines drawn from frames alone."""


class OverviewRow(NamedTuple):
    """A method, or a map that no network made."""

    name: str
    method: bool
    cells: list[OverviewCell]
    networks: int
    """How many networks it explains."""


class Overview(NamedTuple):
    """The table."""

    heads: list[str]
    rows: list[OverviewRow]


def overview(lines: Sequence[Line]) -> Overview:
    """Means over the networks that a method explains, of the means over their clips."""
    measures = [MEASURES[name] for name in COLUMNS if any(name in line.means for line in lines)]
    heads = [f"{m.title}{_AGAIN.get(m.name, '')} {ARROWS[m.better]}" for m in measures]
    groups = {name: [one for one in lines if one.method == name and one.means] for name in _names(lines)}
    methods = {name for name, own in groups.items() if own and is_method(own[0])}
    columns = [_column(groups, methods, m) for m in measures]
    rows = [
        OverviewRow(name, name in methods, [column[name] for column in columns], len(own))
        for name, own in groups.items()
        if own
    ]
    return Overview(heads, rows)


def _names(lines: Sequence[Line]) -> list[str]:
    return list(dict.fromkeys(line.method for line in lines))


def _column(groups: dict[str, list[Line]], methods: set[str], measure: Measure) -> dict[str, OverviewCell]:
    values = {name: _over_networks(own, measure.name) for name, own in groups.items()}
    known = [value for name, value in values.items() if name in methods and value is not None]
    bars = [value for name in BLIND if name not in methods and (value := values.get(name)) is not None]
    pick = max if measure.better == "higher" else min
    top = pick(known) if known else None
    good = top is not None and (not bars or better(top, pick(bars), measure))
    return {
        name: OverviewCell(MISSING if value is None else f"{value:.2f}", good and name in methods and value == top)
        for name, value in values.items()
    }


def _over_networks(lines: Sequence[Line], measure: str) -> float | None:
    means = [line.means[measure].value for line in lines if measure in line.means]
    return float(np.mean(means)) if means else None
