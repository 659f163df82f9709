"""A layer that returns several tensors is explained where the network uses the first alone, and refused elsewhere."""

import pytest
import torch
from torch import nn

from tests.attribution.networks import seeded, video
from videxplain.attribution.api import attribute
from videxplain.errors import VidexplainError


class Several(nn.Module):
    """A convolution that returns something beside its output."""

    def __init__(self, beside):
        super().__init__()
        self.conv, self.beside = nn.Conv3d(3, 4, 3, padding=1), beside

    def forward(self, x):
        y = self.conv(x).relu()
        return (y, *self.beside(x, y))


class Network(nn.Module):
    """The mean of the first tensor, and something of the others."""

    def __init__(self, beside, use=lambda others: 0):
        super().__init__()
        self.layer, self.head, self.use = Several(beside), nn.Linear(4, 5), use

    def forward(self, x):
        y, *others = self.layer(x)
        return self.head(y.mean((2, 3, 4)) + self.use(others))


NOTHING = [
    lambda x, y: (y * 2,),
    lambda x, y: (None, {"a": [y.mean(), 3]}),
    lambda x, y: ((y, x),),
    lambda x, y: (torch.tensor([4, 2]), "word"),
]
USED = [
    (lambda x, y: (y.square(),), lambda others: others[0].mean((2, 3, 4))),
    (lambda x, y: ({"a": [y.mean((2, 3, 4))]},), lambda others: others[0]["a"][0]),
    (lambda x, y: (None, (x, y.amax((2, 3, 4)))), lambda others: others[1][1]),
    (lambda x, y: (x,), lambda others: others[0].mean()),
]


@pytest.mark.parametrize("beside", NOTHING)
@pytest.mark.parametrize("method", ["gradcam", "lrp"])
def test_what_the_network_does_not_use_changes_nothing(beside, method):
    options = {"method": method, "layer": "layer", "target": 0}
    found = attribute(seeded(lambda: Network(beside)), video(2, 3, 4, 8, 8), **options)
    assert found.abs().max() > 0
    assert torch.equal(found, attribute(seeded(lambda: Network(lambda x, y: ())), video(2, 3, 4, 8, 8), **options))


@pytest.mark.parametrize(("beside", "use"), USED)
@pytest.mark.parametrize("method", ["gradcam", "layercam", "activations", "lrp"])
def test_what_the_network_uses_is_not_left_out(beside, use, method):
    """The gradient at the first tensor would leave out what goes through the others."""
    module = seeded(lambda: Network(beside, use))
    with pytest.raises(VidexplainError, match="layer 'layer' returns several tensors, and the network uses more than"):
        attribute(module, video(2, 3, 4, 8, 8), method=method, layer="layer", target=0)
    assert attribute(module, video(2, 3, 4, 8, 8), method=method, layer="layer.conv", target=0).abs().max() > 0
