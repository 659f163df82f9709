"""Networks that take another order of axes: the same maps as in ours, or a line that says what to do."""

import pytest
import torch
from torch import nn

from tests.attribution.networks import Small3D, seeded, three_lrcns, video
from tests.device import placed
from videxplain.attribution.api import attribute
from videxplain.errors import VidexplainError

METHODS = {
    "gradcam": {"layer": "network.relu2"},
    "saliency": {},
    "frame-occlusion": {},
    "occlusion": {"box": (2, 4, 4)},
    "smoothgrad": {"samples": 3},
    "scorecam": {"layer": "network.relu2"},
}


class Reordered(nn.Module):
    """A network of ours that takes its input in another order."""

    def __init__(self, network, layout):
        super().__init__()
        self.network, self.order = network, [layout.index(letter) for letter in "NCTHW"]

    def forward(self, x):
        return self.network(x.permute(self.order))


def in_order(x, layout):
    return x.permute(["NCTHW".index(letter) for letter in layout]).contiguous()


@pytest.mark.parametrize("layout", ["NTCHW", "NTHWC", "NCHWT", "NCTHW"])
@pytest.mark.parametrize("method", METHODS)
def test_another_order_gives_the_same(method, layout):
    network, x = seeded(Small3D), video(2, 3, 4, 8, 10)
    ours = Reordered(network, "NCTHW")
    expected = attribute(ours, x, method=method, target=1, **METHODS[method])
    assert expected.abs().max() > 0
    other, given = Reordered(network, layout), in_order(x, layout)
    found = attribute(other, given, method=method, target=1, layout=layout, **METHODS[method])
    torch.testing.assert_close(found, expected, rtol=1e-5, atol=1e-7)
    assert not other._forward_pre_hooks


@pytest.mark.parametrize(
    ("layout", "shape", "likely"),
    [("NTCHW", (2, 8, 3, 16, 12), "NTCHW"), ("NTHWC", (2, 8, 16, 12, 3), "NTHWC"), ("NTHWC", (2, 4, 3, 8, 3), None)],
)
@pytest.mark.parametrize("kind", ["3D", "folded", "loop"])
def test_an_order_that_was_not_named_is_refused(kind, layout, shape, likely):
    network = Reordered(seeded(Small3D) if kind == "3D" else three_lrcns()[kind], layout)
    with pytest.raises(VidexplainError, match=r"layout='NT(CHW|HWC)'") as error:
        attribute(network, video(*shape), method="frame-occlusion", target=0)
    if likely:
        assert f"pass layout='{likely}' if that is the order" in str(error.value)
    assert not any(m._forward_pre_hooks or m._forward_hooks for m in network.modules())


@pytest.mark.parametrize(("layout", "shape"), [("NTCHW", (2, 3, 3, 16, 12)), ("NTHWC", (2, 3, 16, 12, 3))])
@pytest.mark.parametrize("kind", ["3D", "folded", "loop"])
def test_the_values_tell_where_the_lengths_do_not(kind, layout, shape):
    network = Reordered(seeded(Small3D) if kind == "3D" else three_lrcns()[kind], layout)
    x = video(*shape)
    with pytest.raises(VidexplainError, match=f"reads axis {layout.index('C')}: pass layout='{layout}'"):
        attribute(network, x, method="frame-occlusion", target=0)
    named = attribute(network, x, method="frame-occlusion", target=0, layout=layout)
    assert named.shape == (2, 3, 16, 12)


@pytest.mark.parametrize("kind", ["3D", "folded", "loop"])
@pytest.mark.parametrize("prepare", [lambda x: x, lambda x: 2 * x - 1, lambda x: x - x.mean((3, 4), keepdim=True)])
def test_three_frames_in_our_order_are_explained(kind, prepare):
    network = seeded(Small3D) if kind == "3D" else three_lrcns()[kind]
    network.register_forward_pre_hook(lambda _, inputs: (prepare(inputs[0]),))
    for x in (video(1, 3, 3, 16, 12), placed(torch.ones(1, 3, 3, 16, 12))):
        assert attribute(network, x, method="frame-occlusion", target=0).shape == (1, 3, 16, 12)


def test_an_input_that_fits_no_order_of_the_network_is_refused():
    with pytest.raises(VidexplainError) as error:
        attribute(seeded(Small3D), video(2, 8, 3, 16, 12), method="saliency")
    assert str(error.value) == (
        "the first convolution, 'conv1', takes 3 channels and gets 8: the input (2, 8, 3, 16, 12) is read as "
        "(N, C, T, H, W); pass x in this order"
    )


def test_frames_stacked_as_channels_are_no_other_order():
    class Stacked(nn.Module):
        """Five grey frames as the channels of one image."""

        def __init__(self):
            super().__init__()
            self.conv, self.fc = nn.Conv2d(5, 4, 3, padding=1), nn.Linear(4, 3)

        def forward(self, x):
            return self.fc(self.conv(x.flatten(1, 2)).relu().mean((2, 3)))

    found = attribute(seeded(Stacked), video(2, 1, 5, 8, 8), method="saliency", target=0)
    assert found.shape == (2, 1, 5, 8, 8)


def test_a_named_order_is_not_questioned():
    class TimeAsChannels(nn.Module):
        def __init__(self):
            super().__init__()
            self.conv, self.fc = nn.Conv3d(6, 4, 3, padding=1), nn.Linear(4, 3)

        def forward(self, x):
            return self.fc(self.conv(x.transpose(1, 2)).relu().mean((2, 3, 4)))

    network, x = seeded(TimeAsChannels), video(1, 3, 6, 8, 8)
    with pytest.raises(VidexplainError, match="or layout='NCTHW' if it is right as it is"):
        attribute(network, x, method="saliency", target=0)
    assert attribute(network, x, method="saliency", target=0, layout="NCTHW").shape == (1, 3, 6, 8, 8)


@pytest.mark.parametrize("layout", ["NTCH", "NTCHX", "ntchw", "NNTCHW"])
def test_a_layout_that_is_none_is_refused(layout):
    with pytest.raises(VidexplainError, match=f"such as NTCHW, not '{layout}'"):
        attribute(seeded(Small3D), video(1, 3, 4, 8, 8), layout=layout)


class WithoutSamples(nn.Module):
    """Convolutions that are given no axis of samples: a clip, or a frame, at a time."""

    def __init__(self, of_frames):
        super().__init__()
        self.conv = nn.Conv2d(3, 6, 3, padding=1) if of_frames else nn.Conv3d(3, 6, 3, padding=1)
        self.fc, self.of_frames, self.samples = nn.Linear(6, 3), of_frames, False

    def read(self, part):
        return self.conv(part[None])[0] if self.samples else self.conv(part)

    def forward(self, x):
        if self.of_frames:
            frames = [[self.read(frame).relu().mean((1, 2)) for frame in clip.unbind(1)] for clip in x]
            return self.fc(torch.stack([torch.stack(clip).mean(0) for clip in frames]))
        return self.fc(torch.stack([self.read(clip).relu().mean((1, 2, 3)) for clip in x]))


@pytest.mark.parametrize("frames", [3, 5])
@pytest.mark.parametrize("method", ["saliency", "frame-occlusion", "guided-backprop"])
@pytest.mark.parametrize("of_frames", [False, True])
def test_a_convolution_that_is_given_no_axis_of_samples(of_frames, method, frames):
    network, x = placed(WithoutSamples(of_frames)), video(2, 3, frames, 8, 10)
    found = attribute(network, x, method=method, target=1)
    network.samples = True
    expected = attribute(network, x, method=method, target=1)
    assert expected.abs().max() > 0
    torch.testing.assert_close(found, expected, rtol=1e-5, atol=1e-7)


@pytest.mark.parametrize("of_frames", [False, True])
def test_another_order_of_such_a_network_is_refused_too(of_frames):
    network = Reordered(placed(WithoutSamples(of_frames)), "NTCHW")
    with pytest.raises(VidexplainError, match="layout='NTCHW'"):
        attribute(network, video(2, 8, 3, 16, 12), method="frame-occlusion", target=0)
