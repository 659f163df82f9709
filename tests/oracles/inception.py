"""Inception-v1 I3D as pytorch-i3d and kinetics_i3d_pytorch have it, re-stated with their names; the width varies.

Both were filled from the paper's TensorFlow checkpoint, with TensorFlow's SAME padding everywhere.
"""

from collections import OrderedDict

import torch
import torch.nn.functional as F
from torch import Tensor, nn

# After the stem: a pooling (kernel, stride), or the channels of a mixed block at width 64.
PLAN = {
    "3b": (64, 96, 128, 16, 32, 32),
    "3c": (128, 128, 192, 32, 96, 64),
    "pool4": ((3, 3, 3), (2, 2, 2)),
    "4b": (192, 96, 208, 16, 48, 64),
    "4c": (160, 112, 224, 24, 64, 64),
    "4d": (128, 128, 256, 24, 64, 64),
    "4e": (112, 144, 288, 32, 64, 64),
    "4f": (256, 160, 320, 32, 128, 128),
    "pool5": ((2, 2, 2), (2, 2, 2)),
    "5b": (256, 160, 320, 32, 128, 128),
    "5c": (384, 192, 384, 48, 128, 128),
}


def same(x: Tensor, kernel, stride) -> Tensor:
    for axis, k, s in zip((2, 3, 4), kernel, stride, strict=True):
        n = x.shape[axis]
        steps = (n + s - 1) // s
        total = max((steps - 1) * s + k - n, 0)
        before = x.new_zeros([total // 2 if i == axis else extent for i, extent in enumerate(x.shape)])
        after = x.new_zeros([total - total // 2 if i == axis else extent for i, extent in enumerate(x.shape)])
        x = torch.cat([before, x, after], dim=axis)
    return x


def pool(x: Tensor, kernel, stride) -> Tensor:
    return F.max_pool3d(same(x, kernel, stride), kernel, stride)


class Unit(nn.Module):
    def __init__(self, norm, channels, out, kernel=1, stride=1):
        super().__init__()
        self.kernel, self.stride = (kernel,) * 3, (stride,) * 3
        self.conv3d = nn.Conv3d(channels, out, kernel, stride, bias=False)
        self.norm = norm
        self.add_module(norm, nn.BatchNorm3d(out, eps=1e-3))

    def forward(self, x: Tensor) -> Tensor:
        return F.relu(self.get_submodule(self.norm)(self.conv3d(same(x, self.kernel, self.stride))))


class Mixed(nn.Module):
    def __init__(self, names, norm, channels, widths):
        super().__init__()
        parts = [
            Unit(norm, channels, widths[0]),
            Unit(norm, channels, widths[1]),
            Unit(norm, widths[1], widths[2], 3),
            Unit(norm, channels, widths[3]),
            Unit(norm, widths[3], widths[4], 3),
            Unit(norm, channels, widths[5]),
        ]
        self.names = names
        for name, part in zip(names, parts, strict=True):
            outer, _, inner = name.rpartition(".")
            if outer:
                branch = getattr(self, outer, nn.Module())
                branch.add_module(inner, part)
                self.add_module(outer, branch)
            else:
                self.add_module(name, part)

    def forward(self, x: Tensor) -> Tensor:
        point, reduce3, conv3, reduce5, conv5, after = map(self.get_submodule, self.names)
        pooled = pool(x, (3, 3, 3), (1, 1, 1))
        return torch.cat([point(x), conv3(reduce3(x)), conv5(reduce5(x)), after(pooled)], dim=1)


class Inception(nn.Module):
    """Logits, averaged over time, as both projects use them."""

    def __init__(self, width, classes, *, norm, stem, mixed, branches, head):
        super().__init__()
        scaled = lambda channels: channels * width // 64  # noqa: E731
        self.stem, self.mixed, self.head = stem, mixed, head
        units = [Unit(norm, 3, width, 7, 2), Unit(norm, width, width), Unit(norm, width, scaled(192), 3)]
        for name, unit in zip(stem, units, strict=True):
            self.add_module(name, unit)
        channels = scaled(192)
        for name, what in PLAN.items():
            if not name.startswith("pool"):
                widths = list(map(scaled, what))
                self.add_module(mixed + name, Mixed(branches, norm, channels, widths))
                channels = widths[0] + widths[2] + widths[4] + widths[5]
        self.add_module(head, nn.Sequential(OrderedDict(conv3d=nn.Conv3d(channels, classes, 1))))

    def forward(self, x: Tensor) -> Tensor:
        first, second, third = map(self.get_submodule, self.stem)
        x = pool(first(x), (1, 3, 3), (1, 2, 2))
        x = pool(third(second(x)), (1, 3, 3), (1, 2, 2))
        for name, what in PLAN.items():
            x = pool(x, *what) if name.startswith("pool") else self.get_submodule(self.mixed + name)(x)
        x = F.avg_pool3d(x, (2, 7, 7), stride=1)
        return self.get_submodule(self.head)(x).squeeze(4).squeeze(3).mean(2)


def pytorch_i3d(width, classes) -> Inception:
    return Inception(
        width,
        classes,
        norm="bn",
        stem=("Conv3d_1a_7x7", "Conv3d_2b_1x1", "Conv3d_2c_3x3"),
        mixed="Mixed_",
        branches=("b0", "b1a", "b1b", "b2a", "b2b", "b3b"),
        head="logits",
    )


def kinetics_i3d_pytorch(width, classes) -> Inception:
    return Inception(
        width,
        classes,
        norm="batch3d",
        stem=("conv3d_1a_7x7", "conv3d_2b_1x1", "conv3d_2c_3x3"),
        mixed="mixed_",
        branches=("branch_0", "branch_1.0", "branch_1.1", "branch_2.0", "branch_2.1", "branch_3.1"),
        head="conv3d_0c_1x1",
    )
