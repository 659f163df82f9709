"""What a layer puts out, whatever the class."""

from torch import Tensor, nn

from videxplain.attribution.engine import Precision, trace
from videxplain.attribution.layers import LayerCall
from videxplain.attribution.registry import Attribution, Choose, method
from videxplain.errors import VidexplainError


@method(
    "activations",
    family="activation",
    summary="how strongly a layer responds, averaged over its channels or for one of them",
    paper="Zeiler and Fergus, ECCV 2014",
    cost="1 forward pass",
    layer="first",
    options=("channel",),
    signed=True,
)
def activations(
    module: nn.Module,
    x: Tensor,
    choose: Choose,
    layer: LayerCall | None,
    precision: Precision = "fp32",
    channel: int | None = None,
) -> Attribution:
    """Activation maps ``(1, N, T, h, w)``: the mean over the layer's channels, or one channel.

    Args:
        module: A network from ``(N, C, T, H, W)`` to ``(N, K)``.
        x: The batch.
        choose: Not asked: no score enters.
        layer: Where to look.
        precision: See :func:`videxplain.attribution.engine.trace`.
        channel: Which channel; None for the mean of all.
    """
    assert layer is not None
    with trace(module, x, [layer], precision=precision) as run:
        found = run.activations(layer)
        channels = found.shape[1]
        if channel is not None and not 0 <= channel < channels:
            raise VidexplainError(f"layer '{layer}' has no channel {channel}; it has channels 0 to {channels - 1}")
        maps = found.mean(1) if channel is None else found[:, channel]
        return Attribution(run.logits.detach(), maps[None])
