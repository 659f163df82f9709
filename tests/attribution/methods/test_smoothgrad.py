"""Gradients with respect to the pixels, alone and averaged: against captum, and by hand."""

import numpy as np
import pytest
import torch
from captum.attr import Deconvolution, InputXGradient, IntegratedGradients, Saliency
from torch import nn

from tests.attribution.networks import AnyReLU, Deep3D, Small3D, seeded, video
from videxplain.attribution import engine
from videxplain.attribution.api import attribute
from videxplain.errors import VidexplainError


def out_of_place(build):
    """captum puts backward hooks on ReLU modules, which must then not work in place."""
    module = seeded(build)
    for m in module.modules():
        if isinstance(m, nn.ReLU):
            m.inplace = False
    return module


def close(found, expected):
    assert expected.abs().max() > 0
    assert (found - expected).abs().max() <= 1e-5 * expected.abs().max()


@pytest.mark.filterwarnings("ignore:Setting backward hooks")
@pytest.mark.parametrize("target", [0, 3])
@pytest.mark.parametrize("build", [Small3D, Deep3D])
@pytest.mark.parametrize(
    ("method", "reference"),
    [
        ("saliency", Saliency),
        ("input-x-gradient", InputXGradient),
        ("deconvolution", Deconvolution),
        ("integrated-gradients", IntegratedGradients),
    ],
)
def test_equals_captum(method, reference, build, target):
    x = video(2, 3, 4, 8, 10)
    expected = reference(out_of_place(build)).attribute(x.clone().requires_grad_(), target=target).detach()
    close(attribute(seeded(build), x, method=method, target=target), expected.float())


def test_deconvolution_by_hand():
    """Two positions, two features, pooled: the first is off at both, and deconvolution passes it all the same."""
    conv = nn.Conv3d(3, 2, 1, bias=False)
    network = nn.Sequential(conv, nn.ReLU(), nn.AvgPool3d((1, 1, 2)), nn.Flatten(), nn.Linear(2, 1, bias=False))
    with torch.no_grad():
        conv.weight.copy_(torch.tensor([[-2.0, 0, 0], [1, 1, 0]]).view(2, 3, 1, 1, 1))
        network[4].weight.copy_(torch.tensor([[4.0, 6.0]]))
    x = torch.ones(1, 3, 1, 1, 2)
    # 4 / 2 through the first feature, 6 / 2 through the second.
    expected = torch.tensor([2 * -2 + 3.0, 3, 0]).view(1, 3, 1, 1, 1).expand(1, 3, 1, 1, 2)
    assert torch.equal(attribute(network, x, method="deconvolution", target=0), expected)
    guided = torch.tensor([3.0, 3, 0]).view(1, 3, 1, 1, 1).expand(1, 3, 1, 1, 2)
    assert torch.equal(attribute(network, x, method="guided-backprop", target=0), guided)


def test_deconvolution_lets_no_negative_gradient_pass():
    conv = nn.Conv3d(3, 1, 1, bias=False)
    network = nn.Sequential(conv, nn.ReLU(), nn.AdaptiveAvgPool3d(1), nn.Flatten(), nn.Linear(1, 1, bias=False))
    with torch.no_grad():
        conv.weight.fill_(1)
        network[4].weight.fill_(-1)
    assert attribute(network, torch.ones(1, 3, 2, 2, 2), method="deconvolution", target=0).abs().max() == 0


def test_deconvolution_sees_relus_that_are_functions():
    x = video(1, 3, 4, 6, 6)
    modules = seeded(lambda: AnyReLU([nn.ReLU() for _ in range(3)]))
    functions = seeded(lambda: AnyReLU([torch.relu] * 3))
    expected = attribute(modules, x, method="deconvolution", target=1)
    assert expected.abs().max() > 0
    assert torch.equal(attribute(functions, x, method="deconvolution", target=1), expected)
    with pytest.raises(VidexplainError, match="calls no ReLU: deconvolution would be the plain gradient"):
        attribute(seeded(lambda: AnyReLU([torch.tanh] * 3)), x, method="deconvolution")


def test_integrated_gradients_add_up_to_the_difference_from_the_baseline():
    module, x = seeded(Deep3D), video(2, 3, 4, 8, 8)
    with torch.no_grad():
        difference = (module(x) - module(torch.zeros_like(x)))[:, 2]
    found = attribute(module, x, method="integrated-gradients", target=2, steps=200)
    torch.testing.assert_close(found.sum((1, 2, 3, 4)), difference, rtol=1e-2, atol=1e-3)


def test_integrated_gradients_of_a_square_by_hand():
    """Of ``(sum x)^2`` a pixel's part is its value times the sum, the mean of ``2 a sum(x)`` over the way."""

    class Square(nn.Module):
        def forward(self, x):
            return x.flatten(1).sum(1, keepdim=True) ** 2

    x = video(2, 3, 2, 2, 2)
    expected = x * x.flatten(1).sum(1)[:, None, None, None, None]
    found = attribute(Square(), x, method="integrated-gradients", target=0, steps=3)
    torch.testing.assert_close(found, expected, rtol=1e-5, atol=1e-6)


def test_smoothgrad_written_out():
    """The same noise, drawn as torch draws it for all copies at once, and one gradient after another in a loop."""
    module, x = seeded(Deep3D), video(2, 3, 4, 6, 6)
    samples, share = 7, 0.2
    found = attribute(module, x, method="smoothgrad", target=1, samples=samples, noise=share, seed=5)
    for n in range(2):
        with torch.random.fork_rng():
            torch.manual_seed(5)
            deviation = share * float(x[n].max() - x[n].min())
            noise = torch.normal(0, torch.full((samples, *x.shape[1:]), deviation))
        total = torch.zeros_like(x[n])
        for one in noise:
            copy = (x[n] + one)[None].requires_grad_()
            total += torch.autograd.grad(module(copy)[0, 1], copy)[0][0]
        close(found[n], total / samples)


def test_smoothgrad_without_noise_is_the_gradient():
    module, x = seeded(Deep3D), video(2, 3, 4, 6, 6)
    found = attribute(module, x, method="smoothgrad", target=1, samples=3, noise=0.0)
    close(found.abs(), attribute(module, x, method="saliency", target=1))


def test_the_seed_decides():
    module, x = seeded(Deep3D), video(1, 3, 4, 6, 6)
    same, again, other = (attribute(module, x, method="smoothgrad", samples=3, seed=seed) for seed in (1, 1, 2))
    assert torch.equal(same, again)
    assert (same - other).abs().max() > 1e-3 * same.abs().max()


def test_what_goes_through_the_network_together_does_not_matter(monkeypatch):
    module, x = seeded(Deep3D), video(1, 3, 4, 6, 6)
    together = attribute(module, x, method="integrated-gradients", target=1, steps=10)
    sizes = []
    module.register_forward_pre_hook(lambda _, inputs: sizes.append(len(inputs[0])))
    monkeypatch.setattr(engine, "_TRACED_VOXELS", 3 * 4 * 6 * 6)
    for method, passes in (("integrated-gradients", {"steps": 10}), ("smoothgrad", {"samples": 10})):
        sizes.clear()
        found = attribute(module, x, method=method, target=1, **passes)
        assert sizes == [1, 3, 3, 3, 1]
        if method == "integrated-gradients":
            close(found, together)


@pytest.mark.parametrize(
    ("method", "options", "message"),
    [
        ("smoothgrad", {"samples": 0}, "samples is a number of passes, at least 1, not 0"),
        ("smoothgrad", {"noise": -0.1}, "noise is a share of the input's range, 0 or more, not -0.1"),
        ("integrated-gradients", {"steps": 0}, "steps is a number of passes, at least 1, not 0"),
        ("integrated-gradients", {"layer": "conv1"}, "integrated-gradients explains the input, so it takes no layer"),
        ("saliency", {"layer": "conv1"}, "saliency explains the input, so it takes no layer"),
    ],
)
def test_refuses(method, options, message):
    with pytest.raises(VidexplainError) as error:
        attribute(seeded(Small3D), video(1, 3, 4, 8, 8), method=method, **options)
    assert str(error.value) == message


@pytest.mark.parametrize("method", ["saliency", "smoothgrad", "integrated-gradients"])
def test_a_score_that_does_not_depend_on_the_input_is_refused(method):
    with pytest.raises(VidexplainError, match="does not depend on the input"):
        attribute(seeded(Small3D), video(1, 3, 4, 8, 8), method=method, target=lambda logits: torch.ones(len(logits)))


def test_bf16_is_close():
    module, x = seeded(Deep3D), video(1, 3, 8, 16, 16)
    for method in ("integrated-gradients", "smoothgrad", "input-x-gradient"):
        exact, short = (attribute(module, x, method=method, target=2, precision=p) for p in ("fp32", "bf16"))
        assert short.dtype == torch.float32
        assert np.corrcoef(exact.flatten(), short.flatten())[0, 1] > 0.98
        assert not torch.equal(exact, short)
