"""Score-CAM: channels weighted by the score of the clip seen through them."""

import torch.nn.functional as F
from torch import Tensor

from videxplain.attribution.methods.channel_passes import COST, weight_channels
from videxplain.attribution.passes import Pass
from videxplain.attribution.registry import Attribution, register_method


@register_method(
    "scorecam",
    family="cam",
    summary="channels weighted by the score of the clip when it is masked with the channel",
    paper="Wang et al., CVPR workshop 2020",
    cost=COST,
    layer="last",
    candidates=5,
)
def scorecam(p: Pass) -> Attribution:
    """Score-CAM: each channel's weight is the softmax, over channels, of the score that the masked clip gets (eq. 8).

    The mask is the channel between its smallest and largest value, enlarged to the size of the input. The weights are
    never negative, so a map appears even where no channel raises the score. In bfloat16 the passes of masked clips run
    in bfloat16 too. All scores share all passes.

    Returns:
        Maps ``(M, N, T, h, w)``, never negative.
    """
    with p.trace() as run:
        activations, logits = run.activations(p.target_layer), run.logits.detach()
    low, high = activations.amin((2, 3, 4), keepdim=True), activations.amax((2, 3, 4), keepdim=True)
    # A channel that is the same everywhere hides everything.
    masks = (activations - low) / (high - low).clamp_min(1e-7)

    def masked(n: int, channels: Tensor) -> Tensor:
        size = tuple(p.x.shape[2:])
        mask = F.interpolate(masks[n, channels, None], size=size, mode="trilinear", align_corners=False)
        return p.logits(p.x[n] * mask)

    return weight_channels(p, activations, logits, masked, lambda score, through: through.softmax(0))
