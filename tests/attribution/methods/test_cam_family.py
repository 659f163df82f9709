"""Every CAM against an exact reference, against its formula written out, and against closed forms."""

import numpy as np
import pytest
import torch
import torchvision
from torchcam import methods as torchcam

from tests.attribution.networks import Deep3D, Small3D, seeded, three_lrcns, video
from tests.attribution.references import close, full_graph
from tests.oracles import cam as oracle
from videxplain.attribution.api import attribute
from videxplain.errors import VidexplainError

GRADIENT_CAMS = {
    "gradcam++": oracle.gradcam_plus_plus,
    "xgradcam": oracle.xgradcam,
    "hirescam": oracle.hirescam,
    "layercam": oracle.layercam,
}
POOLED = ("gradcam", "gradcam++", "xgradcam")


@pytest.fixture(scope="module")
def r3d_18():
    return seeded(torchvision.models.video.r3d_18)


@pytest.mark.parametrize("layer", ["layer4", "layer3", "layer2.0.conv1"])
@pytest.mark.parametrize(("method", "name"), [("gradcam++", "GradCAMPlusPlus"), ("hirescam", "HiResCAM")])
def test_equals_pytorch_grad_cam(r3d_18, method, name, layer):
    reference = getattr(pytest.importorskip("pytorch_grad_cam"), name)
    x = video(2, 3, 16, 64, 64)
    activations, gradients = full_graph(r3d_18, layer, x, lambda logits: logits[:, 3])
    with reference(r3d_18, [r3d_18.get_submodule(layer)]) as cam:
        expected = cam.get_cam_image(None, None, None, activations.cpu().numpy(), gradients.cpu().numpy(), False)
    close(attribute(r3d_18, x, method=method, layer=layer, target=3, enlarge=False), expected.clip(0))


@pytest.mark.parametrize("layer", ["layer4", "layer3"])
@pytest.mark.parametrize(("method", "reference"), [("xgradcam", torchcam.XGradCAM), ("layercam", torchcam.LayerCAM)])
def test_equals_torchcam(method, reference, layer):
    module, x = seeded(torchvision.models.video.r3d_18), video(1, 3, 16, 64, 64)
    with reference(module, target_layer=layer, input_shape=(3, 16, 64, 64)) as extractor:
        expected = extractor(3, module(x), normalized=False)[0].detach().relu()
    close(attribute(module, x, method=method, layer=layer, target=3, enlarge=False), expected)


@pytest.mark.parametrize("pooling", ["clip", "frame"])
@pytest.mark.parametrize(("build", "layer"), [(Small3D, "relu2"), (Deep3D, "conv2"), (Deep3D, "pool")])
@pytest.mark.parametrize("method", GRADIENT_CAMS)
def test_equals_the_formula_written_out(method, build, layer, pooling):
    module, x = seeded(build), video(2, 3, 4, 6, 8)
    activations, gradients = full_graph(module, layer, x, lambda logits: logits[:, 2])
    options = {"pooling": pooling} if method in POOLED else {}
    found = attribute(module, x, method=method, layer=layer, target=2, enlarge=False, **options)
    expected = [
        GRADIENT_CAMS[method](a.cpu().numpy(), g.cpu().numpy(), pooling)
        for a, g in zip(activations, gradients, strict=True)
    ]
    close(found, np.stack(expected))


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


def test_pooling_by_frame_looks_at_each_frame_alone():
    """What one frame does must not change what is rare in another; in the clip as a whole it does."""
    module = three_lrcns()["folded"]
    x = video(1, 3, 4, 8, 8)
    other = x.clone()
    other[:, :, 3] *= 5
    for method in ("eigencam", "fem"):
        arguments = {"method": method, "layer": "features.conv2", "enlarge": False}
        by_frame = [attribute(module, one, pooling="frame", **arguments)[0, :3] for one in (x, other)]
        torch.testing.assert_close(*by_frame)
        by_clip = [attribute(module, one, **arguments)[0, :3] for one in (x, other)]
        assert (by_clip[0] - by_clip[1]).abs().max() > 0.05 * by_clip[0].max()


@pytest.mark.parametrize("method", ["hirescam", "layercam", "cam"])
def test_methods_that_do_not_pool_take_no_pooling(method):
    with pytest.raises(VidexplainError, match=f"{method} takes no option 'pooling'"):
        attribute(seeded(Small3D), video(1, 3, 4, 8, 8), method=method, pooling="frame")


@pytest.mark.parametrize("method", [*POOLED, "eigencam", "fem", "guided-gradcam"])
def test_an_unknown_pooling_is_refused(method):
    with pytest.raises(VidexplainError, match="unknown pooling 'space'; known: clip, frame"):
        attribute(seeded(Small3D), video(1, 3, 4, 8, 8), method=method, pooling="space")
