"""The steps of a pass back that are no plain gradients, as functions of autograd.

``c`` stands for the relevance of a value divided by the value, which is what the pass back carries; see
:mod:`videxplain.attribution.relevance.rules`.
"""

from dataclasses import dataclass
from typing import Any, Literal, TypeAlias

import torch
from torch import Tensor

from videxplain.attribution.relevance.operations import Operation
from videxplain.attribution.relevance.rules import STABILISER, Flow, Rule

Gate: TypeAlias = Literal["always", "shifted", "never"]
Given: TypeAlias = tuple[Tensor]
"""What a call puts out, wrapped so that autograd takes it neither for an input nor for a view of one."""


@dataclass
class Layer:
    """One call of a linear operation.

    Attributes:
        operation: How the weights act.
        weight: The weights.
        bias: The bias, or None.
        rule: The rule of this call.
        sees_pixels: Whether its input is pixels. The rule then gives their relevance.
        is_positive: Whether it is known that no value of its input is negative.
        output: What it put out. None before it has run, and if a ReLU's output is kept instead.
        version: The version counter of the output when it was put out. If it has changed, the network has written into
            the output.
        scale: ``(channels,)``, the factor of a batch normalisation behind it; None if there is none.
        shift: ``(channels,)``, what that batch normalisation adds; None if there is none.
        rectified: The output of a ReLU behind it, and behind the batch normalisation. Where that is zero, no relevance
            comes back. So it can take the place of the output if no other step takes the output.
        rectified_version: The version counter of that when the ReLU had put it out.
        is_last_pass: Whether no other score will be traced back. Then nothing is kept afterwards.
    """

    operation: Operation
    weight: Tensor
    bias: Tensor | None
    rule: Rule
    sees_pixels: bool
    is_positive: bool = False
    output: Tensor | None = None
    version: int = 0
    scale: Tensor | None = None
    shift: Tensor | None = None
    rectified: Tensor | None = None
    rectified_version: int = 0
    is_last_pass: bool = False

    def forward(self, x: Tensor) -> Tensor:
        """The output, which is remembered."""
        out = self.operation.forward(x, self.weight, self.bias)
        self.output, self.version = out.detach(), out._version
        return out

    def back(self, x: Tensor, carried: Tensor) -> Tensor:
        """What the rule makes of ``c`` at the output: ``c`` at the input, or the relevance of pixels."""
        kind = torch.promote_types(x.dtype, torch.float32)
        x, carried, output = x.to(kind), carried.to(kind), self._final_output(x.to(kind))
        weight = self.weight.to(kind)
        bias = None if self.bias is None else self.bias.to(kind)
        if self.scale is not None and self.shift is not None:
            scale, shift = self.scale.to(kind), self.shift.to(kind)
            weight = self.operation.scaled(weight, scale)
            bias = shift if bias is None else bias * scale + shift
        if self.is_last_pass:
            self.output = self.rectified = None
        return self.rule(Flow(self.operation, x, weight, bias, output, carried, self.is_positive))

    def merged(self, output: Tensor) -> Tensor:
        """An output, behind the batch normalisation that was merged into the layer."""
        if self.scale is None or self.shift is None:
            return output
        scale, shift = (self.operation.by_channel(one.to(output), output) for one in (self.scale, self.shift))
        return torch.addcmul(shift, output, scale)

    def remember_rectified(self, out: Tensor) -> None:
        """Keep what a ReLU made of the output, in the place of the output: autograd keeps it anyway."""
        self.rectified, self.rectified_version = out.detach(), out._version
        self.output = None

    def _final_output(self, x: Tensor) -> Tensor:
        """The output behind a merged batch normalisation; where no relevance comes back, it may be zero."""
        if self.rectified is not None and self.rectified._version == self.rectified_version:
            return self.rectified.to(x)
        if self.output is not None and self.output._version == self.version:
            return self.merged(self.output.to(x))
        bias = None if self.bias is None else self.bias.to(x)
        return self.merged(self.operation.forward(x, self.weight.to(x), bias))


class LayerNode(torch.autograd.Function):
    """A linear operation with a rule."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, layer: Layer) -> Tensor:
        """What the call puts out."""
        ctx.layer = layer
        ctx.save_for_backward(x)
        out = layer.forward(x)
        ctx.version = layer.version
        return out

    @staticmethod
    def backward(ctx: Any, *carried: Tensor) -> tuple[Tensor, None]:
        """``c`` at the input."""
        (x,) = ctx.saved_tensors
        return ctx.layer.back(x, carried[0]).to(x.dtype), None


class BatchNormNode(torch.autograd.Function):
    """Batch normalisation by fixed statistics, which is a multiplication and a sum for each channel.

    After the forward pass it may be merged into the layer before it: then that layer's rule sees both as one.
    """

    @staticmethod
    def forward(ctx: Any, x: Tensor, out: Given, scale: Tensor, shift: Tensor) -> Tensor:
        """What the call puts out."""
        ctx.scale, ctx.shift, ctx.is_merged, ctx.version = scale, shift, False, out[0]._version
        return out[0]

    @staticmethod
    def backward(ctx: Any, *carried: Tensor) -> tuple[Tensor, None, None, None]:
        """``c`` at the input."""
        (above,) = carried
        if not ctx.is_merged:
            above = above * ctx.scale.view(-1, *[1] * (above.ndim - 2)).to(above)
        return above, None, None, None


class NormalisedNode(torch.autograd.Function):
    """Division by what is measured on the input itself, which counts as a constant (layer normalisation and others).

    In the form ``view`` of the input, ``scale`` is what it is multiplied with, and the mean over ``dims`` is subtracted
    from it unless ``dims`` is None. ``weight`` is multiplied with afterwards.
    """

    @staticmethod
    def forward(
        ctx: Any,
        x: Tensor,
        out: Given,
        scale: Tensor,
        weight: Tensor | None,
        view: tuple[int, ...],
        dims: tuple[int, ...] | None,
    ) -> Tensor:
        """What the call puts out."""
        ctx.save_for_backward(scale, weight)
        ctx.view, ctx.dims = view, dims
        return out[0]

    @staticmethod
    def backward(ctx: Any, *carried: Tensor) -> tuple[Tensor, None, None, None, None, None]:
        """``c`` at the input."""
        scale, weight = ctx.saved_tensors
        above = carried[0] if weight is None else carried[0] * weight
        inner = above.reshape(ctx.view) * scale
        if ctx.dims is not None:
            inner = inner - inner.mean(ctx.dims, keepdim=True)
        return inner.reshape(above.shape), None, None, None, None, None


class RatioNode(torch.autograd.Function):
    """A function of single numbers: the relevance passes as it is, so that ``c`` is multiplied by ``f(x) / x``.

    ``gate`` says whether its result is a gate: ``"always"``, ``"shifted"`` once a constant is added, or ``"never"``.
    """

    @staticmethod
    def forward(ctx: Any, x: Tensor, out: Given, gate: Gate) -> Tensor:
        """What the call puts out."""
        ctx.save_for_backward(out[0] / x.abs().clamp(min=STABILISER).copysign(x))
        ctx.gate = gate
        return out[0]

    @staticmethod
    def backward(ctx: Any, *carried: Tensor) -> tuple[Tensor, None, None]:
        """``c`` at the input."""
        (ratio,) = ctx.saved_tensors
        return carried[0] * ratio, None, None


class ShareNode(torch.autograd.Function):
    """One of several factors of a product: it gets a part of the product's relevance."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, part: float) -> Tensor:
        """What the call puts out."""
        ctx.part = part
        return x.view_as(x)

    @staticmethod
    def backward(ctx: Any, *carried: Tensor) -> tuple[Tensor, None]:
        """``c`` at the input."""
        return carried[0] * ctx.part, None


class SamePixelsNode(torch.autograd.Function):
    """Pixels that a network multiplies with or adds to constants are still these pixels: their relevance passes."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, out: Given) -> Tensor:
        """What the call puts out."""
        return out[0]

    @staticmethod
    def backward(ctx: Any, *relevance: Tensor) -> tuple[Tensor, None]:
        """The relevance of pixels."""
        return relevance[0], None


class PixelsNode(torch.autograd.Function):
    """Pixels go into something else than a layer: from here back it is relevance, ``x c``, and not ``c``."""

    @staticmethod
    def forward(ctx: Any, x: Tensor) -> Tensor:
        """What the call puts out."""
        ctx.save_for_backward(x)
        return x.view_as(x)

    @staticmethod
    def backward(ctx: Any, *carried: Tensor) -> Tensor:
        """The relevance of pixels."""
        (x,) = ctx.saved_tensors
        return x * carried[0]
