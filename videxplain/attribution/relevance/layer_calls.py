"""Calls of convolutions and linear layers."""

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, TypeAlias

import torch.nn.functional as F
from torch import Tensor

from videxplain.attribution.relevance.composites import Composite
from videxplain.attribution.relevance.graph import is_pixels, is_positive
from videxplain.attribution.relevance.nodes import Layer, LayerNode
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


def written_out(call: Callable[..., Any]) -> Handler:
    """A handler for a function of torch, from one that takes the rules and then the arguments of that function."""

    def handle(rules: Rules, func: Function, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        return call(rules, *args, **kwargs)

    return handle


def linear(rules: Rules, input: Tensor, weight: Tensor, bias: Tensor | None = None) -> Tensor:
    """``F.linear``, with the rule of its place."""
    return _layer(rules, Dense(), input, weight, bias, "linear")


def convolution(
    rules: Rules,
    input: Tensor,
    weight: Tensor,
    bias: Tensor | None = None,
    stride: Any = 1,
    padding: Any = 0,
    dilation: Any = 1,
    groups: int = 1,
) -> Tensor:
    """``torch.conv1d`` to ``torch.conv3d``."""
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


def transposed_convolution(
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
    """``torch.conv_transpose1d`` to ``torch.conv_transpose3d``."""
    n = weight.ndim - 2
    how = Convolution(_each(stride, n), _each(padding, n), _each(dilation, n), _each(output_padding, n), True, groups)
    return _batched(rules, how, input, weight, bias)


def _each(value: Any, n: int) -> tuple[int, ...]:
    """One number for each dimension, also if one was given for all."""
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


LAYERS: dict[str, Handler] = {
    **dict.fromkeys(("conv1d", "conv2d", "conv3d"), written_out(convolution)),
    **dict.fromkeys(("conv_transpose1d", "conv_transpose2d", "conv_transpose3d"), written_out(transposed_convolution)),
    "linear": written_out(linear),
}
"""Names of functions of torch that may see pixels, with a rule of their own for that."""
