"""Guided Grad-CAM against captum."""

import pytest
from captum.attr import GuidedGradCam
from torch import nn

from tests.attribution.networks import Deep3D, Small3D, seeded, video
from tests.attribution.references import close
from videxplain.attribution.api import attribute


@pytest.mark.parametrize("build", [Small3D, Deep3D])
def test_guided_gradcam_equals_captum(build):
    module, x = seeded(build), video(2, 3, 6, 12, 10).requires_grad_()
    for m in module.modules():
        if isinstance(m, nn.ReLU):
            m.inplace = False
    for target in (1, 2):
        with pytest.warns(UserWarning, match="backward hooks"):
            expected = GuidedGradCam(module, module.conv2).attribute(x, target, interpolate_mode="trilinear")
        close(attribute(module, x, method="guided-gradcam", layer="conv2", target=target), expected.detach())
