"""A layer that returns several tensors is explained where the network uses the first alone, and refused elsewhere."""

from collections import namedtuple

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


Named = namedtuple("Named", ["features", "mask"])


class WithNames(nn.Module):
    """A layer that returns a tuple whose places have names, which the network uses."""

    def __init__(self, returns):
        super().__init__()
        self.conv, self.returns = nn.Conv3d(3, 4, 3, padding=1), returns

    def forward(self, x):
        return self.returns(self.conv(x).relu())


class ByName(nn.Module):
    def __init__(self, returns, name):
        super().__init__()
        self.layer, self.head, self.name = WithNames(returns), nn.Linear(4, 5), name

    def forward(self, x):
        return self.head(getattr(self.layer(x), self.name).flatten(2).mean(2))


@pytest.mark.parametrize("method", ["gradcam", "ablationcam"])
def test_places_of_a_tuple_keep_their_names(method):
    x, options = video(1, 3, 4, 8, 8), {"method": method, "layer": "layer", "targets": [0, 1, 2, 3, 4]}
    found = attribute(seeded(lambda: ByName(lambda y: Named(y, y > 0), "features")), x, **options)
    assert found.abs().max() > 0
    assert torch.equal(found, attribute(seeded(lambda: Network(lambda x, y: ())), x, **options))
    found = attribute(seeded(lambda: ByName(lambda y: y.cummax(1), "values")), x, **options)
    assert found.abs().max() > 0
    wanted = seeded(lambda: ByName(lambda y: Named(y.cummax(1).values, None), "features"))
    assert torch.equal(found, attribute(wanted, x, **options))


class Frequencies(nn.Module):
    def forward(self, x):
        return torch.fft.fftn(x, dim=(2, 3, 4))


class Numbers(nn.Module):
    def forward(self, x):
        return x.argmax(1, keepdim=True)


class Through(nn.Module):
    """The mean of what a layer returns, beside that of a convolution."""

    def __init__(self, layer):
        super().__init__()
        self.conv, self.layer, self.head = nn.Conv3d(3, 4, 3, padding=1), layer, nn.Linear(5, 3)

    def forward(self, x):
        y = self.conv(x).relu()
        other = self.layer(y).abs().float().mean((1, 2, 3, 4))
        return self.head(torch.cat([y.mean((2, 3, 4)), other[:, None]], 1))


@pytest.mark.parametrize(("layer", "kind"), [(Frequencies(), "complex64"), (Numbers(), "int64")])
def test_numbers_that_are_no_features_are_refused(layer, kind):
    for method in ("gradcam", "ablationcam", "eigencam", "lrp"):
        with pytest.raises(VidexplainError, match=f"layer 'layer' returns numbers of kind {kind}, not features"):
            attribute(Through(layer).eval(), video(1, 3, 4, 8, 8), method=method, layer="layer", target=0)
    assert attribute(Through(layer).eval(), video(1, 3, 4, 8, 8), target=0).abs().max() > 0


class KeptByHook(nn.Module):
    """The head reads what a hook of the network's own has kept of a layer."""

    def __init__(self):
        super().__init__()
        self.conv, self.head, self.kept = nn.Conv3d(3, 4, 3, padding=1), nn.Linear(4, 5), {}
        self.conv.register_forward_hook(lambda _, __, output: self.kept.update(conv=output))

    def forward(self, x):
        self.conv(x)
        return self.head(self.kept["conv"].mean((2, 3, 4)))


class NotKept(KeptByHook):
    def forward(self, x):
        return self.head(self.conv(x).mean((2, 3, 4)))


@pytest.mark.parametrize("method", ["gradcam", "layercam", "ablationcam", "scorecam"])
def test_a_hook_of_the_networks_own_gets_what_a_method_puts_in_the_place_of_the_output(method):
    x, options = video(1, 3, 4, 8, 8), {"method": method, "layer": "conv", "target": 1}
    found = attribute(seeded(KeptByHook), x, **options)
    assert found.abs().max() > 0
    assert torch.equal(found, attribute(seeded(NotKept), x, **options))
