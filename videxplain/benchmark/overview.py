"""The table over all networks: a row for each method, for Markdown and for the terminal."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from videxplain.benchmark.judgement import ALL, Judgements
from videxplain.benchmark.measures import MEASURES
from videxplain.benchmark.summary import Line, is_method

COLUMNS = ("deletion", "insertion", "road", "energy", "energy_in_time", "head_randomised", "all_randomised")
"""Measures of the table."""
ARROWS = {"higher": "↑", "lower": "↓"}
MISSING = "–"
_AGAIN = {"energy": " where", "energy_in_time": " when"}


class OverviewCell(NamedTuple):
    """A mean over networks, as text."""

    text: str
    bold: bool
    """Whether paired tests say that the method beats the baselines, and do not tell it from the best method."""


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


def overview(lines: Sequence[Line], judged: Judgements) -> Overview:
    """Means over the networks that a method explains, of the means over their clips."""
    measures = [MEASURES[name] for name in COLUMNS if any(name in line.means for line in lines)]
    heads = [f"{m.title}{_AGAIN.get(m.name, '')} {ARROWS[m.better]}" for m in measures]
    models = list(dict.fromkeys(line.model for line in lines))
    group = ALL if len(models) > 1 else models[0] if models else ALL
    rows = []
    for name in dict.fromkeys(line.method for line in lines):
        own = [line for line in lines if line.method == name and line.means]
        if own:
            means = [_over_networks(own, m.name) for m in measures]
            cells = [
                OverviewCell(MISSING if mean is None else f"{mean:.2f}", name in judged[group, m.name].leaders)
                for mean, m in zip(means, measures, strict=True)
            ]
            rows.append(OverviewRow(name, is_method(own[0]), cells, len(own)))
    return Overview(heads, rows)


def _over_networks(lines: Sequence[Line], measure: str) -> float | None:
    means = [line.means[measure].value for line in lines if measure in line.means]
    return float(np.mean(means)) if means else None
