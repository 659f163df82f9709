"""Calls of convolutions, linear layers and normalisations."""

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, TypeAlias

import torch
import torch.nn.functional as F
from torch import Tensor

from videxplain.attribution.relevance.composites import Composite
from videxplain.attribution.relevance.graph import is_pixels, is_positive
from videxplain.attribution.relevance.nodes import BatchNormNode, Layer, LayerNode, NormalisedNode, SamePixelsNode
from videxplain.attribution.relevance.operations import Convolution, Dense, Operation
from videxplain.errors import VidexplainError


@dataclass
class Rules:
    """The composite of a pass, and what it was used for.

    Attributes:
        composite: Which rule is for which layer.
        used: How many calls each part of the composite was for: ``first``, ``convolution``, ``linear``, ``attention``
            and others.
    """

    composite: Composite
    used: Counter[str] = field(default_factory=Counter)


Function: TypeAlias = Callable[..., Any]
Handler: TypeAlias = Callable[[Rules, Function, tuple[Any, ...], dict[str, Any]], Any]
"""Makes one call of torch with a rule; ``NotImplemented`` where the call is right as it is."""


def convolution(rules: Rules, func: Function, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Tensor:
    """``torch.conv1d`` to ``conv3d`` and ``conv_transpose1d`` to ``conv_transpose3d``."""
    transposed = "transpose" in func.__name__
    return (_transposed if transposed else _plain)(rules, *args, **kwargs)


def dense(rules: Rules, func: Function, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Tensor:
    """``F.linear``."""
    return linear(rules, *args, **kwargs)


def linear(rules: Rules, input: Tensor, weight: Tensor, bias: Tensor | None = None) -> Tensor:
    """A linear layer with the rule of its place."""
    return _layer(rules, Dense(), input, weight, bias, "linear")


def _plain(
    rules: Rules,
    input: Tensor,
    weight: Tensor,
    bias: Tensor | None = None,
    stride: Any = 1,
    padding: Any = 0,
    dilation: Any = 1,
    groups: int = 1,
) -> Tensor:
    n = weight.ndim - 2
    dilation = _each(dilation, n)
    if padding == "same":
        total = [d * (k - 1) for d, k in zip(dilation, weight.shape[2:], strict=True)]
        if any(t % 2 for t in total):  # one more on the far side, which a convolution itself cannot do
            input = F.pad(input, [side for t in reversed(total) for side in (t // 2, t - t // 2)])
            padding = 0
        else:
            padding = [t // 2 for t in total]
    elif padding == "valid":
        padding = 0
    how = Convolution(_each(stride, n), _each(padding, n), dilation, (0,) * n, False, groups)
    return _batched(rules, how, input, weight, bias)


def _transposed(
    rules: Rules,
    input: Tensor,
    weight: Tensor,
    bias: Tensor | None = None,
    stride: Any = 1,
    padding: Any = 0,
    output_padding: Any = 0,
    groups: int = 1,
    dilation: Any = 1,
) -> Tensor:
    n = weight.ndim - 2
    how = Convolution(_each(stride, n), _each(padding, n), _each(dilation, n), _each(output_padding, n), True, groups)
    return _batched(rules, how, input, weight, bias)


def _each(value: Any, n: int) -> tuple[int, ...]:
    """One number for each dimension, where one may have been given for all."""
    given = (value,) if isinstance(value, int) else tuple(value)
    return given * n if len(given) == 1 else given


def _batched(rules: Rules, how: Convolution, x: Tensor, weight: Tensor, bias: Tensor | None) -> Tensor:
    if x.ndim == weight.ndim:
        return _layer(rules, how, x, weight, bias, "convolution")
    return _layer(rules, how, x[None], weight, bias, "convolution")[0]


def _layer(rules: Rules, how: Operation, x: Tensor, weight: Tensor, bias: Tensor | None, kind: str) -> Tensor:
    if weight.requires_grad or (bias is not None and bias.requires_grad):
        raise VidexplainError("lrp has no rule for layers whose weights are computed from the clip; use gradcam")
    sees_pixels = is_pixels(x)
    rule = rules.composite.first if sees_pixels else getattr(rules.composite, kind)
    rules.used["first" if sees_pixels else kind] += 1
    return _applied(x, Layer(how, weight, bias, rule, sees_pixels, not sees_pixels and is_positive(x)))


def _applied(x: Tensor, layer: Layer) -> Tensor:
    out: Tensor = LayerNode.apply(x, layer)
    return out


def batch_norm(rules: Rules, func: Function, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Tensor:
    """``F.batch_norm``: by fixed statistics, or by those of the batch."""
    return _batch_norm(rules, *args, **kwargs)


def instance_norm(rules: Rules, func: Function, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Tensor:
    """``F.instance_norm``: by the statistics of each channel of each sample, or by fixed ones."""
    return _instance_norm(rules, *args, **kwargs)


def _batch_norm(
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


def _instance_norm(
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
    if not use_input_stats:
        return _batch_norm(rules, input, running_mean, running_var, weight, bias, False, momentum, eps)
    rules.used["normalisation"] += 1
    out = F.instance_norm(input.detach(), running_mean, running_var, weight, bias, True, momentum, eps)
    return _by_own_statistics(input, out, tuple(range(2, input.ndim)), weight, eps)


def _by_own_statistics(x: Tensor, out: Tensor, dims: tuple[int, ...], weight: Tensor | None, eps: float) -> Tensor:
    """Normalised over ``dims``, by channel."""
    scale = _inverse_deviation(x, dims, eps)
    by_channel = None if weight is None else weight.view(-1, *[1] * (x.ndim - 2))
    return _normalised(x, out, scale, by_channel, tuple(x.shape), dims)


def layer_norm(rules: Rules, func: Function, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Tensor:
    """``F.layer_norm``: the deviation is a constant, the rest is linear (Ali et al., 2022; Achtibat et al., 2024)."""
    return _layer_norm(rules, *args, **kwargs)


def _layer_norm(
    rules: Rules,
    input: Tensor,
    normalized_shape: Any,
    weight: Tensor | None = None,
    bias: Tensor | None = None,
    eps: float = 1e-5,
) -> Tensor:
    rules.used["normalisation"] += 1
    dims = tuple(range(-len(tuple(normalized_shape)), 0))
    out = F.layer_norm(input.detach(), normalized_shape, weight, bias, eps)
    return _normalised(input, out, _inverse_deviation(input, dims, eps), weight, tuple(input.shape), dims)


def rms_norm(rules: Rules, func: Function, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Tensor:
    """``F.rms_norm``."""
    return _rms_norm(rules, *args, **kwargs)


def _rms_norm(
    rules: Rules, input: Tensor, normalized_shape: Any, weight: Tensor | None = None, eps: float | None = None
) -> Tensor:
    rules.used["normalisation"] += 1
    dims = tuple(range(-len(tuple(normalized_shape)), 0))
    x = input.detach()
    least = torch.finfo(x.dtype).eps if eps is None else eps
    scale = (x.square().mean(dims, keepdim=True) + least).rsqrt()
    return _normalised(input, F.rms_norm(x, normalized_shape, weight, eps), scale, weight, tuple(x.shape), None)


def group_norm(rules: Rules, func: Function, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Tensor:
    """``F.group_norm``."""
    return _group_norm(rules, *args, **kwargs)


def _group_norm(
    rules: Rules,
    input: Tensor,
    num_groups: int,
    weight: Tensor | None = None,
    bias: Tensor | None = None,
    eps: float = 1e-5,
) -> Tensor:
    rules.used["normalisation"] += 1
    out = F.group_norm(input.detach(), num_groups, weight, bias, eps)
    view = (len(input), num_groups, input[0].numel() // num_groups)
    scale = _inverse_deviation(input.reshape(view), (2,), eps)
    by_channel = None if weight is None else weight.view(-1, *[1] * (input.ndim - 2))
    return _normalised(input, out, scale, by_channel, view, (2,))


def normalize(rules: Rules, func: Function, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Tensor:
    """``F.normalize``: division by a norm."""
    return _normalize(rules, *args, **kwargs)


def _normalize(
    rules: Rules, input: Tensor, p: float = 2.0, dim: Any = 1, eps: float = 1e-12, out: None = None
) -> Tensor:
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


LAYERS: dict[str, Handler] = {
    **dict.fromkeys(("conv1d", "conv2d", "conv3d"), convolution),
    **dict.fromkeys(("conv_transpose1d", "conv_transpose2d", "conv_transpose3d"), convolution),
    "linear": dense,
}
"""Names of functions of torch that may see pixels, with a rule of their own for that."""
NORMS: dict[str, Handler] = {
    "instance_norm": instance_norm,
    "layer_norm": layer_norm,
    "rms_norm": rms_norm,
    "group_norm": group_norm,
    "normalize": normalize,
}
