"""Deconvolution: by hand, and with ReLUs of all kinds."""

import pytest
import torch
from torch import nn

from tests.attribution.networks import AnyReLU, seeded, video
from tests.device import same
from videxplain.attribution.api import attribute
from videxplain.errors import VidexplainError


def test_deconvolution_by_hand():
    """Two positions, two features, pooled: the first is off at both, and deconvolution passes it all the same."""
    conv = nn.Conv3d(3, 2, 1, bias=False)
    network = nn.Sequential(conv, nn.ReLU(), nn.AvgPool3d((1, 1, 2)), nn.Flatten(), nn.Linear(2, 1, bias=False))
    with torch.no_grad():
        conv.weight.copy_(torch.tensor([[-2.0, 0, 0], [1, 1, 0]]).view(2, 3, 1, 1, 1))
        network[4].weight.copy_(torch.tensor([[4.0, 6.0]]))
    x = torch.ones(1, 3, 1, 1, 2)
    # 4 / 2 through the first feature, 6 / 2 through the second.
    expected = torch.tensor([2 * -2 + 3.0, 3, 0]).view(1, 3, 1, 1, 1).expand(1, 3, 1, 1, 2)
    assert same(attribute(network, x, method="deconvolution", target=0), expected)
    guided = torch.tensor([3.0, 3, 0]).view(1, 3, 1, 1, 1).expand(1, 3, 1, 1, 2)
    assert same(attribute(network, x, method="guided-backprop", target=0), guided)


def test_deconvolution_lets_no_negative_gradient_pass():
    conv = nn.Conv3d(3, 1, 1, bias=False)
    network = nn.Sequential(conv, nn.ReLU(), nn.AdaptiveAvgPool3d(1), nn.Flatten(), nn.Linear(1, 1, bias=False))
    with torch.no_grad():
        conv.weight.fill_(1)
        network[4].weight.fill_(-1)
    assert attribute(network, torch.ones(1, 3, 2, 2, 2), method="deconvolution", target=0).abs().max() == 0


def test_deconvolution_sees_relus_that_are_functions():
    x = video(1, 3, 4, 6, 6)
    modules = seeded(lambda: AnyReLU([nn.ReLU() for _ in range(3)]))
    functions = seeded(lambda: AnyReLU([torch.relu] * 3))
    expected = attribute(modules, x, method="deconvolution", target=1)
    assert expected.abs().max() > 0
    assert same(attribute(functions, x, method="deconvolution", target=1), expected)
    with pytest.raises(VidexplainError, match="calls no ReLU: deconvolution would be the plain gradient"):
        attribute(seeded(lambda: AnyReLU([torch.tanh] * 3)), x, method="deconvolution")
