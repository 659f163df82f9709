"""The class activation map of networks that end in an average and a linear layer."""

from contextlib import ExitStack

import torch
from torch import Tensor, nn

from videxplain.attribution.layers import LayerCall
from videxplain.attribution.passes import Pass
from videxplain.attribution.registry import Attribution, register_method
from videxplain.errors import VidexplainError
from videxplain.exclusive import of_this_thread


@register_method(
    "cam",
    family="cam",
    summary="the contribution of each position, for networks that end in an average and a linear layer",
    paper="Zhou et al., CVPR 2016; for video Stergiou et al. (Saliency Tubes), ICIP 2019",
    cost="1 forward pass",
    layer="last",
    candidates=5,
)
def cam(p: Pass) -> Attribution:
    """CAM: ReLU of the channels weighted by the linear layer's weights for the class (Zhou et al., eq. 2).

    The logits must be a linear layer (dropout apart) of the target layer's mean over time and space. Any other network
    is refused. A score that is not linear in the logits is explained by its derivative.

    Returns:
        Maps ``(M, N, T, h, w)``, never negative.
    """
    heads: list[tuple[nn.Linear, Tensor]] = []

    def note(head: nn.Module, inputs: tuple[Tensor, ...]) -> None:
        assert isinstance(head, nn.Linear)
        if inputs:
            heads.append((head, inputs[0].detach()))

    with ExitStack() as hooks:
        for linear in (m for m in p.module.modules() if isinstance(m, nn.Linear)):
            hooks.callback(linear.register_forward_pre_hook(of_this_thread(note)).remove)
        with p.trace() as run:
            last = heads[-1:]  # of this pass; to find out how the layer lies, others may be run
            activations = run.activations(p.target_layer)
            weights = _head_weights(run.logits, activations, last, p.target_layer)
            logits = run.logits.detach().requires_grad_()
            maps = []
            for score in p.scores(logits):
                total = score(logits).sum()
                if not total.requires_grad:
                    raise VidexplainError(
                        "the score does not depend on the network's output: nothing can be traced back"
                    )
                (of_logits,) = torch.autograd.grad(total, logits)
                maps.append(torch.einsum("nj,jk,nkthw->nthw", of_logits, weights, activations).relu())
            return Attribution(logits.detach(), torch.stack(maps))


def _head_weights(
    logits: Tensor, activations: Tensor, heads: list[tuple[nn.Linear, Tensor]], layer: LayerCall
) -> Tensor:
    """``(classes, K)`` of the linear layer that ends the network, if the layer's mean is all that it sees."""
    if heads:
        head, features = heads[-1]
        pooled = activations.mean((2, 3, 4))
        close = 1e-3 * pooled.abs().amax() + 1e-6
        if (
            features.shape == pooled.shape
            and (features - pooled).abs().amax() <= close
            and torch.equal(head(features).float(), logits)
        ):
            return head.weight.float()
    raise VidexplainError(
        f"cam needs a network that ends in the average of layer '{layer}' and one linear layer; take gradcam"
    )
