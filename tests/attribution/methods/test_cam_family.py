"""Every CAM against an exact reference, against its formula written out, and against closed forms."""

import numpy as np
import pytest
import torch
import torchvision
from captum.attr import GuidedGradCam
from torch import nn
from torchcam import methods as torchcam

from tests.attribution.methods.test_gradcam import full_graph
from tests.attribution.networks import Deep3D, Small3D, seeded, three_lrcns, video
from tests.oracles import cam as oracle
from videxplain.attribution.api import attribute
from videxplain.attribution.targets import Contrast
from videxplain.errors import VidexplainError

GRADIENT_CAMS = {
    "gradcam++": oracle.gradcam_plus_plus,
    "xgradcam": oracle.xgradcam,
    "hirescam": oracle.hirescam,
    "layercam": oracle.layercam,
}
POOLED = ("gradcam", "gradcam++", "xgradcam")
CLASSLESS = {"eigencam": oracle.eigencam, "fem": oracle.fem}


@pytest.fixture(scope="module")
def r3d_18():
    return seeded(torchvision.models.video.r3d_18)


def close(found, expected):
    """At most 1e-5 of the largest value apart, which must not be nothing."""
    found, expected = torch.as_tensor(found).double(), torch.as_tensor(expected).double()
    assert expected.max() > 0
    assert found.shape == expected.shape
    assert (found - expected).abs().max() <= 1e-5 * expected.max()


@pytest.mark.parametrize("layer", ["layer4", "layer3", "layer2.0.conv1"])
@pytest.mark.parametrize(("method", "name"), [("gradcam++", "GradCAMPlusPlus"), ("hirescam", "HiResCAM")])
def test_equals_pytorch_grad_cam(r3d_18, method, name, layer):
    reference = getattr(pytest.importorskip("pytorch_grad_cam"), name)
    x = video(2, 3, 16, 64, 64)
    activations, gradients = full_graph(r3d_18, layer, x, lambda logits: logits[:, 3])
    with reference(r3d_18, [r3d_18.get_submodule(layer)]) as cam:
        expected = cam.get_cam_image(None, None, None, activations.numpy(), gradients.numpy(), False)
    close(attribute(r3d_18, x, method=method, layer=layer, target=3, enlarge=False), expected.clip(0))


@pytest.mark.parametrize("layer", ["layer4", "layer3"])
def test_eigencam_equals_pytorch_grad_cam_up_to_sign(r3d_18, layer):
    reference = pytest.importorskip("pytorch_grad_cam").EigenCAM
    x = video(2, 3, 16, 64, 64)
    activations, _ = full_graph(r3d_18, layer, x, lambda logits: logits[:, 0])
    with reference(r3d_18, [r3d_18.get_submodule(layer)]) as cam:
        expected = cam.get_cam_image(None, None, None, activations.numpy(), None, False)
    for found, one in zip(attribute(r3d_18, x, method="eigencam", layer=layer, enlarge=False), expected, strict=True):
        sign = np.sign(np.vdot(found.numpy(), one))
        close(found, (sign * one).clip(0))


@pytest.mark.parametrize("layer", ["layer4", "layer3"])
@pytest.mark.parametrize(("method", "reference"), [("xgradcam", torchcam.XGradCAM), ("layercam", torchcam.LayerCAM)])
def test_equals_torchcam(method, reference, layer):
    module, x = seeded(torchvision.models.video.r3d_18), video(1, 3, 16, 64, 64)
    with reference(module, target_layer=layer, input_shape=(3, 16, 64, 64)) as extractor:
        expected = extractor(3, module(x), normalized=False)[0].detach().relu()
    close(attribute(module, x, method=method, layer=layer, target=3, enlarge=False), expected)


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


@pytest.mark.parametrize("pooling", ["clip", "frame"])
@pytest.mark.parametrize(("build", "layer"), [(Small3D, "relu2"), (Deep3D, "conv2"), (Deep3D, "pool")])
@pytest.mark.parametrize("method", GRADIENT_CAMS)
def test_equals_the_formula_written_out(method, build, layer, pooling):
    module, x = seeded(build), video(2, 3, 4, 6, 8)
    activations, gradients = full_graph(module, layer, x, lambda logits: logits[:, 2])
    options = {"pooling": pooling} if method in POOLED else {}
    found = attribute(module, x, method=method, layer=layer, target=2, enlarge=False, **options)
    expected = [
        GRADIENT_CAMS[method](a.numpy(), g.numpy(), pooling) for a, g in zip(activations, gradients, strict=True)
    ]
    close(found, np.stack(expected))


@pytest.mark.parametrize("pooling", ["clip", "frame"])
@pytest.mark.parametrize(("build", "layer"), [(Small3D, "relu2"), (Deep3D, "conv2")])
@pytest.mark.parametrize("method", CLASSLESS)
def test_classless_maps_equal_the_formula_written_out(method, build, layer, pooling):
    module, x = seeded(build), video(2, 3, 4, 6, 8)
    activations, _ = full_graph(module, layer, x, lambda logits: logits[:, 2])
    found = attribute(module, x, method=method, layer=layer, pooling=pooling, enlarge=False)
    expected = np.stack([CLASSLESS[method](a.numpy(), pooling) for a in activations])
    close(found, expected)


def test_cam_equals_the_formula_written_out():
    module, x = seeded(Small3D), video(2, 3, 4, 6, 8)
    activations, _ = full_graph(module, "relu2", x, lambda logits: logits[:, 2])
    weights = module.fc.weight.detach().numpy()
    found = attribute(module, x, method="cam", target=2, enlarge=False)
    close(found, np.stack([oracle.cam(a.numpy(), weights[2]) for a in activations]))
    found = attribute(module, x, method="cam", target=Contrast(2, 4), enlarge=False)
    close(found, np.stack([oracle.cam(a.numpy(), weights[2] - weights[4]) for a in activations]))
    found = attribute(module, x, method="cam", target=lambda logits: logits[:, 2] ** 2 / 2, enlarge=False)
    with torch.no_grad():
        slopes = module(x)[:, 2].numpy()
    pairs = zip(activations, slopes, strict=True)
    close(found, np.stack([oracle.cam(a.numpy(), slope * weights[2]) for a, slope in pairs]))


@pytest.mark.parametrize("target", range(5))
def test_closed_form_of_a_linear_head(target):
    """With global average pooling and a linear layer four methods are one, and CAM is that times the positions."""
    module, x = seeded(Small3D), video(2, 3, 4, 8, 10)
    maps = {
        method: attribute(module, x, method=method, layer="relu2", target=target, enlarge=False)
        for method in ("cam", "gradcam", "hirescam", "xgradcam")
    }
    positions = maps["cam"][0].numel()
    for method in ("gradcam", "hirescam", "xgradcam"):
        torch.testing.assert_close(positions * maps[method], maps["cam"], rtol=1e-4, atol=1e-6)


def test_parts_of_a_linear_head_add_up_to_the_logit():
    module, x = seeded(Small3D), video(1, 3, 4, 8, 10)
    with torch.no_grad():
        module.fc.weight.abs_()  # so that no part is cut off at zero
        logits = module(x)
    for target in range(5):
        parts = attribute(module, x, method="hirescam", layer="relu2", target=target, enlarge=False)
        torch.testing.assert_close(parts.sum() + module.fc.bias[target].detach(), logits[0, target])


def test_eigencam_is_largest_where_the_channels_respond():
    module = seeded(Small3D)
    x = video(1, 3, 4, 8, 8) * 0.1
    x[:, :, 1:3, 2:6, 2:6] *= 60
    activations, _ = full_graph(module, "relu2", x, lambda logits: logits[:, 0])
    found = attribute(module, x, method="eigencam", layer="relu2", enlarge=False)
    total = activations.sum(1)
    assert torch.corrcoef(torch.stack([found.flatten(), total.flatten()]))[0, 1] > 0.5


def test_pooling_by_frame_looks_at_each_frame_alone():
    """What one frame does must not change what is rare in another; in the clip as a whole it does."""
    module = three_lrcns()["folded"]
    x = video(1, 3, 4, 8, 8)
    other = x.clone()
    other[:, :, 3] *= 5
    for method in CLASSLESS:
        arguments = {"method": method, "layer": "features.conv2", "enlarge": False}
        by_frame = [attribute(module, one, pooling="frame", **arguments)[0, :3] for one in (x, other)]
        torch.testing.assert_close(*by_frame)
        by_clip = [attribute(module, one, **arguments)[0, :3] for one in (x, other)]
        assert (by_clip[0] - by_clip[1]).abs().max() > 0.05 * by_clip[0].max()


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
    with pytest.raises(VidexplainError, match="does not depend on the logits"):
        attribute(seeded(Small3D), video(1, 3, 4, 8, 8), method="cam", target=lambda logits: torch.ones(len(logits)))


@pytest.mark.parametrize("method", ["hirescam", "layercam", "cam"])
def test_methods_that_do_not_pool_take_no_pooling(method):
    with pytest.raises(VidexplainError, match=f"{method} takes no option 'pooling'"):
        attribute(seeded(Small3D), video(1, 3, 4, 8, 8), method=method, pooling="frame")


@pytest.mark.parametrize("method", [*POOLED, *CLASSLESS, "guided-gradcam"])
def test_an_unknown_pooling_is_refused(method):
    with pytest.raises(VidexplainError, match="pooling is 'clip' or 'frame', not 'space'"):
        attribute(seeded(Small3D), video(1, 3, 4, 8, 8), method=method, pooling="space")


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
