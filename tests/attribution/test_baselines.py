"""Gradient SHAP and DeepLIFT: against captum, and where the answer is known."""

import numpy as np
import pytest
import torch
from captum.attr import DeepLift, GradientShap
from torch import Tensor, nn

from tests.attribution.networks import Deep3D, Small3D, seeded, video
from tests.attribution.test_averaged import close, out_of_place
from videxplain.attribution import averaged
from videxplain.attribution.api import attribute
from videxplain.errors import VidexplainError


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
    monkeypatch.setattr(averaged, "at_once", lambda sample, traced: 2)  # several chunks, the last one smaller
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


@pytest.mark.filterwarnings("ignore:Setting")
@pytest.mark.parametrize("target", [0, 3])
@pytest.mark.parametrize("build", [Small3D, Deep3D])
def test_deeplift_equals_captum(build, target):
    x = video(2, 3, 4, 8, 10)
    expected = DeepLift(out_of_place(build)).attribute(x, torch.zeros_like(x), target=target).detach()
    close(attribute(seeded(build), x, method="deeplift", target=target), expected)


@pytest.mark.filterwarnings("ignore:Setting")
def test_deeplift_adds_up_to_the_difference_of_the_scores():
    module, x = seeded(lambda: Small3D(inplace=True)), video(2, 3, 4, 8, 8)
    found = attribute(module, x, method="deeplift", target=1)
    with torch.no_grad():
        difference = module(x)[:, 1] - module(torch.zeros_like(x))[:, 1]
    torch.testing.assert_close(found.sum((1, 2, 3, 4)), difference, rtol=1e-4, atol=1e-5)
    assert module.relu1.inplace


@pytest.mark.parametrize("style", ["function", "reused"])
def test_deeplift_refuses_what_its_rules_would_miss(style):
    class Reused(Small3D):
        def forward(self, x: Tensor) -> Tensor:
            x = self.relu1(self.bn1(self.conv1(x)))
            return self.fc(self.relu1(self.bn2(self.conv2(x))).mean((2, 3, 4)))

    class Functions(Small3D):
        def forward(self, x: Tensor) -> Tensor:
            x = torch.relu(self.bn1(self.conv1(x)))
            return self.fc(self.relu2(self.bn2(self.conv2(x))).mean((2, 3, 4)))

    build, message = {
        "function": (Functions, "1 of the network's are function calls"),
        "reused": (Reused, "'relu1' is used 2 times"),
    }[style]
    with pytest.raises(VidexplainError, match=message):
        attribute(seeded(build), video(1, 3, 4, 6, 6), method="deeplift")


def test_deeplift_refuses_where_its_parts_do_not_add_up():
    class Squared(Small3D):
        """captum takes the gradient of the square, which is twice what it adds."""

        def forward(self, x: Tensor) -> Tensor:
            return self.fc(self.relu2(self.bn2(self.conv2(self.relu1(self.bn1(self.conv1(x)))))).mean((2, 3, 4)) ** 2)

    with pytest.raises(
        VidexplainError, match=r"parts add up to .*, and the score changes by .*: its rules do not hold"
    ):
        attribute(seeded(Squared), video(1, 3, 4, 6, 6), method="deeplift", target=0)


def test_deeplift_refuses_bfloat16():
    with pytest.raises(VidexplainError, match="fp32 alone"):
        attribute(seeded(Small3D), video(1, 3, 4, 6, 6), method="deeplift", precision="bf16")
