import subprocess
import sys

import pytest
import torch
from torch import nn

import videxplain as vx
from videxplain.errors import VidexplainError
from videxplain.models.architectures import ARCHITECTURES
from videxplain.models.hubs.sources import source_of
from videxplain.models.networks.blocks import ResNet2d
from videxplain.models.networks.inflate import inflate_state_dict

# Full size, from the papers (the arithmetic stands in each class's docstring); the layer is what Grad-CAM explains.
FULL_SIZE = {
    "late_fusion": ({}, 58_350_757, (10, 2048, 7, 7)),
    "lrcn": ({}, 61_345_957, (10, 2048, 7, 7)),
    "c3d": ({}, 79_991_015, (2, 512, 2, 7, 7)),
    "i3d": ({}, 28_043_472, (2, 2048, 2, 7, 7)),
    "i3d_inception": ({}, 12_697_264, (2, 1024, 2, 7, 7)),
    "non_local": ({}, 35_397_840, (2, 2048, 2, 7, 7)),
    "non_local gaussian": ({"mode": "gaussian"}, 31_723_728, (2, 2048, 2, 7, 7)),
    "non_local dot_product": ({"mode": "dot_product"}, 35_397_840, (2, 2048, 2, 7, 7)),
    # Backward LSTM 4 * 512 * 1026 and a classifier on 512 more features.
    "lrcn bidirectional": ({"bidirectional": True}, 61_345_957 + 2_101_248 + 512 * 101, (10, 2048, 7, 7)),
    # One pooling fewer in time than the default: 8 frames become 4 in the last stage.
    "i3d pytorchvideo": ({"time_strides": (1, 1, 2), "num_frames": 8}, 28_043_472, (2, 2048, 4, 7, 7)),
}


def parameters(network: nn.Module) -> int:
    return sum(p.numel() for p in network.parameters())


@pytest.mark.parametrize("case", FULL_SIZE)
def test_full_size_has_the_papers_parameters_and_shapes(case):
    options, count, layer_shape = FULL_SIZE[case]
    entry = ARCHITECTURES[case.split()[0]]
    config = entry.configure(options)
    seen = []
    with torch.device("meta"):
        network = entry.network(config).eval()
        network.get_submodule(config.default_layer).register_forward_hook(lambda m, i, out: seen.append(out.shape))
        logits = network(torch.empty(2, 3, config.num_frames, *config.size))
    assert parameters(network) == count
    assert logits.shape == (2, config.num_classes)
    assert seen == [layer_shape]


@pytest.mark.parametrize("name", ARCHITECTURES)
def test_first_layer_is_a_convolution_on_the_colours(name):
    entry = ARCHITECTURES[name]
    with torch.device("meta"):
        first = entry.network(entry.config).get_submodule(entry.config.first_layer)
    assert isinstance(first, nn.Conv2d | nn.Conv3d)
    assert first.in_channels == 3


@pytest.mark.parametrize("name", ARCHITECTURES)
def test_every_activation_is_a_relu_of_its_own(name):
    entry = ARCHITECTURES[name]
    options = {"width": 8} | ({"depth": 50} if name in ("late_fusion", "lrcn") else {})
    network = entry.network(entry.configure(options | {"num_classes": 3})).eval()
    calls: dict[str, int] = {}
    for layer, module in network.named_modules():
        if isinstance(module, nn.ReLU):
            module.register_forward_hook(lambda m, i, o, layer=layer: calls.update({layer: calls.get(layer, 0) + 1}))
    size = (112, 112) if name == "c3d" else (32, 32)
    with torch.no_grad():
        network(torch.rand(1, 3, 16, *size))
    # A ResNet-50 has 1 + 3 * 16, C3D 8 + 2, Inception 3 + 9 * 6; LRCN one more after its latent layer.
    expected = {"late_fusion": 49, "lrcn": 50, "c3d": 10, "i3d": 49, "i3d_inception": 57, "non_local": 49}
    assert len(calls) == expected[name]
    assert set(calls.values()) == {1}


def test_i3d_is_torchvisions_resnet50_inflated():
    torchvision = pytest.importorskip("torchvision")
    with torch.device("meta"):
        image = torchvision.models.resnet50()
        video = ARCHITECTURES["i3d"].network(ARCHITECTURES["i3d"].config)
    assert [n for n, _ in image.named_parameters()] == [n for n, _ in video.named_parameters()]
    # 3 time steps in the 1x1 kernels of these blocks, 5 in the first convolution.
    blocks = {1: (0, 1, 2), 2: (0, 2), 3: (0, 2, 4), 4: (1,)}
    inflated = sum(image.get_submodule(f"layer{s}.{b}.conv1").weight.numel() for s in blocks for b in blocks[s])
    backbone = parameters(image) - parameters(image.fc)
    assert parameters(video) == backbone + 4 * image.conv1.weight.numel() + 2 * inflated + 2048 * 400 + 400
    assert inflate_state_dict(image.state_dict(), video).keys() == {
        n for n in image.state_dict() if not n.startswith("fc.")
    }


@pytest.mark.parametrize(("depth", "width"), [(18, 64), (50, 64)])
def test_trunk_gives_torchvisions_features(depth, width):
    torchvision = pytest.importorskip("torchvision")
    torch.manual_seed(depth)
    reference = getattr(torchvision.models, f"resnet{depth}")().eval()
    for module in reference.modules():
        if isinstance(module, nn.BatchNorm2d):
            nn.init.uniform_(module.weight, 0.5, 1.0)
            module.running_mean.uniform_(-0.1, 0.1)
            module.running_var.uniform_(0.5, 1.5)
    reference.fc = nn.Identity()
    trunk = ResNet2d(depth, width).eval()
    trunk.load_state_dict(reference.state_dict())
    x = torch.randn(2, 3, 64, 64)
    with torch.no_grad():
        expected, got = reference(x), trunk(x)
    assert expected.std() > 0.01
    torch.testing.assert_close(got, expected, rtol=1e-5, atol=1e-5 * float(expected.abs().max()))


def test_trunk_of_152_layers_has_torchvisions_names_and_shapes():
    torchvision = pytest.importorskip("torchvision")
    with torch.device("meta"):
        reference = torchvision.models.resnet152()
        trunk = ResNet2d(152)
    expected = {n: v.shape for n, v in reference.state_dict().items() if not n.startswith("fc.")}
    assert {n: v.shape for n, v in trunk.state_dict().items()} == expected


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"depht": 50}, "unknown option of i3d 'depht'; did you mean depth?"),
        ({"width": 0}, "width must be at least 1, not 0"),
        ({"num_frames": -1}, "num_frames must be at least 1, not -1"),
        ({"size": (112, 112, 3)}, "size (112, 112, 3): a height and a width in pixels are needed"),
        ({"size": 0}, "size must be at least 1, not 0"),
        ({"mean": 0}, "mean is several values, not '0'"),
        ({"labels": ("a", "b"), "num_classes": 3}, "2 labels for 3 classes"),
    ],
)
def test_options_that_make_no_sense_are_refused(options, message):
    with pytest.raises(VidexplainError) as raised:
        ARCHITECTURES["i3d"].configure(options)
    assert str(raised.value) == message


def test_a_folder_may_have_an_equals_sign_in_its_name():
    assert source_of("hf:./lr=0.1/best")[1] == "./lr=0.1/best"


def test_weights_are_named_apart_from_the_model():
    with pytest.raises(VidexplainError) as raised:
        vx.load_model("torchvision:mc3_18=tuned.pth")
    assert str(raised.value) == (
        "a model's name has no '=': its weights are named apart, 'tuned.pth' for torchvision:mc3_18 (--weights)"
    )


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"depth": 51}, "unknown depth '51'"),
        ({"blocks": (1, 1, 1)}, "four stages with at least one block each"),
    ],
)
def test_networks_that_cannot_be_built_are_refused(options, message):
    entry = ARCHITECTURES["i3d"]
    with pytest.raises(VidexplainError, match=message):
        entry.network(entry.configure(options))


def test_labels_set_the_classes_and_other_classes_drop_the_labels():
    entry = ARCHITECTURES["i3d"]
    assert entry.configure({"labels": ["jump", "walk"]}).num_classes == 2
    assert entry.configure({"labels": ["jump", "walk"]}).labels == ("jump", "walk")
    assert entry.configure({"size": 64}).size == (64, 64)
    assert entry.configure({"num_classes": 7}).labels == ()


def test_listing_models_does_not_import_torch():
    code = "import sys, videxplain.models.zoo as z; z.list_models(); assert 'torch' not in sys.modules"
    subprocess.run([sys.executable, "-c", code], check=True)
