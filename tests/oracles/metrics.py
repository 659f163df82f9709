"""Metrics of explanations, written with loops: slow, and close to their formulas."""

import math
from itertools import product

import numpy as np

BOXES = (4, 8, 8)
"""Tubelets in time, height and width."""


def units_of(shape, unit):
    """For each unit, in the order of time, rows and columns, its voxels ``(t, y, x)``."""
    counts = {"voxel": shape, "frame": (shape[0], 1, 1), "tubelet": tuple(map(min, BOXES, shape))}[unit]
    units = {place: [] for place in product(*map(range, counts))}
    for voxel in product(*map(range, shape)):
        units[tuple(i * count // extent for i, count, extent in zip(voxel, counts, shape, strict=True))].append(voxel)
    return list(units.values())


def versions(x, heat, unit, fill, steps, *, hide):
    """A clip ``(C, T, H, W)`` step by step, as ``(share hidden or shown, clip)``."""
    units = units_of(heat.shape, unit)
    means = [np.mean([heat[voxel] for voxel in voxels]) for voxels in units]
    order = sorted(range(len(units)), key=lambda i: (-means[i], i))
    counts = []
    for step in range(steps + 1):
        count = -(-len(units) * step // steps)
        if count not in counts:
            counts.append(count)
    for count in counts:
        hidden = np.zeros(heat.shape, bool)
        for place, i in enumerate(order):
            if (place < count) == hide:
                for voxel in units[i]:
                    hidden[voxel] = True
        yield count / len(units), filled(x, hidden, fill)


def filled(x, hidden, fill):
    """``(C, T, H, W)`` with something else where ``hidden``, ``(T, H, W)``."""
    result, soft = x.copy(), blurred(blurred(x)) if fill == "blur" else None
    for t, row, column in np.argwhere(hidden):
        if fill == "mean":
            result[:, t, row, column] = 0
        elif fill == "blur":
            result[:, t, row, column] = soft[:, t, row, column]
        else:
            seen = [s for s in range(len(hidden)) if not hidden[s, row, column]]
            before = [s for s in seen if s < t]
            source = before[-1] if before else seen[0] if seen else 0
            result[:, t, row, column] = x[:, source, row, column]
    return result


def blurred(x):
    """The mean over squares of a quarter of the height, of what lies within the picture."""
    edge = max(1, x.shape[2] // 4)
    half = (edge if edge % 2 else edge + 1) // 2
    result = np.empty_like(x)
    for row, column in product(range(x.shape[2]), range(x.shape[3])):
        square = x[:, :, max(0, row - half) : row + half + 1, max(0, column - half) : column + half + 1]
        result[:, :, row, column] = square.mean((2, 3))
    return result


def imputed(x, hidden):
    """ROAD's linear system (Rong et al., section 4.2) for ``(C, T, H, W)``, solved with a dense matrix.

    A hidden voxel is the mean of its neighbours, and one that shares a face, an edge or a corner with it counts 1, 1/2
    or 1/3; the system is divided by nothing, so that each row reads: sum of weights times value = weighted sum.
    """
    unknown = [tuple(place) for place in np.argwhere(hidden)]
    number = {place: i for i, place in enumerate(unknown)}
    matrix, right = np.zeros((len(unknown), len(unknown))), np.zeros((len(unknown), len(x)))
    for place, i in number.items():
        for step in product((-1, 0, 1), repeat=3):
            other = tuple(a + b for a, b in zip(place, step, strict=True))
            if step == (0, 0, 0) or not all(0 <= a < extent for a, extent in zip(other, hidden.shape, strict=True)):
                continue
            weight = {1: 1.0, 2: 1 / 2, 3: 1 / 3}[sum(a != 0 for a in step)]
            matrix[i, i] += weight
            if other in number:
                matrix[i, number[other]] -= weight
            else:
                right[i] += weight * x[(slice(None), *other)]
    result = x.copy()
    for place, values in zip(unknown, np.linalg.solve(matrix, right), strict=True):
        result[(slice(None), *place)] = values
    return result


def energy(heat, mask):
    """Positive values in the mask over all of them."""
    inside = sum(max(0.0, float(v)) for v, m in zip(heat.ravel(), mask.ravel(), strict=True) if m)
    total = sum(max(0.0, float(v)) for v in heat.ravel())
    return inside / total if total else 0.0


def pointing(heat, mask):
    """The share of the largest values that lie in the mask."""
    top = max(heat.ravel())
    hits = [bool(m) for v, m in zip(heat.ravel(), mask.ravel(), strict=True) if v == top]
    return sum(hits) / len(hits) if top > 0 else 0.0


def pointing_within(heat, mask, tolerance):
    """The pointing game of Zhang et al. (IJCV 2018), maximum by maximum and pixel by pixel."""
    hits = []
    for place in zip(*np.nonzero(heat == heat.max()), strict=True):
        t, y, x = (int(i) for i in place)
        away = [math.hypot(y - row, x - column) for row, column in zip(*np.nonzero(mask[t]), strict=True)]
        hits.append(min(away, default=math.inf) <= tolerance)
    return sum(hits) / len(hits)


def iou(heat, mask):
    """As many of the largest values as the mask has, those above zero, against the mask."""
    order = sorted(range(heat.size), key=lambda i: (-heat.ravel()[i], i))[: int(mask.sum())]
    chosen = {i for i in order if heat.ravel()[i] > 0}
    wanted = set(np.flatnonzero(mask).tolist())
    return len(chosen & wanted) / len(chosen | wanted) if wanted else 0.0


def spearman(first, second):
    """Pearson's correlation of mean ranks."""
    a, b = mean_ranks(first.ravel()), mean_ranks(second.ravel())
    a, b = a - a.mean(), b - b.mean()
    return float((a * b).sum() / np.sqrt((a**2).sum() * (b**2).sum()))


def mean_ranks(values):
    """How many values are smaller, and half of those that are equal."""
    return np.array([(values < v).sum() + ((values == v).sum() + 1) / 2 for v in values])


def ssim(first, second, edge=11):
    """Structural similarity (Wang et al., 2004, eq. 13) of ``(T, H, W)``, the mean over whole windows."""
    at = np.arange(edge) - edge // 2
    window = np.exp(-(at[:, None] ** 2 + at**2) / (2 * 1.5**2))
    window /= window.sum()
    found = []
    for a, b in zip(first.astype(np.float64), second.astype(np.float64), strict=True):
        for row, column in product(range(a.shape[0] - edge + 1), range(a.shape[1] - edge + 1)):
            p, q = (v[row : row + edge, column : column + edge] for v in (a, b))
            mean_p, mean_q = (window * p).sum(), (window * q).sum()
            var_p, var_q = (window * (p - mean_p) ** 2).sum(), (window * (q - mean_q) ** 2).sum()
            both = (window * (p - mean_p) * (q - mean_q)).sum()
            c1, c2 = 0.01**2, 0.03**2
            scale = (mean_p**2 + mean_q**2 + c1) * (var_p + var_q + c2)
            found.append((2 * mean_p * mean_q + c1) * (2 * both + c2) / scale)
    return float(np.mean(found))
