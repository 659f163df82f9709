"""Gradients of a score with respect to the pixels."""

from collections.abc import Callable
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.overrides import TorchFunctionMode

from videxplain.attribution.engine import Precision, computing_in, forward, untouched
from videxplain.attribution.layers import LayerCall
from videxplain.attribution.methods import Attribution, Choose, method
from videxplain.errors import VidexplainError


@method(
    "guided-backprop",
    family="gradient",
    summary="which pixels raise the score through paths of positive evidence alone",
    paper="Springenberg et al., ICLR workshop 2015",
    cost="1 forward and 1 backward pass",
    candidates=1,
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
        layer: Must be None: the gradient is taken with respect to the input.
        precision: ``"bf16"`` runs both passes in bfloat16 where autocast does.

    Returns:
        Signed gradients ``(M, N, C, T, H, W)``.
    """
    if layer is not None:
        raise VidexplainError("guided-backprop explains the input, so it takes no layer")
    with untouched(module), GuidedReLU() as guided:
        pixels = (x.clone() if x.is_inference() else x.detach()).requires_grad_()
        with computing_in(precision, x.device):
            # In-place operations are not allowed on a leaf, so the network gets a copy.
            logits = forward(module, pixels.clone())
        if not guided.seen:
            raise VidexplainError(
                f"{type(module).__name__} calls no ReLU: guided backprop would be the plain gradient; use gradcam"
            )
        totals = [score(logits).sum() for score in choose(logits.detach())]
        if not all(total.requires_grad for total in totals):
            raise VidexplainError("the score does not depend on the input: nothing can be traced back to it")
        maps = []
        for i, total in enumerate(totals):
            (gradient,) = torch.autograd.grad(total, pixels, retain_graph=i < len(totals) - 1)
            maps.append(gradient)
        return Attribution(logits.detach(), torch.stack(maps))


class GuidedReLU(TorchFunctionMode):
    """While active, every ReLU lets only positive gradients through.

    Attributes:
        seen: How many ReLUs have been called.
    """

    def __init__(self) -> None:
        super().__init__()
        self.seen = 0

    def __torch_function__(
        self,
        func: Callable[..., Any],
        types: Any,
        args: tuple[Any, ...] = (),
        kwargs: dict[str, Any] | None = None,
    ) -> Any:
        """Put the guided rule in the place of a ReLU, and call everything else as it is."""
        kwargs = kwargs or {}
        if func not in _RELUS:
            return func(*args, **kwargs)
        self.seen += 1
        value = args[0] if args else kwargs["input"]
        out = _Guided.apply(value)
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


_IN_PLACE = frozenset({torch.relu_, Tensor.relu_, torch.nn.functional.relu_})
_RELUS = frozenset({F.relu, torch.relu, Tensor.relu, *_IN_PLACE})
