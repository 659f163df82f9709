"""Every method on every kind of network: a map, or one line that says why there is none."""

import pytest
import torch

from tests.attribution.left_behind import HOOKS
from tests.attribution.networks import video
from tests.small_models import CONVOLUTIONAL, TRANSFORMERS
from videxplain.attribution.api import METHODS, attribute
from videxplain.errors import VidexplainError

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
    **dict.fromkeys(("late_fusion", "lrcn"), "trunk.layer2"),
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
BLANK = {("lrcn", "ablationcam"), ("mvit_v1", "fem")}
"""No channel whose absence lowers the score; channels whose mean is negative where they are rare."""


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
    if method == "deeplift" and (network == "lrcn" or network in TRANSFORMERS):
        return "deeplift's parts add up to"
    return None


@pytest.fixture(scope="module")
def built(tmp_path_factory):
    """Each network once."""
    networks = {}

    def build(name):
        if name not in networks:
            networks[name] = NETWORKS[name][0](tmp_path_factory.mktemp(name.replace(" ", "-")))
        return networks[name]

    return build


def hooks(network):
    return [len(getattr(m, kind)) for m in network.modules() for kind in HOOKS]


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("network", NETWORKS)
def test_a_map_or_one_line(network, method, built):
    module, shape = built(network), NETWORKS[network][1]
    before = hooks(module)
    layers = LINEAR_HEAD if method == "cam" else {} if METHODS[method].layer != "last" else EARLIER
    arguments = {"method": method, **FEW.get(method, {})}
    if network in layers:
        arguments["layer"] = layers[network]
    if message := refusal(network, method):
        with pytest.raises(VidexplainError, match=message) as error:
            attribute(module, video(1, 3, *shape), **arguments)
        assert "\n" not in str(error.value)
    else:
        found = attribute(module, video(1, 3, *shape), **arguments)
        assert found.shape == ((1, 3, *shape) if METHODS[method].family == "gradient" else (1, *shape))
        assert found.dtype == torch.float32
        assert torch.isfinite(found).all()
        assert (found.abs().max() > 0) == ((network, method) not in BLANK)
    assert hooks(module) == before
    assert torch._C._len_torch_function_stack() == 0


@pytest.mark.parametrize("network", NETWORKS)
def test_relevance_is_computed_in_float32_whatever_the_precision(network, built):
    x = video(1, 3, *NETWORKS[network][1])
    exact, short = (attribute(built(network), x, method="lrp", target=1, precision=p) for p in ("fp32", "bf16"))
    assert torch.equal(exact, short)


def test_what_is_expected_of_a_network_is_of_one_that_there_is():
    assert {*EARLIER, *LINEAR_HEAD, *(network for network, _ in BLANK)} <= set(NETWORKS)
