"""Eigen-CAM and FEM, which depend on no class: against a reference and their formulas."""

import numpy as np
import pytest
import torch
import torchvision
from torch import nn

from tests.attribution.networks import Deep3D, Small3D, seeded, video
from tests.attribution.references import close, full_graph
from tests.oracles import cam as oracle
from videxplain.attribution.api import attribute
from videxplain.errors import VidexplainError

CLASSLESS = {"eigencam": oracle.eigencam, "fem": oracle.fem}


@pytest.fixture(scope="module")
def r3d_18():
    return seeded(torchvision.models.video.r3d_18)


@pytest.mark.parametrize("layer", ["layer4", "layer3"])
def test_eigencam_equals_pytorch_grad_cam_up_to_sign(r3d_18, layer):
    reference = pytest.importorskip("pytorch_grad_cam").EigenCAM
    x = video(2, 3, 16, 64, 64)
    activations, _ = full_graph(r3d_18, layer, x, lambda logits: logits[:, 0])
    with reference(r3d_18, [r3d_18.get_submodule(layer)]) as cam:
        expected = cam.get_cam_image(None, None, None, activations.cpu().numpy(), None, False)
    for found, one in zip(attribute(r3d_18, x, method="eigencam", layer=layer, enlarge=False), expected, strict=True):
        sign = np.sign(np.vdot(found.cpu().numpy(), one))
        close(found, (sign * one).clip(0))


@pytest.mark.parametrize("pooling", ["clip", "frame"])
@pytest.mark.parametrize(("build", "layer"), [(Small3D, "relu2"), (Deep3D, "conv2")])
@pytest.mark.parametrize("method", CLASSLESS)
def test_classless_maps_equal_the_formula_written_out(method, build, layer, pooling):
    module, x = seeded(build), video(2, 3, 4, 6, 8)
    activations, _ = full_graph(module, layer, x, lambda logits: logits[:, 2])
    found = attribute(module, x, method=method, layer=layer, pooling=pooling, enlarge=False)
    expected = np.stack([CLASSLESS[method](a.cpu().numpy(), pooling) for a in activations])
    close(found, expected)


def test_eigencam_is_largest_where_the_channels_respond():
    module = seeded(Small3D)
    x = video(1, 3, 4, 8, 8) * 0.1
    x[:, :, 1:3, 2:6, 2:6] *= 60
    activations, _ = full_graph(module, "relu2", x, lambda logits: logits[:, 0])
    found = attribute(module, x, method="eigencam", layer="relu2", enlarge=False)
    total = activations.sum(1)
    assert torch.corrcoef(torch.stack([found.flatten(), total.flatten()]))[0, 1] > 0.5


class Balanced(nn.Module):
    """A layer whose channels add up to zero everywhere but for rounding, as behind a layer norm without weights."""

    def __init__(self, sign):
        super().__init__()
        self.conv, self.layer, self.fc = nn.Conv3d(3, 8, 3, padding=1), nn.Identity(), nn.Linear(8, 3)
        self.sign = sign

    def forward(self, x):
        x = self.conv(x)
        return self.fc(self.layer(self.sign * (x - x.mean(1, keepdim=True))).mean((2, 3, 4)))


@pytest.mark.parametrize("sign", [1, -1])
def test_where_the_channels_have_no_sum_the_largest_projection_is_positive(sign):
    module, x = seeded(lambda: Balanced(sign)), video(1, 3, 4, 8, 8)
    activations, _ = full_graph(module, "layer", x, lambda logits: logits[:, 0])
    assert activations.sum(1).abs().max() < 1e-5
    found = attribute(module, x, method="eigencam", layer="layer", enlarge=False)
    positions = activations[0].flatten(1).T.double().cpu()
    positions = positions - positions.mean(0)
    projected = positions @ torch.linalg.svd(positions, full_matrices=False).Vh[0]
    largest = projected[projected.abs().argmax()]
    close(found.flatten(), (projected * largest.sign()).relu())


@pytest.mark.parametrize(("pooling", "size", "positions"), [("clip", 2, 5), ("frame", 4, 4)])
def test_fem_of_too_few_positions_is_refused(pooling, size, positions):
    frames = 5 if pooling == "clip" else 8
    with pytest.raises(VidexplainError) as error:
        attribute(seeded(Small3D), video(1, 3, frames, size, size), method="fem", layer="relu2", pooling=pooling)
    assert str(error.value) == (
        f"fem needs 6 positions to find a rare one, and layer 'relu2' has {positions}; name an earlier layer"
    )


def test_fem_finds_the_one_of_six():
    module = nn.Sequential(nn.Conv3d(3, 1, 1, bias=False), nn.AdaptiveAvgPool3d(1), nn.Flatten(), nn.Linear(1, 2))
    with torch.no_grad():
        module[0].weight.fill_(1)
    x = torch.zeros(1, 3, 6, 1, 1)
    x[:, :, 4] = 2
    found = attribute(module, x, method="fem", layer="0", enlarge=False)
    # The channel is 6 there and its mean 1; (6 - 1) is 2.24 deviations.
    assert found.flatten().tolist() == [0, 0, 0, 0, 1, 0]
