"""Relevance propagation: every rule by hand, every way to call a layer, what is conserved, and what is refused."""

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn

import videxplain as vx
from tests.attribution import zennit_reference as zennit
from tests.attribution.networks import RELU_FUNCTIONS, AnyReLU, Deep3D, Small3D, seeded, three_lrcns, video
from tests.attribution.references import close
from tests.device import here
from videxplain.attribution.relevance.operations import Convolution, Dense
from videxplain.attribution.relevance.rules import AlphaBeta, Carried, Epsilon, Flow, Gamma, ZBox, flat, w_squared
from videxplain.errors import VidexplainError

X, W, B, R = [1.0, -1.0, 2.0], [2.0, 1.0, -0.5], 1.0, 6.0
"""Three inputs and one output: the parts are 2, -1 and -1, with the bias they add up to 1, and its relevance is 6."""


def flow(x=X, w=W, b=B, r=R) -> Flow:
    x, w, b = torch.tensor([x]), torch.tensor([w]), torch.tensor([b])
    z = F.linear(x, w, b)
    return Flow(Dense(), x, w, b, z, r / z)


@pytest.mark.parametrize(
    ("rule", "expected"),
    [
        (Carried(Epsilon(0)), [12, -6, -6]),  # parts over 1
        (Carried(Epsilon(2)), [4, -2, -2]),  # parts over 1 + 2
        (Carried(AlphaBeta(1, 0)), [4, 0, 0]),  # 2 over 2 + 1
        (Carried(AlphaBeta(2, 1)), [8, -3, -3]),  # twice the positive half, and -1 over -2
        (Carried(Gamma(1)), [6, -1.5, -1.5]),  # positive parts twice: 4, -1, -1 and the bias 2, over 4
        (flat, [2, 2, 2]),
        (w_squared, [6 * 4 / 5.25, 6 / 5.25, 6 * 0.25 / 5.25]),
        # x w - l w+ - h w- with l = -2 and h = 3: 2 + 4, -1 + 2, -1 + 1.5
        (ZBox((-2.0,), (3.0,)), [6 * 6 / 7.5, 6 * 1 / 7.5, 6 * 0.5 / 7.5]),
    ],
)
def test_a_rule_by_hand(rule, expected):
    assert rule(flow())[0].tolist() == pytest.approx(expected, rel=1e-5)


def test_gamma_of_a_negative_output_counts_negative_parts():
    # 2, -1, -4 and the bias 1 add up to -2; with gamma 1 they are 2, -2, -8 and 1.
    found = Carried(Gamma(1))(flow(w=[2.0, 1.0, -2.0]))
    assert found[0].tolist() == pytest.approx([6 * 2 / -7, 6 * -2 / -7, 6 * -8 / -7], rel=1e-5)


def test_flat_counts_only_inputs_that_there_are():
    # A kernel of three on a row of three, padded: the outer outputs see two inputs, the inner one three.
    operation = Convolution((1,), (1,), (1,), (0,), False, 1)
    x, w = torch.ones(1, 1, 3), torch.ones(1, 1, 3)
    z = operation.forward(x, w)
    found = flat(Flow(operation, x, w, None, z, torch.tensor([[[6.0, 6, 6]]]) / z))
    assert found[0, 0].tolist() == pytest.approx([3 + 2, 3 + 2 + 3, 2 + 3])


class OneLayer(nn.Module):
    """A layer of any kind between a convolution that sees the pixels and a linear one."""

    def __init__(self, layer: nn.Module, norm: nn.Module | None = None) -> None:
        super().__init__()
        self.first, self.relu = nn.Conv3d(3, 4, 3, padding=1), nn.ReLU()
        self.layer, self.norm, self.relu2 = layer, norm or nn.Identity(), nn.ReLU()
        self.pool, self.flatten, self.fc = nn.AdaptiveAvgPool3d(1), nn.Flatten(), nn.LazyLinear(3)

    def forward(self, x: Tensor) -> Tensor:
        x = self.relu2(self.norm(self.layer(self.relu(self.first(x)))))
        return self.fc(self.flatten(self.pool(x)))


LAYERS = {
    "strided": lambda: OneLayer(nn.Conv3d(4, 6, 3, stride=2, padding=1), nn.BatchNorm3d(6)),
    "same": lambda: OneLayer(nn.Conv3d(4, 6, 3, padding="same")),
    "dilated": lambda: OneLayer(nn.Conv3d(4, 6, 3, padding=2, dilation=2)),
    "grouped": lambda: OneLayer(nn.Conv3d(4, 6, 3, groups=2), nn.BatchNorm3d(6)),
    "depthwise": lambda: OneLayer(nn.Conv3d(4, 8, (3, 1, 1), groups=4)),
    "transposed": lambda: OneLayer(nn.ConvTranspose3d(4, 6, 3, stride=2, output_padding=1), nn.BatchNorm3d(6)),
    "transposed in groups": lambda: OneLayer(nn.ConvTranspose3d(4, 6, 2, stride=2, groups=2)),
}


@pytest.mark.parametrize("rule", ["ZPlus", "Gamma", "AlphaBeta", "WSquare", "Flat"])
@pytest.mark.parametrize("name", LAYERS)
def test_any_convolution_equals_zennit(name, rule):
    """One rule for all layers; the rules of pixels are tried on the first layer of zennit's composites elsewhere."""
    x = video(1, 3, 4, 6, 6).double()
    network = seeded(LAYERS[name]).double()
    network(x)
    composite, first = {
        "ZPlus": ("epsilon-plus", None),
        "Gamma": ("epsilon-gamma-box", "gamma"),
        "AlphaBeta": ("epsilon-alpha2-beta1-flat", "flat"),
        "WSquare": ("epsilon-plus-flat", "w-squared"),
        "Flat": ("epsilon-plus-flat", None),
    }[rule]
    reference = _zennit(rule)
    found = vx.relevance(network, x, target=1, layers=(), composite=composite, first=first)
    close(found.map, zennit.relevance(network, x, 1, reference))


@pytest.mark.parametrize("transposed", [False, True])
def test_weights_that_a_batch_normalisation_is_merged_into(transposed):
    operation = Convolution((2,), (1,), (1,), (0,), transposed, 2)
    x, scale = video(1, 4, 7), video(6, seed=2)
    w = video(4, 3, 3, seed=1) if transposed else video(6, 2, 3, seed=1)
    expected = operation.forward(x, w) * scale[:, None]
    torch.testing.assert_close(operation.forward(x, operation.scaled(w, scale)), expected)


def _zennit(rule: str):
    from zennit import rules
    from zennit.composites import SpecialFirstLayerMapComposite, layer_map_base

    conv = nn.modules.conv._ConvNd
    hidden = {"Gamma": rules.Gamma, "AlphaBeta": rules.AlphaBeta}.get(rule, rules.ZPlus)()
    first = {
        "ZPlus": rules.ZPlus(),
        "Gamma": rules.Gamma(),
        "WSquare": rules.WSquare(zero_params="bias"),  # zennit's adds the square of the bias, the equation does not
    }.get(rule, rules.Flat())
    layers = [*zennit.SUMS, *layer_map_base(), (conv, hidden), (nn.Linear, rules.Epsilon())]
    return SpecialFirstLayerMapComposite(layers, [(conv, first)])


@pytest.mark.parametrize("name", RELU_FUNCTIONS)
def test_a_relu_counts_however_it_is_called(name):
    function = RELU_FUNCTIONS[name]
    x = video(1, 3, 4, 6, 6)
    modules = seeded(lambda: AnyReLU([nn.ReLU() for _ in range(3)]))
    calls = seeded(lambda: AnyReLU([function] * 3))
    torch.testing.assert_close(*(vx.attribute(net, x, method="lrp", target=1) for net in (modules, calls)))


class BesideItsReLU(nn.Module):
    """A layer whose output goes into a ReLU and past it, computed once or twice."""

    def __init__(self, twice: bool, norm: nn.Module) -> None:
        super().__init__()
        self.conv, self.conv2, self.fc = nn.Conv3d(3, 4, 3, padding=1), nn.Conv3d(4, 4, 1), nn.Linear(8, 3)
        self.norm, self.twice = norm, twice

    def forward(self, x: Tensor) -> Tensor:
        x = self.conv(x).relu()
        one = self.norm(self.conv2(x))
        other = self.norm(self.conv2(x)) if self.twice else one
        return self.fc(torch.cat([one.relu(), other], 1).mean((2, 3, 4)))


@pytest.mark.parametrize("norm", [nn.Identity(), nn.BatchNorm3d(4)])
def test_an_output_that_goes_past_its_relu_too_counts_with_its_negative_values(norm):
    once, twice = (seeded(lambda twice=twice: BesideItsReLU(twice, norm)) for twice in (False, True))
    found = [vx.attribute(net, video(2, 3, 4, 6, 6), method="lrp", target=1) for net in (once, twice)]
    close(*found)


class AsFunctions(nn.Module):
    """The weights of :class:`Small3D`, by functions, with batch normalisation by a function too."""

    def __init__(self, like: Small3D) -> None:
        super().__init__()
        self.like = like

    def forward(self, x: Tensor) -> Tensor:
        net = self.like
        for conv, bn, stride in ((net.conv1, net.bn1, 1), (net.conv2, net.bn2, (1, 2, 2))):
            x = F.conv3d(x, conv.weight, None, stride, 1)
            x = F.batch_norm(x, bn.running_mean, bn.running_var, bn.weight, bn.bias).relu_()
        return x.mean((2, 3, 4)) @ net.fc.weight.T + net.fc.bias


def test_functions_equal_modules():
    network, x = seeded(Small3D), video(2, 3, 4, 8, 8)
    options = {"method": "lrp", "target": 1, "epsilon": 0.0}
    close(vx.attribute(AsFunctions(network), x, **options), vx.attribute(network, x, **options))


def test_frames_in_a_loop_in_the_batch_or_as_one_clip_are_the_same():
    x = video(2, 3, 4, 8, 8)
    maps = [vx.attribute(network, x, method="lrp", target=1) for network in three_lrcns().values()]
    for other in maps[1:]:
        close(other, maps[0])


class Changed(nn.Module):
    """A step between pixels, or between layers, of one kind or another."""

    def __init__(self, before=lambda x: x, between=lambda x: x) -> None:
        super().__init__()
        self.conv, self.conv2, self.fc = nn.Conv3d(3, 4, 3, padding=1), nn.Conv3d(4, 4, 1), nn.Linear(4, 3)
        self.before, self.between = before, between

    def forward(self, x: Tensor) -> Tensor:
        return self.fc(self.conv2(self.between(self.conv(self.before(x)).relu())).relu().mean((2, 3, 4)))


@pytest.mark.parametrize(
    "step", [lambda x: (x - 0.5) / 0.25, lambda x: x.sub_(0.5).div_(0.25), lambda x: 4 * x.flip(2).flip(2) - 2]
)
def test_pixels_that_a_network_normalises_itself_are_still_pixels(step):
    x = video(1, 3, 4, 6, 6)
    inside, outside = seeded(lambda: Changed(before=step)), seeded(Changed)
    expected = vx.relevance(outside, (x - 0.5) / 0.25, target=1, layers=())
    found = vx.relevance(inside, x, target=1, layers=())
    close(found.map, expected.map)
    assert found.used["first"] == 1


def test_differences_of_frames_have_relevance_in_both_frames():
    network, x = seeded(lambda: Changed(before=lambda x: x[:, :, 1:] - x[:, :, :-1])), video(1, 3, 4, 6, 6)
    for layer in (network.conv, network.conv2, network.fc):
        layer.bias.data.zero_()
    found = vx.relevance(network, x, target=1, composite="epsilon", epsilon=0.0)
    assert found.share.tolist() == pytest.approx([1], abs=1e-4)
    assert "first" not in found.used


ELEMENTWISE = {
    "gelu": F.gelu,
    "silu in place": lambda x: F.silu(x, inplace=True),
    "relu6": F.relu6,
    "tanh_": lambda x: x.tanh_(),
    "clamp": lambda x: x.clamp(min=0, max=0.1),
    "hardswish": nn.Hardswish(inplace=True),
    "leaky": nn.LeakyReLU(0.2, inplace=True),
    "swish by hand": lambda x: x * torch.sigmoid(x),
    "gelu by hand": lambda x: 0.5 * x * (1 + torch.erf(x / 2**0.5)),
    "gate in place": lambda x: x.mul_(x.mean((2, 3, 4), keepdim=True).sigmoid()),
    "squeeze and excite": lambda x: x * F.hardsigmoid(x.mean((2, 3, 4), keepdim=True)),
    "divided by its norm": lambda x: x / x.norm(dim=1, keepdim=True).clamp(min=1e-3),
    "normalised": lambda x: F.normalize(x, dim=1),
    "rms": lambda x: x * torch.rsqrt(x.pow(2).mean(1, keepdim=True) + 1e-6),
    "square": lambda x: x * x,
    "local response": lambda x: F.local_response_norm(x, 2),
}
"""Steps that keep the sum of relevance."""


@pytest.mark.parametrize("name", ELEMENTWISE)
def test_steps_that_lose_nothing(name):
    # A step in place is put on a value of its own, because the rectifier before it keeps its output.
    network, x = seeded(lambda: Changed(between=lambda x: ELEMENTWISE[name](1.0 * x))), video(2, 3, 4, 6, 6)
    for layer in (network.conv, network.conv2, network.fc):
        layer.bias.data.zero_()
    found = vx.relevance(network, x, target=1, composite="epsilon", epsilon=0.0)
    assert found.share.tolist() == pytest.approx([1, 1], abs=1e-3)
    with torch.no_grad():
        torch.testing.assert_close(found.logits, network(x))


def test_a_group_normalisation_is_linear_but_for_its_deviation():
    norm = nn.GroupNorm(2, 4).requires_grad_(False)
    network, x = seeded(lambda: Changed(between=norm)), video(1, 3, 4, 6, 6)

    def by_hand(x: Tensor) -> Tensor:
        groups = x.unflatten(1, (2, 2))
        deviation = (groups.detach().var((2, 3, 4, 5), correction=0, keepdim=True) + norm.eps).sqrt()
        centred = (groups - groups.mean((2, 3, 4, 5), keepdim=True)) / deviation
        return centred.flatten(1, 2) * norm.weight.view(-1, 1, 1, 1) + norm.bias.view(-1, 1, 1, 1)

    found = vx.attribute(network, x, method="lrp", target=1)
    close(found, vx.attribute(seeded(lambda: Changed(between=by_hand)), x, method="lrp", target=1))


def test_layers_hold_what_is_left_of_the_score():
    network, x = seeded(Deep3D), video(2, 3, 4, 8, 8)
    for m in (network.conv1, network.conv2, network.shortcut, network.hidden, network.fc):
        m.bias.data.zero_()
    found = vx.relevance(network, x, target=1, composite="epsilon", epsilon=0.0)
    assert [layer.name for layer in found.layers] == ["fc", "relu3", "hidden", "pool", "relu1", "conv1"]
    for layer in found.layers:
        assert (layer.total / found.score).tolist() == pytest.approx([1, 1], abs=1e-4)
    parts = vx.relevance(network, x, target=1, composite="epsilon", epsilon=0.0, layers=["relu2", "shortcut"])
    assert [layer.is_whole for layer in parts.layers] == [False, False]
    both = sum(layer.total for layer in parts.layers)
    assert (both / found.score).tolist() == pytest.approx([1, 1], abs=1e-4)
    assert "relu2 (a part)" in str(parts)


def test_a_bias_takes_its_part():
    # One pixel of 2, weight 3 and a bias of 4: the pixel has 6 of the score of 10.
    class OnePixel(nn.Module):
        def forward(self, x: Tensor) -> Tensor:
            return F.linear(x.mean((1, 3, 4)), torch.tensor([[3.0]]), torch.tensor([4.0]))

    found = vx.relevance(OnePixel(), torch.full((1, 1, 1, 1, 1), 2.0), composite="epsilon", epsilon=0.0)
    assert found.share.tolist() == pytest.approx([0.6])
    assert found.score.tolist() == pytest.approx([10])


@pytest.mark.parametrize(
    ("step", "message"),
    [
        (torch.exp, "no rule for a step of this network (Exp"),
        (lambda x: x.log_softmax(1), "no rule for a step of this network (LogSoftmax"),
        (lambda x: 1 / (x + 1), "no rule for a step of this network (Reciprocal"),
        (lambda x: x + torch.cdist(x.flatten(2), x.flatten(2)).mean(), "no rule for a step of this network (Cdist"),
        (lambda x: torch.conv3d(x, x[:, :, :1, :1, :1].expand(4, 4, 1, 1, 1)), "weights are computed from the clip"),
    ],
)
def test_a_step_without_a_rule_is_refused_in_one_line(step, message):
    network = seeded(lambda: Changed(between=step))
    with pytest.raises(VidexplainError) as error:
        vx.attribute(network, video(1, 3, 4, 6, 6), method="lrp", target=1)
    assert message in str(error.value)
    assert "\n" not in str(error.value)
    assert torch._C._len_torch_function_stack() == 0


def test_a_tensor_that_requires_a_gradient_is_not_taken_for_pixels():
    scale = torch.ones(4, 1, 1, 1, device=here(), requires_grad=True)
    network = seeded(lambda: Changed(between=lambda x: x * scale))
    with pytest.raises(VidexplainError, match=r"none of its parameters: .* requires_grad_\(False\)"):
        vx.attribute(network, video(1, 3, 4, 6, 6), method="lrp", target=1)
    scale.requires_grad_(False)
    assert vx.attribute(network, video(1, 3, 4, 6, 6), method="lrp", target=1).abs().max() > 0


def test_a_scripted_part_is_refused_and_not_taken_for_its_gradient():
    network = seeded(Changed)
    network.conv2 = torch.jit.script(network.conv2)
    with pytest.raises(VidexplainError, match=r"no rule for a step of this network \(Convolution"):
        vx.attribute(network, video(1, 3, 4, 6, 6), method="lrp", target=1)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"composite": "epsilon-plus-flot"}, "composite 'epsilon-plus-flot'"),
        ({"composite": "epsilon-gamma-box"}, "z-box rule needs the lowest and the highest value of a pixel"),
        ({"first": "z-box", "low": 1.0, "high": 0.0}, "give both, low below high"),
        ({"low": 1.0}, "give both, low below high"),
        ({"epsilon": -1.0}, "epsilon is a number"),
    ],
)
def test_options_that_cannot_be_are_refused(options, message):
    with pytest.raises(VidexplainError, match=message):
        vx.attribute(seeded(Small3D), video(1, 3, 4, 8, 8), method="lrp", **options)


def test_a_map_is_relevance_summed_over_channels():
    network, x = seeded(Small3D), video(2, 3, 4, 8, 8)
    found = vx.relevance(network, x, target=[1, 2])
    torch.testing.assert_close(vx.attribute(network, x, method="lrp", target=[1, 2]), found.map.sum(1))
