import numpy as np
import pytest
import torch
import torch.nn.functional as F
import torchvision
from captum.attr import LayerGradCam
from torch import nn
from torchcam.methods import GradCAM as TorchcamGradCAM

import videxplain as vx
from tests.attribution.networks import Deep3D, Small3D, seeded, video
from tests.attribution.references import full_graph
from tests.oracles import gradcam as oracle
from videxplain.attribution import engine, recording
from videxplain.attribution.api import attribute
from videxplain.attribution.layers import LayerCall
from videxplain.attribution.methods.gradcam import TURNED_NOTE, share_turned
from videxplain.attribution.targets import Contrast
from videxplain.errors import VidexplainError


@pytest.fixture(scope="module")
def r3d_18():
    return seeded(torchvision.models.video.r3d_18)


def captum_gradcam(module, layer, x, target):
    return LayerGradCam(module, module.get_submodule(layer)).attribute(x, target=target, relu_attributions=True)[:, 0]


@pytest.mark.parametrize("layer", ["layer4", "layer3", "layer4.0.conv1"])
def test_equals_captum_on_r3d_18(r3d_18, layer):
    x = video(2, 3, 16, 64, 64)
    with torch.no_grad():
        top = r3d_18(x).argmax(1)
    expected = captum_gradcam(r3d_18, layer, x, top)
    assert expected.max() > 1e-4
    torch.testing.assert_close(
        attribute(r3d_18, x, method="gradcam", layer=layer, enlarge=False), expected, rtol=0, atol=1e-6
    )


@pytest.mark.parametrize("build", [Small3D, Deep3D])
@pytest.mark.parametrize("layer", ["conv1", "conv2"])
def test_equals_captum_on_small_networks(build, layer):
    # captum does not hand on a copy, so the in-place ReLU behind the layer would change what it stores.
    reference = seeded(build)
    for m in reference.modules():
        if isinstance(m, torch.nn.ReLU):
            m.inplace = False
    x = video(2, 3, 6, 12, 10)
    for target in range(5):
        expected = captum_gradcam(reference, layer, x, target)
        found = attribute(seeded(build), x, method="gradcam", layer=layer, target=target, enlarge=False)
        torch.testing.assert_close(found, expected, rtol=0, atol=1e-6)


def test_equals_torchcam(r3d_18):
    x = video(1, 3, 16, 64, 64)
    module = seeded(torchvision.models.video.r3d_18)
    with TorchcamGradCAM(module, target_layer="layer4", input_shape=(3, 16, 64, 64)) as extractor:
        expected = extractor(3, module(x), normalized=False)[0]
    found = attribute(r3d_18, x, method="gradcam", layer="layer4", target=3, enlarge=False)
    assert expected.max() > 1e-4
    torch.testing.assert_close(found, expected.detach(), rtol=0, atol=1e-6)


@pytest.mark.parametrize("pooling", ["clip", "frame"])
@pytest.mark.parametrize(("build", "layer"), [(Small3D, "relu2"), (Deep3D, "conv2"), (Deep3D, "pool")])
def test_equals_the_literal_formula(build, layer, pooling):
    module, x = seeded(build), video(2, 3, 4, 6, 8)
    activations, gradients = full_graph(module, layer, x, lambda logits: logits[:, 2])
    found = attribute(module, x, method="gradcam", layer=layer, target=2, pooling=pooling, enlarge=False)
    expected = [
        oracle.gradcam(a.cpu().numpy(), g.cpu().numpy(), pooling) for a, g in zip(activations, gradients, strict=True)
    ]
    np.testing.assert_allclose(found.cpu(), np.stack(expected), rtol=1e-5, atol=1e-8)
    assert found.max() > 0


def test_pooling_per_frame_differs_from_pooling_over_the_clip():
    module, x = seeded(Deep3D), video(1, 3, 4, 6, 8)
    clip, frame = (
        attribute(module, x, method="gradcam", layer="conv2", target=0, pooling=p) for p in ("clip", "frame")
    )
    assert (clip - frame).abs().max() > 0.05 * clip.max()


def test_enlarged_is_trilinear(r3d_18):
    x = video(1, 3, 16, 72, 64)
    raw = attribute(r3d_18, x, method="gradcam", layer="layer4", enlarge=False)
    assert raw.shape == (1, 2, 5, 4)
    expected = F.interpolate(raw[None], size=(16, 72, 64), mode="trilinear", align_corners=False)[0]
    torch.testing.assert_close(attribute(r3d_18, x, method="gradcam", layer="layer4"), expected, rtol=0, atol=0)


def test_closed_form_with_global_average_and_linear_layer():
    module, x = seeded(Small3D), video(2, 3, 4, 8, 10)
    with torch.no_grad():
        features = module.relu2(module.bn2(module.conv2(module.relu1(module.bn1(module.conv1(x))))))
    positions = features[0, 0].numel()
    for target in range(5):
        class_activation_map = torch.einsum("k,nkthw->nthw", module.fc.weight[target].detach(), features)
        raw = attribute(module, x, method="gradcam", layer="relu2", target=target, enlarge=False)
        torch.testing.assert_close(positions * raw, class_activation_map.relu(), rtol=1e-5, atol=1e-6)


def test_closed_form_of_a_contrast():
    module, x = seeded(Small3D), video(1, 3, 4, 8, 10)
    with torch.no_grad():
        features = module.relu2(module.bn2(module.conv2(module.relu1(module.bn1(module.conv1(x))))))
    weights = (module.fc.weight[3] - module.fc.weight[1]).detach()
    raw = attribute(module, x, method="gradcam", layer="relu2", target=Contrast(3, 1), enlarge=False)
    expected = torch.einsum("k,nkthw->nthw", weights, features).relu()
    torch.testing.assert_close(features[0, 0].numel() * raw, expected, rtol=1e-5, atol=1e-6)


def test_frozen_parameters_give_the_same_map():
    x = video(1, 3, 4, 8, 8)
    expected = attribute(seeded(Deep3D), x, method="gradcam", layer="conv2", target=1)
    assert expected.max() > 0
    frozen = seeded(Deep3D).requires_grad_(False)
    torch.testing.assert_close(
        attribute(frozen, x, method="gradcam", layer="conv2", target=1), expected, rtol=0, atol=0
    )


def test_in_place_relu_behind_the_layer_does_not_change_its_activations():
    module, x = seeded(lambda: Small3D(inplace=True)), video(1, 3, 4, 8, 8)
    with torch.no_grad():
        before_relu = module.bn2(module.conv2(module.relu1(module.bn1(module.conv1(x)))))
    assert before_relu.min() < 0
    with engine.trace(module, x, [LayerCall("bn2")]) as run:
        torch.testing.assert_close(run.activations(LayerCall("bn2")), before_relu, rtol=0, atol=1e-6)


def test_a_network_that_changes_its_input_does_not_change_the_callers():
    class Greedy(Small3D):
        def forward(self, x):
            return super().forward(x.mul_(2))

    module, x = seeded(Greedy), video(1, 3, 4, 8, 8)
    before = x.clone()
    for method in ("gradcam", "guided-backprop", "activations"):
        attribute(module, x, method=method)
        assert torch.equal(x, before)
    with torch.no_grad():
        expected = module.conv1(2 * before).mean(1)
    torch.testing.assert_close(attribute(module, x, method="activations", layer="conv1"), expected, rtol=0, atol=1e-6)


def test_several_layers_in_one_pass():
    module, x = seeded(Deep3D), video(2, 3, 4, 8, 8)
    layers = [LayerCall("pool"), LayerCall("conv1"), LayerCall("conv2"), LayerCall("shortcut")]
    with engine.trace(module, x, layers) as run:
        (found,) = run.gradients(run.logits[:, 2][None])
        kept = {layer: run.activations(layer) for layer in layers}
    for layer in layers:
        activations, gradients = full_graph(module, layer.name, x, lambda logits: logits[:, 2])
        torch.testing.assert_close(kept[layer], activations, rtol=0, atol=1e-6)
        torch.testing.assert_close(found[layer], gradients, rtol=1e-5, atol=1e-8)
        assert gradients.abs().max() > 0


@pytest.mark.parametrize("memory", [None, 1], ids=["together", "one after the other"])
def test_several_targets_from_one_pass(memory, monkeypatch):
    if memory:
        monkeypatch.setattr(recording, "_GRADIENT_BYTES", memory)
    module, x = seeded(Small3D), video(2, 3, 4, 8, 8)
    targets = [0, 4, Contrast(1, 2), None, lambda logits: logits.logsumexp(1), [3, 2]]
    attribute(module, x, method="gradcam", layer="conv2")  # finds out once whether clips of a batch are apart
    module.calls = 0
    together = attribute(module, x, method="gradcam", targets=targets, layer="conv2")
    assert module.calls == 1
    assert together.shape == (6, 2, 4, 8, 8)
    for target, found in zip(targets, together, strict=True):
        alone = attribute(module, x, method="gradcam", target=target, layer="conv2")
        torch.testing.assert_close(found, alone, rtol=1e-5, atol=1e-7)
    assert module.calls == 7
    assert (together[0] - together[1]).abs().max() > 0.1 * together.max()


def test_batches_equal_singles():
    module, x = seeded(Deep3D), video(3, 3, 4, 8, 8)
    batch = attribute(module, x, method="gradcam", layer="conv2", target=[0, 1, 2])
    for i in range(3):
        single = attribute(module, x[i : i + 1], method="gradcam", layer="conv2", target=i)
        torch.testing.assert_close(batch[i : i + 1], single, rtol=1e-5, atol=1e-7)
        assert single.max() > 0


def scaled(maps):
    return maps / maps.amax((1, 2, 3), keepdim=True)


def test_bf16_map_is_close(r3d_18):
    x = video(2, 3, 16, 64, 64)
    exact = attribute(r3d_18, x, method="gradcam", layer="layer4", target=3)
    short = attribute(r3d_18, x, method="gradcam", layer="layer4", target=3, precision="bf16")
    assert short.dtype == torch.float32
    difference = (scaled(exact) - scaled(short)).abs().max()
    assert 0 < difference < 2e-2


@pytest.mark.parametrize("layer", ["layer4.0.conv1", "layer4.0.conv2.0", "layer2.0"])
def test_bf16_with_a_shortcut_around_the_layer(r3d_18, layer):
    x = video(1, 3, 16, 64, 64)
    exact = attribute(r3d_18, x, method="gradcam", layer=layer, target=3)
    short = attribute(r3d_18, x, method="gradcam", layer=layer, target=3, precision="bf16")
    # So early in a random network single ReLUs of the head tip over; as a whole the map is the same.
    assert 0.995 < F.cosine_similarity(exact.flatten(), short.flatten(), dim=0) < 1 - 1e-7


class Views(nn.Module):
    """Looks at its tensors with ``view``, which takes no axes that lie in another order."""

    def __init__(self):
        super().__init__()
        self.conv1, self.conv2 = nn.Conv3d(3, 4, 3, padding=1), nn.Conv2d(16, 6, 3, padding=1)
        self.fc = nn.Linear(6 * 64, 3)

    def forward(self, x):
        y = self.conv1(x).relu()
        y = self.conv2(y.view(len(x), 16, 8, 8)).relu()
        return self.fc(y.view(len(x), -1))


@pytest.mark.parametrize("layer", ["conv1", "conv2"])
def test_bf16_with_a_network_that_takes_axes_in_their_usual_order_only(layer):
    module, x = seeded(Views), video(2, 3, 4, 8, 8)
    options = {"method": "hirescam", "layer": layer, "target": 1}
    exact, short = attribute(module, x, **options), attribute(module, x, precision="bf16", **options)
    assert exact.abs().max() > 0
    # Single places change more, where rounding opens a rectifier.
    assert float(torch.corrcoef(torch.stack([short.flatten(), exact.flatten()]))[0, 1]) > 0.99
    assert not torch.is_autocast_enabled("cpu")


def test_bf16_is_for_the_part_before_the_layer():
    module, seen = seeded(Deep3D), {}
    for name in ("conv1", "conv2", "shortcut", "fc"):
        module.get_submodule(name).register_forward_hook(lambda _, __, out, name=name: seen.update({name: out.dtype}))
    attribute(module, video(1, 3, 4, 8, 8), method="gradcam", layer="conv2")  # finds out once where the layer lies
    attribute(module, video(1, 3, 4, 8, 8), method="gradcam", layer="conv2", precision="bf16")
    # What conv2 hands on is float32 already.
    assert seen == {"conv1": torch.bfloat16, "conv2": torch.float32, "shortcut": torch.float32, "fc": torch.float32}


def test_fp32_is_fp32_also_inside_the_callers_autocast():
    module, x = seeded(Deep3D), video(1, 3, 4, 8, 8)
    expected = attribute(module, x, method="gradcam", layer="conv2", target=0)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        found = attribute(module, x, method="gradcam", layer="conv2", target=0)
    torch.testing.assert_close(found, expected, rtol=0, atol=0)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"pooling": "time"}, "gradcam: unknown pooling 'time'; known: clip, frame"),
        ({"poling": "clip"}, "unknown option of gradcam 'poling'; did you mean pooling?"),
        ({"precision": "fp16"}, "precision is 'fp32' or 'bf16', not 'fp16'"),
        ({"target": 1, "targets": [1]}, "give target or targets, not both"),
        ({"targets": []}, "targets is empty"),
    ],
)
def test_refuses(arguments, message):
    with pytest.raises(VidexplainError) as error:
        attribute(seeded(Small3D), video(1, 3, 4, 8, 8), method="gradcam", layer="relu2", **arguments)
    assert str(error.value) == message


def test_score_that_does_not_reach_the_layer_is_refused():
    with pytest.raises(VidexplainError, match="the score does not depend on the network's output"):
        attribute(
            seeded(Small3D),
            video(1, 3, 4, 8, 8),
            method="gradcam",
            layer="conv1",
            target=lambda logits: torch.ones(len(logits)),
        )


class Turning(torch.nn.Module):
    """A channel that speaks for class 0 in some frames and against it in others; ``signs`` has an entry a frame."""

    def __init__(self, signs):
        super().__init__()
        self.features = torch.nn.ReLU()
        self.register_buffer("signs", torch.tensor(signs))

    def forward(self, x):
        frames = self.features(x).mean((1, 3, 4))
        return torch.stack([(frames * self.signs).sum(1), frames.sum(1)], dim=1)


@pytest.mark.parametrize(
    ("signs", "share"),
    [
        ((1.0, 1.0, 1.0, 1.0), 0.0),
        ((3.0, 1.0, 2.0, -1.0), 1 / 7),
        ((3.0, 1.0, 1.0, -1.0), 1 / 6),
        ((0.0, 0.0, 0.0, 0.0), 0),
    ],
)
def test_a_channel_that_turns_from_frame_to_frame_is_said(signs, share, recwarn):
    x = torch.ones(2, 3, 4, 5, 6)
    run = Turning(signs).eval()
    gradients = torch.tensor(signs).view(1, 1, 4, 1, 1).expand(2, 3, 4, 5, 6) / 90
    assert share_turned(x, gradients) == pytest.approx(share)
    for target, pooling, wanted in ((0, "clip", share > 0.15), (0, "frame", False), (1, "clip", False)):
        recwarn.clear()
        attribute(run, x, method="gradcam", layer="features", target=target, pooling=pooling)
        assert [TURNED_NOTE in str(one.message) for one in recwarn] == [True] * wanted


def test_the_share_that_turns_is_that_of_plain_loops():
    draw = torch.Generator().manual_seed(0)
    activations, gradients = torch.rand(2, 3, 4, 2, 2, generator=draw), torch.randn(2, 3, 4, 2, 2, generator=draw)
    turned = whole = 0.0
    for n in range(2):
        for k in range(3):
            of_frames = [float(gradients[n, k, t].mean()) for t in range(4)]
            of_clip = sum(of_frames) / 4
            for t in range(4):
                added = abs(of_frames[t] * float(activations[n, k, t].sum()))
                whole += added
                turned += added if of_frames[t] * of_clip < 0 else 0
    assert share_turned(activations, gradients) == pytest.approx(turned / whole, rel=1e-5)


@pytest.mark.parametrize(("method", "said"), [("gradcam", True), ("guided-gradcam", True), ("hirescam", False)])
def test_the_bundled_lrcn_says_it_and_i3d_does_not(method, said):
    for name, turns in (("lrcn", said), ("i3d", False)):
        clip = vx.read_clip("examples/clips/kicking.mp4")
        notes = vx.explain(vx.load_model(name), clip, method).notes
        assert (TURNED_NOTE in notes) == turns
