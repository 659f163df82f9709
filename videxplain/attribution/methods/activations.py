"""The output of a layer, which depends on no class."""

from videxplain.attribution.options import Option
from videxplain.attribution.passes import Pass
from videxplain.attribution.registry import Attribution, register_method
from videxplain.errors import VidexplainError


@register_method(
    "activations",
    family="activation",
    summary="how strongly a layer responds: the mean of its channels, or one channel",
    paper="Zeiler and Fergus, ECCV 2014",
    cost="1 forward pass",
    layer="first",
    candidates=0,
    options=(Option("channel", int, None, "One channel of the layer; by default the mean of all.", minimum=0),),
    signed=True,
)
def activations(p: Pass, channel: int | None = None) -> Attribution:
    """Activation maps ``(1, N, T, h, w)``: the mean over the layer's channels, or one channel."""
    with p.trace() as run:
        values = run.activations(p.target_layer)
        channels = values.shape[1]
        if channel is not None and channel >= channels:
            raise VidexplainError(
                f"layer '{p.target_layer}' has no channel {channel}; it has channels 0 to {channels - 1}"
            )
        maps = values.mean(1) if channel is None else values[:, channel]
        return Attribution(run.logits.detach(), maps[None])
