"""Layers that one pass calls many times: frames in a loop, folded into the batch, or stacked, and reused modules."""

import pytest
import torch
from torch import nn

from tests.attribution.networks import Frames2D, LoopLRCN, seeded, three_lrcns, video
from tests.device import placed
from videxplain.attribution.api import attribute
from videxplain.errors import VidexplainError

LAYERS = ["features.conv1", "features.conv2", "features.relu:0", "features.relu:1", "features"]


@pytest.mark.parametrize("pooling", ["clip", "frame"])
@pytest.mark.parametrize("layer", LAYERS)
def test_loop_folded_and_stacked_agree(layer, pooling):
    x = video(2, 3, 5, 8, 10)
    found = {
        name: attribute(module, x, method="gradcam", layer=layer, target=[1, 3], pooling=pooling, enlarge=False)
        for name, module in three_lrcns().items()
    }
    size = (8, 10) if layer in ("features.conv1", "features.relu:0") else (4, 5)
    assert found["stacked"].shape == (2, 5, *size)
    assert found["stacked"].amax((1, 2, 3)).min() > 0
    torch.testing.assert_close(found["loop"], found["stacked"], rtol=1e-4, atol=1e-8)
    torch.testing.assert_close(found["folded"], found["stacked"], rtol=1e-4, atol=1e-8)


def test_uses_of_one_relu_are_told_apart():
    x = video(1, 3, 5, 8, 8)
    module = three_lrcns()["loop"]
    with torch.no_grad():
        frames = x[0].transpose(0, 1)
        first = module.features.conv1(frames).relu()
        second = module.features.conv2(first).relu()
    for use, expected in enumerate([first, second]):
        found = attribute(module, x, method="activations", layer=f"features.relu:{use}", enlarge=False)
        torch.testing.assert_close(found[0], expected.mean(1), rtol=0, atol=1e-6)


@pytest.mark.parametrize("name", ["loop", "folded", "stacked"])
@pytest.mark.parametrize("use", ["", ":2"])
def test_a_reused_layer_without_a_valid_use_is_refused(name, use):
    with pytest.raises(VidexplainError) as error:
        attribute(three_lrcns()[name], video(2, 3, 5, 8, 8), method="gradcam", layer=f"features.relu{use}")
    assert str(error.value) == (
        "layer 'features.relu' is used 2 times in a pass; say which use is meant: 'features.relu:0', 'features.relu:1'"
    )


def test_a_use_of_a_layer_that_is_used_once():
    module, x = three_lrcns()["loop"], video(1, 3, 5, 8, 8)
    plain = attribute(module, x, method="gradcam", layer="features.conv2")
    assert torch.equal(attribute(module, x, method="gradcam", layer="features.conv2:0"), plain)
    with pytest.raises(VidexplainError, match=r"layer 'features\.conv2' is used once in a pass; there is no use 1"):
        attribute(module, x, method="gradcam", layer="features.conv2:1")


def test_a_frame_without_influence_is_zero():
    class LastFrame(LoopLRCN):
        def forward(self, x):
            return self.fc(self.lstm(self.steps(x)[:, -1:])[0][:, -1])

    module = seeded(lambda: LastFrame(Frames2D()))
    found = attribute(module, video(1, 3, 4, 8, 8), method="gradcam", layer="features", pooling="frame", target=1)
    assert found[0, :2].abs().max() == 0
    assert found[0, 3].max() > 0


@pytest.mark.parametrize("kind", [nn.LSTM, nn.GRU])
def test_several_targets_through_a_recurrent_layer(kind):
    module, x = three_lrcns()["folded"], video(2, 3, 5, 8, 8)
    with torch.random.fork_rng():
        torch.manual_seed(1)
        module.lstm = placed(kind(8, 7, batch_first=True))
    together = attribute(module, x, method="gradcam", layer="features", targets=[0, 1, 2, 3])
    for target in range(4):
        alone = attribute(module, x, method="gradcam", layer="features", target=target)
        torch.testing.assert_close(together[target], alone, rtol=1e-4, atol=1e-8)
    assert together.amax((1, 2, 3, 4)).max() > 0
