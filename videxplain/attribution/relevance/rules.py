"""The rules that divide the relevance of an output among the inputs of one linear operation.

Between layers the pass back carries ``c = R / z``, the relevance of a value divided by the value, and not the relevance
itself. Then everything that only adds, moves or averages values needs no rule: its gradient is right, because the
relevance of a part is in proportion to the part. A rule gets ``c`` at the output ``z`` and returns ``c`` at the input
``x``, so that ``R = x c``. Rules for pixels return the relevance itself, since they also give some to a pixel of zero.

``x+`` and ``x-`` are the positive and the negative part. The equations are those of Montavon et al., Layer-Wise
Relevance Propagation: An Overview, 2019 (their numbers), and of Bach et al., PLOS ONE 2015.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeAlias

import torch
from torch import Tensor

from videxplain.attribution.relevance.operations import Operation

STABILISER = 1e-6
"""Added to denominators, with their sign, in all rules but epsilon's."""


@dataclass(frozen=True)
class Flow:
    """One linear operation on the way back.

    Attributes:
        operation: How the weights act.
        x: The input.
        weight: The weights, and
        bias: the bias, with a batch normalisation that follows merged into them.
        z: The output, behind that batch normalisation.
        carried: ``c`` at the output.
        is_positive: Whether it is known that no input is negative, as behind a ReLU.
    """

    operation: Operation
    x: Tensor
    weight: Tensor
    bias: Tensor | None
    z: Tensor
    carried: Tensor
    is_positive: bool = False

    @property
    def relevance(self) -> Tensor:
        """That of the output, ``z c``."""
        return self.z * self.carried

    def forward(self, x: Tensor, weight: Tensor, bias: Tensor | None = None) -> Tensor:
        """The operation on other inputs and weights."""
        return self.operation.forward(x, weight, bias)

    def adjoint(self, values: Tensor, weight: Tensor) -> Tensor:
        """``W^T values`` for other weights."""
        return self.operation.adjoint(values, weight, self.x)


Rule: TypeAlias = Callable[[Flow], Tensor]
"""From one linear operation to ``c`` at its input, or, for pixels, to the relevance of its input."""


def stabilised(values: Tensor, by: float = STABILISER) -> Tensor:
    """Values moved away from zero by ``by``; zero itself upwards."""
    # A zero without a sign has that of +0.
    return values + torch.copysign(values.new_tensor(by), values + 0.0)


@dataclass(frozen=True)
class Epsilon:
    """``R_i = sum_j x_i w_ij / (z_j + epsilon sign(z_j)) R_j`` (Montavon et al., section 10.2.1, LRP-epsilon)."""

    epsilon: float = STABILISER

    def __call__(self, flow: Flow) -> Tensor:
        """``c`` at the input."""
        carried = flow.carried
        if self.epsilon:
            size = flow.z.abs()
            carried = (carried * size).div_(size.add_(self.epsilon))
        return flow.adjoint(carried, flow.weight)


@dataclass(frozen=True)
class AlphaBeta:
    """Positive parts of a sum count ``alpha``, negative ones ``-beta`` (Bach et al., eq. 60).

    With ``z+_ij`` the positive and ``z-_ij`` the negative of the parts ``x_i w_ij``,
    ``R_i = sum_j (alpha z+_ij / (sum_i z+_ij + b+_j) - beta z-_ij / (sum_i z-_ij + b-_j)) R_j``.
    ``alpha = 1``, ``beta = 0`` is the z-plus rule (Montavon et al., Deep Taylor decomposition, 2017).
    """

    alpha: float = 1
    beta: float = 0

    def __call__(self, flow: Flow) -> Tensor:
        """``c`` at the input."""
        relevance = flow.relevance
        up, down = flow.weight.clamp(min=0), flow.weight.clamp(max=0)
        bias_up, bias_down = (None, None) if flow.bias is None else (flow.bias.clamp(min=0), flow.bias.clamp(max=0))
        found = _by_sign(flow, relevance, up, down, bias_up)
        if self.beta:
            found = self.alpha * found - self.beta * _by_sign(flow, relevance, down, up, bias_down)
        return found


@dataclass(frozen=True)
class Gamma:
    """Positive parts count more, by ``gamma`` (Montavon et al., section 10.2.1, LRP-gamma).

    ``R_i = sum_j x_i (w_ij + gamma w+_ij) / (sum_i x_i (w_ij + gamma w+_ij) + b_j + gamma b+_j) R_j`` where inputs and
    outputs are positive. Otherwise it is the generalised rule of Andéol et al. (arXiv 2106.04260, 2021): the parts that
    count more are those with the sign of the output.
    """

    gamma: float = 0.25

    def __call__(self, flow: Flow) -> Tensor:
        """``c`` at the input."""
        relevance = flow.relevance
        up = flow.weight + self.gamma * flow.weight.clamp(min=0)
        down = flow.weight + self.gamma * flow.weight.clamp(max=0)
        bias_up = None if flow.bias is None else flow.bias + self.gamma * flow.bias.clamp(min=0)
        bias_down = None if flow.bias is None else flow.bias + self.gamma * flow.bias.clamp(max=0)
        found = _by_sign(flow, torch.where(flow.z > 0, relevance, 0), up, down, bias_up)
        below = torch.where(flow.z < 0, relevance, 0)
        if bool(below.any()):  # behind a rectifier there is none, and this half costs as much as the other
            found = found + _by_sign(flow, below, down, up, bias_down)
        return found


def _by_sign(flow: Flow, relevance: Tensor, for_positive: Tensor, for_negative: Tensor, bias: Tensor | None) -> Tensor:
    """``c`` at the input where positive inputs have other weights than negative ones."""
    if flow.is_positive or bool(flow.x.amin() >= 0):
        return flow.adjoint(relevance / stabilised(flow.forward(flow.x, for_positive, bias)), for_positive)
    total = flow.forward(flow.x.clamp(min=0), for_positive, bias) + flow.forward(flow.x.clamp(max=0), for_negative)
    parts = relevance / stabilised(total)
    return torch.where(flow.x < 0, flow.adjoint(parts, for_negative), flow.adjoint(parts, for_positive))


# Rules for pixels


@dataclass(frozen=True)
class Carried:
    """A rule of hidden layers for pixels."""

    rule: Rule

    def __call__(self, flow: Flow) -> Tensor:
        """The relevance of the input."""
        return flow.x * self.rule(flow)


def flat(flow: Flow) -> Tensor:
    """``R_i = sum_j 1 / n_j R_j``: each of the ``n_j`` inputs of an output alike (Lapuschkin et al., 2019)."""
    return flow.operation.spread(flow.relevance, flow.weight, flow.x)


def w_squared(flow: Flow) -> Tensor:
    """``R_i = sum_j w_ij^2 / (sum_i w_ij^2) R_j`` (Montavon et al., section 10.3.1; Deep Taylor's w^2 rule)."""
    squares = flow.weight.square()
    total = flow.forward(torch.ones_like(flow.x), squares)
    return flow.adjoint(flow.relevance / stabilised(total), squares)


@dataclass(frozen=True)
class ZBox:
    """``R_i = sum_j (x_i w_ij - l_i w+_ij - h_i w-_ij) / (the same, summed over i) R_j`` (Montavon et al., 10.3.1).

    Attributes:
        low: The lowest value that a pixel of each channel can have, as the network sees it, and
        high: the highest.
    """

    low: tuple[float, ...]
    high: tuple[float, ...]

    def __call__(self, flow: Flow) -> Tensor:
        """The relevance of the input."""
        low, high = self._bounds(flow.x)
        up, down = flow.weight.clamp(min=0), flow.weight.clamp(max=0)
        parts = ((flow.x, flow.weight, 1), (low, up, -1), (high, down, -1))
        total = sum(sign * flow.forward(values, weight) for values, weight, sign in parts)
        carried = flow.relevance / stabilised(torch.as_tensor(total))
        return torch.as_tensor(sum(sign * values * flow.adjoint(carried, weight) for values, weight, sign in parts))

    def _bounds(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """The bounds of each input; those of all channels where the second dimension is not the channels."""
        if x.ndim > 2 and x.shape[1] == len(self.low):
            shape = (-1, *[1] * (x.ndim - 2))
            low, high = (x.new_tensor(bound).view(shape).expand_as(x) for bound in (self.low, self.high))
            return low, high
        return torch.full_like(x, min(self.low)), torch.full_like(x, max(self.high))
