"""Which layers are listed, and that each of them can be named."""

import pytest
import torch
from torch import Tensor, nn

import videxplain as vx
from tests.attribution import folded_networks as nets
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
    listed = [one for one in layer_list(network) if one["tokens"]]
    x = torch.randn(1, 3, network.config.num_frames, *network.config.size, generator=torch.Generator().manual_seed(0))
    for one in listed[:: max(1, len(listed) // most)]:
        heat = vx.attribute(network, x, method="activations", layer=one["name"], enlarge=False)
        assert list(heat.shape[1:]) == one["tokens"]["grid"]


def test_feature_maps_are_listed_as_before():
    network = vx.wrap(seeded(Small3D).cpu(), num_frames=4, size=16, layer="relu1")
    found = {one["name"]: (one["type"], one["tokens"], one["default"]) for one in layer_list(network)}
    assert found["relu1"] == ("ReLU", None, True)
    assert found["conv1"] == ("Conv3d", None, False)


class SharedBlock(nn.Module):
    """One block of clips, called twice, the second time on a smaller picture; its last layer is called at once."""

    def __init__(self) -> None:
        super().__init__()
        self.stem, self.pool = nn.Conv3d(3, 4, 3, padding=1), nn.AvgPool3d((1, 2, 2))
        self.block = nn.Sequential(nn.Conv3d(4, 4, 3, padding=1), nn.ReLU())
        self.last, self.fc = nn.ReLU(), nn.Linear(4, 3)

    def forward(self, x: Tensor) -> Tensor:
        return self.fc(self.last(self.block(self.pool(self.block(self.stem(x))))).mean((2, 3, 4)))


def names_and_shapes(network: nn.Module) -> dict[str, str]:
    """As they are listed. Each can be explained, and its map is as fine as the list says."""
    listed = layer_list(network)
    x = torch.randn(1, 3, network.config.num_frames, *network.config.size, generator=torch.Generator().manual_seed(0))
    for one in listed:
        heat = vx.attribute(network, x, method="activations", layer=one["name"], enlarge=False)
        assert " x ".join(map(str, heat.shape[1:])).endswith(one["shape"].partition(", ")[2])
    return {one["name"]: one["shape"] for one in listed}


def test_each_use_of_a_shared_layer_has_its_name_and_its_shape():
    network = vx.wrap(seeded(SharedBlock).cpu(), num_frames=4, size=16, layer="block:1")
    assert names_and_shapes(network) == {
        "stem": "4 channels, 4 x 16 x 16",
        "pool": "4 channels, 4 x 8 x 8",
        "block:0": "4 channels, 4 x 16 x 16",
        "block:1": "4 channels, 4 x 8 x 8",
        "block.0:0": "4 channels, 4 x 16 x 16",
        "block.0:1": "4 channels, 4 x 8 x 8",
        "block.1:0": "4 channels, 4 x 16 x 16",
        "block.1:1": "4 channels, 4 x 8 x 8",
        "last": "4 channels, 4 x 8 x 8",
    }
    assert [one["name"] for one in layer_list(network) if one["default"]] == ["block:1"]


@pytest.mark.parametrize("order", ["folded", "every frame twice", "two loops", "the second behind the mean"])
def test_a_loop_over_frames_is_one_use(order):
    network = vx.wrap(seeded(lambda: nets.SharedReLU(order)).cpu(), num_frames=6, size=16, layer="c1")
    of_images = "5 channels, 16 x 16"
    names = ["c1", "c2", "relu:0", "relu:1"]
    assert names_and_shapes(network) == dict.fromkeys(names, of_images)


def test_halves_of_a_clip_are_one_use():
    network = vx.wrap(seeded(nets.Chunks3D).cpu(), num_frames=6, size=16, layer="cnn")
    found = {one["name"] for one in layer_list(network)}
    assert found == {"cnn", "cnn.0", "cnn.1"}
    x = torch.randn(1, 3, 6, 16, 16, generator=torch.Generator().manual_seed(0))
    assert vx.attribute(network, x, method="activations", layer="cnn", enlarge=False).shape == (1, 6, 16, 16)
