"""Guided backpropagation through conv - ReLU - conv - ReLU - global average - linear, one number at a time."""

from itertools import product

import numpy as np


def guided_gradient(
    x: np.ndarray, first: np.ndarray, second: np.ndarray, linear: np.ndarray, target: int
) -> np.ndarray:
    """Gradient ``(C, T, H, W)`` of logit ``target``, with the guided rule at both ReLUs, in float64.

    Args:
        x: ``(C, T, H, W)``.
        first: Weights ``(K, C, t, h, w)`` of the first convolution; no bias, no padding, stride 1.
        second: Weights ``(L, K, t, h, w)`` of the second.
        linear: ``(classes, L)``.
        target: The class.
    """
    before_first = _convolve(x, first)
    before_second = _convolve(np.where(before_first > 0, before_first, 0.0), second)
    positions = np.prod(before_second.shape[1:])
    reverse = np.zeros(before_second.shape)
    for i in np.ndindex(reverse.shape):
        reverse[i] = linear[target, i[0]] / positions
    reverse = _convolve_back(_relu_back(reverse, before_second), second, before_first.shape)
    return _convolve_back(_relu_back(reverse, before_first), first, x.shape)


def _relu_back(reverse: np.ndarray, before: np.ndarray) -> np.ndarray:
    out = np.zeros(reverse.shape)
    for i in np.ndindex(reverse.shape):
        if before[i] > 0 and reverse[i] > 0:
            out[i] = reverse[i]
    return out


def _convolve(x: np.ndarray, weights: np.ndarray) -> np.ndarray:
    size = [n - k + 1 for n, k in zip(x.shape[1:], weights.shape[2:], strict=True)]
    out = np.zeros((len(weights), *size))
    for k, t, h, w in np.ndindex(out.shape):
        for c, dt, dh, dw in np.ndindex(weights.shape[1:]):
            out[k, t, h, w] += weights[k, c, dt, dh, dw] * x[c, t + dt, h + dh, w + dw]
    return out


def _convolve_back(reverse: np.ndarray, weights: np.ndarray, shape: tuple[int, ...]) -> np.ndarray:
    out = np.zeros(shape)
    for (k, t, h, w), (c, dt, dh, dw) in product(np.ndindex(reverse.shape), np.ndindex(weights.shape[1:])):
        out[c, t + dt, h + dh, w + dw] += weights[k, c, dt, dh, dw] * reverse[k, t, h, w]
    return out
