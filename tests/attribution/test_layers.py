import numpy as np
import pytest
import torch
import torchvision
from torch import nn

from tests.attribution.networks import Deep3D, FoldedLRCN, Frames2D, LoopLRCN, Small3D, seeded, three_lrcns, video
from tests.device import here, placed
from videxplain.attribution.api import attribute
from videxplain.attribution.default_layer import default_layer
from videxplain.attribution.layers import LayerCall, first_layer, resolve
from videxplain.errors import VidexplainError
from videxplain.models.config import ModelConfig
from videxplain.models.wrapping import wrap


class Folded(nn.Module):
    """An image network over frames folded into the batch, its answers averaged."""

    def __init__(self, image_network):
        super().__init__()
        self.net = image_network

    def forward(self, x):
        return self.net(x.transpose(1, 2).flatten(0, 1)).unflatten(0, (len(x), -1)).mean(1)


class LosesTime(nn.Module):
    """The tail has extent in space alone, then none."""

    def __init__(self):
        super().__init__()
        self.whole = nn.Conv3d(3, 4, 3, padding=1)
        self.over_time = nn.Conv3d(4, 4, (4, 1, 1))
        self.still_space = nn.Conv3d(4, 4, 1)
        self.pool = nn.AdaptiveAvgPool3d(1)
        self.fc = nn.Linear(4, 3)

    def forward(self, x):
        x = self.over_time(self.whole(x).relu())
        return self.fc(self.pool(self.still_space(x).relu()).flatten(1))


def config(**changes):
    fields = {"default_layer": "conv1", "first_layer": "conv2", **changes}
    return ModelConfig("a", 5, 4, (8, 8), "consecutive", **fields)


@pytest.mark.parametrize(
    ("build", "shape", "expected"),
    [
        (torchvision.models.video.r3d_18, (1, 3, 16, 64, 64), "layer4"),
        (lambda: Folded(torchvision.models.resnet18()), (1, 3, 4, 64, 64), "net.layer4"),
        (LosesTime, (1, 3, 4, 8, 8), "whole"),
        (Small3D, (2, 3, 4, 8, 8), "relu2"),
        (Deep3D, (2, 3, 4, 8, 8), "pool"),
        (lambda: LoopLRCN(Frames2D()), (2, 3, 4, 8, 8), "features"),
        (lambda: FoldedLRCN(Frames2D()), (2, 3, 4, 8, 8), "features"),
    ],
)
def test_default_layer(build, shape, expected):
    assert str(default_layer(seeded(build), video(*shape))) == expected


def test_default_layer_of_one_frame_needs_no_extent_in_time():
    assert str(default_layer(seeded(Small3D), video(1, 3, 1, 8, 8))) == "relu2"


def test_default_layer_is_found_once_for_each_size():
    module = seeded(Small3D)
    for size, calls in [(8, 4), (8, 4), (12, 8)]:  # one pass, and three that say whether anything goes past it
        default_layer(module, video(2, 3, 4, size, size))
        assert module.calls == calls


def test_default_layer_depends_on_the_size_of_the_input():
    module = seeded(lambda: nn.Sequential(nn.Conv3d(3, 4, 1), nn.AvgPool3d(2), nn.AdaptiveAvgPool3d(1), nn.Flatten()))
    assert str(default_layer(module, video(1, 3, 4, 4, 4))) == "1"
    assert str(default_layer(module, video(1, 3, 2, 4, 4))) == "0"
    assert str(default_layer(module, video(1, 3, 4, 2, 2))) == "0"


def test_default_layer_that_is_used_twice_is_its_last_use():
    class Reused(Small3D):
        def forward(self, x):
            x = self.relu1(self.conv1(x))
            return self.fc(self.relu1(self.conv2(x)).mean((2, 3, 4)))

    module, x = seeded(Reused), video(2, 3, 4, 8, 8)
    assert default_layer(module, x) == LayerCall("relu1", 1)
    assert torch.equal(
        attribute(module, x, method="gradcam", target=1),
        attribute(module, x, method="gradcam", target=1, layer="relu1:1"),
    )


def test_configured_layers_come_first():
    module = seeded(Small3D)
    module.config = config()
    assert default_layer(module, video(1, 3, 4, 8, 8)) == LayerCall("conv1")
    assert first_layer(module) == LayerCall("conv2")
    assert module.calls == 0
    module.config = config(default_layer="conv3")
    with pytest.raises(VidexplainError, match="unknown layer 'conv3'; did you mean conv"):
        default_layer(module, video(1, 3, 4, 8, 8))


def test_first_layer_is_the_first_convolution():
    assert first_layer(seeded(torchvision.models.video.r3d_18)) == LayerCall("stem.0")
    assert first_layer(three_lrcns()["folded"]) == LayerCall("features.conv1")
    with pytest.raises(VidexplainError, match="the model has no convolution; name a layer"):
        first_layer(nn.Sequential(nn.Flatten(), nn.Linear(2, 2)))


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("relu3", r"unknown layer 'relu3'; did you mean relu\d or relu\d\?"),
        ("", "unknown layer ''; known: conv1, bn1, relu1, conv2, bn2, relu2, fc"),
        ("zzzz", "unknown layer 'zzzz'; known: conv1, bn1, relu1, conv2, bn2, relu2, fc"),
        ("relu1:last", "layer 'relu1:last': after the colon comes the number of the use, 0 for the first"),
        ("relu1:", "layer 'relu1:': after the colon comes the number of the use, 0 for the first"),
    ],
)
def test_names_that_are_refused(name, message):
    with pytest.raises(VidexplainError, match=f"^{message}$"):
        resolve(seeded(Small3D), name)


def test_resolve():
    assert resolve(seeded(Small3D), "relu1") == LayerCall("relu1", None)
    assert resolve(seeded(Small3D), "relu1:3") == LayerCall("relu1", 3)
    assert str(LayerCall("a.b", 3)) == "a.b:3"


@pytest.mark.parametrize(
    ("layer", "message"),
    [
        ("fc", r"layer 'fc' puts out \(2, 5\), which has no extent in space"),
        ("unused", "layer 'unused' did not run in this pass"),
        ("lstm", r"layer 'lstm' puts out \(2, 1, 5\), which has no extent in space"),
    ],
)
def test_layers_that_cannot_be_explained(layer, message):
    class Odd(Small3D):
        def __init__(self):
            super().__init__()
            self.unused = nn.Conv3d(3, 3, 1)
            self.lstm = nn.LSTM(5, 5, batch_first=True)

        def forward(self, x):
            return self.lstm(super().forward(x)[:, None])[0][:, -1]

    with pytest.raises(VidexplainError, match=message):
        attribute(seeded(Odd), video(2, 3, 4, 8, 8), method="gradcam", layer=layer)


def test_a_layer_may_be_named_by_any_of_its_names():
    class Named(Small3D):
        def __init__(self):
            super().__init__()
            self.last = self.relu2

    x = video(1, 3, 4, 8, 8)
    expected = attribute(seeded(Small3D), x, method="gradcam", layer="relu2", target=0)
    assert expected.max() > 0
    assert torch.equal(attribute(seeded(Named), x, method="gradcam", layer="last", target=0), expected)
    assert wrap(seeded(Named), num_frames=4, size=8, layer="last").config.default_layer == "last"


def test_a_layer_whose_forward_method_is_called_past_it_is_not_said_to_be_unused():
    class Past(Small3D):
        def forward(self, x):
            x = self.relu1(self.bn1(self.conv1(x)))
            return self.fc(self.relu2.forward(self.bn2(self.conv2(x))).mean((2, 3, 4)))

    with pytest.raises(VidexplainError, match="'relu2' did not run in this pass, or the network called its forward"):
        attribute(seeded(Past), video(1, 3, 4, 8, 8), method="gradcam", layer="relu2")


def test_a_network_without_extent_is_refused():
    module = placed(nn.Sequential(nn.Flatten(), nn.Linear(3 * 4 * 4 * 4, 2)))
    with pytest.raises(VidexplainError, match="no layer of the model has extent in space"):
        attribute(module, video(1, 3, 4, 4, 4), method="gradcam")


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
@pytest.mark.parametrize("method", ["gradcam", "guided-backprop", "activations"])
def test_input_that_is_not_finite_is_refused(method, value):
    x = video(1, 3, 4, 8, 8)
    x[0, 1, 2, 3, 4] = value
    with pytest.raises(VidexplainError, match="the input holds NaN or infinite values"):
        attribute(seeded(Small3D), x, method=method)


@pytest.mark.parametrize(
    ("x", "message"),
    [
        (torch.zeros(3, 4, 8, 8), r"expected float video \(N, C, T, H, W\), got torch.float32 \(3, 4, 8, 8\)"),
        (torch.zeros(0, 3, 4, 8, 8), r"expected float video .* got torch.float32 \(0, 3, 4, 8, 8\)"),
        (torch.zeros(1, 3, 4, 8, 8, dtype=torch.uint8), r"expected float video .* got torch.uint8 \(1, 3, 4, 8, 8\)"),
        (torch.zeros(1, 3, 4, 8, 8, device="meta"), f"the input is on meta and the model on {here()}"),
        (
            torch.zeros(1, 3, 4, 8, 8).half(),
            r"the input is torch.float16 and the model torch.float32: give both one type",
        ),
        (torch.zeros(1, 3, 4, 8, 8).double(), r"the input is torch.float64 and the model torch.float32"),
        (np.zeros((1, 3, 4, 8, 8), np.float32), "the input is a tensor, not ndarray"),
    ],
)
@pytest.mark.parametrize("method", ["gradcam", "lrp", "lime"])
def test_input_of_the_wrong_kind_is_refused(x, message, method):
    if isinstance(x, torch.Tensor) and x.device.type != "meta":
        x = placed(x)
    with pytest.raises(VidexplainError, match=message):
        attribute(seeded(Small3D), x, method=method)


def test_what_is_no_network_is_refused():
    with pytest.raises(VidexplainError, match=r"the model is an nn\.Module, not function; vx\.wrap_function"):
        attribute(lambda x: x, video(1, 3, 4, 8, 8), method="lime")


def test_a_network_that_converts_its_input_itself_gets_it():
    class Converting(Small3D):
        def forward(self, x):
            return super().forward(x.to(self.conv1.weight.dtype)).float()

    x = video(1, 3, 4, 8, 8)
    wanted = attribute(seeded(Small3D), x, method="lime", target=1, count=4, samples=20)
    for one in (seeded(Converting), seeded(Converting).double()):
        for given in (x, x.double()):
            found = attribute(one, given, method="lime", target=1, count=4, samples=20)
            torch.testing.assert_close(found.float(), wanted, rtol=1e-3, atol=1e-6)


@pytest.mark.parametrize(
    ("returns", "got"),
    [
        (lambda out: out[:, :, None], r"\(2, 5, 1\)"),
        (lambda out: torch.cat([out, out]), r"\(4, 5\)"),
        (lambda out: [out], "list"),
    ],
)
@pytest.mark.parametrize("method", ["gradcam", "guided-backprop"])
def test_output_that_is_not_logits_is_refused(method, returns, got):
    class Strange(Small3D):
        def forward(self, x):
            return returns(super().forward(x))

    with pytest.raises(VidexplainError, match=rf"the model must return logits \(2, classes\), and it returned {got}"):
        attribute(seeded(Strange), video(2, 3, 4, 8, 8), method=method)


@pytest.mark.parametrize("layer", [None, "conv1", "bn2"])
def test_activations_are_the_mean_over_channels_or_one_channel(layer):
    module, x = seeded(Small3D), video(2, 3, 4, 8, 8)
    with torch.no_grad():
        out = module.conv1(x)
        if layer == "bn2":
            out = module.bn2(module.conv2(module.relu1(module.bn1(out))))
    found = attribute(module, x, method="activations", layer=layer, enlarge=False)
    torch.testing.assert_close(found, out.mean(1), rtol=0, atol=1e-6)
    assert found.min() < 0
    single = attribute(module, x, method="activations", layer=layer, channel=5, enlarge=False)
    torch.testing.assert_close(single, out[:, 5], rtol=0, atol=1e-6)


@pytest.mark.parametrize(
    ("channel", "said"),
    [
        (6, "layer 'conv1' has no channel 6; it has channels 0 to 5"),
        (-1, "activations: channel is a whole number, at least 0, not -1"),
    ],
)
def test_a_channel_that_is_not_there(channel, said):
    with pytest.raises(VidexplainError, match=said):
        attribute(seeded(Small3D), video(1, 3, 4, 8, 8), method="activations", channel=channel)


def test_activations_are_the_same_for_every_target():
    module, x = seeded(Small3D), video(2, 3, 4, 8, 8)
    found = attribute(module, x, method="activations", targets=[0, 1, 2])
    assert found.shape == (3, 2, 4, 8, 8)
    assert torch.equal(found[2], attribute(module, x, method="activations"))


def test_unknown_method():
    with pytest.raises(VidexplainError, match="unknown method 'gradcan'; did you mean gradcam"):
        attribute(seeded(Small3D), video(1, 3, 4, 8, 8), method="gradcan")


def test_options_of_a_method_without_any():
    with pytest.raises(VidexplainError, match="guided-backprop takes no option 'pooling'"):
        attribute(seeded(Small3D), video(1, 3, 4, 8, 8), method="guided-backprop", pooling="clip")


class OverFrames(nn.Module):
    """The last layer with extent runs inside ``vmap``, and its output cannot be kept."""

    def __init__(self):
        super().__init__()
        self.first, self.last, self.fc = nn.Conv3d(3, 4, 3, padding=1), nn.Conv2d(4, 4, 3, padding=1), nn.Linear(4, 3)

    def forward(self, x):
        frames = torch.vmap(lambda frame: self.last(frame).relu(), in_dims=2, out_dims=2)(self.first(x))
        return self.fc(frames.mean((2, 3, 4)))


def test_default_layer_is_no_layer_inside_vmap():
    assert default_layer(seeded(OverFrames), video(1, 3, 4, 8, 8)) == LayerCall("first")


class Streams(nn.Module):
    """Two streams, of the clip and of what changes in it, or one alone, or a skip connection."""

    def __init__(self, kind):
        super().__init__()
        self.kind, self.conv, self.motion = kind, nn.Conv3d(3, 4, 3, padding=1), nn.Conv3d(3, 4, 3, padding=1)
        self.both, self.fc = nn.ReLU(), nn.Linear(4, 3)

    def forward(self, x):
        features, motion = self.conv(x).relu(), self.motion(x - x.roll(1, 2)).relu()
        features = {"one": motion, "two": features + motion, "joined": features + motion}[self.kind]
        if self.kind == "joined":
            features = self.both(features)
        return self.fc(features.mean((2, 3, 4)))


@pytest.mark.parametrize("kind", ["one", "two", "joined"])
def test_a_default_layer_that_sees_a_part_says_so(kind, recwarn):
    module, x = seeded(lambda: Streams(kind)), video(2, 3, 4, 8, 8)
    found = attribute(module, x, method="gradcam", target=1)
    layer = "both" if kind == "joined" else "motion"
    torch.testing.assert_close(found, attribute(module, x, method="gradcam", target=1, layer=layer))
    said = {str(one.message) for one in recwarn if "goes past" in str(one.message)}
    assert len(said) == (kind == "two")
    assert all("the answer also depends on what goes past layer 'motion'" in one for one in said)


class Keyed(nn.Module):
    """A convolution, twice, under names that ``nn.ModuleDict`` takes."""

    def __init__(self, *names):
        super().__init__()
        convolutions = {name: nn.Conv3d(3 if i == 0 else 4, 4, 3, padding=1) for i, name in enumerate(names)}
        self.parts, self.fc = nn.ModuleDict(convolutions), nn.Linear(4, 3)

    def forward(self, x):
        for part in self.parts.values():
            x = part(x).relu()
        return self.fc(x.mean((2, 3, 4)))


@pytest.mark.parametrize("name", ["rgb+flow", "a:b", "a:0", "x y", "0"])
def test_a_name_that_the_network_has_counts_as_it_is(name):
    network, x = placed(Keyed(name, "last")).eval(), video(1, 3, 4, 8, 8)
    expected = attribute(network, x, target=0, layer=network.parts[name])
    assert expected.abs().max() > 0
    torch.testing.assert_close(attribute(network, x, target=0, layer=f"parts.{name}"), expected)
    both = attribute(network, x, target=0, layer="parts.last")
    if "+" not in name:
        fused = attribute(network, x, target=0, layer=f"parts.{name}+parts.last")
        assert not torch.equal(fused, both)
    wrapped = wrap(network, num_frames=4, size=8, layer=f"parts.{name}")
    torch.testing.assert_close(attribute(wrapped, x, target=0), expected)
    with pytest.raises(VidexplainError, match=r"unknown layer 'parts\.nowhere'"):
        attribute(network, x, target=0, layer="parts.nowhere")
