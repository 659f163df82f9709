"""Grad-CAM as written on paper, one number at a time."""

import numpy as np


def gradcam(activations: np.ndarray, gradients: np.ndarray, pooling: str) -> np.ndarray:
    """Map ``(T, h, w)`` of one sample from activations and gradients ``(K, T, h, w)``, in float64."""
    channels, frames, height, width = activations.shape
    result = np.zeros((frames, height, width))
    for t in range(frames):
        for y in range(height):
            for x in range(width):
                total = 0.0
                for k in range(channels):
                    total += _weight(gradients, k, t, pooling) * float(activations[k, t, y, x])
                result[t, y, x] = total if total > 0 else 0.0
    return result


def _weight(gradients: np.ndarray, k: int, t: int, pooling: str) -> float:
    _, frames, height, width = gradients.shape
    total = 0.0
    steps = range(frames) if pooling == "clip" else [t]
    for s in steps:
        for y in range(height):
            for x in range(width):
                total += float(gradients[k, s, y, x])
    return total / (len(steps) * height * width)
