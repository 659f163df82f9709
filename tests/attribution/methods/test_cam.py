"""CAM: against torchcam and its formula, and networks that it refuses."""

import numpy as np
import pytest
import torch
import torchvision
from torch import nn
from torchcam import methods as torchcam

from tests.attribution.networks import Deep3D, Small3D, seeded, three_lrcns, video
from tests.attribution.references import close, full_graph
from tests.oracles import cam as oracle
from videxplain.attribution.api import attribute
from videxplain.attribution.targets import Contrast
from videxplain.errors import VidexplainError


@pytest.mark.parametrize("layer", ["layer4", "layer3"])
def test_cam_equals_torchcam_and_is_refused_above(layer):
    module, x = seeded(torchvision.models.video.r3d_18), video(1, 3, 16, 64, 64)
    if layer == "layer3":
        with pytest.raises(VidexplainError, match=r"ends in the average of layer 'layer3' and one linear layer"):
            attribute(module, x, method="cam", layer=layer)
        return
    with torchcam.CAM(module, target_layer=layer, fc_layer="fc", input_shape=(3, 16, 64, 64)) as extractor:
        module(x)
        expected = extractor(3, normalized=False)[0].detach().relu()
    close(attribute(module, x, method="cam", layer=layer, target=3, enlarge=False), expected)


def test_cam_equals_the_formula_written_out():
    module, x = seeded(Small3D), video(2, 3, 4, 6, 8)
    activations, _ = full_graph(module, "relu2", x, lambda logits: logits[:, 2])
    weights = module.fc.weight.detach().cpu().numpy()
    found = attribute(module, x, method="cam", target=2, enlarge=False)
    close(found, np.stack([oracle.cam(a.cpu().numpy(), weights[2]) for a in activations]))
    found = attribute(module, x, method="cam", target=Contrast(2, 4), enlarge=False)
    close(found, np.stack([oracle.cam(a.cpu().numpy(), weights[2] - weights[4]) for a in activations]))
    found = attribute(module, x, method="cam", target=lambda logits: logits[:, 2] ** 2 / 2, enlarge=False)
    with torch.no_grad():
        slopes = module(x)[:, 2].cpu().numpy()
    pairs = zip(activations, slopes, strict=True)
    close(found, np.stack([oracle.cam(a.cpu().numpy(), slope * weights[2]) for a, slope in pairs]))


def test_cam_of_a_2d_network_averaged_over_frames():
    """Late fusion: the linear layer sees the mean over frames and space."""

    class Late(nn.Module):
        def __init__(self):
            super().__init__()
            self.conv, self.relu = nn.Conv2d(3, 6, 3), nn.ReLU()
            self.dropout, self.fc = nn.Dropout(0.5), nn.Linear(6, 4)

        def forward(self, x):
            features = self.relu(self.conv(x.transpose(1, 2).flatten(0, 1))).mean((2, 3))
            return self.fc(self.dropout(features.unflatten(0, (len(x), -1)).mean(1)))

    module, x = seeded(Late), video(2, 3, 5, 6, 7)
    found = attribute(module, x, method="cam", layer="relu", target=1, enlarge=False)
    raw = attribute(module, x, method="gradcam", layer="relu", target=1, enlarge=False)
    assert found.shape == (2, 5, 4, 5)
    torch.testing.assert_close(found, 100 * raw, rtol=1e-4, atol=1e-6)


class TwoLinear(Small3D):
    """Ends in two linear layers with nothing between them: linear, and yet not one layer."""

    def __init__(self):
        super().__init__(8)
        self.last = nn.Linear(8, 3)

    def forward(self, x):
        return self.last(super().forward(x))


class Doubled(Small3D):
    """What follows the linear layer changes the logits."""

    def forward(self, x):
        return 2 * super().forward(x)


@pytest.mark.parametrize("build", [Deep3D, TwoLinear, Doubled, lambda: three_lrcns()["loop"]])
def test_cam_without_a_linear_head_is_refused(build):
    layer = {"TwoLinear": "relu2", "Doubled": "relu2", "Deep3D": "pool"}
    module = seeded(build)
    with pytest.raises(VidexplainError) as error:
        attribute(module, video(1, 3, 4, 8, 8), method="cam", layer=layer.get(type(module).__name__, "features.conv2"))
    assert "cam needs a network that ends in the average of layer" in str(error.value)
    assert "\n" not in str(error.value)


def test_cam_of_a_score_that_does_not_depend_on_the_logits_is_refused():
    with pytest.raises(VidexplainError, match="does not depend on the network's output"):
        attribute(seeded(Small3D), video(1, 3, 4, 8, 8), method="cam", target=lambda logits: torch.ones(len(logits)))
