"""mmaction2's I3D, non-local, TSN and C3D recognisers, re-stated with its names; widths and numbers of blocks vary.

From its configurations (``configs/_base_/models``) and the behaviour of its parts. Logits, not averaged over clips.
"""

import torch
import torch.nn.functional as F
from torch import Tensor, nn


class ConvModule(nn.Module):
    """A convolution ``conv``, a normalisation ``bn`` where asked for (then without bias), a ReLU where asked for."""

    def __init__(self, dims, channels, out, kernel, stride=1, padding=0, *, bn=True, relu=True):
        super().__init__()
        conv, norm = ((nn.Conv2d, nn.BatchNorm2d), (nn.Conv3d, nn.BatchNorm3d))[dims - 2]
        self.conv = conv(channels, out, kernel, stride, padding, bias=not bn)
        self.bn = norm(out) if bn else None
        self.relu = relu

    def forward(self, x: Tensor) -> Tensor:
        x = self.conv(x)
        if self.bn is not None:
            x = self.bn(x)
        return F.relu(x) if self.relu else x


class NonLocal3d(nn.Module):
    """mmcv's block with sub-sampling, normalisation and without scaling, as all three configurations have it."""

    def __init__(self, channels, mode):
        super().__init__()
        inner = channels // 2
        pool = nn.MaxPool3d((1, 2, 2))
        self.mode = mode
        self.g = nn.Sequential(ConvModule(3, channels, inner, 1, bn=False, relu=False), pool)
        self.conv_out = ConvModule(3, inner, channels, 1, relu=False)
        self.phi = pool
        if mode != "gaussian":
            self.theta = ConvModule(3, channels, inner, 1, bn=False, relu=False)
            self.phi = nn.Sequential(ConvModule(3, channels, inner, 1, bn=False, relu=False), pool)

    def forward(self, x: Tensor) -> Tensor:
        theta = (x if self.mode == "gaussian" else self.theta(x)).flatten(2)
        phi = self.phi(x).flatten(2)
        g = self.g(x).flatten(2)
        pairs = torch.einsum("ncp,ncq->npq", theta, phi)
        if self.mode == "dot_product":
            pairs = pairs / phi.shape[2]
        else:
            pairs = (pairs - pairs.amax(2, keepdim=True)).exp()
            pairs = pairs / pairs.sum(2, keepdim=True)
        y = torch.einsum("npq,ncq->ncp", pairs, g).reshape(x.shape[0], -1, *x.shape[2:])
        return x + self.conv_out(y)


class Bottleneck(nn.Module):
    def __init__(self, dims, channels, planes, stride, inflate, mode=None):
        super().__init__()
        if dims == 2:
            first, second = (1, 1, 0), (3, stride, 1)
        else:
            first = ((3, 1, 1), 1, (1, 0, 0)) if inflate else (1, 1, 0)
            second = ((1, 3, 3), (1, stride, stride), (0, 1, 1))
        self.conv1 = ConvModule(dims, channels, planes, *first)
        self.conv2 = ConvModule(dims, planes, planes, *second)
        self.conv3 = ConvModule(dims, planes, 4 * planes, 1, relu=False)
        self.downsample = None
        if stride != 1 or channels != 4 * planes:
            step = stride if dims == 2 else (1, stride, stride)
            self.downsample = ConvModule(dims, channels, 4 * planes, 1, step, relu=False)
        if mode is not None:
            self.non_local_block = NonLocal3d(4 * planes, mode)
        self.has_non_local = mode is not None

    def forward(self, x: Tensor) -> Tensor:
        skip = x if self.downsample is None else self.downsample(x)
        x = F.relu(self.conv3(self.conv2(self.conv1(x))) + skip)
        return self.non_local_block(x) if self.has_non_local else x


INFLATE = ((1, 1, 1), (1, 0, 1, 0), (1, 0, 1, 0, 1, 0), (0, 1, 0))
NON_LOCAL = ((0, 0, 0), (0, 1, 0, 1), (0, 1, 0, 1, 0, 1), (0, 0, 0))


class ResNet3d(nn.Module):
    def __init__(self, width, blocks, mode):
        super().__init__()
        self.conv1 = ConvModule(3, 3, width, (5, 7, 7), 2, (2, 3, 3))
        self.maxpool = nn.MaxPool3d((1, 3, 3), 2, (0, 1, 1))
        self.pool2 = nn.MaxPool3d((2, 1, 1), (2, 1, 1))
        channels = width
        for i, count in enumerate(blocks):
            planes = width * 2**i
            stage = nn.Sequential()
            for j in range(count):
                stride = 2 if i > 0 and j == 0 else 1
                block_mode = mode if NON_LOCAL[i][j] else None
                stage.append(Bottleneck(3, channels, planes, stride, INFLATE[i][j] == 1, block_mode))
                channels = 4 * planes
            self.add_module(f"layer{i + 1}", stage)

    def forward(self, x: Tensor) -> Tensor:
        x = self.pool2(self.layer1(self.maxpool(self.conv1(x))))
        return self.layer4(self.layer3(self.layer2(x))).mean((2, 3, 4))


class ResNet(nn.Module):
    def __init__(self, width):
        super().__init__()
        self.conv1 = ConvModule(2, 3, width, 7, 2, 3)
        channels = width
        for i, count in enumerate((3, 4, 6, 3)):
            planes = width * 2**i
            stage = nn.Sequential()
            for j in range(count):
                stage.append(Bottleneck(2, channels, planes, 2 if i > 0 and j == 0 else 1, False))
                channels = 4 * planes
            self.add_module(f"layer{i + 1}", stage)

    def forward(self, x: Tensor) -> Tensor:
        x = F.max_pool2d(self.conv1(x), 3, 2, 1)
        return self.layer4(self.layer3(self.layer2(self.layer1(x)))).mean((2, 3))


class C3DBackbone(nn.Module):
    def __init__(self, width):
        super().__init__()
        plan = {"1a": (3, 1), "2a": (1, 2), "3a": (2, 4), "3b": (4, 4), "4a": (4, 8), "4b": (8, 8), "5a": (8, 8)}
        for name, (before, after) in {**plan, "5b": (8, 8)}.items():
            channels = 3 if name == "1a" else before * width
            self.add_module(f"conv{name}", ConvModule(3, channels, after * width, 3, 1, 1, bn=False))
        self.fc6 = nn.Linear(8 * width * 16, 64 * width)
        self.fc7 = nn.Linear(64 * width, 64 * width)

    def forward(self, x: Tensor) -> Tensor:
        x = F.max_pool3d(self.conv1a(x), (1, 2, 2))
        x = F.max_pool3d(self.conv2a(x), 2)
        x = F.max_pool3d(self.conv3b(self.conv3a(x)), 2)
        x = F.max_pool3d(self.conv4b(self.conv4a(x)), 2)
        x = F.max_pool3d(self.conv5b(self.conv5a(x)), 2, padding=(0, 1, 1))
        return F.relu(self.fc7(F.relu(self.fc6(x.flatten(1)))))


class Head(nn.Module):
    def __init__(self, features, classes):
        super().__init__()
        self.fc_cls = nn.Linear(features, classes)


class Recogniser3d(nn.Module):
    def __init__(self, backbone, features, classes):
        super().__init__()
        self.backbone, self.cls_head = backbone, Head(features, classes)

    def forward(self, x: Tensor) -> Tensor:
        return self.cls_head.fc_cls(self.backbone(x))


class Recogniser2d(nn.Module):
    """TSN: the consensus averages the features of the segments, then the classifier."""

    def __init__(self, width, classes):
        super().__init__()
        self.backbone, self.cls_head = ResNet(width), Head(32 * width, classes)

    def forward(self, x: Tensor) -> Tensor:
        per_frame = torch.stack([self.backbone(frame) for frame in x.unbind(2)], dim=1)
        return self.cls_head.fc_cls(per_frame.mean(1))


def i3d(width, classes, blocks=(3, 4, 6, 3), mode=None) -> Recogniser3d:
    return Recogniser3d(ResNet3d(width, blocks, mode), 32 * width, classes)


def tsn(width, classes) -> Recogniser2d:
    return Recogniser2d(width, classes)


def c3d(width, classes) -> Recogniser3d:
    return Recogniser3d(C3DBackbone(width), 64 * width, classes)
