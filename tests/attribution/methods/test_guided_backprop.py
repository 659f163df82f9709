import numpy as np
import pytest
import torch
import torchvision
from captum.attr import GuidedBackprop
from torch import nn

from tests.attribution.networks import RELU_FUNCTIONS, AnyReLU, Small3D, seeded, three_lrcns, video
from tests.device import same
from tests.oracles.guided import guided_gradient
from videxplain.attribution.api import attribute
from videxplain.errors import VidexplainError


def separate_modules():
    return seeded(lambda: AnyReLU([nn.ReLU(), nn.ReLU(), nn.ReLU()]))


def guided(module, x, **arguments):
    return attribute(module, x, method="guided-backprop", **arguments)


@pytest.mark.filterwarnings("ignore:Setting backward hooks on ReLU")
@pytest.mark.parametrize("build", [Small3D, torchvision.models.video.r3d_18])
def test_equals_captum_on_module_relus(build):
    module, reference = seeded(build), seeded(build)
    for m in reference.modules():
        if isinstance(m, nn.ReLU):
            m.inplace = False
    x = video(2, 3, 8, 32, 32)
    expected = GuidedBackprop(reference).attribute(x.clone().requires_grad_(), target=3)
    assert expected.abs().max() > 0
    torch.testing.assert_close(guided(module, x, target=3), expected.detach(), rtol=1e-4, atol=1e-6)


def test_differs_from_the_plain_gradient():
    module, x = separate_modules(), video(1, 3, 4, 8, 8)
    pixels = x.clone().requires_grad_()
    (plain,) = torch.autograd.grad(module(pixels)[0, 1], pixels)
    assert (guided(module, x, target=1) - plain).abs().max() > 0.1 * plain.abs().max()


@pytest.mark.parametrize("name", RELU_FUNCTIONS)
def test_functions_match_modules(name):
    x = video(2, 3, 4, 8, 8)
    functional = seeded(lambda: AnyReLU([RELU_FUNCTIONS[name]] * 3))
    assert same(guided(functional, x, target=2), guided(separate_modules(), x, target=2))


@pytest.mark.parametrize("inplace", [False, True])
def test_one_reused_module_matches_separate_modules(inplace):
    x = video(2, 3, 4, 8, 8)
    reused = seeded(lambda: AnyReLU([nn.ReLU(inplace)] * 3))
    assert same(guided(reused, x, target=2), guided(separate_modules(), x, target=2))


def test_in_place_modules_match_separate_modules():
    x = video(2, 3, 4, 8, 8)
    inplace = seeded(lambda: AnyReLU([nn.ReLU(True), nn.ReLU(True), nn.ReLU(True)]))
    assert same(guided(inplace, x, target=2), guided(separate_modules(), x, target=2))


def test_network_without_relu_is_refused():
    module = seeded(lambda: AnyReLU([nn.GELU(), nn.GELU(), nn.GELU()]))
    with pytest.raises(VidexplainError, match="AnyReLU calls no ReLU: guided backprop would be the plain gradient"):
        guided(module, video(1, 3, 4, 8, 8))


@pytest.mark.parametrize("target", [0, 1, 2])
def test_equals_the_literal_rule(target):
    class Tiny(nn.Module):
        def __init__(self):
            super().__init__()
            self.first = nn.Conv3d(2, 3, 2, bias=False)
            self.second = nn.Conv3d(3, 3, 2, bias=False)
            self.fc = nn.Linear(3, 3, bias=False)

        def forward(self, x):
            return self.fc(self.second(self.first(x).relu()).relu().mean((2, 3, 4)))

    module, x = seeded(Tiny, seed=1), video(1, 2, 4, 5, 4)
    first, second, linear = (p.detach().cpu().numpy() for p in module.parameters())
    expected = guided_gradient(x[0].cpu().numpy(), first, second, linear, target)
    assert np.abs(expected).max() > 0
    np.testing.assert_allclose(guided(module, x, target=target)[0].cpu(), expected, rtol=1e-4, atol=1e-8)


def test_by_hand():
    # Two ReLUs on one number each: the first passes 1 * 2, the second is shut although its input is positive,
    # for what comes back is negative.
    class Hand(nn.Module):
        def forward(self, x):
            plus, minus = x[:, 0].relu().sum((1, 2, 3)), x[:, 1].relu().sum((1, 2, 3))
            return torch.stack([2 * plus - 3 * minus, minus - plus], dim=1)

    x = torch.tensor([[1.0, -1.0], [1.0, 1.0]]).view(1, 2, 1, 1, 2)
    assert guided(Hand(), x, target=0).flatten().tolist() == [2, 0, 0, 0]
    assert guided(Hand(), x, target=1).flatten().tolist() == [0, 0, 1, 1]


def test_several_targets_and_batches():
    module, x = seeded(Small3D), video(2, 3, 4, 8, 8)
    guided(module, x)  # finds out once whether clips of a batch are apart
    module.calls = 0
    together = guided(module, x, targets=[0, 3, [1, 2]])
    assert module.calls == 1
    assert together.shape == (3, 2, 3, 4, 8, 8)
    for target, found in zip([0, 3, [1, 2]], together, strict=True):
        torch.testing.assert_close(found, guided(module, x, target=target), rtol=0, atol=1e-7)
    single = guided(module, x[1:], target=2)
    torch.testing.assert_close(together[2, 1:], single, rtol=1e-5, atol=1e-7)


def test_frozen_parameters_and_lstm():
    x = video(2, 3, 5, 8, 8)
    found = {name: guided(module.requires_grad_(False), x, target=1) for name, module in three_lrcns().items()}
    assert found["loop"].abs().max() > 0
    torch.testing.assert_close(found["folded"], found["loop"], rtol=1e-4, atol=1e-8)
    torch.testing.assert_close(found["stacked"], found["loop"], rtol=1e-4, atol=1e-8)


def test_takes_no_layer():
    with pytest.raises(VidexplainError, match="guided-backprop explains the input, so it takes no layer"):
        guided(seeded(Small3D), video(1, 3, 4, 8, 8), layer="conv1")


def test_score_that_does_not_depend_on_the_input_is_refused():
    with pytest.raises(VidexplainError, match="the score does not depend on the network's output"):
        guided(seeded(Small3D), video(1, 3, 4, 8, 8), target=lambda logits: torch.ones(len(logits)))
