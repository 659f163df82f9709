"""Linear operations with weights: convolutions and linear layers, forwards and backwards."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import torch
import torch.nn.functional as F
from torch import Tensor


class Operation(Protocol):
    """``z = W x + b``, for some way in which the weights lie."""

    def forward(self, x: Tensor, weight: Tensor, bias: Tensor | None = None) -> Tensor:
        """``W x + b``."""
        ...

    def adjoint(self, values: Tensor, weight: Tensor, x: Tensor) -> Tensor:
        """``W^T values``, of the shape of ``x``."""
        ...

    def spread(self, relevance: Tensor, weight: Tensor, x: Tensor) -> Tensor:
        """The relevance of each output in equal parts on its inputs, of the shape of ``x``."""
        ...

    def scaled(self, weight: Tensor, scale: Tensor) -> Tensor:
        """The weights of an operation whose output is multiplied by ``scale``, ``(channels out,)``."""
        ...

    def by_channel(self, values: Tensor, output: Tensor) -> Tensor:
        """One value a channel of the output, ``(channels out,)``, in the form that broadcasts to ``output``."""
        ...


@dataclass(frozen=True)
class Convolution:
    """A convolution in one to three dimensions, also transposed or in groups. The batch dimension is there.

    Attributes:
        stride: One number for each dimension, and so are the next three.
        padding: Zeros on both sides.
        dilation: From one weight of the kernel to the next.
        output_padding: Of a transposed convolution.
        transposed: Whether it is one.
        groups: Groups of channels that do not see each other.
    """

    stride: tuple[int, ...]
    padding: tuple[int, ...]
    dilation: tuple[int, ...]
    output_padding: tuple[int, ...]
    transposed: bool
    groups: int

    def forward(self, x: Tensor, weight: Tensor, bias: Tensor | None = None) -> Tensor:
        """``W x + b``; ``x`` is ``(N, C, *S)``."""
        return torch.convolution(x, weight, bias, *self._how())

    def adjoint(self, values: Tensor, weight: Tensor, x: Tensor) -> Tensor:
        """``W^T values``, of the shape of ``x``."""
        wanted = [True, False, False]
        return torch.ops.aten.convolution_backward(values, x, weight, None, *self._how(), wanted)[0]

    def spread(self, relevance: Tensor, weight: Tensor, x: Tensor) -> Tensor:
        """The relevance of each output in equal parts on its inputs.

        A kernel of ones is the product of a kernel of ones for each axis. So one small matrix for each axis is enough,
        and one channel for each group.
        """
        channels = x.shape[1] // self.groups
        parts = relevance.unflatten(1, (self.groups, -1)).sum(2)
        for axis, size in enumerate(x.shape[2:], start=2):
            reached = self._along(axis - 2, size, weight)
            # An output whose kernel lies on padding alone has no inputs, and nothing to spread.
            shares = reached / reached.sum(0).clamp(min=1)
            parts = (parts.movedim(axis, -1) @ shares.t()).movedim(-1, axis)
        return (parts / channels).repeat_interleave(channels, 1)

    def scaled(self, weight: Tensor, scale: Tensor) -> Tensor:
        """The weights of a convolution whose output is multiplied by ``scale``."""
        ones = [1] * (weight.ndim - 2)
        if not self.transposed:
            return weight * scale.view(-1, 1, *ones)
        by_group = weight.unflatten(0, (self.groups, -1)) * scale.view(self.groups, 1, -1, *ones)
        return by_group.flatten(0, 1)

    def by_channel(self, values: Tensor, output: Tensor) -> Tensor:
        """One value a channel, to broadcast to ``(N, C, *S)``."""
        return values.view(-1, *[1] * (output.ndim - 2))

    def _along(self, axis: int, size: int, weight: Tensor) -> Tensor:
        """Which inputs an output sees along one axis: ones and zeros, ``(inputs, outputs)``; a kernel of ones."""
        one = slice(axis, axis + 1)
        how = (self.stride[one], self.padding[one], self.dilation[one], self.transposed, self.output_padding[one], 1)
        kernel = weight.new_ones(1, 1, weight.shape[2 + axis])
        places = torch.eye(size, dtype=weight.dtype, device=weight.device)[:, None]
        return torch.convolution(places, kernel, None, *how)[:, 0]

    def _how(self) -> tuple[Sequence[int], Sequence[int], Sequence[int], bool, Sequence[int], int]:
        return self.stride, self.padding, self.dilation, self.transposed, self.output_padding, self.groups


@dataclass(frozen=True)
class Dense:
    """A linear layer: a matrix on the last dimension."""

    def forward(self, x: Tensor, weight: Tensor, bias: Tensor | None = None) -> Tensor:
        """``W x + b``; ``x`` is ``(..., inputs)``, the weights ``(outputs, inputs)``."""
        return F.linear(x, weight, bias)

    def adjoint(self, values: Tensor, weight: Tensor, x: Tensor) -> Tensor:
        """``W^T values``, of the shape of ``x``."""
        return values @ weight

    def spread(self, relevance: Tensor, weight: Tensor, x: Tensor) -> Tensor:
        """The relevance of each output in equal parts on all inputs."""
        return (relevance.sum(-1, keepdim=True) / x.shape[-1]).expand_as(x)

    def scaled(self, weight: Tensor, scale: Tensor) -> Tensor:
        """The weights of a layer whose output is multiplied by ``scale``."""
        return weight * scale[:, None]

    def by_channel(self, values: Tensor, output: Tensor) -> Tensor:
        """One value an output, to broadcast to ``(..., outputs)``."""
        return values
