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
"""Is added to denominators, with their sign. The epsilon rule has a number of its own."""


@dataclass(frozen=True)
class Flow:
    """One linear operation on the way back.

    Attributes:
        operation: How the weights act.
        x: The input.
        weight: The weights. A batch normalisation behind the layer is merged into them.
        bias: The bias, likewise; None if there is none.
        z: The output, behind that batch normalisation.
        carried: ``c`` at the output, of the shape of ``z``.
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
"""Gives ``c`` at the input of one linear operation. A rule for pixels gives the relevance of the input."""


def stabilised(values: Tensor, by: float = STABILISER) -> Tensor:
    """Values moved away from zero by ``by``. Zero itself becomes ``by``."""
    # A zero without a sign has that of +0.
    return torch.copysign(values.new_tensor(by), values + 0.0).add_(values)


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
        found = _by_sign(flow, flow.relevance, _positive, _negative, sign=1)
        if self.beta:
            below = _by_sign(flow, flow.relevance, _negative, _positive, sign=-1)
            found = found.mul_(self.alpha).sub_(below, alpha=self.beta)
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
        found = _by_sign(flow, torch.where(flow.z > 0, flow.relevance, 0), self._up, self._down)
        below = torch.where(flow.z < 0, flow.relevance, 0)
        if bool(below.any()):  # behind a rectifier there is none, and this half costs as much as the other
            found = found.add_(_by_sign(flow, below, self._down, self._up))
        return found

    def _up(self, weight: Tensor) -> Tensor:
        return torch.add(weight, _positive(weight), alpha=self.gamma)

    def _down(self, weight: Tensor) -> Tensor:
        return torch.add(weight, _negative(weight), alpha=self.gamma)


Part: TypeAlias = Callable[[Tensor], Tensor]
"""Gives the weights that count in a rule, such as their positive part."""


def _positive(weight: Tensor) -> Tensor:
    return weight.clamp(min=0)


def _negative(weight: Tensor) -> Tensor:
    return weight.clamp(max=0)


def _by_sign(flow: Flow, relevance: Tensor, for_positive: Part, for_negative: Part, sign: int = 0) -> Tensor:
    """``c`` at the input where positive inputs have other weights than negative ones.

    Args:
        flow: The operation.
        relevance: The relevance to divide, of the shape of the output; it is overwritten.
        for_positive: Gives the weights for positive inputs, and the bias.
        for_negative: Gives the weights for negative inputs.
        sign: The sign that all parts have, 1 or -1; 0 if both can occur.
    """
    weight, by = for_positive(flow.weight), sign * STABILISER
    bias = None if flow.bias is None else for_positive(flow.bias) + by  # stabilised with the bias, at no cost
    if flow.is_positive or bool(flow.x.amin() >= 0):
        total = flow.forward(flow.x, weight, bias)
        return flow.adjoint(relevance.div_(_stable(total, sign, bias is None)), weight)
    other = for_negative(flow.weight)
    total = flow.forward(flow.x.clamp(min=0), weight, bias).add_(flow.forward(flow.x.clamp(max=0), other))
    parts = relevance.div_(_stable(total, sign, bias is None))
    return torch.where(flow.x < 0, flow.adjoint(parts, other), flow.adjoint(parts, weight))


def _stable(total: Tensor, sign: int, has_no_bias: bool) -> Tensor:
    """The sum with the stabiliser; ``total`` is overwritten. If ``sign`` is not 0, all parts have this sign."""
    if not sign:
        return stabilised(total)
    by = sign * STABILISER
    if has_no_bias:
        total = total.add_(by)
    # Fast convolutions of GPUs may give a sum near zero the other sign.
    return total.clamp_(min=by) if sign > 0 else total.clamp_(max=by)


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
        low: For each channel the lowest value that a pixel can have, as the network sees it.
        high: For each channel the highest.
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
