"""Whether a layer's output lies over the clip: layers of clips, and of images, whose network moves its input first."""

import warnings

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torchvision.models.video.resnet import BasicBlock, BasicStem, Conv3DSimple, VideoResNet

import videxplain as vx
from videxplain.attribution.api import MapWarning
from videxplain.attribution.rows.layer_rows import is_known
from videxplain.attribution.rows.moments import turned_round
from videxplain.attribution.rows.order_in_time import is_spread_evenly
from videxplain.attribution.rows.placement import placement

FRAMES, SIZE = 8, 32


class Clips(nn.Module):
    """A network of clips whose layer ``conv`` sees what ``moved`` makes of them."""

    def __init__(self, moved=lambda x: x, back=lambda x: x) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.conv, self.fc = nn.Sequential(nn.Conv3d(3, 6, 3, padding=1), nn.ReLU()), nn.Linear(6 * 32, 3)
        self.moved, self.back = moved, back

    def forward(self, x: Tensor) -> Tensor:
        features = self.back(self.conv(self.moved(x)))
        return self.fc(F.adaptive_avg_pool3d(features, (2, 4, 4)).flatten(1))


class Images(nn.Module):
    """A network of images whose layer ``cnn`` sees what ``moved`` makes of the frames ``(N * T, C, H, W)``."""

    def __init__(self, moved=lambda x: x) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.cnn, self.rnn = nn.Sequential(nn.Conv2d(3, 6, 3, padding=1), nn.ReLU()), nn.GRU(24, 7, batch_first=True)
        self.fc, self.moved = nn.Linear(7, 3), moved

    def forward(self, x: Tensor) -> Tensor:
        pictures = self.moved(x.transpose(1, 2).flatten(0, 1))
        features = F.adaptive_avg_pool2d(self.cnn(pictures), 2).flatten(1)
        return self.fc(self.rnn(features.unflatten(0, (len(x), -1)))[0][:, -1])


class OnePicture(Images):
    """Frames side by side in one picture of two rows (Fan et al., ICLR 2022)."""

    def forward(self, x: Tensor) -> Tensor:
        half = x.shape[2] // 2
        rows = [torch.cat(list(part.unbind(2)), -1) for part in (x[:, :, :half], x[:, :, half:])]
        features = F.adaptive_avg_pool2d(self.cnn(torch.cat(rows, -2)), 2).flatten(1)
        return self.fc(self.rnn(features[:, None])[0][:, -1])


class OverFrames(Images):
    """The loop over frames is a ``vmap``."""

    def forward(self, x: Tensor) -> Tensor:
        def features(frame: Tensor) -> Tensor:
            return F.adaptive_avg_pool2d(self.cnn(frame), 2).flatten(1)

        return self.fc(self.rnn(torch.vmap(features, in_dims=2, out_dims=1)(x))[0][:, -1])


def clip(samples: int = 1) -> Tensor:
    return torch.randn(samples, 3, FRAMES, SIZE, SIZE, generator=torch.Generator().manual_seed(1))


def refusal(network: nn.Module, layer: str, method: str = "gradcam") -> str:
    with pytest.raises(vx.VidexplainError) as raised:
        vx.attribute(network.eval(), clip(), method=method, layer=layer)
    assert "\n" not in str(raised.value)
    return str(raised.value)


@pytest.mark.parametrize(
    ("moved", "said"),
    [
        (lambda x: x.flip(2), "do not follow the clip along the time"),
        (lambda x: x.flip(-1), "do not follow the clip along the width"),
        (lambda x: x.flip(3), "do not follow the clip along the height"),
        (lambda x: x.roll(10, -1), "do not follow the clip along the width"),
        (lambda x: x[:, :, [3, 1, 7, 0, 5, 2, 6, 4]], "do not follow the clip along the time"),
        (lambda x: torch.cat([x, x], 2), "do not follow the clip along the time"),
        (lambda x: x.transpose(3, 4), "the clip's height lies along its axis 4 instead of axis 3"),
        (lambda x: x.permute(0, 1, 3, 4, 2), "the clip's time lies along its axis 4 instead of axis 2"),
        (lambda x: x.transpose(2, 3), "the clip's time lies along its axis 3 instead of axis 2"),
        (lambda x: x[..., 8:24, 8:24], "does not see the top of the picture"),
        (lambda x: x[..., :24], "does not see the right of the picture"),
        (lambda x: x[:, :, :4], "does not see the last frames"),
        (lambda x: x[:, :, 4:], "does not see the first frames"),
        (lambda x: F.pad(x, (0, 0, 12, 12)), "has a margin along the height"),
        (lambda x: F.pad(x, (0, 40)), "has a margin along the width"),
    ],
)
def test_a_network_of_clips_that_moves_its_input_is_refused(moved, said):
    for method in ("gradcam", "eigencam", "lrp"):
        words = refusal(Clips(moved), "conv", method)
        assert words.startswith("layer 'conv': ")
        assert said in words
        assert words.endswith(", so its map cannot be laid over the frames")


@pytest.mark.parametrize(
    "moved",
    [
        lambda x: x,
        lambda x: x[:, :, ::2],
        lambda x: x[:, :, ::4],
        lambda x: x[:, :, 1::3],
        lambda x: x.repeat_interleave(2, 2),
        lambda x: x[..., 2:30, 2:30],
        lambda x: F.interpolate(x, scale_factor=(1, 0.5, 2), mode="trilinear"),
        lambda x: F.pad(x, (2, 2, 2, 2, 1, 1), mode="replicate"),
        lambda x: x + x.mean((2, 3, 4), keepdim=True),
        lambda x: x - x.roll(1, 2),
        lambda x: x * torch.sigmoid(x.mean(2, keepdim=True)),
    ],
)
def test_what_lies_over_the_clip_is_explained(moved):
    vx.attribute(Clips(moved).eval(), clip(2), method="gradcam", layer="conv")


@pytest.mark.parametrize("frames", [5, 8, 16])
@pytest.mark.parametrize("dilation", [2, 3, 4])
def test_dilated_convolutions_lie_over_the_clip_although_places_skip_frames(frames, dilation):
    network = Clips()
    layers = [nn.Conv3d(3, 6, 3, padding=dilation, dilation=dilation), nn.ReLU()]
    network.conv = nn.Sequential(*layers, nn.Conv3d(6, 6, 3, padding=dilation, dilation=dilation), nn.ReLU())
    x = torch.randn(1, 3, frames, 24, 24, generator=torch.Generator().manual_seed(1))
    found = vx.attribute(network.eval(), x, method="gradcam", layer="conv")
    assert found.shape == (1, frames, 24, 24)
    assert found.max() > 0


@pytest.mark.parametrize(
    "moved", [lambda x: x.flip(2), lambda x: x.roll(3, 2), lambda x: x[:, :, [0, 5, 2, 6, 3, 1, 4, 7]]]
)
def test_dilated_convolutions_behind_a_move_are_refused(moved):
    network = Clips(moved)
    network.conv = nn.Sequential(nn.Conv3d(3, 6, 3, padding=(3, 1, 1), dilation=(3, 1, 1)), nn.ReLU())
    assert "do not follow the clip along the time" in refusal(network, "conv")


@pytest.mark.parametrize("channels", [5, 8, 16])
def test_an_output_with_time_before_its_channels_is_refused(channels):
    class Swap(nn.Module):
        def forward(self, x: Tensor) -> Tensor:
            return x.transpose(1, 2)

    class TimeFirst(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.conv, self.swapped, self.fc = nn.Conv3d(3, channels, 3, padding=1), Swap(), nn.Linear(channels, 3)

        def forward(self, x: Tensor) -> Tensor:
            return self.fc(self.swapped(self.conv(x).relu()).amax((3, 4)).mean(1))

    network = TimeFirst()
    assert "the clip's time lies along its axis 1 instead of axis 2" in refusal(network, "swapped")
    vx.attribute(network.eval(), clip(), method="gradcam", layer="conv")


def test_channels_that_look_at_single_frames_keep_one_map_for_all_of_them():
    class Stacked(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.conv = nn.Conv2d(3 * FRAMES, 2 * FRAMES, 3, padding=1, groups=FRAMES)
            self.fc = nn.Linear(2 * FRAMES, 3)

        def forward(self, x: Tensor) -> Tensor:
            return self.fc(self.conv(x.transpose(1, 2).flatten(1, 2)).relu().mean((2, 3)))

    maps = vx.attribute(Stacked().eval(), clip(), method="gradcam", layer="conv", enlarge=False)
    assert maps.shape == (1, 1, SIZE, SIZE)


def test_a_network_that_takes_time_last_and_puts_it_back_can_be_explained_behind_that():
    network = Clips(lambda x: x.permute(0, 1, 3, 4, 2))
    network.back_layer = nn.Identity()
    network.back = lambda y: network.back_layer(y.permute(0, 1, 4, 2, 3))
    found = vx.attribute(network.eval(), clip(), method="gradcam", layer="back_layer")
    straight = Clips()
    straight.load_state_dict(network.state_dict())
    weight = straight.conv[0].weight.data
    weight.copy_(weight.permute(0, 1, 4, 2, 3).clone())
    expected = vx.attribute(straight.eval(), clip(), method="gradcam", layer="conv")
    torch.testing.assert_close(found, expected, rtol=1e-4, atol=1e-6)


@pytest.mark.parametrize(
    ("network", "said"),
    [
        (Images(lambda x: x.transpose(-1, -2)), "the clip's height lies along its axis 4 instead of axis 3"),
        (Images(lambda x: F.pad(x, (16, 16, 16, 16))), "has a margin along the height"),
        (Images(lambda x: x.flip(-1)), "sees the picture mirrored, left for right"),
        (OnePicture(), "the clip's time lies along its axis"),
        (OverFrames(), "runs inside a transform of torch.func, such as vmap"),
    ],
)
def test_a_network_of_images_that_moves_them_is_refused(network, said):
    assert said in refusal(network, "cnn")


def test_a_network_with_vmap_is_explained_at_its_input():
    looped, mapped = Images(), OverFrames()
    mapped.load_state_dict(looped.state_dict())
    expected = vx.attribute(looped.eval(), clip(), method="saliency")
    torch.testing.assert_close(vx.attribute(mapped.eval(), clip(), method="saliency"), expected, rtol=1e-4, atol=1e-6)


def test_it_is_found_out_once_for_a_network_and_a_size():
    network, passes = Clips().eval(), []
    network.register_forward_hook(lambda *_: passes.append(1))
    vx.attribute(network, clip(), method="gradcam", layer="conv")
    first = len(passes)
    passes.clear()
    vx.attribute(network, clip(), method="gradcam", layer="conv")
    assert (first, len(passes)) == (22, 1)


def scattered(x: Tensor) -> Tensor:
    """The same places in another order, always the same one."""
    order = torch.randperm(x.shape[3] * x.shape[4], generator=torch.Generator().manual_seed(0))
    return x.flatten(3)[..., order].view_as(x)


@pytest.mark.parametrize("places", [(4, 3, 3), (8, 4, 4), (8, 7, 7), (1, 4, 4)])
def test_places_that_lie_in_any_other_order_are_refused(places):
    torch.manual_seed(0)
    net = nn.Sequential(nn.Conv3d(3, 8, 3, padding=1), nn.ReLU(), nn.AdaptiveAvgPool3d(places))
    x = torch.randn(1, 3, 16, 32, 32, generator=torch.Generator().manual_seed(1))
    with torch.no_grad():
        assert placement(net, x, "in order").wrong == ""
        said = placement(lambda clip: scattered(net(clip)), x, "scattered").wrong
    assert said.startswith("its places do not follow the clip along the ")


def few_places(channels: int, *layers: nn.Module) -> nn.Module:
    """Strides and pools of a network of clips until few places are left, which see most of the picture."""
    torch.manual_seed(0)
    parts = [
        nn.Conv3d(3, channels, (3, 7, 7), (1, 3, 3), (1, 3, 3)),
        nn.ReLU(),
        nn.MaxPool3d((1, 3, 3), (1, 2, 2), (0, 1, 1)),
    ]
    return nn.Sequential(*parts, nn.Conv3d(channels, channels, (1, 5, 5), padding=(0, 2, 2)), nn.ReLU(), *layers).eval()


@pytest.mark.parametrize("samples", range(2))
@pytest.mark.parametrize("channels", [2, 4, 8])
@pytest.mark.parametrize("places", [(2, 2), (1, 2), (2, 1), (1, 1), (3, 3)])
def test_few_places_that_see_all_of_the_picture_are_not_called_turned(places, channels, samples):
    run = few_places(channels, nn.AdaptiveAvgPool3d((None, *places)))
    x = torch.randn(1, 3, 16, 24, 24, generator=torch.Generator().manual_seed(samples))
    with torch.no_grad():
        assert placement(run, x, "few").wrong == ""


@pytest.mark.parametrize(
    ("moved", "said"),
    [
        (lambda x: x.transpose(2, 3), "lies along its axis"),
        (lambda x: x.transpose(3, 4), "the clip's height lies along its axis 4 instead of axis 3"),
        (lambda x: x.permute(0, 1, 4, 2, 3), "lies along its axis"),
        (lambda x: x.transpose(3, 4).flip(3), "the clip's height lies along its axis 4 instead of axis 3"),
        (lambda x: x.flip(2), "do not follow the clip along the time"),
        (lambda x: x.flip(3), "do not follow the clip along the height"),
    ],
)
@pytest.mark.parametrize("places", [(2, 2), (3, 3), (2, 3)])
def test_few_places_that_are_turned_are_refused(places, moved, said):
    torch.manual_seed(0)
    net = nn.Sequential(nn.Conv3d(3, 8, 3, padding=1), nn.ReLU(), nn.AdaptiveAvgPool3d((4, *places)))
    for seed in range(4):
        x = torch.randn(1, 3, 16, 16, 16, generator=torch.Generator().manual_seed(seed))
        with torch.no_grad():
            assert said in placement(lambda clip: net(moved(clip)), x, "few").wrong


def test_a_layer_that_sees_everything_everywhere_tells_nothing():
    torch.manual_seed(0)
    mix = torch.randn(128, 128) / 11

    def run(x: Tensor) -> Tensor:
        pooled = F.adaptive_avg_pool3d(x.flip(2), (8, 4, 4)).flatten(2)
        return (pooled @ mix).unflatten(2, (8, 4, 4))

    assert placement(run, clip(), "mixed").wrong == ""


@pytest.mark.parametrize("value", [0.0, 0.7, -1.3])
def test_a_clip_of_one_colour_tells_as_much_as_any_other(value):
    x = torch.full((1, 3, FRAMES, SIZE, SIZE), value)
    vx.attribute(Clips().eval(), x, method="gradcam", layer="conv")
    with pytest.raises(vx.VidexplainError, match="do not follow the clip along the time"):
        vx.attribute(Clips(lambda x: x.flip(2)).eval(), x, method="gradcam", layer="conv")


def chosen_frames(x: Tensor, count: int = 4) -> Tensor:
    """The brightest frames of each clip, in order of time."""
    numbers = x.mean((1, 3, 4)).topk(count, 1).indices.sort(1).values
    return torch.stack([one[:, places] for one, places in zip(x, numbers, strict=True)])


def brightest_part(x: Tensor) -> Tensor:
    """A quarter of the picture around what is bright, enlarged to the whole."""
    places = F.avg_pool2d(x.mean((1, 2))[:, None], 16, 8).flatten(1).argmax(1).tolist()
    corners = [(8 * (place // 3), 8 * (place % 3)) for place in places]
    parts = [one[:, :, top : top + 16, left : left + 16] for one, (top, left) in zip(x, corners, strict=True)]
    return F.interpolate(torch.stack(parts), size=(x.shape[2], SIZE, SIZE))


def zoomed_by_its_mean(x: Tensor) -> Tensor:
    """A part of the picture whose place depends on the mean of the clip, as in a spatial transformer."""
    n, c, t, h, w = x.shape
    shift = 0.3 + 0.1 * x.mean((1, 2, 3, 4))
    theta = torch.tensor([[0.5, 0, 0], [0, 0.5, 0]]).repeat(n, 1, 1)
    theta[:, :, 2] = shift[:, None]
    grid = F.affine_grid(theta, [n, c * t, h, w], align_corners=False)
    return F.grid_sample(x.reshape(n, c * t, h, w), grid, align_corners=False).view(x.shape)


@pytest.mark.parametrize(
    ("moved", "said"),
    [
        (lambda x: x[:, :, :5], "it sees frames 0, 1, 2, 3, 4 of 8, which are not spread evenly"),
        (lambda x: x[:, :, 2:], "it sees frames 2, 3, 4, 5, 6, 7 of 8, which are not spread evenly"),
        (lambda x: x[:, :, [0, 1, 2, 7]], "it sees frames 0, 1, 2, 7 of 8, which are not spread evenly"),
        (chosen_frames, "which are not spread evenly"),
        (lambda x: x[..., 6:26, 6:26], "does not see the top of the picture"),
        (lambda x: x[..., :26], "does not see the right of the picture"),
        (brightest_part, "of the picture, such as behind a crop"),
        (zoomed_by_its_mean, "of the picture, such as behind a crop"),
    ],
)
def test_frames_and_parts_of_the_picture_that_a_network_leaves_out_are_seen(moved, said):
    assert said in refusal(Clips(moved), "conv")


@pytest.mark.parametrize("frames", [8, 9, 12, 16])
@pytest.mark.parametrize(
    ("kernel", "stride", "padding"), [(3, 4, 1), (3, 4, 0), (1, 2, 0), (2, 3, 0), (1, 4, 0), (3, 5, 1)]
)
def test_convolutions_that_skip_frames_lie_over_the_clip(kernel, stride, padding, frames):
    torch.manual_seed(0)
    first = nn.Conv3d(3, 8, (kernel, 3, 3), (stride, 2, 2), (padding, 1, 1))
    run = nn.Sequential(first, nn.ReLU(), nn.Conv3d(8, 8, 3, padding=1)).eval()
    with torch.no_grad():
        assert placement(run, torch.randn(1, 3, frames, SIZE, SIZE), "conv").wrong == ""


@pytest.mark.parametrize(
    ("seen", "steps", "even"),
    [
        ([0, 1, 3, 4, 5, 7, 8, 9, 11, 12, 13], 4, True),  # kernel 3, stride 4, padding 1, of 16
        ([0, 1, 3, 4, 5, 7, 8, 9, 11, 12, 13], 11, False),  # the same frames, each on its own
        ([0, 1, 2, 3, 4, 5, 6, 7, 8, 9], 1, False),
        ([0, 1, 2, 7, 8, 9, 10, 11], 8, False),
        ([0, 1, 3, 4, 5, 6, 8, 9, 11, 12, 13], 4, False),
        ([5, 6, 8, 9, 11, 12], 3, False),
    ],
)
def test_gaps_of_one_length_are_even(seen, steps, even):
    assert is_spread_evenly(seen, 16, steps) == even


def test_frames_that_are_left_out_are_seen_also_where_each_place_depends_on_all_others():
    network = Clips(chosen_frames)
    network.conv = nn.Sequential(network.conv, *(nn.Conv3d(6, 6, (3, 1, 1), padding=(1, 0, 0)) for _ in range(3)))
    assert "which are not spread evenly" in refusal(network, "conv")


class OverTime(nn.Module):
    """A layer that looks over ``reach`` moments, behind frames in some order."""

    def __init__(self, order: list[int], reach: int, causal: bool = False) -> None:
        super().__init__()
        torch.manual_seed(0)
        before = reach - 1 if causal else reach // 2
        self.conv = nn.Sequential(
            nn.ConstantPad3d((1, 1, 1, 1, before, reach - 1 - before), 0.0), nn.Conv3d(3, 6, (reach, 3, 3)), nn.ReLU()
        )
        self.fc, self.order = nn.Linear(6, 3), order

    def forward(self, x: Tensor) -> Tensor:
        return self.fc(self.conv(x[:, :, self.order]).mean((2, 3, 4)))


@pytest.mark.parametrize(
    ("order", "reach"),
    [
        ([0, 1, 3, 2], 1),
        ([1, 0, 2, 3], 1),
        ([1, 0, 3, 4, 2], 1),
        ([2, 4, 3, 5, 1, 0, 6, 7], 1),
        ([2, 4, 3, 5, 1, 0, 6, 7], 3),
        ([4, 0, 7, 3, 2, 5, 1, 6], 3),
        ([4, 0, 8, 2, 6], 1),
    ],
)
def test_frames_in_another_order_are_seen_also_between_the_ends(order, reach):
    x = torch.randn(1, 3, max(order) + 1, SIZE, SIZE)
    with pytest.raises(vx.VidexplainError, match="layer 'conv': its places do not follow the clip along the time"):
        vx.attribute(OverTime(order, reach).eval(), x, method="gradcam", layer="conv")


@pytest.mark.parametrize("causal", [False, True])
@pytest.mark.parametrize("reach", [1, 2, 3, 5])
@pytest.mark.parametrize("frames", [4, 5, 8, 16])
def test_frames_in_their_order_lie_over_the_clip_however_far_a_layer_looks(frames, reach, causal):
    x = torch.randn(1, 3, frames, SIZE, SIZE)
    network = OverTime(list(range(frames)), reach, causal).eval()
    assert vx.attribute(network, x, method="gradcam", layer="conv").shape == (1, frames, SIZE, SIZE)


def test_moments_that_are_turned_round_by_hand():
    strips = [(0, 1), (1, 2), (2, 3), (3, 4)]
    swapped = torch.eye(4)[[0, 1, 3, 2]]
    assert turned_round(swapped, strips, 4) == {(2, 3)}
    assert turned_round(swapped + 0.5, strips, 4) == frozenset()  # each sees its own part as well
    assert turned_round(torch.eye(4), strips, 4) == frozenset()
    one_back = torch.eye(4).roll(1, 1)
    one_back[3, 0] = 0
    assert turned_round(one_back, strips, 4) == frozenset()
    assert turned_round(torch.ones(4, 4), strips, 4) == frozenset()
    first_alone = torch.zeros(4, 4)
    first_alone[0] = 1
    assert turned_round(first_alone, strips, 4) == frozenset()
    of_two = torch.tensor([[0.0, 1.0], [0.0, 1.0], [1.0, 0.0], [1.0, 0.0]])
    assert turned_round(of_two, strips, 4) == {(0, 1)}


class Mirror(nn.Module):
    def forward(self, x: Tensor) -> Tensor:
        return x.flip(-1)


class Around(nn.Module):
    """Mirrors its input; the network inside has the name that wrappers use."""

    def __init__(self, module: nn.Module) -> None:
        super().__init__()
        self.module = module

    def forward(self, x: Tensor) -> Tensor:
        return self.module(x.flip(-1))


def with_part(place: str) -> nn.Module:
    network = resnet(num_classes=3)
    setattr(network, place, nn.Sequential(Mirror(), getattr(network, place)))
    return network


def resnet(**options: int) -> nn.Module:
    torch.manual_seed(0)
    arguments = {"block": BasicBlock, "conv_makers": [Conv3DSimple] * 4, "layers": [1] * 4, "stem": BasicStem}
    return VideoResNet(**arguments, **options)


@pytest.mark.parametrize(
    ("network", "layer"),
    [(Around(resnet(num_classes=3)), "module.layer1"), (with_part("stem"), "layer1"), (with_part("layer1"), "layer1")],
)
def test_a_network_of_a_package_is_known_only_without_parts_of_others(network, layer):
    assert not is_known(network, layer)
    assert "do not follow the clip along the width" in refusal(network, layer)


def test_a_new_head_leaves_a_network_known_but_for_the_head_itself():
    network = resnet(num_classes=3)
    assert is_known(network, "layer1")
    network.fc = nn.Sequential(Mirror(), nn.Linear(512, 3))
    assert is_known(network, "layer1")
    assert not is_known(network, "fc")


class RedOnly(nn.Module):
    """What is red: a rectifier that most pictures leave closed."""

    def __init__(self, white: float) -> None:
        super().__init__()
        self.conv, self.relu, self.fc = nn.Conv3d(3, 1, 1), nn.ReLU(), nn.Linear(1, 2)
        self.conv.weight.data = torch.tensor([1.0, -1.0, -1.0]).view(1, 3, 1, 1, 1) / white
        self.conv.bias.data.fill_(-0.3)
        self.fc.weight.data.fill_(1.0)

    def forward(self, x: Tensor) -> Tensor:
        return self.fc(self.relu(self.conv(x)).mean((2, 3, 4)))


@pytest.mark.parametrize("marked", [False, True])
@pytest.mark.parametrize("white", [1.0, 255.0])
def test_a_clip_of_nearly_one_colour_tells_as_much_as_any_other(white, marked):
    clip = torch.full((1, 3, FRAMES, SIZE, SIZE), 0.24)
    if marked:
        clip[:, :, 4, -1, -1] = torch.tensor([1.0, 0.0, 0.0])
    found = vx.attribute(RedOnly(white), clip * white, target=1, layer="relu")
    assert torch.equal(found != 0, clip[:, 0] > 0.5)


def fourier(x: Tensor) -> Tensor:
    return torch.fft.fftn(x, dim=(2, 3, 4), norm="ortho").abs()


class Blocks(nn.Module):
    """Blocks of attention between the patches of a clip, with their skip connections or without."""

    def __init__(self, skip: bool) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.patches, self.skip = nn.Conv3d(3, 16, (2, 4, 4), (2, 4, 4)), skip
        self.places = nn.Parameter(torch.randn(256, 16))
        self.attention = nn.ModuleList([nn.MultiheadAttention(16, 2, batch_first=True) for _ in range(2)])
        self.last, self.fc = nn.Identity(), nn.Linear(16, 3)

    def forward(self, x: Tensor) -> Tensor:
        patches = self.patches(x)
        tokens = patches.flatten(2).mT + self.places
        for block in self.attention:
            mixed = block(tokens, tokens, tokens)[0]
            tokens = tokens + mixed if self.skip else mixed
        return self.fc(self.last(tokens.mT.reshape(patches.shape)).mean((2, 3, 4)))


def test_places_in_which_all_of_the_clip_is_seen_alike_say_nothing_of_where():
    (note,) = notes_of(Clips(fourier), "conv")
    assert note.startswith(
        "each place of layer 'conv' depends on all parts of the clip alike, such as behind a Fourier"
    )
    assert notes_of(Clips(), "conv") == []
    fused = notes_of(Clips(fourier), "conv + conv.0")
    assert [note.split("'")[1] for note in fused] == ["conv", "conv.0"]


def test_that_places_are_even_is_said_of_the_size_of_clip_for_which_it_was_seen():
    large = Clips(lambda x: fourier(x) if x.shape[-1] == SIZE else x)
    assert len(notes_of(large, "conv")) == 1
    assert notes_of(large, "conv", SIZE + 8) == []
    assert len(notes_of(large, "conv")) == 1


@pytest.mark.parametrize("skip", [True, False])
def test_attention_with_its_skip_connection_keeps_the_places(skip):
    said = any("depends on all parts of the clip alike" in note for note in notes_of(Blocks(skip), "last"))
    assert said == (not skip)


def notes_of(network: nn.Module, layer: str, size: int = SIZE) -> list[str]:
    with warnings.catch_warnings(record=True) as seen:
        warnings.simplefilter("always")
        vx.attribute(network.eval(), torch.rand(1, 3, FRAMES, size, size), layer=layer, target=0)
    return [str(one.message) for one in seen if issubclass(one.category, MapWarning)]
