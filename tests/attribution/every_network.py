"""Every kind of network, what few passes of a method are, and which methods are not for which network."""

from tests.small_models import CONVOLUTIONAL, TRANSFORMERS
from videxplain.attribution.api import METHODS

NETWORKS = {**CONVOLUTIONAL, **TRANSFORMERS}
FEW = {
    "smoothgrad": {"samples": 2},
    "gradient-shap": {"samples": 2},
    "integrated-gradients": {"steps": 2},
    "rise": {"samples": 4},
    "lime": {"samples": 36, "count": 8},
    "kernel-shap": {"samples": 6, "count": 2},
    "extremal-perturbation": {"steps": 2, "areas": (0.2,)},
    "temporal-mask": {"steps": 2},
    "occlusion": {"box": (4, 16, 16)},
}
# Where the last layer of a small input has too few positions, or too many channels for a pass for each of them.
EARLIER = {
    **dict.fromkeys(("r3d", "mc3", "r2plus1d"), "layer1"),
    "s3d": "features.2",
    "slow": "blocks.2",
    "slowfast": "blocks.2.multipathway_blocks.0",
    "c3d": "relu3b",
    **dict.fromkeys(("i3d", "non_local"), "layer2"),
    **dict.fromkeys(("late_fusion", "lrcn", "lrcn, mean"), "trunk.layer2"),
}
LINEAR_HEAD = {
    **dict.fromkeys(("r3d", "mc3", "r2plus1d"), "layer4"),
    **dict.fromkeys(("i3d", "non_local"), "layer4"),
    "late_fusion": "trunk.layer4",
    "swin3d": "norm",
    "plain transformer": "norm",
}
"""Networks that end in the mean of a layer and one linear layer, which is what CAM is defined for."""
WITHOUT_RELU = tuple(TRANSFORMERS)


def refusal(network, method):
    """What a method says that is not for a network; None where it is."""
    if METHODS[method].family == "attention":
        if network in CONVOLUTIONAL:
            return "is for transformers, and this network has no tokens"
        if network.startswith("mvit"):
            return "follows attention between the tokens of a clip, and this network has one of 129 tokens to 33 in 1"
        if network == "swin3d":
            return "follows attention between the tokens of a clip, and this network has one of 18 tokens to 18 in 12"
        if method == "attention-gradient-rollout" and network in ("image transformer", "plain transformer"):
            return r"nn.MultiheadAttention shows no gradient of its attention"
    if method in ("guided-backprop", "guided-gradcam", "deconvolution") and network in WITHOUT_RELU:
        return "calls no ReLU: .* would be the plain gradient"
    if method == "cam" and network not in LINEAR_HEAD:
        return "cam needs a network that ends in the average of layer"
    # Normalisation by what is there, softmax and the gates of an LSTM have no rule.
    if method == "deeplift" and (network.startswith("lrcn") or network in TRANSFORMERS):
        return "deeplift's parts add up to"
    return None


def options(network, method):
    """What a method is asked for on a network: few passes, and a layer where the default one is too small."""
    layers = LINEAR_HEAD if method == "cam" else {} if METHODS[method].layer != "last" else EARLIER
    return {"method": method, **FEW.get(method, {}), **({"layer": layers[network]} if network in layers else {})}
