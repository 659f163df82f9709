"""Class activation maps as written on paper, one number at a time, in float64.

All take what a layer put out for one sample, ``(K, T, h, w)``, and return its map ``(T, h, w)``.
"""

from collections.abc import Callable, Iterator

import numpy as np


def _positions(shape: tuple[int, ...], t: int, pooling: str) -> Iterator[tuple[int, int, int]]:
    """What is pooled together with time step t."""
    frames, height, width = shape
    for s in range(frames) if pooling == "clip" else [t]:
        for y in range(height):
            for x in range(width):
                yield s, y, x


def _weighted(activations: np.ndarray, weight: Callable[[int, int, int, int], float]) -> np.ndarray:
    result = np.zeros(activations.shape[1:])
    for t, y, x in np.ndindex(result.shape):
        total = 0.0
        for k in range(len(activations)):
            total += weight(k, t, y, x) * float(activations[k, t, y, x])
        result[t, y, x] = total if total > 0 else 0.0
    return result


def gradcam_plus_plus(activations: np.ndarray, gradients: np.ndarray, pooling: str) -> np.ndarray:
    """Chattopadhay et al., eqs. 5, 7 and 19, with pytorch-grad-cam's 1e-6 in the denominator."""
    frames = activations.shape[1]
    weights = np.zeros((len(activations), frames))
    for k, t in np.ndindex(weights.shape):
        together = list(_positions(activations.shape[1:], t, pooling))
        total = sum(float(activations[k][p]) for p in together)
        for p in together:
            g = float(gradients[k][p])
            if g > 0:
                weights[k, t] += g * g**2 / (2 * g**2 + total * g**3 + 1e-6)
    return _weighted(activations, lambda k, t, y, x: weights[k, t])


def xgradcam(activations: np.ndarray, gradients: np.ndarray, pooling: str) -> np.ndarray:
    """Fu et al., eq. 8, with torchcam's 1e-8 in the denominator."""
    weights = np.zeros((len(activations), activations.shape[1]))
    for k, t in np.ndindex(weights.shape):
        together = list(_positions(activations.shape[1:], t, pooling))
        total = sum(float(activations[k][p]) for p in together)
        for p in together:
            weights[k, t] += float(gradients[k][p]) * float(activations[k][p]) / (total + 1e-8)
    return _weighted(activations, lambda k, t, y, x: weights[k, t])


def hirescam(activations: np.ndarray, gradients: np.ndarray, pooling: str) -> np.ndarray:
    """Draelos and Carin, section 3.3."""
    return _weighted(activations, lambda k, t, y, x: float(gradients[k, t, y, x]))


def layercam(activations: np.ndarray, gradients: np.ndarray, pooling: str) -> np.ndarray:
    """Jiang et al., eqs. 6 and 7."""
    return _weighted(activations, lambda k, t, y, x: max(0.0, float(gradients[k, t, y, x])))


def eigencam(activations: np.ndarray, pooling: str) -> np.ndarray:
    """Muhammad and Yeasin, section III, on centred channels; the direction by power iteration on the covariance."""
    channels, frames = activations.shape[:2]
    result = np.zeros(activations.shape[1:])
    for group in [range(frames)] if pooling == "clip" else [[t] for t in range(frames)]:
        together = list(_positions(activations.shape[1:], group[0], pooling))
        rows = np.array([[float(activations[k][p]) for k in range(channels)] for p in together])
        rows -= rows.mean(0)
        covariance = rows.T @ rows
        direction = np.random.default_rng(0).normal(size=channels)
        for _ in range(20_000):
            direction = covariance @ direction
            direction /= np.linalg.norm(direction)
        if direction.sum() < 0:
            direction = -direction
        for p, row in zip(together, rows, strict=True):
            result[p] = max(0.0, float(row @ direction))
    return result


def fem(activations: np.ndarray, pooling: str) -> np.ndarray:
    """Fuad et al., section III: channels above mean + 2 deviations, weighted by their means."""
    result = np.zeros(activations.shape[1:])
    for t, y, x in np.ndindex(result.shape):
        total = 0.0
        for k in range(len(activations)):
            together = [float(activations[k][p]) for p in _positions(activations.shape[1:], t, pooling)]
            mean = sum(together) / len(together)
            deviation = (sum((value - mean) ** 2 for value in together) / len(together)) ** 0.5
            if float(activations[k, t, y, x]) > mean + 2 * deviation:
                total += mean
        result[t, y, x] = max(0.0, total)
    return result


def cam(activations: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """Zhou et al., eq. 2; ``weights`` ``(K,)`` are the linear layer's for the class."""
    return _weighted(activations, lambda k, t, y, x: float(weights[k]))
