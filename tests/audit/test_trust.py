"""Trust: a network that looks at one corner, and maps that show it or do not."""

import math

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from videxplain.audit.trust import measure_trust
from videxplain.models.config import ModelConfig

CONFIG = ModelConfig(architecture="corner", num_classes=2, num_frames=4, size=(10, 10))


class Corner(nn.Module):
    """Logits: the mean brightness of the upper left corner in the first frame, and zero."""

    def forward(self, x: Tensor) -> Tensor:
        seen = x[:, :, 0, :5, :4].mean((1, 2, 3))
        return torch.stack([2 * seen, 0 * seen], 1)


def trust_of(maps):
    return measure_trust(Corner(), CONFIG, torch.ones(1, 3, 4, 10, 10), maps, label=0, seed=1)


def test_the_map_that_shows_the_corner():
    maps = np.zeros((4, 10, 10), np.float32)
    maps[0, :5, :4] = 2
    maps[1, :5, :4] = 1  # a tenth of 400 places is 40: the corner in two frames
    measured = trust_of(maps)
    sure = 1 / (1 + math.exp(-2))
    assert measured.trust == pytest.approx(sure - 0.5, abs=1e-6)
    assert measured.trust_random < measured.trust
    assert (measured.shuffled, measured.reversed, measured.frozen) == (True, True, True)


def test_a_map_of_another_place_is_worth_nothing():
    maps = np.zeros((4, 10, 10), np.float32)
    maps[2:, 5:, 6:] = 1
    assert trust_of(maps).trust == pytest.approx(0, abs=1e-6)


def test_a_map_that_shows_nothing_has_no_trust():
    measured = trust_of(np.full((4, 10, 10), 0.3, np.float32))
    assert (measured.trust, measured.trust_random) == (None, None)
