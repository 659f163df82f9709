"""Gradients with respect to the pixels, alone and averaged: against captum, and by hand."""

import torch

from tests.attribution.networks import Deep3D, seeded, video
from tests.attribution.references import close
from tests.device import same as alike
from videxplain.attribution.api import attribute


def test_smoothgrad_written_out():
    """The same noise, drawn as torch draws it for all copies at once, and one gradient after another in a loop."""
    module, x = seeded(Deep3D), video(2, 3, 4, 6, 6)
    samples, share = 7, 0.2
    found = attribute(module, x, method="smoothgrad", target=1, samples=samples, noise=share, seed=5)
    for n in range(2):
        with torch.random.fork_rng():
            torch.manual_seed(5)
            deviation = share * float(x[n].max() - x[n].min())
            noise = torch.normal(0, torch.full((samples, *x.shape[1:]), deviation, device=x.device))
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
    assert alike(same, again)
    assert (same - other).abs().max() > 1e-3 * same.abs().max()
