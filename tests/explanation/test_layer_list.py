"""Which layers are listed, and that each of them can be named."""

import pytest
import torch

import videxplain as vx
from tests.attribution.networks import Small3D, seeded
from tests.small_models import Transformer, image_transformer, mvit, swin
from videxplain.explanation.layer_list import layer_list


def on_the_processor(network, frames, size):
    return vx.wrap(network.cpu(), num_frames=frames, size=size)


NETWORKS = {
    "mvit": lambda: on_the_processor(mvit(), 4, 32),
    "swin": lambda: on_the_processor(swin(), 8, 48),
    "transformer": lambda: on_the_processor(Transformer(), 4, 32),
    "images": image_transformer,
}
EXPECTED = {
    "mvit": {
        "conv_proj": ("8 channels, 2 x 8 x 8", None),
        "blocks.0": ("16 channels, 2 x 8 x 8 tokens and 1 without a place", [2, 8, 8]),
        "blocks.2": ("16 channels, 2 x 4 x 4 tokens and 1 without a place", [2, 4, 4]),
    },
    "swin": {
        "patch_embed.proj": ("12 channels, 4 x 12 x 12", None),
        "features.0": ("12 channels, 4 x 12 x 12 tokens", [4, 12, 12]),
        "norm": ("24 channels, 4 x 6 x 6 tokens", [4, 6, 6]),
    },
    "transformer": {
        "embed": ("16 channels, 2 x 4 x 4", None),
        "block": ("16 channels, 2 x 4 x 4 tokens", [2, 4, 4]),
        "block.linear1": ("32 channels, 2 x 4 x 4 tokens", [2, 4, 4]),
    },
    "images": {
        "conv_proj": ("16 channels, 3 x 3", None),
        "encoder.ln": ("16 channels, 4 x 3 x 3 tokens and 1 without a place", [4, 3, 3]),
    },
}


@pytest.mark.parametrize("name", NETWORKS)
def test_tokens_are_listed_with_their_grid(name):
    found = {one["name"]: one for one in layer_list(NETWORKS[name]())}
    for layer, (shape, grid) in EXPECTED[name].items():
        tokens = found[layer]["tokens"]
        assert (found[layer]["shape"], tokens and tokens["grid"]) == (shape, grid)
    # The hidden layer of a Swin block has its channels last, and no norm says so.
    assert not any(one["shape"].startswith("4 channels, 12 x 12") for one in found.values())


@pytest.mark.parametrize(("name", "most"), [("swin", 6), ("images", 6)])
def test_every_listed_layer_of_tokens_can_be_explained(name, most):
    network = NETWORKS[name]()
    listed = [one for one in layer_list(network) if one["tokens"] and "stochastic" not in one["name"]]
    x = torch.randn(1, 3, network.config.num_frames, *network.config.size, generator=torch.Generator().manual_seed(0))
    for one in listed[:: max(1, len(listed) // most)]:
        heat = vx.attribute(network, x, method="activations", layer=one["name"], enlarge=False)
        assert list(heat.shape[1:]) == one["tokens"]["grid"]


def test_feature_maps_are_listed_as_before():
    network = vx.wrap(seeded(Small3D).cpu(), num_frames=4, size=16, layer="relu1")
    found = {one["name"]: (one["type"], one["tokens"], one["default"]) for one in layer_list(network)}
    assert found["relu1"] == ("ReLU", None, True)
    assert found["conv1"] == ("Conv3d", None, False)
