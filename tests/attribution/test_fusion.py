"""Several layers, one map."""

import pytest
import torch
import torch.nn.functional as F

from tests.attribution.networks import BrightSquares, Deep3D, Small3D, Turncoat, seeded, video
from tests.explanation.clips import planted
from videxplain.attribution.api import METHODS, attribute
from videxplain.attribution.fusion import run_method
from videxplain.attribution.layers import FusedLayers, LayerCall
from videxplain.attribution.passes import Pass
from videxplain.attribution.targets import score_function
from videxplain.data.clip import Clip
from videxplain.errors import VidexplainError
from videxplain.explanation.api import explain


@pytest.mark.parametrize("method", [name for name in METHODS if METHODS[name].family == "cam" and name != "cam"])
def test_the_geometric_mean_at_the_finest_resolution(method):
    module, x = seeded(Deep3D, seed=1), video(2, 3, 4, 8, 12)
    fine, middle, coarse = (
        attribute(module, x, method=method, layer=layer, targets=[0, 2], enlarge=False)
        for layer in ("relu1", "conv2", "pool")
    )
    found = attribute(module, x, method=method, layer="pool+relu1", targets=[0, 2], enlarge=False)
    assert found.shape == fine.shape == (2, 2, 4, 8, 12)
    enlarged = F.interpolate(coarse, size=(4, 8, 12), mode="trilinear", align_corners=False)
    assert found.max() > 0
    torch.testing.assert_close(found, (fine * enlarged).sqrt(), rtol=1e-4, atol=1e-6 * float(found.max()))
    found = attribute(module, x, method=method, layer="pool+relu1+conv2", targets=[0, 2], enlarge=False)
    expected = (fine * enlarged * middle).double().pow(1 / 3)
    torch.testing.assert_close(found.double(), expected, rtol=1e-3, atol=1e-4 * float(found.max()))


def test_the_unit_of_a_layer_only_scales_the_map():
    """What follows from it: windows of a video stay comparable, which a scale for each map would undo."""
    module, x = seeded(Small3D), video(1, 3, 4, 8, 8)
    before = attribute(module, x, method="gradcam", layer="relu2+relu1", target=1)
    expected = before / before.max()
    with torch.no_grad():
        module.fc.weight *= 1000
    after = attribute(module, x, method="gradcam", layer="relu2+relu1", target=1)
    torch.testing.assert_close(after / after.max(), expected, rtol=1e-3, atol=1e-6)


def test_the_scores_are_chosen_once():
    asked = []

    def choose(logits):
        asked.append(logits)
        return [score_function(1, 5)]

    layers = FusedLayers((LayerCall("relu1"), LayerCall("relu2")))
    found = run_method(METHODS["gradcam"], Pass(seeded(Small3D), video(1, 3, 4, 6, 6), choose, layers))
    assert len(asked) == 1
    assert torch.equal(found.logits, asked[0])


def test_a_whole_video():
    clip = planted(30, 9, 20)
    fused = explain(BrightSquares(8, 32, "consecutive"), clip, "hirescam", layer="conv+relu")
    assert fused.origin.layer == "conv+relu"
    assert fused.origin.target == "class 1"
    # Before and after the ReLU it is the same where there is evidence.
    alone = explain(BrightSquares(8, 32, "consecutive"), clip, "hirescam", layer="relu")
    for a, b in zip(fused.maps, alone.maps, strict=True):
        torch.testing.assert_close(torch.as_tensor(a), torch.as_tensor(b), rtol=1e-4, atol=1e-7)


def test_the_class_of_the_whole_video_is_found_as_with_one_layer():
    frames = video(16, 4, 4, 3).clamp(0, 1).mul(255).byte().cpu().numpy()
    frames[8:] = 255
    fused, alone = (explain(Turncoat(4, 10), Clip(frames), layer=layer) for layer in ("conv+relu", "relu"))
    assert fused.predictions == alone.predictions
    assert fused.origin.target == alone.origin.target


@pytest.mark.parametrize(
    ("method", "layer", "message"),
    [
        ("activations", "relu1+relu2", "activations looks at one layer; the cam methods fuse several"),
        ("guided-gradcam", "relu1+relu2", "guided-gradcam looks at one layer; the cam methods fuse several"),
        ("gradcam", "relu1+relu1", "layer 'relu1+relu1' names a layer twice"),
        ("gradcam", "relu1+relu3", "unknown layer 'relu3'; did you mean relu2 or relu1?"),
    ],
)
def test_refuses(method, layer, message):
    with pytest.raises(VidexplainError) as error:
        attribute(seeded(Small3D), video(1, 3, 4, 6, 6), method=method, layer=layer)
    assert str(error.value) == message
