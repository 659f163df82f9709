"""Integrated gradients: their sum, and a square by hand."""

import torch
from torch import nn

from tests.attribution.networks import Deep3D, seeded, video
from videxplain.attribution.api import attribute


def test_integrated_gradients_add_up_to_the_difference_from_the_baseline():
    module, x = seeded(Deep3D), video(2, 3, 4, 8, 8)
    with torch.no_grad():
        difference = (module(x) - module(torch.zeros_like(x)))[:, 2]
    found = attribute(module, x, method="integrated-gradients", target=2, steps=200)
    torch.testing.assert_close(found.sum((1, 2, 3, 4)), difference, rtol=1e-2, atol=1e-3)


def test_integrated_gradients_of_a_square_by_hand():
    """Of ``(sum x)^2`` a pixel's part is its value times the sum, the mean of ``2 a sum(x)`` over the way."""

    class Square(nn.Module):
        def forward(self, x):
            return x.flatten(1).sum(1, keepdim=True) ** 2

    x = video(2, 3, 2, 2, 2)
    expected = x * x.flatten(1).sum(1)[:, None, None, None, None]
    found = attribute(Square(), x, method="integrated-gradients", target=0, steps=3)
    torch.testing.assert_close(found, expected, rtol=1e-5, atol=1e-6)
