"""Motion and appearance: networks that see one of them alone have all their evidence in it."""

import pytest
import torch

from tests.attribution.networks import Differences, FrameWise, Small3D, seeded, video
from videxplain.attribution.api import attribute
from videxplain.attribution.methods.selective_relevance import sobel_in_time
from videxplain.errors import VidexplainError


@pytest.mark.parametrize("target", [0, 3])
def test_a_network_of_single_frames_has_no_motion(target):
    module, x = seeded(FrameWise), video(2, 3, 5, 8, 8)
    whole = attribute(module, x, method="gradcam", target=target, layer="relu")
    assert whole.abs().max() > 0
    assert attribute(module, x, method="motion", target=target, layer="relu").abs().max() <= 1e-7
    torch.testing.assert_close(attribute(module, x, method="appearance", target=target, layer="relu"), whole)


@pytest.mark.parametrize("target", [0, 3])
def test_a_network_of_differences_has_nothing_else(target):
    module, x = seeded(Differences), video(2, 3, 5, 8, 8)
    whole = attribute(module, x, method="gradcam", target=target, layer="relu")
    assert whole.abs().max() > 0
    torch.testing.assert_close(attribute(module, x, method="motion", target=target, layer="relu"), whole)
    assert attribute(module, x, method="appearance", target=target, layer="relu").abs().max() == 0


def test_the_two_add_up_to_grad_cam():
    module, x = seeded(Small3D), video(2, 3, 6, 8, 8)
    whole, motion, appearance = (
        attribute(module, x, method=method, target=1, layer="relu2") for method in ("gradcam", "motion", "appearance")
    )
    torch.testing.assert_close(motion + appearance, whole)
    assert motion.max() > 0
    assert appearance.max() > 0


def test_sobel_of_a_ramp():
    ramp = torch.arange(6.0).view(1, 6, 1, 1).expand(1, 6, 4, 5)
    found = sobel_in_time(ramp)
    # Two frames apart, times the 16 of the smoothing; half of it at the ends, where a frame is repeated.
    assert torch.equal(found[0, 1:-1], torch.full((4, 4, 5), 32.0))
    assert torch.equal(found[0, 0], torch.full((4, 5), 16.0))


def test_selective_relevance_keeps_what_changes():
    module, x = seeded(FrameWise), torch.zeros(1, 3, 8, 8, 8)
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
    with pytest.raises(VidexplainError, match="threshold is a number of standard deviations"):
        attribute(module, x, method="selective-relevance", threshold=-1.0)
