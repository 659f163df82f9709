"""Calls of normalisations: what they divide by is a constant, the rest is linear."""

from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

from videxplain.attribution.relevance.graph import is_pixels
from videxplain.attribution.relevance.layer_calls import Handler, Rules, written_out
from videxplain.attribution.relevance.nodes import BatchNormNode, NormalisedNode, SamePixelsNode


def batch_norm(
    rules: Rules,
    input: Tensor,
    running_mean: Tensor | None,
    running_var: Tensor | None,
    weight: Tensor | None = None,
    bias: Tensor | None = None,
    training: bool = False,
    momentum: float = 0.1,
    eps: float = 1e-5,
) -> Tensor:
    """``F.batch_norm``: by fixed statistics, or by those of the batch."""
    statistics = (running_mean, running_var)
    rules.used["normalisation"] += 1
    out = F.batch_norm(input.detach(), *statistics, weight, bias, training, momentum, eps)
    if training or running_mean is None or running_var is None:
        return _by_own_statistics(input, out, (0, *range(2, input.ndim)), weight, eps)
    if is_pixels(input):
        pixels: Tensor = SamePixelsNode.apply(input, (out,))
        return pixels
    scale = (running_var + eps).rsqrt() * (1 if weight is None else weight)
    shift = (0 if bias is None else bias) - running_mean * scale
    merged: Tensor = BatchNormNode.apply(input, (out,), scale, shift)
    return merged


def instance_norm(
    rules: Rules,
    input: Tensor,
    running_mean: Tensor | None = None,
    running_var: Tensor | None = None,
    weight: Tensor | None = None,
    bias: Tensor | None = None,
    use_input_stats: bool = True,
    momentum: float = 0.1,
    eps: float = 1e-5,
) -> Tensor:
    """``F.instance_norm``: by the statistics of each channel of each sample, or by fixed ones."""
    if not use_input_stats:
        return batch_norm(rules, input, running_mean, running_var, weight, bias, False, momentum, eps)
    rules.used["normalisation"] += 1
    out = F.instance_norm(input.detach(), running_mean, running_var, weight, bias, True, momentum, eps)
    return _by_own_statistics(input, out, tuple(range(2, input.ndim)), weight, eps)


def _by_own_statistics(x: Tensor, out: Tensor, dims: tuple[int, ...], weight: Tensor | None, eps: float) -> Tensor:
    """Normalised over ``dims``, by channel."""
    scale = _inverse_deviation(x, dims, eps)
    by_channel = None if weight is None else weight.view(-1, *[1] * (x.ndim - 2))
    return _normalised(x, out, scale, by_channel, tuple(x.shape), dims)


def layer_norm(
    rules: Rules,
    input: Tensor,
    normalized_shape: Any,
    weight: Tensor | None = None,
    bias: Tensor | None = None,
    eps: float = 1e-5,
) -> Tensor:
    """``F.layer_norm``: the deviation is a constant, the rest is linear (Ali et al., 2022; Achtibat et al., 2024)."""
    rules.used["normalisation"] += 1
    dims = tuple(range(-len(tuple(normalized_shape)), 0))
    out = F.layer_norm(input.detach(), normalized_shape, weight, bias, eps)
    return _normalised(input, out, _inverse_deviation(input, dims, eps), weight, tuple(input.shape), dims)


def rms_norm(
    rules: Rules, input: Tensor, normalized_shape: Any, weight: Tensor | None = None, eps: float | None = None
) -> Tensor:
    """``F.rms_norm``."""
    rules.used["normalisation"] += 1
    dims = tuple(range(-len(tuple(normalized_shape)), 0))
    x = input.detach()
    least = torch.finfo(x.dtype).eps if eps is None else eps
    scale = (x.square().mean(dims, keepdim=True) + least).rsqrt()
    return _normalised(input, F.rms_norm(x, normalized_shape, weight, eps), scale, weight, tuple(x.shape), None)


def group_norm(
    rules: Rules,
    input: Tensor,
    num_groups: int,
    weight: Tensor | None = None,
    bias: Tensor | None = None,
    eps: float = 1e-5,
) -> Tensor:
    """``F.group_norm``."""
    rules.used["normalisation"] += 1
    out = F.group_norm(input.detach(), num_groups, weight, bias, eps)
    view = (len(input), num_groups, input[0].numel() // num_groups)
    scale = _inverse_deviation(input.reshape(view), (2,), eps)
    by_channel = None if weight is None else weight.view(-1, *[1] * (input.ndim - 2))
    return _normalised(input, out, scale, by_channel, view, (2,))


def normalize(
    rules: Rules, input: Tensor, p: float = 2.0, dim: Any = 1, eps: float = 1e-12, out: None = None
) -> Tensor:
    """``F.normalize``: division by a norm."""
    rules.used["normalisation"] += 1
    x = input.detach()
    scale = 1 / torch.linalg.vector_norm(x, p, dim, keepdim=True).clamp(min=eps)
    return _normalised(input, x * scale, scale, None, tuple(x.shape), None)


def _inverse_deviation(x: Tensor, dims: tuple[int, ...], eps: float) -> Tensor:
    return (x.detach().float().var(dims, correction=0, keepdim=True) + eps).rsqrt().to(x.dtype)


def _normalised(
    x: Tensor,
    out: Tensor,
    scale: Tensor,
    weight: Tensor | None,
    view: tuple[int, ...],
    dims: tuple[int, ...] | None,
) -> Tensor:
    found: Tensor = NormalisedNode.apply(x, (out,), scale, weight, view, dims)
    return found


NORMS: dict[str, Handler] = {
    "instance_norm": written_out(instance_norm),
    "layer_norm": written_out(layer_norm),
    "rms_norm": written_out(rms_norm),
    "group_norm": written_out(group_norm),
    "normalize": written_out(normalize),
}
"""Calls that take values. Batch normalisation stands apart, because it may see pixels."""
