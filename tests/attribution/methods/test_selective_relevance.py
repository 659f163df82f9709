"""Selective relevance keeps what changes in time."""

import pytest
import torch

from tests.attribution.networks import FrameWise, seeded, video
from tests.device import placed
from videxplain.attribution.api import attribute
from videxplain.attribution.methods.selective_relevance import sobel_in_time
from videxplain.errors import VidexplainError


def test_sobel_of_a_ramp():
    ramp = torch.arange(6.0).view(1, 6, 1, 1).expand(1, 6, 4, 5)
    found = sobel_in_time(ramp)
    # Two frames apart, times the 16 of the smoothing; half of it at the ends, where a frame is repeated.
    assert torch.equal(found[0, 1:-1], torch.full((4, 4, 5), 32.0))
    assert torch.equal(found[0, 0], torch.full((4, 5), 16.0))


def test_selective_relevance_keeps_what_changes():
    module, x = seeded(FrameWise), placed(torch.zeros(1, 3, 8, 8, 8))
    x[:, :, :, 1, 1] = 1.0  # stands still
    x[:, :, 4:, 6, 6] = 1.0  # appears
    found = attribute(module, x, method="selective-relevance", target=0)[0].abs().sum(0)
    everything = attribute(module, x, method="input-x-gradient", target=0)[0].abs().sum(0)
    assert everything[:, 1, 1].min() > 0
    assert found[:, 1, 1].max() == 0
    assert found[4, 6, 6] == everything[4, 6, 6] > 0
    assert found[7].max() == 0


def test_a_threshold_of_zero_keeps_whatever_changes_at_all():
    module, x = seeded(FrameWise), video(1, 3, 6, 8, 8)
    torch.testing.assert_close(
        attribute(module, x, method="selective-relevance", target=0, threshold=0.0),
        attribute(module, x, method="input-x-gradient", target=0),
    )
    with pytest.raises(VidexplainError, match="selective-relevance: threshold is a number, at least 0"):
        attribute(module, x, method="selective-relevance", threshold=-1.0)
