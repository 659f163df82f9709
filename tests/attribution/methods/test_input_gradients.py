"""Gradients with respect to the pixels, of all methods: against captum, and what is refused."""

import numpy as np
import pytest
import torch
from captum.attr import Deconvolution, InputXGradient, IntegratedGradients, Saliency

from tests.attribution.networks import Deep3D, Small3D, seeded, video
from tests.attribution.references import close, out_of_place
from videxplain.attribution import engine
from videxplain.attribution.api import attribute
from videxplain.errors import VidexplainError


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


def test_what_goes_through_the_network_together_does_not_matter(monkeypatch):
    module, x = seeded(Deep3D), video(1, 3, 4, 6, 6)
    sizes = []
    module.register_forward_pre_hook(lambda _, inputs: sizes.append(len(inputs[0])))
    together = attribute(module, x, method="integrated-gradients", target=1, steps=10)
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
        ("smoothgrad", {"samples": 0}, "smoothgrad: samples is a whole number from 1 to 1000000, not 0"),
        ("smoothgrad", {"noise": -0.1}, "smoothgrad: noise is a number, at least 0, not -0.1"),
        (
            "integrated-gradients",
            {"steps": 0},
            "integrated-gradients: steps is a whole number from 1 to 1000000, not 0",
        ),
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
    with pytest.raises(VidexplainError, match="does not depend on the network's output"):
        attribute(seeded(Small3D), video(1, 3, 4, 8, 8), method=method, target=lambda logits: torch.ones(len(logits)))


def test_bf16_is_close():
    module, x = seeded(Deep3D), video(1, 3, 8, 16, 16)
    for method in ("integrated-gradients", "smoothgrad", "input-x-gradient"):
        exact, short = (attribute(module, x, method=method, target=2, precision=p) for p in ("fp32", "bf16"))
        assert short.dtype == torch.float32
        assert np.corrcoef(exact.cpu().flatten(), short.cpu().flatten())[0, 1] > 0.98
        assert not torch.equal(exact, short)
