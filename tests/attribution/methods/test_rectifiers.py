"""Guided backpropagation sees every rectifier, and names what it cannot guide."""

import warnings
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn

import videxplain as vx
from tests.attribution.networks import seeded, video


class Guided(torch.autograd.Function):
    """The literal rule, for a rectifier that stops to rise at ``top``."""

    @staticmethod
    def forward(ctx, value, top):
        ctx.save_for_backward((value > 0) & (value < top))
        return value.clamp(0, top)

    @staticmethod
    def backward(ctx, gradient):
        (rising,) = ctx.saved_tensors
        return gradient.clamp(min=0) * rising, None


class Two(nn.Module):
    """Two convolutions with a nonlinearity behind each."""

    def __init__(self, first: Callable[[Tensor], Tensor], second: Callable[[Tensor], Tensor]) -> None:
        super().__init__()
        self.c1, self.c2, self.fc = nn.Conv3d(3, 6, 3, padding=1), nn.Conv3d(6, 6, 3, padding=1), nn.Linear(6, 3)
        self.first, self.second = first, second

    def forward(self, x: Tensor) -> Tensor:
        return self.fc(self.second(self.c2(self.first(self.c1(x)))).mean((2, 3, 4)))


def literal(x: Tensor, top: float) -> Tensor:
    network = seeded(lambda: Two(lambda value: Guided.apply(value, top), lambda value: Guided.apply(value, torch.inf)))
    pixels = x.clone().requires_grad_()
    return torch.autograd.grad(network(pixels)[:, 1].sum(), pixels)[0]


def ignored(value: Tensor) -> Tensor:
    value.clamp_(min=0)
    return value


RECTIFIERS: dict[str, tuple[Callable[[Tensor], Tensor], float]] = {
    "clamp": (lambda v: v.clamp(min=0), torch.inf),
    "clamp by position": (lambda v: torch.clamp(v, 0), torch.inf),
    "clamp in place": (ignored, torch.inf),
    "clamp between": (lambda v: v.clamp(0, 0.3), 0.3),
    "clip": (lambda v: torch.clip(v, min=0.0), torch.inf),
    "clamp_min": (lambda v: v.clamp_min(0), torch.inf),
    "Threshold": (nn.Threshold(0, 0), torch.inf),
    "Threshold in place": (nn.Threshold(0.0, 0.0, inplace=True), torch.inf),
    "F.threshold by name": (lambda v: F.threshold(v, threshold=0, value=0), torch.inf),
    "ReLU6": (nn.ReLU6(), 6.0),
    "F.relu6": (F.relu6, 6.0),
    "Hardtanh": (nn.Hardtanh(0, 0.2), 0.2),
    "maximum": (lambda v: torch.maximum(v, torch.zeros_like(v)), torch.inf),
    "maximum, the other way round": (lambda v: torch.maximum(torch.zeros_like(v), v), torch.inf),
    "max": (lambda v: torch.max(v, v.new_zeros(())), torch.inf),
    "an operator, as in exported networks": (torch.ops.aten.relu.default, torch.inf),
    "an operator in place": (lambda v: torch.ops.aten.relu_(v), torch.inf),
    "an operator with bounds": (lambda v: torch.ops.aten.hardtanh.default(v, 0, 0.3), 0.3),
    "an operator with a bound": (lambda v: torch.ops.aten.clamp_min.default(v, 0), torch.inf),
    "fmax": (lambda v: v.fmax(torch.zeros_like(v)), torch.inf),
}


@torch.jit.script
def scripted(value: Tensor) -> Tensor:
    return torch.relu(value)


class Swish(torch.autograd.Function):
    """SiLU with a backward pass of its own, as pytorchvideo has it."""

    @staticmethod
    def forward(ctx: Any, value: Tensor) -> Tensor:
        ctx.save_for_backward(value)
        return value * value.sigmoid()

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> Tensor:
        (value,) = ctx.saved_tensors
        share = value.sigmoid()
        return gradients[0] * (share + value * share * (1 - share))


def test_a_sigmoid_that_makes_probabilities_at_the_end_is_no_such_thing() -> None:
    class Ended(Two):
        def forward(self, x: Tensor) -> Tensor:
            return torch.sigmoid(super().forward(x))

    network = seeded(lambda: Ended(torch.relu, torch.relu))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        vx.attribute(network, video(1, 3, 4, 10, 10), method="guided-backprop", target=1)


def test_an_explanation_says_that_it_is_guided_in_part() -> None:
    model = vx.wrap(seeded(lambda: Two(nn.GELU(), torch.relu)), num_frames=4, size=10)
    clip = vx.Clip(np.random.default_rng(0).integers(0, 256, (8, 12, 12, 3), dtype=np.uint8))
    explained = vx.explain(model, clip, "guided-backprop", target=1)
    said = "guided backprop is defined for ReLUs: GELU of Two pass the plain gradient, so the map is guided in part"
    assert explained.notes[-1] == said or said in explained.notes
    assert said in explained.summary()["notes"]


@pytest.mark.parametrize("name", RECTIFIERS)
def test_every_rectifier_is_guided(name: str) -> None:
    rectifier, top = RECTIFIERS[name]
    x = video(2, 3, 4, 10, 10)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        found = vx.attribute(seeded(lambda: Two(rectifier, torch.relu)), x, method="guided-backprop", target=1)
    torch.testing.assert_close(found, literal(x, top))


@pytest.mark.parametrize(
    ("other", "name"),
    [
        (nn.GELU(), "GELU"),
        (nn.SiLU(), "SiLU"),
        (nn.LeakyReLU(0.1), "LeakyReLU"),
        (nn.ELU(), "ELU"),
        (F.mish, "Mish"),
        (lambda v: v * torch.sigmoid(v), "sigmoid"),  # SiLU written out
        (lambda v: 0.5 * v * (1 + torch.erf(v / 2**0.5)), "erf"),  # GELU written out
        (lambda v: v * (v > 0), "a comparison"),  # ReLUs that no call of a ReLU shows
        (lambda v: torch.where(v > 0, v, 0 * v), "a comparison, where"),
        (lambda v: (v + v.abs()) / 2, "abs"),
        (lambda v: v * (v.sign() + 1) / 2, "sign"),
        (lambda v: torch.stack([v, 0 * v]).max(0).values, "a maximum of two"),
        (lambda v: torch.stack([v, 0 * v], -1).amax(dim=-1), "a maximum of two"),
        (lambda v: -torch.minimum(-v, torch.zeros(())), "a maximum of two"),
        (lambda v: torch.maximum(v, 0.1 * v), "a maximum of two"),  # LeakyReLU
        (lambda v: torch.log1p(v.exp()), "log1p"),  # Softplus
        (lambda v: torch.logaddexp(v, torch.zeros(())), "logaddexp"),
        (lambda v: Swish.apply(v), "Swish"),
        (scripted, "calls inside a scripted function or compiled code"),
    ],
)
@pytest.mark.parametrize("method", ["guided-backprop", "deconvolution"])
def test_other_nonlinearities_are_named(method: str, other: Callable[[Tensor], Tensor], name: str) -> None:
    network, x = seeded(lambda: Two(other, torch.relu)), video(1, 3, 4, 10, 10)
    with pytest.warns(UserWarning, match=f"{name} of Two pass the plain gradient"):
        vx.attribute(network, x, method=method, target=1)
    with pytest.raises(vx.VidexplainError, match="Two calls no ReLU"):
        vx.attribute(seeded(lambda: Two(other, other)), x, method=method, target=1)


@pytest.mark.parametrize(
    "no_rectifier",
    [
        lambda v: v.clamp(min=-1),
        lambda v: v.clamp(max=1),
        nn.Threshold(0.1, 0),
        nn.Threshold(0, -1),
        nn.Hardtanh(),
        lambda v: torch.maximum(v, 0.5 * v),
        lambda v: v * v.max(),
        lambda v: v - v.amax(1, keepdim=True) + torch.max(v, 1)[0].mean(),
    ],
)
def test_what_is_no_rectifier_keeps_its_gradient(no_rectifier: Callable[[Tensor], Tensor]) -> None:
    x = video(1, 3, 4, 10, 10)
    network = seeded(lambda: Two(no_rectifier, lambda value: Guided.apply(value, torch.inf)))
    pixels = x.clone().requires_grad_()
    (wanted,) = torch.autograd.grad(network(pixels)[:, 1].sum(), pixels)
    found = vx.attribute(seeded(lambda: Two(no_rectifier, torch.relu)), x, method="guided-backprop", target=1)
    torch.testing.assert_close(found, wanted)


def test_scripted_and_traced_parts_are_refused() -> None:
    x = video(1, 3, 4, 10, 10)
    scripted = seeded(lambda: Two(torch.jit.script(nn.ReLU()), torch.relu))
    with pytest.raises(vx.VidexplainError, match=r"the scripted or traced part 'first' hides its own"):
        vx.attribute(scripted, x, method="guided-backprop", target=1)
    traced = torch.jit.trace(seeded(lambda: Two(nn.ReLU(), nn.ReLU())), x)
    with pytest.raises(vx.VidexplainError, match="scripted or traced part"):
        vx.attribute(traced, x, method="guided-backprop", target=1)


def test_an_exported_network_is_guided() -> None:
    network, x = seeded(lambda: Two(nn.ReLU(), torch.relu)), video(1, 3, 4, 10, 10)
    exported = torch.export.export(network, (x,)).module()
    for method in ("guided-backprop", "deconvolution"):
        wanted = vx.attribute(network, x, method=method, target=1)
        torch.testing.assert_close(vx.attribute(exported, x, method=method, target=1), wanted)


def test_a_recurrent_layer_with_a_rectifier_of_its_own_is_named() -> None:
    class Recurrent(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.conv, self.rnn = nn.Conv3d(3, 6, 3), nn.RNN(6, 5, nonlinearity="relu", batch_first=True)

        def forward(self, x: Tensor) -> Tensor:
            return self.rnn(self.conv(x).relu().mean((3, 4)).transpose(1, 2))[0][:, -1]

    with pytest.warns(UserWarning, match="a scripted function or compiled code of Recurrent pass the plain"):
        vx.attribute(seeded(Recurrent), video(1, 3, 6, 8, 8), method="guided-backprop", target=1)
