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
        return torch.convolution(x, weight, bias, *self._how(self.groups))

    def adjoint(self, values: Tensor, weight: Tensor, x: Tensor) -> Tensor:
        """``W^T values``, of the shape of ``x``."""
        return self._adjoint(values, weight, x, self.groups)

    def spread(self, relevance: Tensor, weight: Tensor, x: Tensor) -> Tensor:
        """The relevance of each output in equal parts on its inputs.

        A kernel of ones does not tell the channels of a group apart, so one channel for each group is enough.
        """
        channels = x.shape[1] // self.groups
        kernel = weight.new_ones(self.groups, 1, *weight.shape[2:])
        places = x[:, :: max(channels, 1)]
        inputs = torch.convolution(torch.ones_like(places[:1]), kernel, None, *self._how(self.groups)) * channels
        by_group = relevance.unflatten(1, (self.groups, -1)).sum(2)
        parts = self._adjoint(by_group / _stabilised_count(inputs), kernel, places, self.groups)
        return parts.repeat_interleave(channels, 1)

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

    def _adjoint(self, values: Tensor, weight: Tensor, x: Tensor, groups: int) -> Tensor:
        wanted = [True, False, False]
        return torch.ops.aten.convolution_backward(values, x, weight, None, *self._how(groups), wanted)[0]

    def _how(self, groups: int) -> tuple[Sequence[int], Sequence[int], Sequence[int], bool, Sequence[int], int]:
        return self.stride, self.padding, self.dilation, self.transposed, self.output_padding, groups


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


def _stabilised_count(inputs: Tensor) -> Tensor:
    """How many inputs an output has, at least one: an output whose kernel lies on padding alone has none."""
    return inputs.clamp(min=1)
