"""Motion and appearance: networks that see one of them alone have all their evidence in it."""

import pytest
import torch

from tests.attribution.networks import Differences, FrameWise, Small3D, seeded, video
from videxplain.attribution.api import attribute


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
