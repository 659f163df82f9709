"""DeepLIFT: the difference from a baseline, divided among the pixels so that the parts add up."""

from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor
from torch.overrides import TorchFunctionMode

from videxplain.attribution.methods.sample_by_sample import ScoreOfVideo, sample_by_sample
from videxplain.attribution.passes import Pass
from videxplain.attribution.registry import Attribution, register_method
from videxplain.errors import VidexplainError

_MISSED = 0.01
"""The parts may miss the change of the score by this share of it: the rounding of many thousand voxels adds up."""
_SAME = 1e-7
"""Where an input differs from the baseline's by less, the derivative is used and not the slope between them."""
_TIED = 1e-5
"""Values of the baseline that are lower than the maximum by less than this share of it count as equal to it."""


@register_method(
    "deeplift",
    family="gradient",
    summary="what each pixel adds to the score, compared with a grey clip, by the rescale rule",
    paper="Shrikumar et al., ICML 2017",
    cost="3 forward passes and 1 backward pass",
    candidates=1,
)
def deeplift(p: Pass) -> Attribution:
    """DeepLIFT with the rescale rule (section 3.5.2, eq. 11) against zero, the mean colour.

    Every function of single numbers becomes a straight line from its value at the baseline to that at the input. The
    change of a maximum belongs to the place where the larger of the two lies. The calls are replaced and not the
    modules, so functions, in-place calls and modules that are used several times all count. The parts add up to the
    difference of the scores. A network in which they do not is refused: one that multiplies or divides what it
    computes (LSTM, attention, layer normalisation). It is computed in float32 in any case, because bfloat16 loses
    small differences of activations.

    Returns:
        Signed contributions ``(M, N, C, T, H, W)``.
    """
    p = replace(p, precision="fp32")

    def explain(score: ScoreOfVideo, sample: Tensor) -> Tensor:
        lines = _Lines()
        with lines:
            # The score asks for something that can be traced back.
            low = score(torch.zeros_like(sample).requires_grad_()).detach()
        lines.baseline = iter(lines.seen)
        with lines:
            high = score(sample)
        (slopes,) = torch.autograd.grad(high.sum(), sample)
        parts = slopes * sample.detach()
        _check_sum(parts, float(high.detach() - low))
        return parts

    return sample_by_sample(p, explain)


def _check_sum(parts: Tensor, difference: float) -> None:
    """Raise where the parts miss the difference of the scores: the rules do not hold in such a network."""
    total, size = float(parts.double().sum()), float(parts.double().abs().sum())
    if abs(total - difference) > max(_MISSED * abs(difference), 1e-5 * size, 1e-6):
        raise VidexplainError(
            f"deeplift's parts add up to {total:.3g}, and the score changes by {difference:.3g}: its rules do not hold "
            "in this network; take integrated-gradients"
        )


class _Lines(TorchFunctionMode):
    """While active, every function that is not linear is a straight line from the baseline to the input.

    The first pass is the baseline's; the inputs of all calls are kept in order. In the second pass, after ``baseline``
    was set, each call is compared with the call of the first pass at the same place in the order.
    """

    def __init__(self) -> None:
        super().__init__()
        self.seen: list[Tensor] = []
        self.baseline: Iterator[Tensor] | None = None

    def __torch_function__(
        self, func: Callable[..., Any], types: Any, args: tuple[Any, ...] = (), kwargs: dict[str, Any] | None = None
    ) -> Any:
        kwargs = dict(kwargs or {})
        if func not in _ELEMENTWISE and func not in _POOLINGS:
            return func(*args, **kwargs)
        value, rest = (args[0], args[1:]) if args else (kwargs.pop("input"), ())
        if self.baseline is None:
            self.seen.append(value.detach().clone())
            return func(value, *rest, **kwargs)
        other = next(self.baseline, None)
        if other is None or other.shape != value.shape:
            raise VidexplainError("deeplift compares a clip with a grey one, and this network treats them differently")
        straight = _along_line if func in _ELEMENTWISE else _at_maximum
        return straight(lambda tensor: _POOLINGS.get(func, func)(tensor, *rest, **kwargs), value, other)


def _along_line(function: Callable[[Tensor], Tensor], value: Tensor, other: Tensor) -> Tensor:
    """The rescale rule: the slope is the change of the output by that of the input."""
    point = value.detach().requires_grad_()
    given = point.clone()
    out = function(given)
    (derivative,) = torch.autograd.grad(out.sum(), point)
    change = point.detach() - other
    slope = torch.where(change.abs() < _SAME, derivative, (out.detach() - function(other)) / change)
    line = out.detach() + slope * (value - value.detach())
    # A caller that works in place may go on with the old tensor rather than with what is returned.
    return value.copy_(line) if out is given else line


def _at_maximum(pool: Callable[[Tensor], tuple[Tensor, Tensor]], value: Tensor, other: Tensor) -> Tensor:
    """A maximum that rises belongs to the place where it is now, one that falls to the place where it was."""
    (out, where), (low, before) = pool(value.detach()), pool(other)
    dimensions = -(value.dim() - 2)
    numbers, others = value.flatten(dimensions), other.flatten(dimensions)
    old = others.gather(-1, where.flatten(dimensions)).view_as(out)
    # In a grey clip many places are equally high, and rounding would choose among them: take the place of now.
    before = torch.where(torch.isclose(old, low, rtol=_TIED, atol=_SAME), where, before)
    line = out.clone()
    for places, change in ((where, (out - low).relu()), (before, -(low - out).relu())):
        flat = places.flatten(dimensions)
        new, old = numbers.gather(-1, flat).view_as(out), others.gather(-1, flat).view_as(out)
        # The place itself changes at least as much as the maximum does.
        slope = torch.where(change == 0, 0, change / (new.detach() - old)).nan_to_num(0).clamp(0, 1)
        line = line + slope * (new - new.detach())
    return line


_ELEMENTWISE = frozenset(
    {
        *(F.relu, F.relu_, torch.relu, torch.relu_, Tensor.relu, Tensor.relu_),
        *(F.leaky_relu, F.leaky_relu_, F.elu, F.elu_, F.selu, F.celu, F.hardtanh, F.relu6),
        *(F.gelu, F.silu, F.mish, F.softplus, F.hardswish, F.hardsigmoid),
        *(torch.sigmoid, torch.sigmoid_, Tensor.sigmoid, Tensor.sigmoid_, F.sigmoid),
        *(torch.tanh, torch.tanh_, Tensor.tanh, Tensor.tanh_, F.tanh),
    }
)
_POOLINGS: dict[Callable[..., Any], Callable[..., Any]] = {
    F.max_pool1d: F.max_pool1d_with_indices,
    F.max_pool2d: F.max_pool2d_with_indices,
    F.max_pool3d: F.max_pool3d_with_indices,
    F.adaptive_max_pool1d: F.adaptive_max_pool1d_with_indices,
    F.adaptive_max_pool2d: F.adaptive_max_pool2d_with_indices,
    F.adaptive_max_pool3d: F.adaptive_max_pool3d_with_indices,
}
"""Each with the function that also says where the maximum lies."""
