"""FEM: the positions at which a layer's channels are far above their mean."""

from videxplain.attribution.methods.gradcam import POOLING, Pooling, pooled_dimensions
from videxplain.attribution.passes import Pass
from videxplain.attribution.registry import Attribution, register_method
from videxplain.errors import VidexplainError

_POSITIONS = 6
"""Of fewer values none can be more than two deviations above the mean."""


@register_method(
    "fem",
    family="cam",
    summary="where a layer's strong channels are far above their mean; the same for every class",
    paper="Fuad et al., IPTA 2020",
    cost="1 forward pass",
    layer="last",
    candidates=0,
    options=(POOLING,),
)
def fem(p: Pass, pooling: Pooling = "clip") -> Attribution:
    """Feature-based Explanation Method: where each channel is rare, summed with the channels' means as weights.

    A position counts where a channel is more than two standard deviations above its mean (the authors' K = 2).
    ``pooling="clip"`` takes mean and deviation over time and space, ``"frame"`` over space alone.

    Returns:
        Maps ``(1, N, T, h, w)``, never negative.
    """
    over = pooled_dimensions(pooling)
    with p.trace() as run:
        activations = run.activations(p.target_layer)
        pooled = activations.shape[3:].numel() if pooling == "frame" else activations.shape[2:].numel()
        if pooled < _POSITIONS:
            raise VidexplainError(
                f"fem needs {_POSITIONS} positions to find a rare one, and layer '{p.target_layer}' has {pooled}; "
                "name an earlier layer"
            )
        mean = activations.mean(over, keepdim=True)
        deviation = activations.std(over, correction=0, keepdim=True)
        rare = activations > mean + 2 * deviation
        return Attribution(run.logits.detach(), (mean * rare).sum(1).relu()[None])
