"""Fong et al.'s smooth masks and their ranking loss, one number at a time, in float64."""

import math

import numpy as np


def smooth_maximum(cells: np.ndarray, sigma: tuple[float, float, float], temperature: float) -> np.ndarray:
    """Along time, rows and columns in turn, the mean of all bumps that reach a place, weighted by their softmax.

    Args:
        cells: ``(t, h, w)``.
        sigma: Widths of the bumps, which end at two of them.
        temperature: Of the softmax. Beyond the borders there are bumps of height 0.
    """
    found = cells.astype(np.float64)
    for axis, width in enumerate(sigma):
        before, found = found, np.zeros_like(found)
        reach = max(1, round(2 * width))
        for place in np.ndindex(found.shape):
            bumps = []
            for offset in range(-reach, reach + 1):
                other = list(place)
                other[axis] += offset
                inside = 0 <= other[axis] < found.shape[axis]
                bumps.append(math.exp(-((offset / width) ** 2) / 2) * before[tuple(other)] if inside else 0.0)
            weights = [math.exp(temperature * bump) for bump in bumps]
            found[place] = sum(w * b for w, b in zip(weights, bumps, strict=True)) / sum(weights)
    return found


def area_error(mask: np.ndarray, area: float) -> float:
    """The mean squared distance of the values of a mask, in order, from a step of which ``area`` is 1."""
    values = sorted(float(value) for value in mask.flat)
    ones = max(1, round(area * len(values)))
    total = 0.0
    for rank, value in enumerate(values):
        total += (value - (1.0 if rank >= len(values) - ones else 0.0)) ** 2
    return total / len(values)
