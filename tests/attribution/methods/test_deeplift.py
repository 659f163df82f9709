"""DeepLIFT: by hand, against captum, and nothing lost on the way back."""

import pytest
import torch
import torch.nn.functional as F
from captum.attr import DeepLift
from torch import Tensor, nn

from tests.attribution.networks import RELU_FUNCTIONS, AnyReLU, Deep3D, Small3D, seeded, three_lrcns, video
from tests.attribution.references import close, out_of_place
from tests.device import same
from videxplain.attribution.api import attribute
from videxplain.errors import VidexplainError


class Frames(nn.Module):
    """Weights for each frame's brightness, a function of their sum, and that as the one logit."""

    def __init__(self, function, weights: list[float], bias: float = 0.0) -> None:
        super().__init__()
        self.function, self.weights, self.bias = function, torch.tensor(weights, dtype=torch.float32), bias

    def forward(self, x: Tensor) -> Tensor:
        return self.function((x.mean((1, 3, 4)) * self.weights).sum(1, keepdim=True) + self.bias)


class Pooled(nn.Module):
    """A maximum over windows of three frames that overlap in one, and the sum of it with different weights."""

    def forward(self, x: Tensor) -> Tensor:
        highest = F.max_pool3d(x[:, :1] + torch.tensor([4.0, 0, 0, 0, 3.0]).view(1, 1, 5, 1, 1), (3, 1, 1), (2, 1, 1))
        return (highest * torch.tensor([1.0, 10.0]).view(1, 1, 2, 1, 1)).flatten(1).sum(1, keepdim=True)


class AnyFunction(nn.Module):
    """Two convolutions with a function behind each, and a pooling whose windows overlap."""

    def __init__(self, function) -> None:
        super().__init__()
        self.conv1, self.conv2 = nn.Conv3d(3, 6, 3, padding=1), nn.Conv3d(6, 8, 3, padding=1)
        self.fc = nn.Linear(8, 4)
        self.function = function

    def forward(self, x: Tensor) -> Tensor:
        x = F.max_pool3d(self.function(3 * self.conv1(x)), 3, 2, 1, ceil_mode=True)
        return self.fc(self.function(3 * self.conv2(x)).mean((2, 3, 4)))


class Uneven(Deep3D):
    """A grey clip is no longer the same everywhere: where places tie for a maximum, captum takes the first."""

    def __init__(self) -> None:
        super().__init__()
        self.register_buffer("pattern", video(1, 3, 4, 8, 10, seed=1))

    def forward(self, x: Tensor) -> Tensor:
        return super().forward(x + self.pattern)


def difference(module: nn.Module, x: Tensor, target: int) -> Tensor:
    with torch.no_grad():
        return (module(x) - module(torch.zeros_like(x)))[:, target]


def by_frame(module: nn.Module, brightness: list[float]) -> list[float]:
    x = torch.tensor(brightness, dtype=torch.float32).view(1, 1, -1, 1, 1).repeat(1, 3, 1, 1, 1)
    return attribute(module, x, method="deeplift", target=0)[0].sum((0, 2, 3)).tolist()


def test_a_rectifier_by_hand():
    # From relu(-1) = 0 to relu(2 * 3 - 1 - 1) = 4 while its input changes by 5: each part counts for 4/5.
    assert by_frame(Frames(torch.relu, [2, -1], -1), [3, 1]) == pytest.approx([6 * 0.8, -0.8], abs=1e-6)
    # From relu(2) = 2 down to relu(2 - 3) = 0 while its input changes by -3: the gradient there would be zero.
    assert by_frame(Frames(torch.relu, [1, 1], 2), [-4, 1]) == pytest.approx([-4 * 2 / 3, 2 / 3], abs=1e-6)


def test_a_curve_by_hand():
    # tanh goes from 0 to tanh(2) while its input goes from 0 to 2.
    slope = float(torch.tanh(torch.tensor(2.0))) / 2
    assert by_frame(Frames(torch.tanh, [1, 3]), [-1, 1]) == pytest.approx([-slope, 3 * slope], abs=1e-6)


def test_a_maximum_by_hand():
    # The baseline is 4 0 0 0 3, with maxima 4 and 3. With 1 7 2 0 3 the first rises to 7 at frame 1, the other keeps 3.
    assert by_frame(Pooled(), [-3, 7, 2, 0, 0]) == pytest.approx([0, 3, 0, 0, 0], abs=1e-6)
    # With 1 0 2 0 1 they fall to 2 and 2 (the frame that they share), which frames 0 and 4 are to blame for.
    assert by_frame(Pooled(), [-3, 0, 2, 0, -2]) == pytest.approx([-2, 0, 0, 0, -10], abs=1e-6)
    # With 0 0 9 0 0 both rise to 9 in the frame that they share.
    assert by_frame(Pooled(), [-4, 0, 9, 0, -3]) == pytest.approx([0, 0, 5 + 60, 0, 0], abs=1e-6)


@pytest.mark.filterwarnings("ignore:Setting", "ignore:Input Tensor 0 did not")
@pytest.mark.parametrize("target", [0, 3])
@pytest.mark.parametrize("build", [Small3D, Uneven])
def test_equals_captum(build, target):
    x = video(2, 3, 4, 8, 10)
    expected = DeepLift(out_of_place(build)).attribute(x, torch.zeros_like(x), target=target).detach()
    close(attribute(seeded(build), x, method="deeplift", target=target), expected)


@pytest.mark.parametrize(
    "function",
    [
        *(torch.relu, F.relu6, F.leaky_relu, F.elu, F.selu, F.celu, F.gelu, F.silu, F.mish, F.softplus),
        *(F.hardtanh, F.hardswish, F.hardsigmoid, torch.sigmoid, torch.tanh, nn.GELU(), nn.ELU(inplace=True)),
        *(nn.LeakyReLU(inplace=True), nn.SiLU(inplace=True), nn.Hardswish(), nn.Sigmoid(), Tensor.tanh_),
    ],
    ids=lambda f: getattr(f, "__name__", None) or str(f),
)
def test_the_parts_add_up(function):
    """Behind overlapping windows too, where those of captum miss by some per cent."""
    module, x = seeded(lambda: AnyFunction(function)).double(), video(2, 3, 5, 9, 9).double()
    found = attribute(module, x, method="deeplift", target=1)
    torch.testing.assert_close(found.sum((1, 2, 3, 4)).double(), difference(module, x, 1), rtol=1e-5, atol=1e-7)


@pytest.mark.parametrize("style", RELU_FUNCTIONS)
def test_rectifiers_count_however_they_are_called(style):
    x = video(2, 3, 4, 6, 6)
    expected = attribute(seeded(lambda: AnyReLU([nn.ReLU() for _ in range(3)])), x, method="deeplift", target=1)
    reused = seeded(lambda: AnyReLU([RELU_FUNCTIONS[style]] * 3))
    assert same(attribute(reused, x, method="deeplift", target=1), expected)
    once = nn.ReLU()
    assert same(attribute(seeded(lambda: AnyReLU([once] * 3)), x, method="deeplift", target=1), expected)


@pytest.mark.filterwarnings("ignore:.torch.jit")
@pytest.mark.parametrize("compiled", [torch.jit.script, lambda module: torch.jit.trace(module, video(1, 3, 4, 6, 6))])
def test_rectifiers_that_a_compiled_network_hides_are_not_passed_over(compiled):
    """Their rule cannot be applied, so that the parts would not add up."""
    x = video(1, 3, 4, 6, 6, seed=1)
    with pytest.raises(VidexplainError, match="its rules do not hold in this network; take integrated-gradients"):
        attribute(compiled(seeded(Small3D)), x, method="deeplift", target=1)
    linear = seeded(lambda: nn.Sequential(nn.Conv3d(3, 2, 3), nn.Flatten(), nn.Linear(64, 3)))
    parts = attribute(compiled(linear), x, method="deeplift", target=1)
    close(parts, attribute(linear, x, method="deeplift", target=1))


def test_frames_in_the_batch_in_any_order():
    """Which of a batch are frames of the clip and which of the baseline is not guessed: they do not share a pass."""

    class Folded(nn.Module):
        def __init__(self, dimension: int) -> None:
            super().__init__()
            self.dimension = dimension
            self.conv, self.fc = nn.Conv2d(3, 6, 3), nn.Linear(6, 4)

        def forward(self, x: Tensor) -> Tensor:
            frames = x.movedim(2, self.dimension)
            found = torch.relu(self.conv(frames.flatten(0, 1))).mean((2, 3)).unflatten(0, frames.shape[:2])
            return self.fc(found.mean(self.dimension))

    x = video(2, 3, 4, 6, 6)
    outermost = attribute(seeded(lambda: Folded(0)), x, method="deeplift", target=1)
    close(outermost, attribute(seeded(lambda: Folded(1)), x, method="deeplift", target=1))


@pytest.mark.parametrize("network", ["loop", "folded", "stacked"])
def test_an_lstm_is_refused(network):
    """Its gates are products, for which there is no rule; near zero, where they are linear, it does not matter."""
    module, x = three_lrcns()[network], video(1, 3, 4, 8, 8)
    found = attribute(module, x, method="deeplift", target=0).sum()
    torch.testing.assert_close(found, difference(module, x, 0)[0], rtol=0.01, atol=0)
    for weights in module.lstm.parameters():
        weights.data *= 8
    with pytest.raises(
        VidexplainError, match=r"parts add up to .*, and the score changes by .*: its rules do not hold"
    ):
        attribute(module, x, method="deeplift", target=0)


def test_a_square_is_refused():
    with pytest.raises(VidexplainError, match=r"parts add up to 18, and the score changes by 9: its rules"):
        by_frame(Frames(torch.square, [1, 1]), [1, 2])


def test_a_network_that_treats_a_grey_clip_differently_is_refused():
    class Shortcut(Small3D):
        def forward(self, x: Tensor) -> Tensor:
            return super().forward(torch.relu(x) if x.abs().sum() > 0 else x)

    with pytest.raises(VidexplainError, match="compares a clip with a grey one"):
        attribute(seeded(Shortcut), video(1, 3, 4, 6, 6), method="deeplift")


def test_it_is_computed_in_float32_whatever_the_precision():
    network, x = seeded(Small3D), video(2, 3, 4, 6, 6)
    exact, short = (attribute(network, x, method="deeplift", target=1, precision=p) for p in ("fp32", "bf16"))
    assert same(exact, short)
