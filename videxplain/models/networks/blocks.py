"""What the architectures share: the check of the input, and residual networks for images and for videos.

An image network and its inflated twin are built from the same classes and carry the same names (those of
torchvision's ResNet), so that weights pass from one to the other name by name.
"""

from collections.abc import Sequence
from typing import TypeAlias

from torch import Tensor, nn

from videxplain.errors import VidexplainError, unknown


def check_video(
    x: Tensor, *, at_least: int = 1, frames: int | None = None, size: tuple[int, int] | None = None
) -> None:
    """Raise unless ``x`` is a batch of videos that a network can take.

    Args:
        x: Should be ``(N, 3, T, H, W)``, floating point.
        at_least: The smallest T.
        frames: The only T, if the network takes no other.
        size: The only ``(H, W)``, likewise.
    """
    fits = x.ndim == 5 and x.shape[1] == 3 and x.is_floating_point() and x.shape[2] >= at_least
    if fits and (frames is None or x.shape[2] == frames) and (size is None or tuple(x.shape[3:]) == size):
        return
    time = f"T = {frames}" if frames else f"T at least {at_least}"
    space = f", H x W = {size[0]} x {size[1]}" if size else ""
    raise VidexplainError(
        f"the network takes float videos (N, 3, T, H, W) with {time}{space}; "
        f"it was given {str(x.dtype).removeprefix('torch.')} {tuple(x.shape)}"
    )


def conv(channels: int, out: int, time: int | None, space: int, stride: int = 1) -> nn.Conv2d | nn.Conv3d:
    """A convolution without bias that keeps the extent up to its stride, which acts in space alone.

    Args:
        channels: Channels in.
        out: Channels out.
        time: Kernel length in time, odd; None makes a convolution over images.
        space: Kernel height and width, odd.
        stride: Stride in space.
    """
    if time is None:
        return nn.Conv2d(channels, out, space, stride, space // 2, bias=False)
    padding = (time // 2, space // 2, space // 2)
    return nn.Conv3d(channels, out, (time, space, space), (1, stride, stride), padding, bias=False)


def norm(channels: int, time: int | None) -> nn.BatchNorm2d | nn.BatchNorm3d:
    """Batch normalisation to go with :func:`conv`."""
    return nn.BatchNorm2d(channels) if time is None else nn.BatchNorm3d(channels)


def _shortcut(channels: int, out: int, time: int | None, stride: int) -> nn.Sequential | None:
    if stride == 1 and channels == out:
        return None
    point = None if time is None else 1
    return nn.Sequential(conv(channels, out, point, 1, stride), norm(out, time))


class BasicBlock(nn.Module):
    """Two 3x3 convolutions and a shortcut (He et al., CVPR 2016); ``time`` is the first one's kernel length."""

    expansion = 1

    def __init__(self, channels: int, planes: int, stride: int, time: int | None) -> None:
        super().__init__()
        point = None if time is None else 1
        self.conv1 = conv(channels, planes, time, 3, stride)
        self.bn1 = norm(planes, time)
        self.relu1 = nn.ReLU()
        self.conv2 = conv(planes, planes, point, 3)
        self.bn2 = norm(planes, time)
        self.downsample = _shortcut(channels, planes, time, stride)
        # In place on the sum, which is no layer's output; elsewhere it would overwrite what a hook has kept.
        self.relu2 = nn.ReLU(inplace=True)

    @property
    def last_norm(self) -> nn.BatchNorm2d | nn.BatchNorm3d:
        """The normalisation that ends the residual branch."""
        return self.bn2

    def forward(self, x: Tensor) -> Tensor:
        """``(N, C, *S)`` to ``(N, planes, *S / stride)``."""
        y = self.relu1(self.bn1(self.conv1(x)))
        y = self.bn2(self.conv2(y))
        return self.relu2(y + (x if self.downsample is None else self.downsample(x)))


class Bottleneck(nn.Module):
    """1x1, 3x3 and 1x1 convolutions and a shortcut (He et al., CVPR 2016).

    The stride sits on the 3x3 convolution, as in torchvision. ``time`` is the kernel length of the first one: 3
    gives the 3x1x1 inflation of Wang et al. (CVPR 2018).
    """

    expansion = 4

    def __init__(self, channels: int, planes: int, stride: int, time: int | None) -> None:
        super().__init__()
        point = None if time is None else 1
        out = planes * self.expansion
        self.conv1 = conv(channels, planes, time, 1)
        self.bn1 = norm(planes, time)
        self.relu1 = nn.ReLU()
        self.conv2 = conv(planes, planes, point, 3, stride)
        self.bn2 = norm(planes, time)
        self.relu2 = nn.ReLU()
        self.conv3 = conv(planes, out, point, 1)
        self.bn3 = norm(out, time)
        self.downsample = _shortcut(channels, out, time, stride)
        self.relu3 = nn.ReLU(inplace=True)

    @property
    def last_norm(self) -> nn.BatchNorm2d | nn.BatchNorm3d:
        """The normalisation that ends the residual branch."""
        return self.bn3

    def forward(self, x: Tensor) -> Tensor:
        """``(N, C, *S)`` to ``(N, 4 * planes, *S / stride)``."""
        y = self.relu1(self.bn1(self.conv1(x)))
        y = self.relu2(self.bn2(self.conv2(y)))
        y = self.bn3(self.conv3(y))
        return self.relu3(y + (x if self.downsample is None else self.downsample(x)))


Strides: TypeAlias = tuple[int, int, int, int]
STRIDES: Strides = (1, 2, 2, 2)
"""Strides in space of the four stages of a ResNet."""

Block: TypeAlias = type[BasicBlock] | type[Bottleneck]

DEPTHS: dict[int, tuple[Block, tuple[int, int, int, int]]] = {
    18: (BasicBlock, (2, 2, 2, 2)),
    34: (BasicBlock, (3, 4, 6, 3)),
    50: (Bottleneck, (3, 4, 6, 3)),
    101: (Bottleneck, (3, 4, 23, 3)),
    152: (Bottleneck, (3, 8, 36, 3)),
}
"""Depth of a residual network to its kind of block and the number of blocks in each stage."""


def residual_plan(depth: int, blocks: Sequence[int] | None = None) -> tuple[Block, tuple[int, ...]]:
    """The kind of block of a ResNet of this depth, and the blocks of its four stages unless given."""
    if depth not in DEPTHS:
        raise unknown("depth", depth, map(str, DEPTHS))
    block, usual = DEPTHS[depth]
    if blocks is None:
        return block, usual
    if len(blocks) != 4 or min(blocks) < 1:
        raise VidexplainError(f"blocks {tuple(blocks)}: four stages with at least one block each are needed")
    return block, tuple(blocks)


def check_strides(strides: Strides) -> None:
    """Raise unless ``strides`` names a stride of at least 1 for each of the four stages."""
    if len(strides) != 4 or min(strides) < 1:
        raise VidexplainError(f"strides {tuple(strides)}: four stages with a stride of at least 1 each are needed")


def stage(block: Block, channels: int, planes: int, stride: int, times: Sequence[int | None]) -> nn.Sequential:
    """A stage of residual blocks, the first of which carries the stride.

    Args:
        block: The kind of block.
        channels: Channels in.
        planes: Channels inside a block; it puts out ``planes * block.expansion``.
        stride: Stride in space.
        times: For each block its kernel length in time, or None in an image network.
    """
    first, *rest = times
    out = planes * block.expansion
    return nn.Sequential(block(channels, planes, stride, first), *(block(out, planes, 1, time) for time in rest))


class ResNet2d(nn.Module):
    """A residual image network without its classifier, named like torchvision's, whose weights fit.

    Attributes:
        out_channels: Length of the feature vector, 2048 for a ResNet-152 of the usual width.
    """

    def __init__(self, depth: int, width: int = 64, strides: Strides = STRIDES) -> None:
        """Build it.

        Args:
            depth: 18, 34, 50, 101 or 152.
            width: Channels of the first convolution, to which all others are in proportion.
            strides: Stride in space of each stage; ``(1, 2, 1, 1)`` makes maps four times finer.
        """
        super().__init__()
        block, counts = residual_plan(depth)
        check_strides(strides)
        self.conv1 = conv(3, width, None, 7, 2)
        self.bn1 = nn.BatchNorm2d(width)
        self.relu = nn.ReLU()
        self.maxpool = nn.MaxPool2d(3, 2, 1)
        grown = width * block.expansion
        self.layer1 = stage(block, width, width, strides[0], [None] * counts[0])
        self.layer2 = stage(block, grown, 2 * width, strides[1], [None] * counts[1])
        self.layer3 = stage(block, 2 * grown, 4 * width, strides[2], [None] * counts[2])
        self.layer4 = stage(block, 4 * grown, 8 * width, strides[3], [None] * counts[3])
        self.avgpool = nn.AdaptiveAvgPool2d(1)
        self.out_channels = 8 * grown

    def forward(self, x: Tensor) -> Tensor:
        """Images ``(N, 3, H, W)`` to features ``(N, out_channels)``."""
        x = self.maxpool(self.relu(self.bn1(self.conv1(x))))
        x = self.layer4(self.layer3(self.layer2(self.layer1(x))))
        return self.avgpool(x).flatten(1)

    def per_frame(self, x: Tensor) -> Tensor:
        """Videos ``(N, 3, T, H, W)`` to the features of each frame, ``(N, T, out_channels)``.

        Frames are folded into the batch, samples outermost.
        """
        return self(x.transpose(1, 2).flatten(0, 1)).unflatten(0, (x.shape[0], x.shape[2]))
