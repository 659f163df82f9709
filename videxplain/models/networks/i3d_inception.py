"""I3D on Inception-v1: Carreira and Zisserman, Quo Vadis, Action Recognition?, CVPR 2017."""

from collections import OrderedDict

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from videxplain.models.networks.blocks import check_video
from videxplain.models.video_model import VideoModel

Triple = tuple[int, int, int]

_MIXED: dict[str, tuple[int, int, int, int, int, int]] = {
    "Mixed_3b": (64, 96, 128, 16, 32, 32),
    "Mixed_3c": (128, 128, 192, 32, 96, 64),
    "Mixed_4b": (192, 96, 208, 16, 48, 64),
    "Mixed_4c": (160, 112, 224, 24, 64, 64),
    "Mixed_4d": (128, 128, 256, 24, 64, 64),
    "Mixed_4e": (112, 144, 288, 32, 64, 64),
    "Mixed_4f": (256, 160, 320, 32, 128, 128),
    "Mixed_5b": (256, 160, 320, 32, 128, 128),
    "Mixed_5c": (384, 192, 384, 48, 128, 128),
}
"""Channels of an Inception module: 1x1; reduction and 3x3; reduction and second 3x3; after the pooling."""


def _pad_same(x: Tensor, kernel: Triple, stride: Triple) -> Tensor:
    """Zeros around T, H, W as TensorFlow's SAME padding puts them: ``ceil(size / stride)`` outputs, odd one behind."""
    pad: list[int] = []
    for size, k, s in zip(reversed(x.shape[2:]), reversed(kernel), reversed(stride), strict=True):
        total = max(0, (-(-size // s) - 1) * s + k - size)
        pad += [total // 2, total - total // 2]
    return F.pad(x, pad) if any(pad) else x


class Unit(nn.Module):
    """A convolution with SAME padding, batch normalisation and a ReLU."""

    def __init__(self, channels: int, out: int, kernel: int = 1, stride: int = 1) -> None:
        super().__init__()
        self.kernel, self.stride = (kernel, kernel, kernel), (stride, stride, stride)
        # With stride 1 and an odd kernel SAME is the symmetric padding that the convolution does itself, uncopied.
        padding = kernel // 2 if stride == 1 else 0
        self.conv3d = nn.Conv3d(channels, out, kernel, stride, padding, bias=False)
        self.bn = nn.BatchNorm3d(out, eps=1e-3, momentum=0.01)
        self.relu = nn.ReLU()

    def forward(self, x: Tensor) -> Tensor:
        """``(N, C, T, H, W)`` to ``(N, out, ceil(T / stride), ...)``."""
        if self.stride != (1, 1, 1):
            x = _pad_same(x, self.kernel, self.stride)
        return self.relu(self.bn(self.conv3d(x)))


class SamePool(nn.MaxPool3d):
    """Max pooling with SAME padding; what comes in is never negative, so that zeros around it win nothing."""

    def __init__(self, kernel: Triple, stride: Triple) -> None:
        super().__init__(kernel, stride)
        self.kernel, self.strides = kernel, stride

    def forward(self, x: Tensor) -> Tensor:
        """``(N, C, T, H, W)`` to ``(N, C, ceil(T / stride), ...)``."""
        return super().forward(_pad_same(x, self.kernel, self.strides))


class Mixed(nn.Module):
    """An inflated Inception module: four branches, concatenated."""

    def __init__(self, channels: int, widths: tuple[int, ...]) -> None:
        """``widths`` are the six numbers of channels of ``_MIXED``."""
        super().__init__()
        self.b0 = Unit(channels, widths[0])
        self.b1a = Unit(channels, widths[1])
        self.b1b = Unit(widths[1], widths[2], 3)
        self.b2a = Unit(channels, widths[3])
        self.b2b = Unit(widths[3], widths[4], 3)
        self.b3a = nn.MaxPool3d(3, 1, 1)
        self.b3b = Unit(channels, widths[5])
        self.out_channels = widths[0] + widths[2] + widths[4] + widths[5]

    def forward(self, x: Tensor) -> Tensor:
        """``(N, C, T, H, W)`` to ``(N, out_channels, T, H, W)``."""
        return torch.cat([self.b0(x), self.b1b(self.b1a(x)), self.b2b(self.b2a(x)), self.b3b(self.b3a(x))], dim=1)


class InceptionI3D(VideoModel):
    """Inflated Inception-v1, RGB stream, with the end points' names of the paper's code.

    With 400 classes the parameters number 12,697,264: 12,287,264 below the classifier (the paper's 12.29 M) and
    1,024 * 400 + 400. The classifier works on averages over two neighbouring time steps and all of space, and its
    logits are averaged over time.
    """

    def __init__(self, num_classes: int = 400, *, width: int = 64, dropout: float = 0.5) -> None:
        """Build it.

        Args:
            num_classes: K.
            width: Channels of the first convolution, to which all others are in proportion.
            dropout: Probability of dropping a feature before the classifier in training.
        """
        super().__init__()

        def scaled(channels: int) -> int:
            return max(1, channels * width // 64)

        self.Conv3d_1a_7x7 = Unit(3, width, 7, 2)
        self.MaxPool3d_2a_3x3 = SamePool((1, 3, 3), (1, 2, 2))
        self.Conv3d_2b_1x1 = Unit(width, width)
        self.Conv3d_2c_3x3 = Unit(width, scaled(192), 3)
        self.MaxPool3d_3a_3x3 = SamePool((1, 3, 3), (1, 2, 2))
        channels = scaled(192)
        for name, widths in _MIXED.items():
            if name == "Mixed_4b":
                self.MaxPool3d_4a_3x3 = SamePool((3, 3, 3), (2, 2, 2))
            if name == "Mixed_5b":
                self.MaxPool3d_5a_2x2 = SamePool((2, 2, 2), (2, 2, 2))
            mixed = Mixed(channels, tuple(map(scaled, widths)))
            self.add_module(name, mixed)
            channels = mixed.out_channels
        self.end_points = [name for name, _ in self.named_children()]
        self.dropout = nn.Dropout(dropout)
        self.logits = nn.Sequential(OrderedDict(conv3d=nn.Conv3d(channels, num_classes, 1)))

    def forward(self, x: Tensor) -> Tensor:
        """``(N, 3, T, H, W)`` to logits ``(N, K)``."""
        check_video(x)
        for name in self.end_points:
            x = self.get_submodule(name)(x)
        x = x.mean(dim=(3, 4), keepdim=True)
        if x.shape[2] > 1:
            x = F.avg_pool3d(x, (2, 1, 1), stride=1)
        return self.logits(self.dropout(x)).mean(dim=(2, 3, 4))
