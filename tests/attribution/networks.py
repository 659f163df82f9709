"""Small networks on which every number can be checked."""

from collections.abc import Callable

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from tests.device import placed
from videxplain.models.config import ModelConfig


def seeded(build: Callable[[], nn.Module], seed: int = 0) -> nn.Module:
    """A network in evaluation mode with weights and batch statistics that depend on the seed alone."""
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        module = build().eval()
        for m in module.modules():
            if isinstance(m, nn.modules.batchnorm._BatchNorm):
                m.running_mean.normal_(0, 0.2)
                m.running_var.uniform_(0.5, 1.5)
                m.weight.data.uniform_(0.5, 1.5)
                m.bias.data.normal_(0, 0.2)
    return placed(module)


def video(*shape: int, seed: int = 0) -> Tensor:
    return placed(torch.randn(*shape, generator=torch.Generator().manual_seed(seed)))


class Small3D(nn.Module):
    """Two convolutions with batch norm and module ReLUs, pooled over time and space, and a linear layer."""

    def __init__(self, classes: int = 5, inplace: bool = False) -> None:
        super().__init__()
        self.conv1 = nn.Conv3d(3, 6, 3, padding=1, bias=False)
        self.bn1 = nn.BatchNorm3d(6)
        self.relu1 = nn.ReLU(inplace)
        self.conv2 = nn.Conv3d(6, 8, 3, padding=1, stride=(1, 2, 2), bias=False)
        self.bn2 = nn.BatchNorm3d(8)
        self.relu2 = nn.ReLU(inplace)
        self.fc = nn.Linear(8, classes)
        self.calls = 0

    def forward(self, x: Tensor) -> Tensor:
        self.calls += 1
        x = self.relu1(self.bn1(self.conv1(x)))
        x = self.relu2(self.bn2(self.conv2(x)))
        return self.fc(x.mean((2, 3, 4)))


class Deep3D(nn.Module):
    """The head after ``conv1`` holds another convolution, a shortcut, max pooling and a hidden layer."""

    def __init__(self, classes: int = 5) -> None:
        super().__init__()
        self.conv1 = nn.Conv3d(3, 8, 3, padding=1)
        self.relu1 = nn.ReLU(inplace=True)
        self.conv2 = nn.Conv3d(8, 8, 3, padding=1)
        self.relu2 = nn.ReLU(inplace=True)
        self.shortcut = nn.Conv3d(8, 8, 1)
        self.pool = nn.MaxPool3d(2)
        self.hidden = nn.Linear(8, 12)
        self.relu3 = nn.ReLU(inplace=True)
        self.fc = nn.Linear(12, classes)

    def forward(self, x: Tensor) -> Tensor:
        x = self.relu1(self.conv1(x))
        x = self.relu2(self.conv2(x)) + self.shortcut(x)
        x = self.pool(x).mean((2, 3, 4))
        return self.fc(self.relu3(self.hidden(x)))


def _ignored(x: Tensor) -> Tensor:
    torch.relu_(x)
    return x


def _method_ignored(x: Tensor) -> Tensor:
    x.relu_()
    return x


def _inplace_ignored(x: Tensor) -> Tensor:
    F.relu(x, inplace=True)
    return x


def _positional_ignored(x: Tensor) -> Tensor:
    F.relu(x, True)
    return x


RELU_FUNCTIONS: dict[str, Callable[[Tensor], Tensor]] = {
    "F.relu": F.relu,
    "F.relu by keyword": lambda x: F.relu(input=x),
    "F.relu in place": lambda x: F.relu(x, inplace=True),
    "F.relu in place, result ignored": _inplace_ignored,
    "F.relu in place by position, result ignored": _positional_ignored,
    "F.relu_": F.relu_,
    "torch.relu": torch.relu,
    "torch.relu_": torch.relu_,
    "torch.relu_, result ignored": _ignored,
    "Tensor.relu": lambda x: x.relu(),
    "Tensor.relu_": lambda x: x.relu_(),
    "Tensor.relu_, result ignored": _method_ignored,
}


class AnyReLU(nn.Module):
    """Three convolutions, each followed by the ReLU (a module or a function) that is given for it."""

    def __init__(self, relus: list[Callable[[Tensor], Tensor]]) -> None:
        super().__init__()
        self.convs = nn.ModuleList(nn.Conv3d(i, o, 3, padding=1) for i, o in [(3, 6), (6, 6), (6, 8)])
        self.fc = nn.Linear(8, 4)
        self.relus = nn.ModuleList(relus) if all(isinstance(relu, nn.Module) for relu in relus) else relus

    def forward(self, x: Tensor) -> Tensor:
        for conv, relu in zip(self.convs, self.relus, strict=True):
            x = relu(conv(x))
        return self.fc(x.mean((2, 3, 4)))


class Frames2D(nn.Module):
    """The image network of the LRCNs below: one ReLU module, used twice."""

    def __init__(self) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(3, 6, 3, padding=1)
        self.conv2 = nn.Conv2d(6, 8, 3, padding=1, stride=2)
        self.relu = nn.ReLU()

    def forward(self, x: Tensor) -> Tensor:
        return self.relu(self.conv2(self.relu(self.conv1(x))))


class _LRCN(nn.Module):
    def __init__(self, features: nn.Module) -> None:
        super().__init__()
        self.features = features
        self.lstm = nn.LSTM(8, 7, batch_first=True)
        self.fc = nn.Linear(7, 4)

    def steps(self, x: Tensor) -> Tensor:
        """Features ``(N, T, 8)``."""
        raise NotImplementedError

    def forward(self, x: Tensor) -> Tensor:
        return self.fc(self.lstm(self.steps(x))[0][:, -1])


class LoopLRCN(_LRCN):
    """The image network is called once a frame."""

    def steps(self, x: Tensor) -> Tensor:
        return torch.stack([self.features(frame).mean((2, 3)) for frame in x.unbind(2)], dim=1)


class FoldedLRCN(_LRCN):
    """The image network sees all frames at once, in the batch dimension, samples outermost."""

    def steps(self, x: Tensor) -> Tensor:
        folded = x.transpose(1, 2).flatten(0, 1)
        return self.features(folded).mean((2, 3)).unflatten(0, (len(x), -1))


class StackedLRCN(_LRCN):
    """The image network as 3D convolutions of one frame."""

    def steps(self, x: Tensor) -> Tensor:
        return self.features(x).mean((3, 4)).transpose(1, 2)


def three_lrcns() -> dict[str, nn.Module]:
    """The same function three ways."""
    loop = seeded(lambda: LoopLRCN(Frames2D()))
    folded = seeded(lambda: FoldedLRCN(Frames2D()))
    features = Frames2D()
    features.conv1 = nn.Conv3d(3, 6, (1, 3, 3), padding=(0, 1, 1))
    features.conv2 = nn.Conv3d(6, 8, (1, 3, 3), padding=(0, 1, 1), stride=(1, 2, 2))
    stacked = placed(StackedLRCN(features).eval())
    state = {
        name: value.unsqueeze(2) if name.endswith(("conv1.weight", "conv2.weight")) else value
        for name, value in loop.state_dict().items()
    }
    stacked.load_state_dict(state)
    return {"loop": loop, "folded": folded, "stacked": stacked}


class BrightSquares(nn.Module):
    """Answers to squares brighter than mid-grey: its features are 2 (brightness - 0.5), where positive.

    Class 1 is their mean, class 0 a constant below it as soon as there is any square, class 2 is never chosen.
    """

    def __init__(self, num_frames: int, size: int, sampling: str, kernel: int = 1, classes: int = 3) -> None:
        super().__init__()
        self.conv = nn.Conv3d(3, 1, (kernel, 3, 3), padding=(kernel // 2, 1, 1))
        self.relu = nn.ReLU()
        self.fc = nn.Linear(1, classes)
        with torch.no_grad():
            self.conv.weight.fill_(2 / (27 * kernel))
            self.conv.bias.fill_(-1)
            self.fc.weight.zero_()[1] = 100
            self.fc.bias.copy_(torch.tensor([0.1] + [0.0] + [-10.0] * (classes - 2)))
        self.config = ModelConfig(
            "bright_squares",
            num_classes=classes,
            num_frames=num_frames,
            size=(size, size),
            sampling=sampling,
            default_layer="relu",
            first_layer="conv",
            mean=(0, 0, 0),
            std=(1, 1, 1),
            weights="set by hand",
        )
        self.calls = 0
        self.eval()

    def forward(self, x: Tensor) -> Tensor:
        self.calls += 1
        return self.fc(self.relu(self.conv(x)).mean((2, 3, 4)))


class Turncoat(nn.Module):
    """Ranks classes 0, 1, 2, ... on black frames and the last class first on white ones."""

    def __init__(self, num_frames: int, classes: int) -> None:
        super().__init__()
        self.conv = nn.Conv3d(3, 2, 1)
        self.relu = nn.ReLU()
        self.fc = nn.Linear(2, classes)
        with torch.no_grad():
            self.conv.weight.copy_(torch.tensor([0.2, 0.5]).view(2, 1, 1, 1, 1).expand_as(self.conv.weight))
            self.conv.bias.copy_(torch.tensor([0.1, 0.2]))
            # Features are 0.1 and 0.2 on black, 0.7 and 1.7 on white.
            self.fc.weight.zero_()[-1] = torch.tensor([3.0, 4.0])
            self.fc.weight[:, 0] += 0.5
            self.fc.bias.copy_(-torch.arange(classes) / 2.0)
            self.fc.bias[-1] = -7
        self.config = ModelConfig(
            "turncoat",
            num_classes=classes,
            num_frames=num_frames,
            size=(4, 4),
            sampling="consecutive",
            default_layer="relu",
            first_layer="conv",
            mean=(0, 0, 0),
            std=(1, 1, 1),
            weights="set by hand",
        )
        self.calls = 0
        self.eval()

    def forward(self, x: Tensor) -> Tensor:
        self.calls += 1
        return self.fc(self.relu(self.conv(x)).mean((2, 3, 4)))


class FrameWise(nn.Module):
    """Each frame on its own, then the mean over frames: movement changes nothing."""

    def __init__(self) -> None:
        super().__init__()
        self.conv = nn.Conv3d(3, 6, (1, 3, 3), padding=(0, 1, 1))
        self.relu = nn.ReLU()
        self.fc = nn.Linear(6, 4)

    def forward(self, x: Tensor) -> Tensor:
        return self.fc(self.relu(self.conv(x)).mean((2, 3, 4)))


class Differences(FrameWise):
    """The same on differences of neighbouring frames: a clip that stands still is all zero."""

    def __init__(self) -> None:
        super().__init__()
        self.conv.bias = None

    def forward(self, x: Tensor) -> Tensor:
        return super().forward(x - x.roll(1, 2))


class Pixels(nn.Module):
    """The score is the sum of the pixels times known weights, so that what hiding does to it is known."""

    def __init__(self, weights):
        super().__init__()
        self.weights = nn.Parameter(weights)

    def forward(self, x):
        score = (x.sum(1) * self.weights).sum((1, 2, 3))
        return torch.stack([score, -score], 1)
