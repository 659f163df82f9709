"""Gradient SHAP: against captum, and where the answer is known."""

import numpy as np
import pytest
import torch
from captum.attr import GradientShap
from torch import Tensor, nn

from tests.attribution.networks import Small3D, seeded, video
from tests.attribution.references import close
from videxplain.attribution.api import attribute
from videxplain.attribution.passes import Pass


class Linear(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.fc = nn.Linear(3 * 4 * 6 * 6, 5)

    def forward(self, x: Tensor) -> Tensor:
        return self.fc(x.flatten(1))


@pytest.mark.parametrize("target", [0, 3])
def test_gradient_shap_equals_captum(target):
    module, x = seeded(Small3D), video(1, 3, 4, 8, 10)
    torch.manual_seed(7)
    np.random.seed(7)  # noqa: NPY002
    deviation = 0.09 * float(x.max() - x.min())
    expected = GradientShap(module).attribute(x, torch.zeros_like(x), n_samples=9, stdevs=deviation, target=target)
    close(attribute(module, x, method="gradient-shap", target=target, samples=9, seed=7), expected.float())


def test_gradient_shap_of_a_linear_network_is_weight_times_input(monkeypatch):
    monkeypatch.setattr(Pass, "at_once", lambda p, traced: 2)  # several chunks, the last one smaller
    module, x = seeded(Linear), video(1, 3, 4, 6, 6)
    found = attribute(module, x, method="gradient-shap", target=2, samples=5, noise=0.0)
    points = found / (module.fc.weight[2].view_as(x) * x)
    # captum takes the gradient times the difference to the baseline: the same at every point of the way.
    torch.testing.assert_close(points, torch.ones_like(points), rtol=1e-4, atol=1e-4)


def test_numpys_random_state_is_left_as_it_was():
    np.random.seed(3)  # noqa: NPY002
    expected = np.random.rand()  # noqa: NPY002
    np.random.seed(3)  # noqa: NPY002
    attribute(seeded(Small3D), video(1, 3, 4, 6, 6), method="gradient-shap", samples=2)
    assert np.random.rand() == expected  # noqa: NPY002
