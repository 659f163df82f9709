"""Gradients of a score with respect to the pixels."""

from collections.abc import Callable
from contextlib import nullcontext
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.overrides import TorchFunctionMode

from videxplain.attribution.engine import Precision, computing_in, forward
from videxplain.attribution.layers import LayerCall
from videxplain.attribution.registry import Attribution, Choose, method
from videxplain.errors import VidexplainError
from videxplain.untouched import untouched

_COST = "1 forward and 1 backward pass"


@method(
    "saliency",
    family="gradient",
    summary="how much the score answers to a small change of each pixel",
    paper="Simonyan et al., ICLR workshop 2014",
    cost=_COST,
    candidates=1,
)
def saliency(
    module: nn.Module,
    x: Tensor,
    choose: Choose,
    layer: LayerCall | None = None,
    precision: Precision = "fp32",
) -> Attribution:
    """The size of the gradient (Simonyan et al., section 3.1), ``(M, N, C, T, H, W)``, never negative.

    The arguments are those of :func:`guided_backprop`; ReLUs are left as they are.
    """
    found = input_gradients("saliency", module, x, choose, precision)
    return Attribution(found.logits, found.maps.abs())


@method(
    "input-x-gradient",
    family="gradient",
    summary="what each pixel contributes to the score, to first order",
    paper="Shrikumar et al., arXiv 1605.01713, 2016",
    cost=_COST,
    candidates=1,
)
def input_x_gradient(
    module: nn.Module,
    x: Tensor,
    choose: Choose,
    layer: LayerCall | None = None,
    precision: Precision = "fp32",
) -> Attribution:
    """The gradient times the normalised input, signed, ``(M, N, C, T, H, W)``.

    The arguments are those of :func:`guided_backprop`; ReLUs are left as they are.
    """
    found = input_gradients("input-x-gradient", module, x, choose, precision)
    return Attribution(found.logits, found.maps * x.detach())


@method(
    "guided-backprop",
    family="gradient",
    summary="which pixels raise the score through paths of positive evidence alone",
    paper="Springenberg et al., ICLR workshop 2015",
    cost=_COST,
    candidates=1,
    caution="guided-backprop looks nearly the same for any class, and with a random last layer: "
    "compare it with saliency",
)
def guided_backprop(
    module: nn.Module,
    x: Tensor,
    choose: Choose,
    layer: LayerCall | None = None,
    precision: Precision = "fp32",
) -> Attribution:
    """Guided backpropagation: at every ReLU only positive gradients pass, and only where its input was positive.

    ``R^l = 1[f^l > 0] 1[R^(l+1) > 0] R^(l+1)`` (Springenberg et al., section 3.4). Every ReLU counts, as a module, as
    a function, in place or used several times, for the calls themselves are replaced, not modules.

    Args:
        module: A network from ``(N, C, T, H, W)`` to ``(N, K)``; one that never calls a ReLU is refused.
        x: The batch.
        choose: Which scores to explain.
        layer: Not looked at: the gradient is taken with respect to the input.
        precision: ``"bf16"`` runs both passes in bfloat16 where autocast does.

    Returns:
        Signed gradients ``(M, N, C, T, H, W)``.
    """
    return input_gradients("guided-backprop", module, x, choose, precision, ReplacedReLU(_Guided))


@method(
    "deconvolution",
    family="gradient",
    summary="which pixels the positive evidence leads back to, whether or not they were active",
    paper="Zeiler and Fergus, ECCV 2014",
    cost=_COST,
    candidates=1,
    caution="deconvolution draws edges of the clip for any class: compare it with saliency",
)
def deconvolution(
    module: nn.Module,
    x: Tensor,
    choose: Choose,
    layer: LayerCall | None = None,
    precision: Precision = "fp32",
) -> Attribution:
    """The deconvolutional network: at every ReLU only positive gradients pass, whatever its input was.

    ``R^l = 1[R^(l+1) > 0] R^(l+1)`` (section 2.1; Springenberg et al., section 3.4). The arguments and the result are
    those of :func:`guided_backprop`.
    """
    return input_gradients("deconvolution", module, x, choose, precision, ReplacedReLU(_Deconvolved))


def input_gradients(
    name: str,
    module: nn.Module,
    x: Tensor,
    choose: Choose,
    precision: Precision,
    relus: "ReplacedReLU | None" = None,
) -> Attribution:
    """Signed gradients ``(M, N, C, T, H, W)`` of the chosen scores, one pass forward and M back.

    Args:
        name: The method, for messages.
        module: A network from ``(N, C, T, H, W)`` to ``(N, K)``.
        x: The batch.
        choose: Which scores to explain.
        precision: ``"bf16"`` runs both passes in bfloat16 where autocast does.
        relus: What is done in the place of ReLUs, of which there must then be one.
    """
    with untouched(module), relus or nullcontext():
        pixels = (x.clone() if x.is_inference() else x.detach()).requires_grad_()
        with computing_in(precision, x.device):
            # In-place operations are not allowed on a leaf, so the network gets a copy.
            logits = forward(module, pixels.clone())
        if relus and not relus.seen:
            raise VidexplainError(
                f"{_called(module)} calls no ReLU: {_in_words(name)} would be the plain gradient; use gradcam"
            )
        totals = [score(logits).sum() for score in choose(logits.detach())]
        if not all(total.requires_grad for total in totals):
            raise VidexplainError("the score does not depend on the input: nothing can be traced back to it")
        maps = []
        for i, total in enumerate(totals):
            (gradient,) = torch.autograd.grad(total, pixels, retain_graph=i < len(totals) - 1)
            maps.append(gradient)
        return Attribution(logits.detach(), torch.stack(maps))


def _called(module: nn.Module) -> str:
    """What a network is called: the name in its configuration, or that of its class."""
    config = getattr(module, "config", None)
    return str(getattr(config, "architecture", "")) or type(module).__name__


def _in_words(name: str) -> str:
    return name.replace("-", " ")


class ReplacedReLU(TorchFunctionMode):
    """While active, every ReLU has the backward rule that is given for it.

    Attributes:
        seen: How many ReLUs have been called.
    """

    def __init__(self, rule: type[torch.autograd.Function]) -> None:
        super().__init__()
        self._rule = rule
        self.seen = 0

    def __torch_function__(
        self,
        func: Callable[..., Any],
        types: Any,
        args: tuple[Any, ...] = (),
        kwargs: dict[str, Any] | None = None,
    ) -> Any:
        """Put the rule in the place of a ReLU, and call everything else as it is."""
        kwargs = kwargs or {}
        if func not in _RELUS:
            return func(*args, **kwargs)
        self.seen += 1
        value = args[0] if args else kwargs["input"]
        out = self._rule.apply(value)
        in_place = func in _IN_PLACE or kwargs.get("inplace", False) or (func is F.relu and len(args) > 1 and args[1])
        # Who calls it in place may go on with the old tensor rather than with what is returned.
        return value.copy_(out) if in_place else out


class _Guided(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, value: Tensor) -> Tensor:
        ctx.save_for_backward(value > 0)
        return value.clamp(min=0)

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> Tensor:
        (positive,) = ctx.saved_tensors
        return gradients[0].clamp(min=0) * positive


class _Deconvolved(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, value: Tensor) -> Tensor:
        return value.clamp(min=0)

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> Tensor:
        return gradients[0].clamp(min=0)


_IN_PLACE = frozenset({torch.relu_, Tensor.relu_, torch.nn.functional.relu_})
_RELUS = frozenset({F.relu, torch.relu, Tensor.relu, *_IN_PLACE})
