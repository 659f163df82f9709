"""Score-CAM and Ablation-CAM: against torchcam, closed forms, and a loop over channels."""

import pytest
import torch
import torch.nn.functional as F
import torchvision
from torch import nn
from torchcam import methods as torchcam

from tests.attribution.networks import Deep3D, Small3D, seeded, three_lrcns, video
from tests.attribution.references import close, full_graph
from videxplain.attribution import engine
from videxplain.attribution.api import attribute


@pytest.mark.parametrize(("build", "layer"), [(Deep3D, "pool"), (Small3D, "relu2"), (Deep3D, "conv2")])
def test_scorecam_equals_torchcam(build, layer):
    module, x = seeded(build), video(1, 3, 4, 12, 10)
    for m in module.modules():
        if isinstance(m, nn.ReLU):
            m.inplace = False  # torchcam hands on no copy, so what it stores would change
    with torchcam.ScoreCAM(module, target_layer=layer, input_shape=(3, 4, 12, 10)) as extractor, torch.no_grad():
        module(x)
        expected = extractor(2, normalized=False)[0].relu()
    close(attribute(module, x, method="scorecam", layer=layer, target=2, enlarge=False), expected)


@pytest.mark.parametrize("target", [0, lambda logits: logits[:, 3] - logits[:, 1] ** 2])
def test_scorecam_written_out(target):
    module, x = seeded(Deep3D), video(2, 3, 4, 8, 10)
    activations, _ = full_graph(module, "pool", x, lambda logits: logits[:, 0])
    found = attribute(module, x, method="scorecam", layer="pool", target=target, enlarge=False)
    for n in range(2):
        scores = []
        for channel in activations[n]:
            mask = (channel - channel.min()) / (channel.max() - channel.min())
            enlarged = F.interpolate(mask[None, None], size=(4, 8, 10), mode="trilinear", align_corners=False)[0]
            with torch.no_grad():
                logits = module((x[n] * enlarged)[None])
            scores.append(float(target(logits) if callable(target) else logits[0, target]))
        weights = torch.tensor(scores).exp() / torch.tensor(scores).exp().sum()
        close(found[n], sum(w * channel for w, channel in zip(weights, activations[n], strict=True)).relu())


@pytest.mark.parametrize("method", ["scorecam", "ablationcam"])
@pytest.mark.parametrize("layer", ["features.conv2", "features.relu:1", "features.relu:0"])
def test_frames_one_by_one_folded_and_stacked_agree(method, layer):
    x = video(2, 3, 5, 8, 6)
    maps = {
        kind: attribute(module, x, method=method, layer=layer, target=1, enlarge=False)
        for kind, module in three_lrcns().items()
    }
    close(maps["loop"], maps["stacked"])
    close(maps["folded"], maps["stacked"])


@pytest.mark.parametrize("method", ["scorecam", "ablationcam"])
def test_one_pass_and_one_for_each_channel_whatever_the_number_of_targets(method, monkeypatch):
    module, x = seeded(Small3D), video(1, 3, 4, 6, 6)
    sizes = []
    module.register_forward_pre_hook(lambda _, inputs: sizes.append(len(inputs[0])))
    expected = attribute(module, x, method=method, layer="relu2", targets=[0, 1, 2])
    monkeypatch.setattr(engine, "_VOXELS", 3 * 4 * 6 * 6)
    sizes.clear()
    found = attribute(module, x, method=method, layer="relu2", targets=[0, 1, 2])
    assert sizes == [1, 3, 3, 2]
    torch.testing.assert_close(found, expected)


def test_scorecam_of_a_channel_that_is_the_same_everywhere_is_finite():
    module = seeded(Small3D)
    with torch.no_grad():
        module.bn2.weight[0] = 0
        module.bn2.bias[0] = 1
    assert attribute(module, video(1, 3, 4, 6, 6), method="scorecam", layer="relu2").isfinite().all()


@pytest.mark.parametrize("method", ["scorecam", "ablationcam"])
def test_bf16_is_close(method):
    module = seeded(lambda: torchvision.models.video.r3d_18(num_classes=3), seed=2)
    x = video(1, 3, 4, 16, 16)
    exact, short = (
        attribute(module, x, method=method, layer="layer1.0.conv1", target=1, precision=p) for p in ("fp32", "bf16")
    )
    assert short.dtype == torch.float32
    assert exact.max() > 0
    assert torch.corrcoef(torch.stack([exact.flatten(), short.flatten()]))[0, 1] > 0.95
