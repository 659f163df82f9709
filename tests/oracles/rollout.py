"""Attention rollout word for word: whole matrices, and loops over tokens."""

from collections.abc import Sequence

import torch
from torch import Tensor


def product(layers: Sequence[Tensor]) -> Tensor:
    """Abnar and Zuidema's rule for attention ``(L, L)`` of each layer, the first one first: what flows where."""
    size = len(layers[0])
    flow = torch.eye(size).tolist()
    for attention in [layer.tolist() for layer in layers]:
        moved = [[0.0] * size for _ in range(size)]
        for i in range(size):
            for j in range(size):
                for k in range(size):
                    stays = 1.0 if i == k else 0.0
                    moved[i][j] += (attention[i][k] + stays) / 2 * flow[k][j]
        flow = moved
    return torch.tensor(flow)


def relevance(layers: Sequence[Tensor], gradients: Sequence[Tensor]) -> Tensor:
    """Chefer et al., eqs. 5 and 6, for attention and its gradients ``(heads, L, L)``."""
    heads, size, _ = layers[0].shape
    flow = torch.eye(size)
    for attention, gradient in zip(layers, gradients, strict=True):
        mean = torch.zeros(size, size)
        for head in range(heads):
            for i in range(size):
                for j in range(size):
                    mean[i, j] += max(0.0, float(attention[head, i, j] * gradient[head, i, j])) / heads
        flow = flow + mean @ flow
    return flow


def over_time(attention: Tensor, grid: tuple[int, int, int]) -> Tensor:
    """Attention ``(h w, t, t)`` of each place as a matrix of all tokens, a class token first, each place's together."""
    t, h, w = grid
    whole = torch.eye(1 + t * h * w)
    for place in range(h * w):
        for i in range(t):
            for j in range(t):
                whole[1 + place * t + i, 1 + place * t + j] = attention[place, i, j]
    return whole


def over_space(attention: Tensor, grid: tuple[int, int, int]) -> Tensor:
    """Attention ``(t, 1 + h w, 1 + h w)`` of each frame, which has a copy of the class token; copies are averaged."""
    t, h, w = grid
    whole = torch.zeros(1 + t * h * w, 1 + t * h * w)
    for frame in range(t):
        whole[0, 0] += attention[frame, 0, 0] / t
        for i in range(h * w):
            whole[0, 1 + i * t + frame] = attention[frame, 0, 1 + i] / t
            whole[1 + i * t + frame, 0] = attention[frame, 1 + i, 0]
            for j in range(h * w):
                whole[1 + i * t + frame, 1 + j * t + frame] = attention[frame, 1 + i, 1 + j]
    return whole
